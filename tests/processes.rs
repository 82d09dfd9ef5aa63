//! The real programs as processes: what they promise on the command line, and on a disk that refuses.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tests::programs::{ended, programs};
use tests::street::{Street, TillFolder};

#[test]
fn scan_confirm_undo_and_what_they_exit_with() {
    let street = Street::open();
    let till = street.till("1号收银机");
    let code = street.coupon();

    let offer = till.does(&["scan", &code]).json_with(0, "a look is done");
    assert_eq!((&offer["stage"], &offer["basis"]["basis"]), (&"offer".into(), &"server".into()), "{offer}");
    let unsigned = till.does(&["scan", &code, "--confirm"]);
    unsigned.json_with(3, "nobody is signed in: a person is needed");
    let wrong = till.does(&["sign-in", "李娜", "--pin", "0000"]).json_with(1, "a wrong PIN is refused");
    assert_eq!(wrong["error"], "wrong_pin", "by its code: {wrong}");
    till.does(&["sign-in", "李娜", "--pin", "1234"]).json_with(0, "the right one is not");
    let done = till.does(&["scan", &code, "--confirm"]).json_with(0, "redeemed in her name");
    assert_eq!((&done["outcome"], &done["reason"]), (&"accepted".into(), &"redeemed".into()), "{done}");
    let number = done["number"].as_str().unwrap();

    let again = till.redeems(&code).json_with(1, "a second time is refused");
    assert_eq!(again["reason"], "used_here_just_now", "with its reason: {again}");
    assert_eq!(again["earlier"]["number"], number, "and the earlier redemption");
    let undone = till.does(&["undo", number]).json_with(0, "taken back");
    assert_eq!((&undone["reason"], &undone["settled"]), (&"undone".into(), &true.into()), "{undone}");
    till.does(&["undo", number]).json_with(1, "once is enough");
    till.does(&["undo", &"0".repeat(32)]).json_with(1, "an unknown number is refused");
    till.does(&["undo", "xyz"]).json_with(2, "no number at all is a mistake in the command");
    let stranger = till.does(&["scan", &code, "--confirm", "--clerk", "nobody"]);
    assert_eq!(stranger.json_with(1, "a stranger is refused")["error"], "clerk_unknown", "by name");
    assert_eq!(till.does(&["scan"]).code, Some(2), "a command without its words is a mistake");
    assert_eq!(till.does(&["no-such-command"]).code, Some(2), "and so is an unknown command");
}

#[test]
fn part_of_an_order_is_taken_back_line_by_line() {
    let street = Street::open();
    let till = street.till("1号收银机");
    let order =
        ["issue", "order", "--title", "自提订单", "--line", "D01=茉莉奶绿=3", "--line", "C01=桂花糕=1"];
    let code = street.text(&order, "code");
    let done = till.redeems(&code).json_with(0, "all of it is picked up");
    let number = done["number"].as_str().unwrap();
    let undo = |words: &[&str]| till.does(&[&["undo", number, "--clerk", "李娜"][..], words].concat());
    let wrong = undo(&["--line", "X99"]).json_with(2, "no such line");
    assert!(wrong["message"].as_str().is_some_and(|text| text.contains("D01, C01")), "but these: {wrong}");
    let much = undo(&["--line", "D01=4"]).json_with(1, "more than was taken");
    assert_eq!(much["reason"], "undo_too_much", "is refused: {much}");
    let some = undo(&["--line", "D01=2", "--line", "C01", "--reason", "做错了"]).json_with(0, "some of it");
    assert_eq!((&some["settled"], &some["still_taken"][0]["quantity"]), (&true.into(), &1.into()), "{some}");
    assert_eq!(some["still_taken"].as_array().map(Vec::len), Some(1), "one line is left: {some}");
    let rest = undo(&[]).json_with(0, "and the rest");
    assert_eq!(rest["still_taken"], serde_json::json!([]), "nothing is left: {rest}");
    undo(&[]).json_with(1, "once is enough");
}

