//! Somebody sets the computer's clock: back, so that an expired code might revive, or far ahead.

use model::time::Doubt;
use model::verdict::Reason;
use tests::hands::TurnedClock;
use tests::{Shop, goods};

const HOUR: i64 = 3600;

#[tokio::test]
async fn a_clock_set_back_revives_nothing_even_after_a_restart() {
    let shop = Shop::open().await;
    let (mut till, clock) = shop.till_with_own_clock("1号收银机").await;
    let until = TurnedClock::START.plus_seconds(HOUR).0;
    let coupon =
        shop.issue_one(server::store::NewEntitlement { valid_until: Some(until), ..goods::coupon() }).await;
    till.sync().await;
    till.cord.cut();
    clock.turn_seconds(2 * HOUR);
    assert_eq!(till.refused(coupon.code.secret()).await.reason, Reason::Expired, "its hour is over");
    clock.set_ahead_seconds(-90 * 60);
    shop.clock.turn_seconds(10);
    clock.turn_seconds(10);
    assert_eq!(till.refused(coupon.code.secret()).await.reason, Reason::Expired, "and stays over");
    assert!(matches!(till.screen().status.clock, Doubt::Back(_)), "the screen says that the clock is slow");
    till.restart().await;
    assert_eq!(till.refused(coupon.code.secret()).await.reason, Reason::Expired, "after a restart too");
}

#[tokio::test]
async fn a_clock_set_far_ahead_decides_nothing_alone_and_is_put_right_by_the_server() {
    let shop = Shop::open().await;
    let (till, clock) = shop.till_with_own_clock("1号收银机").await;
    let coupon = shop.coupon().await;
    till.sync().await;
    clock.set_ahead_seconds(HOUR);
    assert!(matches!(till.screen().status.clock, Doubt::Ahead(_)), "an hour ahead is said");
    clock.set_ahead_seconds(29 * HOUR);
    till.cord.cut();
    let told = till.refused(coupon.secret()).await;
    assert_eq!(told.reason, Reason::ClockUnsure, "a jump of more than a day: not without the server");
    till.cord.mend();
    clock.set_ahead_seconds(-30 * HOUR);
    till.sync().await;
    clock.turn_seconds(10);
    till.cord.cut();
    let done = till.redeem(&coupon).await;
    assert_eq!(done.reason, Reason::Redeemed, "put right, the till decides alone again");
    assert_eq!(till.screen().status.clock, Doubt::None, "and nothing is left to say");
}

#[tokio::test]
async fn not_even_the_minutes_after_its_end_can_be_won_back() {
    let shop = Shop::open().await;
    let (mut till, clock) = shop.till_with_own_clock("1号收银机").await;
    let until = TurnedClock::START.plus_seconds(30).0;
    let coupon =
        shop.issue_one(server::store::NewEntitlement { valid_until: Some(until), ..goods::coupon() }).await;
    till.sync().await;
    till.cord.cut();
    clock.turn_seconds(31);
    assert_eq!(till.refused(coupon.code.secret()).await.reason, Reason::Expired, "over for a second");
    till.close().await;
    clock.set_ahead_seconds(-600);
    till.start().unwrap();
    assert_eq!(till.refused(coupon.code.secret()).await.reason, Reason::Expired, "and for ever");
}

#[tokio::test]
async fn a_line_that_was_written_under_a_wrong_clock_says_so() {
    let shop = Shop::open().await;
    let (mut till, clock) = shop.till_with_own_clock("1号收银机").await;
    let coupon = shop.coupon().await;
    till.sync().await;
    clock.set_ahead_seconds(2 * HOUR);
    till.cord.cut();
    till.redeem(&coupon).await;
    till.close().await;
    let said = format!("{:?}", till.journal());
    assert!(said.contains("clock: Some(\"ahead\")"), "the line is flagged: {said}");
}
