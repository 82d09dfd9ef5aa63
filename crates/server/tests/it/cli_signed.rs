//! Keys, campaigns, signed codes and pictures from the command line.

use model::signed::text::{self, Recognised};
use serde_json::json as json_value;

use crate::cli::{failed, json, refused, run, text as said};

#[test]
fn what_a_new_scope_does_not_name_stays() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let here = json(data, &["add-store", "南山店"])["id"].clone();
    json(data, &["add-store", "福田店"]);
    json(data, &["keys", "init"]);
    let narrow = ["--kind", "coupon", "--campaign", "1-5", "--store", "南山店", "--max-value", "20"];
    json(data, &[&["keys", "new", "coupons", "--from", "2026-01-01"][..], &narrow].concat());
    let scope = |args: &[&str]| json(data, &[&["keys", "scope", "coupons"], args].concat())["scope"].clone();
    let dearer = scope(&["--max-value", "30"]);
    assert_eq!(dearer["value_max"], 3_000, "what was named is new: {dearer}");
    assert_eq!(
        (&dearer["kinds"], &dearer["campaigns"], &dearer["stores"]),
        (&json_value!(["coupon"]), &json_value!([[1, 5]]), &json_value!([here])),
        "and nothing else: {dearer}"
    );
    assert!(dearer["from"].is_i64(), "not even when it begins: {dearer}");
    let wider = scope(&["--all-campaigns", "--all-stores", "--kind", "order", "--kind", "coupon"]);
    assert_eq!(
        (&wider["kinds"], &wider["campaigns"], &wider["stores"], &wider["value_max"]),
        (&json_value!(["order", "coupon"]), &json_value!(null), &json_value!(null), &json_value!(3_000)),
        "it widens where it was told to: {wider}"
    );
    assert_eq!(scope(&["--all-kinds"])["kinds"].as_array().map(Vec::len), Some(4), "every kind");
    for wrong in [&[][..], &["--all-stores", "--store", "南山店"]] {
        let output = run(data, &[&["keys", "scope", "coupons"], wrong].concat());
        assert_eq!(output.status.code(), Some(2), "{wrong:?} says nothing, or two things");
    }
    let gone = refused(data, &["keys", "scope", "nobody", "--all-kinds"]);
    assert!(gone.contains("nobody"), "there is no such key: {gone}");
    for (until, why) in [("1969-01-01", "before 1970"), ("9999-12-31", "after 2106-02-07")] {
        let output = run(data, &["keys", "bound", "coupons", "--until", until]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.contains(why)), (Some(2), true), "{until}: {said}");
    }
}

#[test]
fn a_campaign_gets_the_lowest_number_that_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    json(data, &["add-store", "南山店"]);
    let add = |more: &[&str]| {
        json(data, &[&["campaign", "add", "--title", "x", "--amount-off", "1"], more].concat())["campaign"]
            .clone()
    };
    assert_eq!(add(&["--number", "65535"]), 65_535, "as it was told to");
    assert_eq!(add(&["--number", "2"]), 2, "as it was told to");
    assert_eq!(
        (add(&[]), add(&[])),
        (json_value!(1), json_value!(3)),
        "gaps are filled, and none is taken twice"
    );
}

#[test]
fn from_the_first_keys_to_printed_codes() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    json(data, &["add-store", "南山店"]);
    json(
        data,
        &["campaign", "add", "--title", "满 50 减 8", "--amount-off", "8", "--spend-min", "50", "--complete"],
    );
    let refusal = refused(data, &["issue", "codes", "--campaign", "1", "--count", "1"]);
    assert!(refusal.contains("keys init"), "it says what comes first: {refusal}");
    let made = said(data, &["keys", "init"]);
    assert!(
        made.contains("root-1.key") && made.contains("safe place"),
        "two keys are to be moved away: {made}"
    );
    assert_eq!(failed(data, &["keys", "init"]), (1, "keys_exist".to_owned()), "once");
    let listed = json(data, &["keys", "list"]);
    assert_eq!(listed["keys"].as_array().map(Vec::len), Some(5), "three roots, lists, issuing: {listed}");
    json(data, &["keys", "new", "coupons", "--kind", "coupon", "--campaign", "1-5", "--max-value", "20"]);

    let csv = said(data, &["issue", "codes", "--campaign", "1", "--count", "3", "--form", "cfn"]);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!((lines.len(), lines[0]), (4, "id,text"), "a head and three codes: {csv}");
    let (id, digits) = lines[3].split_once(',').unwrap();
    assert_eq!(id, "cf-1-2", "dense serials");
    let Recognised::Token(token) = text::recognise(digits) else { panic!("{digits} is a code in digits") };
    let shown = json(data, &["show", &text::write_cf1(&token)]);
    assert_eq!(shown["entitlement"]["id"], "cf-1-2", "found by its own text");
    assert_eq!(json(data, &["code", id])["text"], text::write_cf1(&token), "and drawn again");

    let file = data.join("code.png");
    let path = file.to_str().unwrap();
    let picture = json(data, &["code", id, "--as", "png", "--size-mm", "40", "--out", path]);
    assert!(picture["version"].as_i64().unwrap() <= 8, "what a queue reads well: {picture}");
    assert_eq!(&std::fs::read(&file).unwrap()[1..4], b"PNG", "a picture");
    let small = refused(data, &["code", id, "--as", "png", "--size-mm", "9", "--out", path]);
    assert!(small.contains("0.33 mm"), "too small for paper: {small}");

    let issued =
        json(data, &["issue", "coupon", "--title", "满 50 减 8", "--amount-off", "8", "--campaign", "1"]);
    assert_eq!(
        (&issued["id"], &issued["form"]),
        (&"cf-1-3".into(), &"signed".into()),
        "one by one: {issued}"
    );
    json(data, &["campaign", "add", "--title", "会员", "--members", "金卡"]);
    let member = ["issue", "member", "--tier", "金卡", "--campaign", "2", "--rotating", "--reference", "m-1"];
    assert_eq!(json(data, &member)["code"], "", "a code that rotates has no text to keep");
    let live = json(data, &["code", "m-1"]);
    assert!(live["text"].as_str().unwrap().starts_with("CF1:"), "but one of this moment: {live}");

    assert_eq!(json(data, &["keys", "rotate", "coupons"])["successor"], "coupons-2", "a successor");
    let gone = run(data, &["keys", "withdraw", "nobody"]);
    assert_eq!(gone.status.code(), Some(1), "there is no such key");
    json(data, &["keys", "bound", "issuing-1", "--until", "2020-01-01"]);
    let out_of_scope = ["issue", "member", "--tier", "金卡", "--campaign", "2"];
    assert_eq!(failed(data, &out_of_scope), (1, "not_covered".to_owned()), "no key may sign memberships now");
    std::fs::rename(data.join("keys/root-1.key"), data.join("away")).unwrap();
    assert_eq!(json(data, &["keys", "rotate-lists"])["key"], "lists-2", "two root keys are enough");
    std::fs::rename(data.join("keys/root-2.key"), data.join("away-too")).unwrap();
    let missing = refused(data, &["keys", "rotate-lists"]);
    assert!(
        missing.contains("root-1.key") && missing.contains("root-2.key"),
        "it names the files: {missing}"
    );
}