#[test]
fn a_managers_yes_on_the_command_line_and_what_the_outage_can_cost() {
    let street = Street::open();
    let limits = "[away.per_till]\nfen = { clerk = 2000, manager = 4000 }\n";
    street.set_policy(limits);
    street.add_manager("王强", "8888");
    let codes = [street.coupon(), street.coupon(), street.coupon()];
    let till = street.till("1号收银机");
    let status = till.does(&["status"]).json_with(0, "all is well");
    assert_eq!(status["exposure"]["worst_case"], 0, "with the line up nothing can be lost: {status}");
    let Street { folders, serving } = street;
    drop(serving);
    till.redeems(&codes[0]).json_with(0, "the clerk's limit");
    let asked = till.redeems(&codes[1]).json_with(3, "a person is needed");
    assert_eq!((&asked["reason"], &asked["manager_may"]), (&"over_till_cap".into(), &true.into()), "{asked}");
    let yes = |code: &str, pin: &str| {
        let manager = ["--manager", "王强", "--manager-pin", pin, "--why", "熟客"];
        till.does(&[&["scan", code, "--confirm", "--clerk", "李娜"][..], &manager].concat())
    };
    assert_eq!(
        yes(&codes[1], "0000").json_with(1, "a wrong PIN is refused")["error"],
        "wrong_pin",
        "by name"
    );
    let done = yes(&codes[1], "8888").json_with(0, "the manager may");
    assert_eq!(done["basis"]["basis"], "override", "and it is said: {done}");
    assert_eq!(
        yes(&codes[2], "8888").json_with(3, "beyond that nobody may")["reason"],
        "over_till_cap",
        "why"
    );
    let status = till.does(&["status"]).json_with(0, "offline is no fault");
    assert_eq!(status["exposure"]["at_risk"], 4_000, "twice 20 yuan: {status}");
    assert!(status["exposure"]["worst_case"].as_i64().is_some_and(|worst| worst >= 4_000), "{status}");
    let missing = till.does(&["scan", &codes[2], "--confirm", "--manager", "王强"]);
    assert_eq!(missing.code, Some(2), "a yes without PIN and reason is a mistake in the command");
    drop(folders);
}

