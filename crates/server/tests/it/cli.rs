//! The real program: a demo chain from nothing to printed codes, beside a running server.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::support::send;

fn program(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_counterfoil-server"));
    command.arg("--data").arg(data).env_remove("RUST_LOG");
    command
}

fn run(data: &Path, args: &[&str]) -> Output {
    program(data).args(args).output().expect("the program starts")
}

fn json(data: &Path, args: &[&str]) -> Value {
    let output = run(data, &[args, &["--json"]].concat());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{args:?} is done: {errors}");
    serde_json::from_slice(&output.stdout).expect("one JSON value on standard output")
}

fn refused(data: &Path, args: &[&str]) -> String {
    let output = run(data, args);
    assert_eq!(output.status.code(), Some(1), "{args:?} is refused");
    assert!(output.stdout.is_empty(), "a refusal is no answer");
    String::from_utf8(output.stderr).expect("words")
}

/// A server that is stopped with the test, however the test ends.
struct Running {
    child: Child,
    url: String,
}

impl Running {
    fn start(data: &Path) -> Running {
        let mut child = program(data)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let mut url = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut url).expect("a first line");
        Running { child, url: url.trim().to_owned() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn from_a_demo_chain_to_an_enrolled_till_and_printed_codes() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    assert_eq!(json(data, &["demo"])["made"], true, "made");
    assert_eq!(json(data, &["demo"])["made"], false, "and not made twice");

    let server = Running::start(data);
    assert!(server.url.starts_with("http://127.0.0.1:"), "the first line is the URL: {}", server.url);
    let code = json(data, &["enrol-code", "--store", "南山店"]);
    let enrol = wire::api::Enrol { code: code["code"].as_str().unwrap().into(), till: "前台".into() };
    let (status, text) = send(&server.url, reqwest::Method::POST, "/v1/enrolments", "", Some(&enrol)).await;
    assert_eq!(status, 200, "the running server knows the code at once: {text}");
    let tills = json(data, &["tills"]);
    let names: Vec<&str> =
        tills.as_array().unwrap().iter().map(|till| till["till"].as_str().unwrap()).collect();
    assert_eq!(names, ["前台", "2号收银机"], "the new till and the one of the demo's past");

    let sheet = folder.path().join("sheets");
    let codes = json(data, &["sheet", "--out", sheet.to_str().unwrap()]);
    let codes = codes.as_array().unwrap();
    let expected: Vec<&str> = codes.iter().map(|code| code["expect"].as_str().unwrap()).collect();
    for expect in ["offer", "member", "expired", "not_yet", "refunded", "wrong_store", "used", "never_issued"]
    {
        assert!(expected.contains(&expect), "there is a code for {expect}");
    }
    for file in codes.iter().map(|code| code["file"].as_str().unwrap()) {
        assert!(Path::new(file).is_file(), "{file} was written");
    }
    for code in codes.iter().filter(|code| code["expect"] != "never_issued") {
        let text = code["text"].as_str().unwrap();
        // One of each group is enough: every run of the program costs.
        if codes.iter().find(|other| other["group"] == code["group"]) == Some(code) {
            let shown = json(data, &["show", text]);
            assert_eq!(shown["entitlement"]["code_tail"], text[16..], "it can be shown");
        }
    }
    let used = codes.iter().find(|code| code["expect"] == "used").unwrap()["text"].as_str().unwrap();
    let shown = json(data, &["show", used]);
    assert_eq!(shown["entitlement"]["uses"][0]["clerk"], "张伟", "used by somebody");
    assert_eq!(shown["left"][0]["left"], 0, "nothing is left");
    assert_eq!(json(data, &["revoke", "--till", "前台"])["revoked"], true, "the till is barred");
    assert!(refused(data, &["revoke", "--till", "前台"]).contains("no till"), "a barred till works nowhere");
}

#[test]
fn what_is_issued_can_be_shown_and_refunded() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    assert!(refused(data, &["enrol-code", "--store", "南山店"]).contains("add-store"), "it says what to do");
    json(data, &["add-store", "南山店"]);
    assert!(refused(data, &["enrol-code", "--store", "x"]).contains("南山店"), "it says what there is");
    assert!(refused(data, &["sheet", "--out", "x"]).contains("demo"), "sheets are for demo chains");

    let member = json(data, &["issue", "member", "--tier", "金卡", "--points", "5", "--balance", "12.50"]);
    let member = member["id"].as_str().unwrap();
    let issues: [&[&str]; 4] = [
        &[
            "issue",
            "order",
            "--title",
            "自提订单",
            "--line",
            "D1=茉莉奶绿=2=大杯",
            "--line",
            "C1=桂花糕=1",
            "--store",
            "南山店",
        ],
        &[
            "issue",
            "coupon",
            "--title",
            "满减",
            "--amount-off",
            "20.00",
            "--spend-min",
            "100",
            "--member",
            member,
        ],
        &["issue", "coupon", "--title", "兑换", "--exchange", "桂花糕 1 份", "--until", "2099-12-31"],
        &["issue", "times", "--title", "五次卡", "--goods", "奶茶", "--uses", "5", "--value", "60"],
    ];
    for args in issues {
        let issued = json(data, args);
        let shown = json(data, &["show", issued["code"].as_str().unwrap()]);
        assert_eq!(shown["entitlement"]["id"], issued["id"], "{args:?} is found by its code");
        assert_eq!(json(data, &["show", issued["id"].as_str().unwrap()]), shown, "and by its id");
    }
    assert_eq!(json(data, &["show", member])["coupons"][0]["title"], "满减", "the member has the coupon");
    assert_eq!(json(data, &["refund", member])["standing"], "refunded", "refunded");
    assert_eq!(json(data, &["show", member])["entitlement"]["standing"], "refunded", "and it stays so");
    assert!(refused(data, &["show", "nothing"]).contains("never issued"), "unknown");
    assert_eq!(json(data, &["redemptions"]), Value::Array(vec![]), "nothing was counted");
    assert_eq!(json(data, &["cases"]), Value::Array(vec![]), "no cases");
    assert_eq!(
        run(data, &["issue", "coupon", "--title", "x"]).status.code(),
        Some(2),
        "a coupon gives something"
    );
    assert_eq!(run(Path::new("/dev/null/x"), &["tills"]).status.code(), Some(4), "no folder is a fault");
}
