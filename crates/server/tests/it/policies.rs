//! Policies from the command line, and what a setup tells of them.

use std::path::Path;

use serde_json::json;

use crate::cli::{failed, json as run_json, refused, text};

fn written(folder: &Path, name: &str, body: &str) -> String {
    let file = folder.join(name);
    std::fs::write(&file, body).expect("the file can be written");
    file.to_str().expect("a plain path").to_owned()
}

#[test]
fn a_policy_is_checked_set_for_the_chain_or_a_store_and_given_back() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let data = folder.path();
    for store in ["南山店", "福田店"] {
        run_json(data, &["add-store", store]);
    }
    assert_eq!(run_json(data, &["policy", "show"])["version"], 0, "what the program came with");
    let chain = written(
        data,
        "chain.toml",
        "undo_minutes_max = 7\n[away.per_till]\nfen = {clerk = 5, manager = 6}\n",
    );
    assert_eq!(run_json(data, &["policy", "check", &chain])["good"], true, "it makes sense");
    assert_eq!(run_json(data, &["policy", "show"])["version"], 0, "and to check is not to set");
    assert_eq!(run_json(data, &["policy", "set", &chain])["version"], 1, "the first");
    let own = written(data, "own.json", r#"{"not_covered": {"clerk": "never", "manager": "always"}}"#);
    let set = run_json(data, &["policy", "set", &own, "--store", "福田店"]);
    assert_eq!((&set["version"], &set["store"]), (&json!(2), &json!("福田店")), "the second, for one store");

    let shown = run_json(data, &["policy", "show", "--store", "南山店"]);
    assert_eq!((&shown["version"], &shown["undo_minutes_max"]), (&json!(1), &json!(7)), "the chain's");
    assert_eq!(shown["away"]["per_till"]["fen"], json!({"clerk": 5, "manager": 6}), "as it was written");
    assert_eq!(shown["away"]["per_redemption"]["clerk"], 5_000, "and the rest as the program came with it");
    let shown = run_json(data, &["policy", "show", "--store", "福田店"]);
    assert_eq!(
        (&shown["version"], &shown["not_covered"]["manager"]),
        (&json!(2), &json!("always")),
        "its own"
    );
    assert_eq!(shown["undo_minutes_max"], 10, "which takes nothing from the chain's");

    run_json(data, &["policy", "unset", "--store", "福田店"]);
    assert_eq!(run_json(data, &["policy", "show", "--store", "福田店"])["version"], 1, "given back");
    let history = run_json(data, &["policy", "history"]);
    let versions: Vec<i64> =
        history.as_array().expect("a list").iter().filter_map(|row| row["version"].as_i64()).collect();
    assert_eq!(versions, [3, 2, 1], "and nothing is forgotten");
    assert!(text(data, &["exposure"]).contains("no tills"), "nobody can lose anything yet");
}

#[test]
fn what_is_shown_can_be_set_and_the_example_is_what_the_program_comes_with() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let data = folder.path();
    run_json(data, &["add-store", "南山店"]);
    let came_with = run_json(data, &["policy", "show"]);
    let shown = written(data, "shown.toml", &text(data, &["policy", "show"]));
    run_json(data, &["policy", "set", &shown]);
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/policy.example.toml");
    run_json(data, &["policy", "set", example]);
    let mut now = run_json(data, &["policy", "show"]);
    assert_eq!(now["version"], 2, "both were set");
    now["version"] = json!(0);
    assert_eq!(now, came_with, "and say the same");
}

#[test]
fn a_policy_that_makes_no_sense_is_refused_with_the_field_named() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let data = folder.path();
    run_json(data, &["add-store", "南山店"]);
    for (body, field) in [
        ("copy_hours = {clerk = 30, manager = 20}", "copy_hours"),
        ("not_covered = {clerk = -1, manager = 0}", "not_covered.clerk"),
        ("deadline_ms = 5", "deadline_ms"),
        ("deadline_ms = \"long\"", "deadline_ms"),
        ("copy_hours = 24", "copy_hours"),
        ("copy_hours = {clerk = \"sometimes\", manager = 3}", "copy_hours.clerk"),
        ("[away.per_till]\nfenn = {clerk = 1, manager = 2}", "away.per_till.fenn"),
        ("[rules.voucher]\nany = {clerk = 1, manager = 2}", "rules.voucher"),
        ("not TOML at all", "TOML"),
    ] {
        let file = written(data, "bad.toml", body);
        let said = refused(data, &["policy", "check", &file]);
        assert!(said.contains(field), "{body}: {said}");
        assert_eq!(failed(data, &["policy", "set", &file]), (1, "bad_policy".to_owned()), "{body}");
    }
    assert_eq!(run_json(data, &["policy", "show"])["version"], 0, "nothing was set");
}
