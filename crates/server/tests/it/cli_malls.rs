//! Malls and merchants from the command line.

use std::path::Path;

use serde_json::{Value, json};

use crate::cli::{failed, json as run_json, refused, run, text};

fn shop() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder for the test");
    run_json(folder.path(), &["add-store", "南山店"]);
    folder
}

/// Each profile's name and state, in order, ready ones left out.
fn states(data: &Path) -> Vec<(String, String)> {
    let listed = run_json(data, &["profile", "list"]);
    let of = |row: &Value, field: &str| row[field].as_str().expect("a word").to_owned();
    let rows = listed.as_array().expect("a list").iter().map(|row| (of(row, "name"), of(row, "state")));
    rows.filter(|(_, state)| state != "ready").collect()
}

#[test]
fn a_profile_is_used_stopped_changed_and_taken_out() {
    let folder = shop();
    let data = folder.path();
    assert_eq!(states(data), [], "none is used before somebody says so");
    assert!(text(data, &["profile", "list"]).contains("crmeb-php  ready"), "but some are ready");
    assert_eq!(run_json(data, &["profile", "use", "yudao"])["hosts_missing"], false, "bare codes only");
    let used = run_json(data, &["profile", "use", "crmeb-php"]);
    assert_eq!(used["hosts_missing"], true, "its web addresses need the merchant's host");
    let told = text(data, &["profile", "use", "crmeb-php", "--first"]);
    assert!(told.contains("--host HOST"), "and the sentence says so: {told}");
    let used = run_json(data, &["profile", "use", "crmeb-php", "--host", "mall.example.com"]);
    assert_eq!(used["hosts_missing"], false, "now they have it");
    let shown = run_json(data, &["profile", "show", "crmeb-php"]);
    assert_eq!(shown["codes"][0]["urls"][0]["hosts"], json!(["mall.example.com"]), "as can be seen");
    let both = [("crmeb-php", "used"), ("yudao", "used")].map(|(name, state)| (name.into(), state.into()));
    assert_eq!(states(data), both, "the one that was put first is first");

    let mut own = shown.clone();
    own["name"] = json!("my-mall");
    own["codes"][0]["lengths"] = json!([9]);
    let file = data.join("my-mall.json");
    std::fs::write(&file, own.to_string()).unwrap();
    let file = file.to_str().unwrap();
    run_json(data, &["profile", "set", file]);
    assert_eq!(
        run_json(data, &["profile", "show", "my-mall"])["codes"][0]["lengths"],
        json!([9]),
        "a profile of one's own"
    );
    run_json(data, &["profile", "stop", "my-mall"]);
    assert_eq!(states(data)[2], ("my-mall".into(), "stopped".into()), "stopped, but there");
    run_json(data, &["profile", "remove", "my-mall"]);
    assert_eq!(states(data).len(), 2, "gone");

    own["codes"][0]["lengths"] = json!([]);
    std::fs::write(data.join("bad.json"), own.to_string()).unwrap();
    let bad = data.join("bad.json");
    let sentence = refused(data, &["profile", "set", bad.to_str().unwrap()]);
    assert!(sentence.contains("lengths"), "it says which field is wrong: {sentence}");
    std::fs::write(&bad, "{").unwrap();
    assert_eq!(
        failed(data, &["profile", "set", bad.to_str().unwrap()]),
        (1, "bad_profile".into()),
        "no JSON"
    );
    assert_eq!(failed(data, &["profile", "set", "no-such-file"]), (2, "usage".into()), "no file");
    assert_eq!(
        failed(data, &["profile", "use", "yudao", "--host", "a.example"]),
        (1, "no_addresses".into()),
        "no URL"
    );
    for act in ["use", "show", "stop", "remove"] {
        assert_eq!(failed(data, &["profile", act, "my-mall"]), (1, "unknown_profile".into()), "{act}");
    }
    assert!(refused(data, &["profile", "use", "x"]).contains("shopxo"), "it says what there is");
}

