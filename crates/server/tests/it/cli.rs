//! The real program: a demo chain from nothing to printed codes, beside a running server.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::signing::enrolling;

fn program(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_counterfoil-server"));
    command.arg("--data").arg(data).env_remove("COUNTERFOIL_LOG");
    command
}

pub fn run(data: &Path, args: &[&str]) -> Output {
    program(data).args(args).output().expect("the program starts")
}

pub fn json(data: &Path, args: &[&str]) -> Value {
    let output = run(data, &[args, &["--json"]].concat());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{args:?} is done: {errors}");
    serde_json::from_slice(&output.stdout).expect("one JSON value on standard output")
}

pub fn refused(data: &Path, args: &[&str]) -> String {
    let output = run(data, args);
    assert_eq!(output.status.code(), Some(1), "{args:?} is refused");
    assert!(output.stdout.is_empty(), "a refusal is no answer");
    String::from_utf8(output.stderr).expect("words")
}

/// The exit code and the error of a command that fails with `--json`.
pub fn failed(data: &Path, args: &[&str]) -> (i32, String) {
    let output = run(data, &[args, &["--json"]].concat());
    let said: Value = serde_json::from_slice(&output.stdout).expect("one object on standard output");
    assert!(!said["message"].as_str().expect("a sentence").is_empty(), "{args:?} says why");
    assert!(output.stderr.is_empty(), "{args:?} says it once");
    (output.status.code().expect("an exit code"), said["error"].as_str().expect("a code").to_owned())
}

pub fn text(data: &Path, args: &[&str]) -> String {
    let output = run(data, args);
    assert_eq!(output.status.code(), Some(0), "{args:?} is done");
    String::from_utf8(output.stdout).expect("words")
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
    let code = model::code::Code::read(code["code"].as_str().unwrap()).expect("it can be typed");
    let key = model::signed::token::SigningKey::from_seed([7; 32]);
    let reply = enrolling(code.secret(), &key, "前台", 0).send(&server.url).await;
    assert_eq!(reply.status, 200, "the running server knows the code at once: {}", reply.text());
    let tills = json(data, &["tills"]);
    let id = wire::signature::KeyId::of(key.public()).to_string();
    assert_eq!(tills[0]["key"], id, "and the list says by which key it knows the till");
    let names: Vec<&str> =
        tills.as_array().unwrap().iter().map(|till| till["till"].as_str().unwrap()).collect();
    assert_eq!(names, ["前台", "3号收银机"], "the new till and the one of the demo's past");

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
    let refund = json(data, &["refund", member]);
    assert_eq!(refund["standing"], "refunded", "refunded");
    assert_eq!(refund["already_taken"], 0, "nothing was taken");
    assert_eq!(json(data, &["show", member])["entitlement"]["standing"], "refunded", "and it stays so");
    assert!(refused(data, &["show", "nothing"]).contains("never issued"), "unknown");
    assert_eq!(json(data, &["redemptions"]), Value::Array(vec![]), "nothing was counted");
    assert_eq!(json(data, &["cases"]), Value::Array(vec![]), "no cases");
    assert_eq!(
        run(data, &["issue", "coupon", "--title", "x"]).status.code(),
        Some(2),
        "a coupon gives something"
    );
}

#[test]
fn what_only_reads_makes_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("mistyped");
    let commands: [&[&str]; 13] = [
        &["tills"],
        &["show", "x"],
        &["redemptions"],
        &["cases"],
        &["refund", "x"],
        &["revoke", "--till", "x"],
        &["enrol-code", "--store", "x"],
        &["sheet", "--out", "x"],
        &["cancel", "x"],
        &["profile", "use", "yudao"],
        &["merchant", "add", "x", "--may", "read"],
        &["add-staff", "--store", "x", "--name", "x"],
        &["issue", "coupon", "--title", "x", "--amount-off", "1"],
    ];
    for args in commands {
        let expected = format!(
            "counterfoil-server: there is no Counterfoil database in {}; create one with serve, demo or add-store\n",
            data.display()
        );
        assert_eq!(refused(&data, args), expected, "{args:?}");
        assert_eq!(failed(&data, args), (1, "no_database".to_owned()), "{args:?}");
    }
    assert!(!data.exists(), "nothing was made");
    json(&data, &["add-store", "南山店"]);
    assert_eq!(json(&data, &["tills"]), Value::Array(vec![]), "there it is");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&data).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "whole codes are its owner's alone");
    }
}

