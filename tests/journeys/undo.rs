//! A redemption is taken back: online, offline, too late, twice, and by another till.

use model::time::UnixMs;
use model::verdict::{Basis, Reason, Todo};
use tests::{Shop, goods};

#[tokio::test]
async fn online_the_coupon_is_free_again_at_once() {
    let shop = Shop::open().await;
    let (till, other) = (shop.till("1号收银机").await, shop.till("2号收银机").await);
    let code = shop.coupon().await;
    let done = till.redeem(&code).await;
    assert_eq!(
        done.undo,
        done.number.map(|number| (number, UnixMs(done.at.0 + 10 * 60_000))),
        "the verdict offers the undo, for ten minutes"
    );

    shop.clock.turn_minutes(2);
    let undone = till.undo(done.number.unwrap()).await;
    assert_eq!((undone.reason, undone.todo), (Reason::Undone, Todo::TakeBack), "taken back, goods too");
    assert_eq!((undone.basis, undone.unsent), (Some(Basis::Server), false), "and the server has said so");
    assert_eq!(shop.counting_numbers().await.len(), 0, "nothing counts any more");

    shop.clock.turn_minutes(1);
    assert_eq!(other.redeem(&code).await.reason, Reason::Redeemed, "so another till can redeem it");
    assert_eq!(till.undo(done.number.unwrap()).await.reason, Reason::UndoneBefore, "once is enough");
    assert_eq!(shop.counting_numbers().await.len(), 1, "and the second undo took nothing away");
}

#[tokio::test]
async fn offline_it_waits_and_is_settled_later() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let code = shop.coupon().await;
    till.sync().await;
    let online = till.redeem(&code).await;
    till.cord.cut();

    shop.clock.turn_minutes(1);
    // The first to meet the cut line notices it.
    let undone = till.undo(online.number.unwrap()).await;
    assert_eq!((undone.reason, undone.unsent), (Reason::Undone, true), "the undo waits");
    shop.clock.turn_minutes(1);
    let again = till.redeem(&code).await;
    assert_eq!(again.reason, Reason::Redeemed, "the till knows that the coupon is free again");
    assert_eq!(till.standing().waiting, 2, "an undo and a redemption wait");

    till.cord.mend();
    till.sync().await;
    assert_eq!(till.standing().waiting, 0, "both are settled");
    assert_eq!(shop.counting_numbers().await, [again.number.unwrap().to_string()], "the second one counts");
    assert_eq!(shop.cases().await.len(), 0, "and nobody has to look");
}

#[tokio::test]
async fn after_ten_minutes_the_manager_is_called() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let done = till.redeem(&shop.coupon().await).await;

    shop.clock.turn_seconds(10 * 60 + 1);
    let late = till.undo(done.number.unwrap()).await;
    assert_eq!((late.reason, late.todo), (Reason::UndoTooLate, Todo::CallManager), "the time is over");
    assert!(till.screen().recent.iter().all(|row| !row.undoable), "and no row offers it any more");
    assert_eq!(shop.counting_numbers().await.len(), 1, "it still counts");
}

#[tokio::test]
async fn nobody_undoes_what_is_not_theirs() {
    let shop = Shop::open().await;
    let (till, other) = (shop.till("1号收银机").await, shop.till("2号收银机").await);
    let done = till.redeem(&shop.coupon().await).await;
    let told = other.undo(done.number.unwrap()).await;
    assert_eq!(told.reason, Reason::UndoUnknown, "another till does not know that number as its own");
    assert_eq!(other.redemptions(), 0, "and writes nothing");
    assert_eq!(shop.counting_numbers().await.len(), 1, "it still counts");
}

#[tokio::test]
async fn part_of_an_order_can_be_taken_back_and_fetched_again() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let order = shop.issue_one(goods::order(&[("D01", "茉莉奶绿", 2), ("C01", "桂花糕", 1)])).await;
    till.scan(order.code.secret()).await;
    let part = tests::counter::verdict(till.take(&[("D01", 2)]).await);
    shop.clock.turn_minutes(1);
    till.undo(part.number.unwrap()).await;
    shop.clock.turn_minutes(1);
    let all = till.redeem(&order.code).await;
    assert_eq!((all.reason, all.left), (Reason::PickedUp, 0), "all three pieces are there again");
    assert_eq!(all.taken.iter().map(|(_, count)| count).sum::<u32>(), 3, "and go over the counter together");
}

#[tokio::test]
async fn an_undo_whose_answer_is_lost_is_done_once() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let card = shop.issue_one(goods::times_card(3)).await;
    let done = till.redeem(&card.code).await;
    till.cord.set(tests::cord::Way::LosesAnswers);
    shop.clock.turn_minutes(1);
    let undone = till.undo(done.number.unwrap()).await;
    assert!(undone.unsent, "nobody knows whether it arrived");
    till.cord.mend();
    till.sync().await;
    assert_eq!(till.standing().waiting, 0, "a repeat settles it");
    shop.clock.turn_minutes(1);
    let again = till.redeem(&card.code).await;
    assert_eq!(again.left, 2, "the card has three uses again, not four, and one of them goes now");
}
