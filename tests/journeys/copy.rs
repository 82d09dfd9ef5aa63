//! The copy proves itself: it comes as a snapshot, agrees with the server by its digest, and what was done to it by hand
//! is found, gives nothing away, and is put right.

use model::verdict::{Class, Reason};
use rusqlite::Connection;
use tests::cord::Request;
use tests::{Counter, Shop, goods};
use till::screen::Stage;

/// Stops the till, changes its copy, and starts it again.
async fn change(till: &mut Counter, sql: &str) {
    till.close().await;
    let db = Connection::open(till.folder().join("copy.db")).unwrap();
    assert_eq!(db.execute(sql, []).unwrap(), 1, "one row was changed: {sql}");
    drop(db);
    till.start().expect("the program starts whatever its files are like");
    till.sign_in("李娜", "1234").await;
}

fn snapshots(till: &Counter) -> usize {
    till.cord.requests().iter().filter(|request| matches!(request, Request::Snapshot)).count()
}

#[tokio::test]
async fn a_first_copy_of_some_size_comes_as_a_snapshot() {
    let shop = Shop::open().await;
    let issued = shop.issue(&goods::coupons(2_300)).await;
    let till = shop.till("1号收银机").await;
    assert_eq!(till.standing().entitlements, 2_300, "all of them have come");
    assert_eq!(snapshots(&till), 1, "not page by page");
    let fresh = shop.coupon().await;
    till.sync().await;
    assert_eq!(
        (till.standing().entitlements, snapshots(&till)),
        (2_301, 1),
        "and the feed goes on from there"
    );
    till.cord.cut();
    for code in [&issued[0].code, &issued[2_299].code, &fresh] {
        shop.clock.turn_minutes(1);
        assert_eq!(till.redeem(code).await.reason, Reason::Redeemed, "each is in the copy");
    }
    till.till().look_over().await.expect("and the copy is as the server told it");
}

#[tokio::test]
async fn a_chunk_that_is_gone_is_no_dead_end() {
    let shop = Shop::open().await;
    shop.issue(&goods::coupons(1_100)).await;
    let first = shop.till("1号收银机").await;
    assert_eq!(snapshots(&first), 1, "the snapshot was taken");
    std::fs::remove_dir_all(shop.server_folder().join("snapshots")).expect("somebody tidies up");
    let second = shop.till("2号收银机").await;
    assert_eq!(snapshots(&second), 2, "what was promised is gone, and there is another one");
    assert_eq!(second.standing().entitlements, 1_100, "which is whole");
}

#[tokio::test]
async fn a_copy_that_was_changed_by_hand_gives_nothing_away_until_it_is_fetched_anew() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let coupons = shop.issue(&goods::coupons(5)).await;
    till.redeem(&coupons[0].code).await;
    till.sync().await;
    let gone = format!("DELETE FROM entitlement WHERE id = '{}'", coupons[4].id);
    change(&mut till, &gone).await;
    till.cord.cut();
    till.till().look_over().await.expect_err("a row is missing");
    assert!(till.standing().copy_doubtful, "the copy is in doubt");
    assert!(till.screen().status.copy_rebuilt, "which the screen says");

    shop.clock.turn_minutes(1);
    let held = till.refused(coupons[1].code.secret()).await;
    assert_eq!(
        (held.reason, held.class()),
        (Reason::CopyDoubtful, Class::Fault),
        "nothing is given away by it"
    );
    let used = till.refused(coupons[0].code.secret()).await;
    assert_eq!(used.reason, Reason::Used, "what it says against a coupon still holds");
    till.close().await;
    till.start().unwrap();
    till.sign_in("李娜", "1234").await;
    let held = till.refused(coupons[1].code.secret()).await;
    assert_eq!(held.reason, Reason::CopyDoubtful, "a restart makes it no better");

    till.cord.mend();
    till.sync().await;
    assert!(!till.standing().copy_doubtful, "the server has told everything once more");
    assert_eq!(till.standing().entitlements, 5, "with what was missing");
    till.cord.cut();
    shop.clock.turn_minutes(1);
    assert_eq!(till.redeem(&coupons[4].code).await.reason, Reason::Redeemed, "and the till decides again");
}

#[tokio::test]
async fn a_row_that_was_changed_by_hand_is_not_believed_before_anything_was_looked_over() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let coupon = shop.issue_one(goods::coupon()).await;
    till.sync().await;
    let worth = "UPDATE entitlement SET told = replace(told, '\"value\":', '\"value\":9')";
    change(&mut till, worth).await;
    till.cord.cut();
    let held = till.refused(coupon.code.secret()).await;
    assert_eq!(held.reason, Reason::CopyDoubtful, "the row is not what was told");
    assert!(till.standing().copy_doubtful, "and so the whole copy is in doubt");
    till.cord.mend();
    till.sync().await;
    till.cord.cut();
    shop.clock.turn_minutes(1);
    let offered = till.scan(coupon.code.secret()).await;
    assert!(matches!(offered.stage, Stage::Offer(_)), "fetched anew, it is offered: {:?}", offered.stage);
}

#[tokio::test]
async fn a_row_that_was_put_back_to_what_it_once_was_is_noticed_with_the_next_change_to_it() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let other = shop.till("2号收银机").await;
    let card = shop.issue_one(goods::times_card(3)).await;
    till.sync().await;
    let row = {
        till.close().await;
        let db = Connection::open(till.folder().join("copy.db")).unwrap();
        let row: (String, Vec<u8>) = db
            .query_row("SELECT told, hash FROM entitlement", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        drop(db);
        till.start().unwrap();
        row
    };
    other.redeem(&card.code).await;
    till.sync().await;
    till.close().await;
    let db = Connection::open(till.folder().join("copy.db")).unwrap();
    db.execute("UPDATE entitlement SET told = ?1, hash = ?2", row).unwrap();
    drop(db);
    till.start().unwrap();
    shop.clock.turn_minutes(1);
    other.redeem(&card.code).await;
    let before = snapshots(&till);
    till.till().round().await.expect_err("the sums differ");
    assert!(till.standing().copy_doubtful, "the copy is in doubt");
    till.sync().await;
    assert_eq!(snapshots(&till), before + 1, "it is fetched anew");
    assert!(!till.standing().copy_doubtful, "and agrees with the server");
}