#[test]
fn the_command_line_refuses_what_the_api_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    json(data, &["add-store", "南山店"]);
    let long = "x".repeat(101);
    let wrong: [(&[&str], &str); 9] = [
        (&["issue", "coupon", "--title", "", "--amount-off", "1"], "--title"),
        (&["issue", "coupon", "--title", &long, "--amount-off", "1"], "--title"),
        (&["issue", "coupon", "--title", "x", "--amount-off", "0"], "--amount-off is from ¥0.01"),
        (&["issue", "coupon", "--title", "x", "--amount-off", "100000000.01"], "--amount-off is from"),
        (&["issue", "coupon", "--title", "x", "--exchange", ""], "--exchange"),
        (&["issue", "member", "--tier", &long], "--tier"),
        (&["issue", "times", "--title", "x", "--goods", "", "--uses", "1"], "--goods"),
        (&["campaign", "add", "--title", "", "--amount-off", "1"], "--title"),
        (&["campaign", "add", "--title", "x", "--amount-off", "0"], "--amount-off is from ¥0.01"),
    ];
    for (args, said) in wrong {
        let output = run(data, args);
        let words = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), words.contains(said)), (Some(2), true), "{args:?}: {words}");
    }
    assert_eq!(json(data, &["campaign", "list"]), Value::Array(vec![]), "none of that was made");
    let once = ["issue", "coupon", "--title", "x", "--amount-off", "1", "--reference", "R-1"];
    let first = json(data, &once);
    assert_eq!(json(data, &once), first, "the same words get the same answer");
    let other = ["issue", "coupon", "--title", "x", "--amount-off", "2", "--reference", "R-1"];
    assert_eq!(failed(data, &other), (1, "reference_taken".to_owned()), "other words do not");
    let free = ["issue", "coupon", "--title", "x", "--amount-off", "1"];
    assert_ne!(json(data, &free)["id"], json(data, &free)["id"], "without a number each is a new one");
}

#[cfg(unix)]
#[test]
fn the_database_is_its_owners_even_in_an_open_folder() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    std::fs::set_permissions(data, std::fs::Permissions::from_mode(0o755)).unwrap();
    let _server = Running::start(data);
    let mut seen = 0;
    for entry in std::fs::read_dir(data).unwrap().map(|entry| entry.unwrap()) {
        let (name, mode) = (entry.file_name(), entry.metadata().unwrap().permissions().mode());
        if name.to_string_lossy().starts_with("server.db") {
            assert_eq!(mode & 0o777, 0o600, "{name:?} holds whole codes");
            seen += 1;
        }
    }
    assert!(seen >= 2, "the database and what SQLite writes beside it, while the server runs: {seen}");
}

