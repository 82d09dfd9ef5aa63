//! The store's cases: told to every till that has a part in them, decided on at one of them, and fetched anew with a
//! copy that was lost.

use model::redemption::Number;
use rusqlite::Connection;
use tests::cord::Request;
use tests::shop::{FUTIAN, NANSHAN};
use tests::{Counter, Shop};
use till::cases::{Heard, NotResolved, StoreCase};
use wire::line::Decision;

const MANAGERS: [(&str, &str, &str); 2] = [(NANSHAN, "王芳", "8888"), (FUTIAN, "刘强", "9999")];

/// A coupon that two tills of two stores have given out, each without the server; both have heard of the case.
async fn given_out_twice() -> (Shop, Counter, Counter, Number) {
    let shop = Shop::open().await;
    for (store, name, pin) in MANAGERS {
        shop.add_manager(store, name, pin).await;
    }
    let (one, two) = (shop.till("1号收银机").await, shop.till_at(FUTIAN, "2号收银机").await);
    let code = shop.coupon().await;
    for till in [&one, &two] {
        till.sync().await;
        till.cord.cut();
    }
    one.redeem(&code).await;
    shop.clock.turn_minutes(3);
    let number = two.redeem(&code).await.number.expect("it was accepted");
    for till in [&one, &two, &one] {
        till.cord.mend();
        till.sync().await;
    }
    (shop, one, two, number)
}

fn only(till: &Counter) -> StoreCase {
    let mut cases = till.till().cases();
    assert_eq!(cases.len(), 1, "there is one case: {cases:?}");
    cases.remove(0)
}

fn decide(
    till: &Counter,
    (_, name, pin): (&str, &str, &str),
    decision: Decision,
) -> Result<Number, NotResolved> {
    let yes = till.till().approve(name, pin, "退回了").expect("the PIN is right");
    till.till().resolve(&only(till).case.case, decision, &yes)
}

fn heard(till: &Counter) -> Heard {
    only(till).here.expect("it was decided here").heard
}

fn standing_decision(till: &Counter) -> String {
    only(till).case.stands
}

fn asked_for_cases(till: &Counter) -> Vec<u64> {
    let asked = |request: Request| match request {
        Request::Cases(after) => Some(after),
        _ => None,
    };
    till.cord.requests().into_iter().filter_map(asked).collect()
}

#[tokio::test]
async fn what_is_decided_at_one_till_is_heard_at_the_other() {
    let (shop, one, two, _) = given_out_twice().await;
    one.cord.cut();
    decide(&one, MANAGERS[0], Decision::Recovered).expect("nobody has decided yet, and no line is needed");
    assert_eq!(heard(&one), Heard::Waiting, "it waits to be sent");
    assert!(!only(&one).is_open(), "and is done with here");
    assert_eq!((one.standing().cases, one.standing().waiting), (0, 1), "as the bar says");
    let again = decide(&one, MANAGERS[0], Decision::Paid);
    assert_eq!(again, Err(NotResolved::Decided), "nobody decides twice at one till");
    assert!(only(&two).is_open(), "the other has not heard of it");

    one.cord.mend();
    one.sync().await;
    assert_eq!((heard(&one), one.standing().waiting), (Heard::Stands, 0), "it stands");
    two.sync().await;
    assert_eq!(
        (two.standing().cases, standing_decision(&two)),
        (0, "recovered".into()),
        "as the other hears"
    );
    let decided = only(&two).case.decisions;
    let told = (decided[0].clerk.as_str(), decided[0].till.as_str(), decided[0].note.as_str());
    assert_eq!(told, ("王芳", "1号收银机", "退回了"), "with who decided, where and why");
    let late = decide(&two, MANAGERS[1], Decision::NoFault);
    assert_eq!(late, Err(NotResolved::Decided), "there is nothing left to decide");
    assert_eq!(shop.cases().await.len(), 1, "and it is still one case");
}

#[tokio::test]
async fn of_two_decisions_the_first_stands_and_both_are_kept() {
    let (shop, mut one, two, _) = given_out_twice().await;
    for till in [&one, &two] {
        till.cord.cut();
    }
    decide(&one, MANAGERS[0], Decision::Recovered).expect("it is open here");
    shop.clock.turn_minutes(1);
    decide(&two, MANAGERS[1], Decision::WrittenOff).expect("and here");
    one.restart().await;
    assert_eq!(heard(&one), Heard::Waiting, "a restart forgets nothing");
    two.cord.mend();
    two.sync().await;
    one.cord.mend();
    one.sync().await;
    two.sync().await;
    assert_eq!(heard(&two), Heard::Stands, "who is heard first");
    assert_eq!(heard(&one), Heard::Before, "and the other learns it");
    for till in [&one, &two] {
        assert_eq!(standing_decision(till), "written_off", "to both the first one stands");
        assert_eq!((only(till).case.decisions.len(), till.standing().cases), (2, 0), "both are on record");
    }
    one.restart().await;
    one.sync().await;
    assert_eq!((heard(&one), one.standing().waiting), (Heard::Before, 0), "nothing is sent once more");
    assert_eq!(shop.cases().await[0].decisions.len(), 2, "nor counted twice");
}

