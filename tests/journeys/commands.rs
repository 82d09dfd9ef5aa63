//! Printed commands: hands that hold a scanner work the till with it.

use model::verdict::Reason;
use tests::counter::{offer, verdict};
use tests::{Shop, goods};
use till::screen::Stage;

#[tokio::test]
async fn confirm_undo_and_next_by_scanning() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let order = shop.issue_one(goods::order(&[("D01", "茉莉奶绿", 2), ("C01", "桂花糕", 1)])).await;
    offer(&till.scan(order.code.secret()).await);
    let done = verdict(till.scan("CF0:CONFIRM").await);
    assert_eq!(done.reason, Reason::PickedUp, "everything that is left");
    let undone = verdict(till.scan("cf0:undo").await);
    assert_eq!(undone.reason, Reason::Undone, "capitals do not matter");
    assert!(matches!(till.scan("CF0:NEXT").await.stage, Stage::Ready), "the next customer");
    let idle = verdict(till.scan("CF0:UNDO").await);
    assert_eq!(idle.reason, Reason::CommandIdle, "nothing to undo on the screen");
    shop.clock.turn_minutes(1);
    let printer = verdict(till.scan("CF0:REPRINT").await);
    assert_eq!(printer.reason, Reason::CommandIdle, "there is no printer to print with");
}

#[tokio::test]
async fn take_all_takes_one_use_of_a_card_and_a_badge_is_no_code() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let card = shop.issue_one(goods::times_card(5)).await;
    offer(&till.scan(card.code.secret()).await);
    let done = verdict(till.scan("CF0:ALL").await);
    assert_eq!((done.reason, done.left), (Reason::Redeemed, 4), "a card is used once at a time");
    let badge = model::code::Code::issue(model::code::CodeKind::Badge, [3; model::code::RANDOM_BYTES]);
    assert_eq!(till.refused(badge.secret()).await.reason, Reason::StaffBadge, "named as what it is");
}
