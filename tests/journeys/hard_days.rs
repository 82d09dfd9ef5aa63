//! What once went wrong in the hands of a reviewer: a journal that was thrown away, a barred till without a line, a
//! sync that hangs while a customer waits, a PIN lock that a restart opened.

use std::fs;
use std::time::Duration;

use model::verdict::{Class, Reason};
use tests::Shop;
use tests::cord::Way;
use till::screen::{Line, Stage};
use till::till::DEADLINE;

/// More than the deadline, less than the patience of a sync.
const A_CUSTOMER_WAITS: Duration = Duration::from_secs(4);

#[tokio::test]
async fn a_journal_that_was_thrown_away_is_not_begun_anew() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let (first, second) = (shop.coupon().await, shop.coupon().await);
    till.sync().await;
    till.redeem(&first).await;
    till.sync().await;
    till.close().await;
    for file in ["journal.db", "journal.db-wal", "journal.db-shm"] {
        let _ = fs::remove_file(till.folder().join(file));
    }
    till.start().expect("the program starts, to say what is wrong");
    assert_eq!(till.refused(second.secret()).await.reason, Reason::JournalBroken, "nothing may be accepted");
    assert!(!till.folder().join("journal.db").exists(), "and no empty journal stands in its place");
}

#[tokio::test]
async fn a_journal_that_the_server_does_not_know_stops_the_till() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let coupons = [shop.coupon().await, shop.coupon().await, shop.coupon().await];
    till.sync().await;
    till.redeem(&coupons[0]).await;
    till.sync().await;
    till.close().await;
    // A machine of its own for the old image: neither the lines nor the head that was kept elsewhere.
    for file in ["journal.db", "journal.db-wal", "journal.db-shm"] {
        let _ = fs::remove_file(till.folder().join(file));
    }
    fs::remove_dir_all(till.folder().with_extension("heads")).unwrap();
    till.start().expect("nothing shows yet that anything is wrong");
    till.redeem(&coupons[1]).await;
    till.sync().await;
    let told = till.refused(coupons[2].secret()).await;
    assert_eq!(
        (told.reason, told.class()),
        (Reason::Quarantined, Class::Fault),
        "the server holds other lines under these numbers, so nothing more is accepted"
    );
    assert!(till.standing().quarantine.is_some(), "and the status says why");
}

#[tokio::test]
async fn a_barred_till_stays_barred_without_a_line_and_after_a_restart() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let code = shop.coupon().await;
    till.sync().await;
    shop.store().revoke(&till.identity().device).await.unwrap();
    assert_eq!(till.refused(code.secret()).await.reason, Reason::TillRevoked, "the server says so");
    till.cord.cut();
    till.sync().await;
    assert_eq!(till.screen().status.line, Line::Revoked, "a cut line changes nothing");
    shop.clock.turn_minutes(1);
    assert_eq!(till.refused(code.secret()).await.reason, Reason::TillRevoked, "the copy does not decide");
    till.restart().await;
    shop.clock.turn_minutes(1);
    assert_eq!(till.refused(code.secret()).await.reason, Reason::TillRevoked, "nor does a restart help");
}

#[tokio::test]
async fn a_sync_that_hangs_keeps_no_customer_waiting() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let (first, second) = (shop.coupon().await, shop.coupon().await);
    till.sync().await;
    let done = till.redeem(&first).await;
    // The server takes the lines and never answers: the sync holds on to them for half a minute.
    till.cord.set(Way::KeepsAnswers);
    till.keep_in_sync();
    let lines = |requests: &[tests::cord::Request]| {
        requests.iter().any(|request| matches!(request, tests::cord::Request::Lines(_)))
    };
    till.cord.has_seen("the sync is handing lines in", lines).await;
    let number = done.number.expect("it was redeemed");
    let undone = tokio::time::timeout(A_CUSTOMER_WAITS, till.undo(number)).await;
    assert_eq!(undone.expect("an undo is done within the deadline").reason, Reason::Undone, "taken back");
    let next = tokio::time::timeout(A_CUSTOMER_WAITS + DEADLINE, till.redeem(&second)).await;
    assert_eq!(next.expect("so is the next redemption").reason, Reason::Redeemed, "from the local copy");
}

#[tokio::test]
async fn a_locked_door_stays_locked_through_a_restart() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    till.sync().await;
    for _ in 0..5 {
        till.sign_in("李娜", "0000").await;
    }
    till.restart().await;
    let screen = till.sign_in("李娜", "1234").await;
    assert!(
        matches!(screen.stage, Stage::SignIn { failed: Some("pin_locked"), .. }),
        "five wrong PINs lock the door, whatever is done to the program: {:?}",
        screen.stage
    );
}

#[tokio::test]
async fn goods_of_a_case_can_be_taken_back_and_that_ends_it() {
    let shop = Shop::open().await;
    let (here, there) = (shop.till("1号收银机").await, shop.till("2号收银机").await);
    let code = shop.coupon().await;
    here.sync().await;
    there.sync().await;
    here.cord.cut();
    let done = here.redeem(&code).await;
    there.redeem(&code).await;
    here.cord.mend();
    here.sync().await;
    assert_eq!(here.standing().cases, 1, "both tills gave it out");
    shop.clock.turn_minutes(60);
    let undone = here.undo(done.number.expect("it was redeemed")).await;
    assert_eq!(undone.reason, Reason::Undone, "the goods came back, an hour later");
    here.sync().await;
    assert_eq!(here.standing().cases, 0, "so there is nothing left to look at here");
    let open = shop.cases().await.into_iter().filter(wire::case::Case::is_open).count();
    assert_eq!(open, 0, "nor at the server");
}