#[test]
fn bad_input_ends_with_a_verdict() {
    let street = Street::open();
    let till = street.till("1号收银机");
    let long = "9".repeat(10_000);
    let texts: [(&str, &str, &str, &str); 7] = [
        ("", "empty", "damaged", "empty"),
        (&long, "too_long", "damaged", "too_long"),
        ("\u{1}\u{2}\u{7f}", "binary", "damaged", "binary"),
        ("C0123456789", "damaged", "damaged", "incomplete"),
        ("134567890123456789", "payment_wechat", "foreign", "wechat_payment"),
        ("https://u.wechat.com/abc", "foreign_personal_card", "foreign", "personal_card"),
        ("6901234567892", "foreign_goods_barcode", "foreign", "goods_barcode"),
    ];
    for (text, reason, kind, class) in texts {
        let told = till.does(&["scan", "--", text]).json_with(3, reason);
        assert_eq!(told["reason"], reason, "scan names it");
        let read = till.does(&["read", "--", text]).json_with(3, reason);
        assert_eq!(
            (&read["kind"], &read["class"]),
            (&kind.into(), &class.into()),
            "and read, without a look-up"
        );
        for told in [told, read] {
            assert!(told["sentence"].as_str().is_some_and(|words| words.len() > 3), "in words: {told}");
        }
    }
    let read = till.does(&["read", "4821 3907", "--profile", "yudao", "--profile", "likeshop"]);
    let read = read.json_with(0, "a mall's code");
    assert_eq!((&read["kind"], &read["code"]), (&"opaque".into(), &"48213907".into()), "{read}");
    let coupon = till.does(&["read", "261122103000123456", "--profile", "fuint", "--at", "1795314600000"]);
    assert!(
        !coupon.out.contains("2611"),
        "a coupon that looks like a payment code is not printed: {coupon:?}"
    );
    assert_eq!(coupon.json_with(0, "fuint's coupon")["class"], "coupon", "it is told by its moment");
    let unknown = till.does(&["read", "4821", "--profile", "nobody"]).json_with(2, "no such profile");
    assert!(
        unknown["message"].as_str().is_some_and(|text| text.contains("crmeb-php")),
        "but these: {unknown}"
    );
    let mut many = till.command(&["read", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    many.stdin.take().unwrap().write_all(b"hello\n\xff\xfe\n6901234567892\n").unwrap();
    let many = many.wait_with_output().unwrap();
    assert_eq!(
        many.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count(),
        3,
        "line by line"
    );
    assert_eq!(many.status.code(), Some(3), "and the worst of them is the exit code");
    let status = till.does(&["status"]).json_with(0, "all is well");
    assert_eq!(status["waiting"], 0, "nothing of that was redeemed: {status}");
    let lines = till.does(&["journal", "list"]).json_with(0, "the journal can be read");
    let acts: BTreeSet<&str> =
        lines.as_array().unwrap().iter().map(|line| line["act"].as_str().unwrap()).collect();
    assert_eq!(acts, BTreeSet::from(["opened", "refused"]), "refusals are all that was written down");
}

#[test]
fn enrolment_status_sync_and_journal_have_their_shapes() {
    let mut street = Street::open();
    let nobody = TillFolder { data: street.folders.path().join("nobody") };
    nobody.does(&["journal", "verify"]).json_with(1, "there is no journal before enrolment");
    nobody.does(&["sync"]).json_with(1, "and nobody to sync with");
    let bare = nobody.does(&["status"]).json_with(0, "a till without a chain is no fault");
    assert_eq!(bare["enrolled"], false, "{bare}");
    let till = street.till("1号收银机");
    let code = street.text(&["enrol-code", "--store", "南山店"], "code");
    let twice = till.does(&["enrol", &street.serving.url, &code]).json_with(1, "a till joins one chain");
    assert_eq!(twice["error"], "already_enrolled", "{twice}");
    let unknown = nobody.does(&["enrol", &street.serving.url, "E000"]).json_with(1, "an unknown code");
    assert_eq!(unknown["error"], "code_unknown", "{unknown}");
    assert_eq!(nobody.does(&["enrol", "not an address", &code]).code, Some(2), "no address is a mistake");

    let coupon = street.coupon();
    till.does(&["sync"]).json_with(0, "the coupon is fetched");
    street.serving.kill();
    let status = till.does(&["status"]).json_with(0, "offline is no fault");
    assert_eq!(
        (&status["online"], &status["silence"], &status["waiting"]),
        (&false.into(), &"unreachable".into(), &0.into()),
        "{status}"
    );
    let done = till.redeems(&coupon).json_with(0, "the copy decides");
    assert_eq!(
        (&done["basis"]["basis"], &done["basis"]["silence"]),
        (&"copy".into(), &"unreachable".into()),
        "{done}"
    );
    assert!(done["basis"]["as_of"].is_i64(), "with the copy's age: {done}");
    let failed = till.does(&["sync"]).json_with(4, "nobody is there");
    assert_eq!(failed["error"], "not_synced", "{failed}");
    assert_eq!(till.does(&["status"]).json()["waiting"], 1, "one waits");
    street.restart();
    let synced = till.does(&["sync"]).json_with(0, "the server is back");
    assert_eq!((&synced["waiting"], &synced["cases"]), (&0.into(), &0.into()), "{synced}");
    assert_eq!(till.does(&["cases"]).json_with(0, "no cases"), Value::Array(vec![]), "an empty list");

    let lines = till.does(&["journal", "list"]).json_with(0, "the journal");
    let acts: Vec<&str> =
        lines.as_array().unwrap().iter().map(|line| line["act"].as_str().unwrap()).collect();
    assert_eq!(acts, ["opened", "decided", "settled"], "every line in order");
    let verified = till.does(&["journal", "verify"]).json_with(0, "the chain of hashes is whole");
    assert_eq!((&verified["good"], &verified["lines"]), (&true.into(), &3.into()), "{verified}");
}

#[test]
fn a_case_asks_for_a_person() {
    let mut street = Street::open();
    street.add_manager("王强", "8888");
    let (one, two) = (street.till("1号收银机"), street.till("2号收银机"));
    let coupon = street.coupon();
    for till in [&one, &two] {
        till.does(&["sync"]).json_with(0, "the coupon is fetched");
    }
    street.serving.kill();
    let first = one.redeems(&coupon).json_with(0, "one accepts it")["number"].clone();
    let second = two.redeems(&coupon).json_with(0, "and so does the other")["number"].clone();
    street.restart();
    one.does(&["sync"]).json_with(0, "who is heard first counts");
    two.does(&["sync"]);
    let cases = two.does(&["cases"]).json_with(3, "the other needs a person");
    assert_eq!((&cases[0]["class"], &cases[0]["value"]), (&"duplicate".into(), &2_000.into()), "{cases}");
    let side = |standing: &str| {
        let sides = cases[0]["sides"].as_array().unwrap();
        sides.iter().find(|side| side["standing"] == standing).cloned().unwrap_or_default()
    };
    assert_eq!((&side("counted")["number"], &side("not_counted")["number"]), (&first, &second), "{cases}");
    assert_eq!(side("counted")["till"], "1号收银机", "with the other side: {cases}");
    assert_eq!(side("not_counted")["relied"]["basis"]["basis"], "copy", "and what was relied on: {cases}");
    assert_eq!(two.does(&["status"]).code, Some(3), "the status says so too");
    let theirs = street.server(&["cases"]).json_with(0, "the server's list");
    assert_eq!(theirs[0]["case"], cases[0]["case"], "the same case there: {theirs}");
    assert_eq!(theirs[0]["sides"], cases[0]["sides"], "with the same sides");

    let case = cases[0]["case"].as_str().unwrap();
    one.does(&["sync"]).json_with(0, "the first hears of it");
    street.serving.kill();
    let decide = |till: &TillFolder, decision: &str, who: [&str; 2]| {
        let by = ["--manager", who[0], "--manager-pin", who[1], "--note", "退回了"];
        till.does(&[&["cases", "decide", case, decision][..], &by].concat())
    };
    let failed = decide(&two, "recovered", ["王强", "0000"]).json_with(1, "a wrong PIN is refused");
    assert_eq!(failed["error"], "wrong_pin", "by name");
    assert_eq!(decide(&two, "shrugged", ["王强", "8888"]).code, Some(2), "there are five decisions");
    decide(&two, "recovered", ["王强", "8888"]).json_with(0, "no line is needed for it");
    let again = decide(&two, "paid", ["王强", "8888"]).json_with(1, "once is enough");
    assert_eq!(again["error"], "case_decided", "by name");
    assert_eq!(two.does(&["cases"]).json_with(0, "nothing is open"), serde_json::json!([]), "here");
    let all = two.does(&["cases", "--all"]).json_with(0, "but it is listed");
    assert_eq!(all[0]["decided_here"]["heard"], "waiting", "as what waits: {all}");
    street.restart();
    two.does(&["sync"]).json_with(0, "it is sent");
    one.does(&["sync"]).json_with(0, "and heard");
    let all = one.does(&["cases", "--all"]).json_with(0, "nothing is open there either");
    assert_eq!(
        (&all[0]["stands"], &all[0]["decisions"][0]["clerk"]),
        (&"recovered".into(), &"王强".into()),
        "{all}"
    );
}

#[test]
fn one_program_at_a_time_and_damage_is_said() {
    let street = Street::open();
    let till = street.till("1号收银机");
    let coupon = street.coupon();
    till.redeems(&coupon).json_with(0, "one redemption is in the journal");
    let held = till::folder::Folder::open(&till.data).unwrap();
    let refused = till.does(&["status"]).json_with(1, "the folder belongs to one program");
    assert_eq!(refused["error"], "in_use", "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("close that one first"), "in words: {refused}");
    drop(held);

    let journal = till.data.join("journal.db");
    let db = rusqlite::Connection::open(&journal).unwrap();
    db.execute_batch("UPDATE line SET bytes = x'00' WHERE seq = 1").unwrap();
    drop(db);
    let broken = till.does(&["journal", "verify"]).json_with(4, "damage is a fault");
    assert_eq!(broken["error"], "journal_broken", "{broken}");
    assert!(broken["message"].as_str().unwrap().contains("line 1"), "and says where: {broken}");
    till.does(&["status"]).json_with(4, "the status says so too");
    let told = till.redeems(&street.coupon()).json_with(4, "and nothing is accepted");
    assert_eq!(told["reason"], "journal_broken", "{told}");
    assert!(journal.exists(), "the file is kept");
    std::fs::write(till.data.join("till.json"), "{").unwrap();
    let lost = till.does(&["status"]).json_with(4, "a till must know who it is");
    assert!(lost["message"].as_str().unwrap().contains("till.json"), "{lost}");
}

#[test]
fn the_servers_own_commands_keep_their_codes() {
    let street = Street::open();
    street.till("1号收银机");
    let refused = street.server(&["enrol-code", "--store", "nowhere"]);
    assert_eq!(refused.code, Some(1), "an unknown store is refused: {refused:?}");
    assert_eq!(refused.json()["error"], "unknown_store", "with a code for scripts: {refused:?}");
    assert!(refused.out.contains("nowhere"), "and in words: {}", refused.out);
    assert_eq!(street.server(&["show", "C000"]).code, Some(1), "so is an unknown code");
    assert_eq!(street.server(&["issue", "coupon"]).code, Some(2), "half a command is a mistake");
    let tills = street.server(&["tills"]).json_with(0, "the list of tills");
    assert_eq!(tills[0]["till"], "1号收银机", "{tills}");
    street.server(&["revoke", "--till", "1号收银机"]).json_with(0, "a till is barred");
    let barred = TillFolder { data: street.folders.path().join("1号收银机") };
    let told = barred.does(&["scan", &street.coupon()]).json_with(1, "a barred till is refused");
    assert_eq!(told["reason"], "till_revoked", "{told}");
    let port = street.serving.listen().to_owned();
    let second = street.server(&["serve", "--listen", &port]);
    assert_eq!(second.code, Some(4), "two servers on one port: {second:?}");
}

/// A full disk, in words and without loss. The disk is a small file system in a namespace of its own.
#[cfg(target_os = "linux")]
#[test]
#[expect(clippy::print_stderr, reason = "a check that could not be made is said")]
fn a_full_disk_refuses_and_loses_nothing() {
    let street = Street::open();
    let till = street.till("1号收银机");
    let coupons: Vec<String> = (0..3).map(|_| street.coupon()).collect();
    till.does(&["sync"]).json_with(0, "the coupons are fetched");
    till.redeems(&coupons[0]).json_with(0, "with room it goes");
    let disk = street.folders.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let ctl = till.command(&[]).get_program().to_owned();
    const STORY: &str = r#"
        mount -t tmpfs -o size=2m tmpfs "$DISK" || exit 99
        cp -a "$DATA/." "$DISK/" || exit 98
        ctl() { "$CTL" --json --data "$DISK" "$@"; echo "exit $?"; }
        head -c 8m /dev/zero > "$DISK/filler" 2>/dev/null
        ctl scan "$ONE" --confirm --clerk 李娜
        ctl journal verify
        rm "$DISK/filler"
        ctl scan "$ONE" --confirm --clerk 李娜
        ctl scan "$TWO" --confirm --clerk 李娜
        ctl sync"#;
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--mount", "sh", "-c", STORY]);
    unshare.env("DISK", &disk).env("DATA", &till.data).env("CTL", ctl);
    let told = ended({
        unshare.env("ONE", &coupons[1]).env("TWO", &coupons[2]);
        unshare
    });
    if told.code != Some(0) {
        eprintln!("not tested: this system lets nobody mount a small disk ({told:?})");
        return;
    }
    let said: Vec<&str> = told.out.lines().collect();
    let codes: Vec<&str> = said.iter().filter_map(|line| line.strip_prefix("exit ")).collect();
    assert_eq!(codes, ["4", "0", "0", "0", "0"], "refused, whole, and then it goes: {said:?}");
    let refused: Value = serde_json::from_str(said[0]).unwrap();
    assert_eq!(refused["reason"], "disk_full", "and it says why: {refused}");
    assert!(refused["sentence"].as_str().unwrap().contains("full"), "in words: {refused}");
    let counting = street.redemptions();
    assert_eq!(
        counting.len(),
        3,
        "three coupons, each counted once, none while the disk was full: {counting:?}"
    );
}

/// A disk that takes no byte more, for another reason than being full.
#[cfg(unix)]
#[test]
fn a_disk_that_refuses_a_line_is_said_and_loses_nothing() {
    let street = Street::open();
    let till = street.till("1号收银机");
    let coupons = [street.coupon(), street.coupon()];
    till.redeems(&coupons[0]).json_with(0, "with a good disk it goes");
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"]);
    let scan = till.command(&["scan", &coupons[1], "--confirm", "--clerk", "李娜"]);
    shell.arg(scan.get_program()).args(scan.get_args());
    let told = ended(shell).json_with(4, "without a line on disk nothing is accepted");
    assert_eq!(told["reason"], "journal_failed", "{told}");
    assert_eq!(street.redemptions().len(), 1, "and nothing was counted");
    till.does(&["journal", "verify"]).json_with(0, "the journal is whole");
    till.redeems(&coupons[1]).json_with(0, "and once the disk is good again, it goes");
    assert_eq!(street.redemptions().len(), 2, "once each");
}

/// `--help` of each program says what its exit codes mean.
#[test]
fn the_exit_codes_are_written_down() {
    let nowhere = Path::new("/nonexistent");
    for help in [programs().ctl(nowhere, &["--help"]), programs().server(nowhere, &["--help"])] {
        let told = ended(help);
        assert_eq!(told.code, Some(0), "help is always there");
        for (code, word) in [("0", "done"), ("1", "refused"), ("4", "fault")] {
            assert!(told.out.contains(code) && told.out.contains(word), "{code} is {word}: {}", told.out);
        }
    }
}

/// Whole files of lines: out of a till without a line, through another till or a manager's hands, into the server.
#[test]
fn what_a_silent_till_holds_is_carried_and_a_till_with_unsent_lines_does_not_leave() {
    let mut street = Street::open();
    let (till, carrier) = (street.till("1号收银机"), street.till("2号收银机"));
    let coupons = [street.coupon(), street.coupon()];
    till.does(&["sync"]).json_with(0, "the copy is fetched");
    street.serving.kill();
    till.redeems(&coupons[0]).json_with(0, "redeemed without a line");
    assert!(
        till.does(&["unsent"]).json_with(1, "an uninstaller is told").get("unsent").is_some(),
        "how many"
    );
    assert_eq!(till.does(&["reset"]).json_with(1, "it does not leave")["error"], "unsent", "and says why");
    let stick = street.folders.path().join("stick");
    std::fs::create_dir(&stick).unwrap();
    let made = till.does(&["journal", "export", stick.to_str().unwrap()]).json_with(0, "offline it exports");
    let file = made["file"].as_str().unwrap().to_owned();
    let seen = till.does(&["journal", "verify", &file]).json_with(0, "the file is whole");
    assert_eq!(seen["lines"], made["lines"], "with every line");
    let mut changed = std::fs::read(&file).unwrap();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    let broken = stick.join("changed").to_str().unwrap().to_owned();
    std::fs::write(&broken, changed).unwrap();
    till.does(&["journal", "verify", &broken]).json_with(4, "one changed bit is found");

    street.restart();
    carrier.does(&["journal", "import", &broken]).json_with(1, "nobody carries what was changed");
    carrier.does(&["journal", "import", &file]).json_with(0, "another till carries it");
    assert_eq!(street.redemptions().len(), 1, "and it counts");
    street.serving.kill();
    till.redeems(&coupons[1]).json_with(0, "the silent till goes on");
    let second = stick.join("second.journal").to_str().unwrap().to_owned();
    till.does(&["journal", "export", &second]).json_with(0, "exported again");
    street.restart();
    street.server(&["revoke", "--till", "1号收银机"]).json_with(0, "barred meanwhile");
    carrier.does(&["journal", "import", &second]).json_with(1, "what a barred till has left takes a manager");
    street.server(&["journals", "load", &second]).json_with(0, "who loads it at the server");
    assert_eq!(street.redemptions().len(), 2, "nothing is lost");

    carrier.does(&["sync"]).json_with(0, "the carrier has sent its own");
    carrier.does(&["journal", "backup"]).json_with(0, "it has a backup");
    carrier.does(&["journal", "verify"]).json_with(0, "its journal is whole");
    carrier.does(&["unsent"]).json_with(0, "nothing is unsent");
    carrier.does(&["reset"]).json_with(0, "so that it may leave");
    assert_eq!(carrier.does(&["status"]).json_with(0, "it has left")["enrolled"], false, "the chain");
    let left = std::fs::read_dir(&carrier.data).unwrap().flatten();
    let left = left.filter(|entry| entry.path().join("journal.db").exists());
    assert_eq!(left.count(), 1, "and what it had is kept");
}

/// Rows that cannot be read cost themselves, and not the lines around them.
#[test]
fn the_intact_lines_of_a_damaged_journal_are_handed_in() {
    let mut street = Street::open();
    let till = street.till("1号收银机");
    let coupons = street.coupons(4);
    till.does(&["sync"]).json_with(0, "the copy is fetched");
    till.redeems(&coupons[0]).json_with(0, "redeemed at the server");
    till.does(&["sync"]).json_with(0, "which holds all lines so far");
    street.serving.kill();
    let journal = till.data.join("journal.db");
    let last = || -> u64 {
        let db = rusqlite::Connection::open(&journal).unwrap();
        db.query_row("SELECT MAX(seq) FROM line", [], |row| row.get(0)).unwrap()
    };
    let ends = [1, 2, 3].map(|nth| {
        till.redeems(&coupons[nth]).json_with(0, "redeemed without a line");
        if nth == 2 {
            till.does(&["journal", "backup"]).json_with(0, "a copy of the journal before its last line");
        }
        last()
    });
    // One that the server holds, and one that nobody else has.
    let lost = ends[0] + 1;
    let db = rusqlite::Connection::open(&journal).unwrap();
    db.execute("UPDATE line SET bytes = x'00' WHERE seq IN (2, ?1)", [lost]).unwrap();
    drop(db);
    let stick = |name: &str| street.folders.path().join(name).to_str().unwrap().to_owned();
    let told = till.does(&["journal", "export", &stick("plain")]).json_with(4, "it is damaged");
    assert!(
        told["message"].as_str().unwrap().contains("journal export --from"),
        "what to do is said: {told}"
    );
    let export = |from: &Path, to: &str| {
        till.does(&["journal", "export", "--from", from.to_str().unwrap(), &stick(to)])
    };
    let made = export(&journal, "rest").json_with(3, "a person is told that something is missing");
    let gap = |seq: u64| serde_json::json!({ "epoch": 1, "first": seq, "last": seq });
    assert_eq!(made["missing"], serde_json::json!([gap(2), gap(lost)]), "which lines: {made}");
    assert_eq!(
        (&made["lines"], &made["unreadable"]),
        (&(ends[2] - 2).into(), &2.into()),
        "all others are in it"
    );
    till.does(&["journal", "verify", &stick("rest")]).json_with(0, "and each proves itself");

    let (rest, whole, aside) = (stick("rest"), stick("backup"), stick("aside"));
    let backup = std::fs::read_dir(till.data.join("backups")).unwrap().next().unwrap().unwrap().path();
    export(&backup, "backup").json_with(0, "a backup is exported too");
    street.restart();
    let refused = street.server(&["journals", "load", &rest]).json_with(1, "a line is nowhere");
    let said = format!("the {} lines behind them cannot be taken", ends[2] - lost);
    assert!(refused["message"].as_str().unwrap().contains(&said), "{said}: {refused}");
    assert_eq!(
        street.redemptions().len(),
        2,
        "what lies before it counts, over the line that the server held"
    );
    let readmit = ["tills", "readmit", "1号收银机", "--note", "damaged"];
    street.server(&readmit).json_with(0, "the till may go on");
    till.does(&["sync"]).json_with(0, "and does");
    let damaged = till.data.join("journal.damaged-1.db");
    let before = std::fs::read(&damaged).unwrap();
    till.does(&["journal", "export", "--from", damaged.to_str().unwrap(), &aside])
        .json_with(3, "what was set aside");
    assert!(std::fs::read(&damaged).unwrap() == before, "is read, and stays what it is");
    street.server(&["journals", "load", &whole]).json_with(0, "the backup has the missing line");
    assert_eq!(street.redemptions().len(), 3, "which counts");
    street.server(&["journals", "load", &aside]).json_with(0, "so that the rest can be taken");
    assert_eq!(street.redemptions().len(), 4, "and every coupon that was taken counts");
}