#[test]
fn each_way_to_fail_has_its_exit_code_and_its_word() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    json(data, &["add-store", "南山店"]);
    let coupon = ["issue", "coupon", "--title", "x", "--amount-off", "1"];
    let with = |more: &[&'static str]| [&coupon[..], more].concat();
    let failures: [(&[&str], i32, &str); 13] = [
        (&["show", "nothing"], 1, "unknown_entitlement"),
        (&["enrol-code", "--store", "x"], 1, "unknown_store"),
        (&["revoke", "--till", "x"], 1, "unknown_till"),
        (&["add-store", "南山店"], 1, "store_exists"),
        (&["add-staff", "--store", "南山店", "--name", "x"], 1, "bad_pin"),
        (&["sheet", "--out", "x"], 1, "not_a_demo"),
        (&["demo"], 1, "not_empty"),
        (&with(&["--member", "x"]), 1, "unknown_member"),
        (&with(&["--from", "2026-03-02", "--until", "2026-03-01"]), 2, "usage"),
        (&with(&["--note", "a\u{1b}[2Jb"]), 2, "usage"),
        (&["issue", "order", "--title", "x", "--line", "A=a\nb=1"], 2, "usage"),
        (&["issue", "order", "--title", "x", "--line", "A=a=1", "--line", "A=b=1"], 2, "usage"),
        (&["add-store", " "], 2, "usage"),
    ];
    for (args, exit, error) in failures {
        assert_eq!(failed(data, args), (exit, error.to_owned()), "{args:?}");
    }
    json(data, &with(&["--from", "2026-03-01", "--until", "2026-03-01"]));
    assert_eq!(run(data, &["no-such-command"]).status.code(), Some(2), "what the parser refuses");
    assert_eq!(run(data, &["--help"]).status.code(), Some(0), "help is no failure");

    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    assert_eq!(failed(data, &["serve", "--listen", &address]), (4, "address_in_use".to_owned()), "busy");
    let spoken = run(data, &["serve", "--listen", &address]);
    assert_eq!(spoken.status.code(), Some(4), "the network address is a fault");
    let spoken = String::from_utf8(spoken.stderr).unwrap();
    assert!(spoken.contains(&format!("{address} is in use")), "it says which: {spoken}");
    assert_eq!(
        failed(data, &["serve", "--listen", "192.0.2.1:1"]),
        (4, "address".to_owned()),
        "an address of another machine"
    );
    #[cfg(unix)]
    for args in [["tills"], ["demo"]] {
        let no_folder = failed(Path::new("/dev/null/x"), &args);
        assert_eq!(no_folder, (4, "data_folder".to_owned()), "no folder is a fault");
    }
    std::fs::write(data.join("server.db"), "this is no database, though it has its name").unwrap();
    assert_eq!(failed(data, &["tills"]), (4, "database".to_owned()), "somebody else's file");
}

#[test]
fn what_was_taken_is_told_in_full() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    json(data, &["demo"]);
    let rows = json(data, &["redemptions"]);
    let used = rows.as_array().unwrap().iter().find(|row| row["takes"][0]["sku"] == "coupon").unwrap();
    let (id, number) = (used["entitlement"].as_str().unwrap(), used["number"].as_str().unwrap());
    let listed = text(data, &["redemptions"]);
    let line = listed.lines().find(|line| line.contains(&number[number.len() - 8..])).expect("its number");
    assert!(line.contains(used["code_tail"].as_str().unwrap()), "and the end of its code: {line}");
    assert!(line.contains(" 12:41 "), "as the caption of its code says: {line}");
    let shown = text(data, &["show", id]);
    assert!(shown.contains("张伟  coupon × 1"), "a use says what was taken: {shown}");
    let refund = text(data, &["refund", id]);
    assert!(refund.contains("1 of it had been taken already"), "the refund comes late: {refund}");
    let refund = json(data, &["refund", id]);
    assert_eq!(refund["already_taken"], 1, "told to scripts as well");
    assert_eq!(json(data, &["show", id])["entitlement"]["standing"], "refunded", "refunded all the same");
}

#[test]
fn the_log_is_as_loud_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = busy.local_addr().unwrap().to_string();
    let log = |asked: &str| {
        let mut serve = program(folder.path());
        serve.args(["serve", "--json", "--listen", &listen]).env("COUNTERFOIL_LOG", asked);
        serve.output().expect("it starts").stderr
    };
    assert!(log("off").is_empty(), "nothing was asked for");
    assert!(!log("trace").is_empty(), "all was asked for");
}