#[tokio::test]
async fn only_a_manager_decides_and_only_on_what_is_there() {
    let (_shop, one, ..) = given_out_twice().await;
    let lines = one.standing().journal_lines;
    let case = only(&one).case.case;
    let desk = one.desk();
    let failed = desk.decide(&case, Decision::Paid, "李娜", "1234", "").await;
    assert_eq!(failed, Some("not_a_manager"), "a clerk does not");
    assert_eq!(
        desk.decide(&case, Decision::Paid, "王芳", "0000", "").await,
        Some("wrong_pin"),
        "nor a guess"
    );
    let failed = desk.decide("case-0", Decision::Paid, "王芳", "8888", "").await;
    assert_eq!(failed, Some("case_unknown"), "there is no such case");
    assert_eq!(one.standing().journal_lines, lines, "nothing was written");
    let secret = "P7KQ4M2XA8F3TN5WYC6P";
    let note = format!("顾客的码 {secret}");
    assert_eq!(desk.decide(&case, Decision::Paid, "王芳", "8888", &note).await, None, "the manager does");
    let kept = only(&one).here.expect("it was decided here").resolved.note;
    assert!(!kept.contains(secret), "a code that was scanned into the note is not kept: {kept}");
}

#[tokio::test]
async fn goods_that_came_back_end_a_case_for_everybody() {
    let (_shop, one, two, number) = given_out_twice().await;
    two.undo(number).await;
    two.sync().await;
    one.sync().await;
    assert_eq!((one.standing().cases, two.standing().cases), (0, 0), "nobody has to decide any more");
    assert_eq!(standing_decision(&one), "taken_back", "and it is said why");
}

#[tokio::test]
async fn a_copy_that_was_lost_gets_its_cases_again() {
    let (_shop, mut one, ..) = given_out_twice().await;
    let before = only(&one);
    one.close().await;
    for rest in ["db", "db-wal", "db-shm"] {
        let _ = std::fs::remove_file(one.folder().join("copy").with_extension(rest));
    }
    one.start().expect("the program starts whatever its files are like");
    assert_eq!(one.till().cases().len(), 0, "this till's own redemption counts, so that it knows of no case");
    one.sync().await;
    assert_eq!(only(&one), before, "it is told again");
}

#[tokio::test]
async fn what_a_till_knows_of_its_own_case_is_shown_without_the_copy() {
    let (_shop, _one, mut two, number) = given_out_twice().await;
    let told = only(&two).case;
    two.close().await;
    for rest in ["db", "db-wal", "db-shm"] {
        let _ = std::fs::remove_file(two.folder().join("copy").with_extension(rest));
    }
    two.start().expect("the program starts whatever its files are like");
    two.cord.cut();
    let own = only(&two);
    assert_eq!(
        (own.case.case.as_str(), own.case.class.as_str()),
        (told.case.as_str(), "duplicate"),
        "the same"
    );
    let mine: Vec<&str> = own.case.standing("not_counted").map(|side| side.number.as_str()).collect();
    assert_eq!(mine, [number.to_string()], "with its own side");
    assert_eq!(own.case.standing("counted").count(), 1, "and the other one");
    assert_eq!(two.standing().cases, 1, "and it is counted");
}

#[tokio::test]
async fn a_case_that_was_changed_by_hand_is_fetched_again_and_stops_nothing() {
    let (shop, mut one, ..) = given_out_twice().await;
    let before = only(&one);
    one.close().await;
    let db = Connection::open(one.folder().join("copy.db")).unwrap();
    let changed = db.execute("UPDATE case_told SET told = replace(told, '2000', '1')", []).unwrap();
    assert_eq!(changed, 1, "one row was changed");
    drop(db);
    one.start().unwrap();
    assert_eq!(one.till().cases().len(), 0, "what is not what was told is not shown");
    shop.coupon().await;
    one.sync().await;
    assert_eq!(one.standing().entitlements, 2, "the feed goes on");
    assert_eq!(only(&one), before, "and the case has come once more");
}

#[tokio::test]
async fn a_server_that_was_set_back_tells_its_cases_anew() {
    let mut shop = Shop::open().await;
    let (one, two) = (shop.till("1号收银机").await, shop.till("2号收银机").await);
    let (first, second) = (shop.coupon().await, shop.coupon().await);
    one.sync().await;
    two.sync().await;
    let saved = shop.backup().await;
    for code in [&first, &second] {
        shop.clock.turn_minutes(1);
        one.cord.cut();
        two.cord.cut();
        one.redeem(code).await;
        two.redeem(code).await;
        for till in [&one, &two, &one] {
            till.cord.mend();
            till.sync().await;
        }
    }
    assert_eq!(one.standing().cases, 2, "two coupons, two cases");
    shop.restore(&saved).await;
    assert_eq!(shop.cases().await.len(), 0, "which the backup does not have");
    // The first to be heard proves what happened; then everybody brings everything once more.
    for till in [&one, &two, &one, &two, &one] {
        till.sync().await;
    }
    let theirs = shop.cases().await;
    assert_eq!(theirs.len(), 2, "the lines have made them again");
    let names = |cases: Vec<wire::case::Case>| {
        let mut names: Vec<String> = cases.into_iter().map(|case| case.case).collect();
        names.sort();
        names
    };
    let open = one.till().cases().into_iter().map(|one| one.case).filter(wire::case::Case::is_open).collect();
    assert_eq!(names(open), names(theirs), "and the till shows those, and not what is gone");
}

#[tokio::test]
async fn an_idle_till_hears_of_a_case_by_itself_and_asks_for_it_once() {
    let (shop, mut one, two, _) = given_out_twice().await;
    one.keep_in_sync();
    let before = asked_for_cases(&one).len();
    decide(&two, MANAGERS[1], Decision::NoFault).expect("it is open");
    two.sync().await;
    one.until("the decision has come", |standing| standing.cases == 0).await;
    let coupon = shop.coupon().await;
    one.until("the feed goes on", |standing| standing.entitlements == 2).await;
    drop(coupon);
    assert_eq!(asked_for_cases(&one).len() - before, 1, "one change is one question");
}