#[test]
fn a_malls_code_is_issued_found_and_cancelled() {
    let folder = shop();
    let data = folder.path();
    let coupon = ["issue", "coupon", "--title", "满减", "--amount-off", "20"];
    let with = |more: &[&'static str]| [&coupon[..], more].concat();
    let mall = ["--code", "1234 5678", "--profile", "yudao"];
    assert_eq!(failed(data, &with(&mall)), (1, "unknown_profile".into()), "not in use yet");
    run_json(data, &["profile", "use", "yudao"]);
    run_json(data, &["profile", "use", "fuint"]);
    let issued = run_json(data, &with(&[&mall[..], &["--reference", "A-1"]].concat()));
    assert_eq!(
        (&issued["code"], &issued["form"]),
        (&json!("12345678"), &json!("opaque")),
        "as tills read it"
    );
    let id = issued["id"].as_str().unwrap();
    let by_id = run_json(data, &["show", id]);
    assert_eq!(run_json(data, &["show", "A-1"]), by_id, "found by the merchant's number");
    let by_code = run_json(data, &["show", "12345678", "--profile", "yudao"]);
    assert_eq!(by_code, by_id, "and by the mall's code");
    assert_eq!(
        failed(data, &["show", "12345678"]),
        (1, "unknown_entitlement".into()),
        "which needs its profile"
    );
    assert_eq!(
        failed(data, &["show", "1", "--profile", "yudao"]),
        (1, "unknown_entitlement".into()),
        "no such code"
    );
    assert_eq!(
        failed(data, &["show", "1", "--profile", "x"]),
        (1, "unknown_profile".into()),
        "no such profile"
    );

    assert_eq!(
        failed(data, &with(&["--reference", "A-1"])),
        (1, "reference_taken".into()),
        "one number, one thing"
    );
    assert_eq!(failed(data, &with(&["--reference", "A 1"])), (2, "usage".into()), "a number has no spaces");
    assert_eq!(
        failed(data, &with(&["--code", "1", "--profile", "yudao"])),
        (1, "bad_code".into()),
        "too short"
    );
    assert_eq!(run(data, &with(&["--code", "12345678"])).status.code(), Some(2), "a code has a profile");
    let order = ["issue", "order", "--title", "x", "--line", "A=a=1", "--code", "4821", "--profile", "fuint"];
    assert_eq!(failed(data, &order), (1, "bad_code".into()), "it means nothing without its order");
    let order = run_json(data, &[&order[..], &["--order", "7"]].concat());
    let found = run_json(data, &["show", "4821", "--profile", "fuint", "--order", "7"]);
    assert_eq!(found["entitlement"]["id"], order["id"], "with it, it is found");

    run_json(data, &with(&mall));
    let sentence = refused(data, &["cancel", "12345678", "--profile", "yudao"]);
    assert!(sentence.contains("2 entitlements") && sentence.contains(id), "which of the two? {sentence}");
    assert_eq!(
        run_json(data, &["revoke-code", "A-1"])["standing"],
        "cancelled",
        "cancelled by the merchant's number"
    );
    assert_eq!(run_json(data, &["refund", id])["standing"], "refunded", "and then the money went back");
    assert_eq!(run_json(data, &["cancel", id])["standing"], "refunded", "which is the last word");
    assert_eq!(
        failed(data, &["profile", "remove", "yudao"]),
        (1, "profile_has_codes".into()),
        "its codes are out"
    );
}

#[test]
fn a_merchants_key_is_shown_once_and_taken_back() {
    let folder = shop();
    let data = folder.path();
    let made = run_json(data, &["merchant", "add", "商城", "--may", "issue,read,read"]);
    let key = made["key"].as_str().unwrap();
    assert!(key.starts_with("cfm_") && key.len() == 68, "32 random bytes: {key}");
    assert_eq!(made["scopes"], json!(["issue", "read"]), "each once");
    let listed = text(data, &["merchant", "list"]);
    assert!(listed.contains("商城  may issue, read") && !listed.contains(key), "never again: {listed}");
    let again = failed(data, &["merchant", "add", "商城", "--may", "read"]);
    assert_eq!(again, (1, "merchant_exists".into()), "one key for a name");
    assert_eq!(run(data, &["merchant", "add", "x", "--may", "all"]).status.code(), Some(2), "a list of acts");
    assert_eq!(failed(data, &["merchant", "add", " ", "--may", "read"]), (2, "usage".into()), "a name");
    assert_eq!(run_json(data, &["merchant", "revoke", "商城"])["revoked"], true, "taken back");
    assert_eq!(failed(data, &["merchant", "revoke", "商城"]), (1, "unknown_merchant".into()), "once");
    assert_eq!(run_json(data, &["merchant", "list"])[0]["revoked"], true, "and so it is listed");
}
