//! A redemption is taken back: online, offline, in part, too late, twice, and by another till.

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

/// An order of three teas and a cake, picked up whole at that till.
async fn picked_up(shop: &Shop, till: &tests::Counter) -> (model::code::Code, model::redemption::Number) {
    let order = shop.issue_one(goods::order(&[("D01", "茉莉奶绿", 3), ("C01", "桂花糕", 1)])).await;
    till.sync().await;
    let done = till.redeem(&order.code).await;
    shop.clock.turn_minutes(2);
    (order.code, done.number.expect("it was picked up"))
}

/// What the server has for taken, in pieces.
async fn pieces_taken(shop: &Shop) -> u32 {
    let rows = shop.counted().await.into_iter().filter(|row| !row.undone);
    rows.flat_map(|row| row.takes).map(|take| take.quantity).sum()
}

/// The pieces that are offered when the code is scanned again.
async fn left(till: &tests::Counter, code: &model::code::Code) -> Vec<(String, u32)> {
    let screen = till.scan(code.secret()).await;
    let items = &tests::counter::offer(&screen).offer.items;
    items.iter().map(|item| (item.line.sku.clone(), item.left)).collect()
}

fn pieces(tea: u32, cake: u32) -> Vec<(String, u32)> {
    vec![("D01".into(), tea), ("C01".into(), cake)]
}

#[tokio::test]
async fn some_pieces_come_back_online_and_can_be_fetched_again() {
    let shop = Shop::open().await;
    let (till, other) = (shop.till("1号收银机").await, shop.till("2号收银机").await);
    let (code, number) = picked_up(&shop, &till).await;
    let row = till.desk().history().into_iter().find(|row| row.number == Some(number)).unwrap();
    let offered: Vec<u32> = row.pieces.iter().map(|piece| piece.left).collect();
    assert_eq!(offered, [3, 1], "the history offers each line");

    let undone = till.undo_part(number, &[("D01", 2)]).await;
    assert_eq!(
        (undone.reason, undone.basis),
        (Reason::Undone, Some(Basis::Server)),
        "the server has said so"
    );
    assert_eq!(
        undone.taken.len(),
        1,
        "the verdict names what came back and nothing else: {:?}",
        undone.taken
    );
    assert_eq!(undone.taken[0].1, 2, "so many of it");
    assert_eq!(pieces_taken(&shop).await, 2, "one tea and the cake are still taken");
    let row = till.desk().history().into_iter().find(|row| row.number == Some(number)).unwrap();
    let offered: Vec<u32> = row.pieces.iter().map(|piece| piece.left).collect();
    assert_eq!((row.undoable, offered), (true, vec![1, 1]), "which can still come back");

    shop.clock.turn_minutes(1);
    assert_eq!(left(&other, &code).await, pieces(2, 0), "another till offers what came back");
    let again = other.take(&[("D01", 2)]).await;
    assert_eq!(tests::counter::verdict(again).reason, Reason::PickedUp, "and hands it over");
    assert_eq!(pieces_taken(&shop).await, 4, "everything is out once more");
    assert_eq!(shop.cases().await.len(), 0, "and nobody has to look");
}

#[tokio::test]
async fn some_pieces_come_back_offline_before_anything_was_sent() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    till.sync().await;
    let order = shop.issue_one(goods::order(&[("D01", "茉莉奶绿", 3), ("C01", "桂花糕", 1)])).await;
    till.sync().await;
    till.cord.cut();
    let done = till.redeem(&order.code).await;
    let number = done.number.unwrap();
    shop.clock.turn_minutes(2);
    let undone = till.undo_part(number, &[("D01", 1), ("C01", 1)]).await;
    assert_eq!((undone.reason, undone.unsent), (Reason::Undone, true), "it waits");
    shop.clock.turn_minutes(1);
    till.restart().await;
    till.sign_in("李娜", "1234").await;
    assert_eq!(
        left(&till, &order.code).await,
        pieces(1, 1),
        "after a restart too the till knows what is back"
    );
    till.undo_part(number, &[("D01", 1)]).await;
    till.cord.mend();
    till.sync().await;
    assert_eq!(till.standing().waiting, 0, "all is settled");
    assert_eq!(pieces_taken(&shop).await, 1, "one tea is taken");
    shop.clock.turn_minutes(1);
    assert_eq!(left(&till, &order.code).await, pieces(2, 1), "and counted once, whoever tells of it");
    till.undo(number).await;
    assert_eq!(pieces_taken(&shop).await, 0, "the rest comes back without naming it");
    assert_eq!(shop.cases().await.len(), 0, "and nobody has to look");
}

#[tokio::test]
async fn nothing_is_written_of_an_undo_that_may_not_be() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let (_, number) = picked_up(&shop, &till).await;
    till.undo_part(number, &[("D01", 1)]).await;
    let lines = till.standing().journal_lines;
    let (twice, none) = (vec![("C01", 1), ("C01", 1)], vec![("C01", 0)]);
    for (takes, reason) in [
        (vec![("D01", 3)], Reason::UndoTooMuch),
        (vec![("X99", 1)], Reason::UndoTooMuch),
        (twice, Reason::UndoTooMuch),
        (none, Reason::NothingChosen),
    ] {
        assert_eq!(till.undo_part(number, &takes).await.reason, reason, "{takes:?}");
    }
    till.undo_part(number, &[("D01", 2), ("C01", 1)]).await;
    let after = till.standing().journal_lines;
    assert_eq!(till.undo(number).await.reason, Reason::UndoneBefore, "all of it is back already");
    assert_eq!(till.undo_part(number, &[("D01", 1)]).await.reason, Reason::UndoneBefore, "every piece");
    assert_eq!(till.standing().journal_lines, after, "nothing was written");
    assert!(after > lines, "but for what was done");
    let (_, late) = picked_up(&shop, &till).await;
    shop.clock.turn_minutes(9);
    assert_eq!(till.undo_part(late, &[("D01", 1)]).await.reason, Reason::UndoTooLate, "the time is over");
    assert_eq!(shop.cases().await.len(), 0, "and no case comes of what was not done");
}

#[tokio::test]
async fn an_undo_in_part_that_the_server_refuses_counts_again_and_becomes_a_case() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let (code, number) = picked_up(&shop, &till).await;
    till.cord.cut();
    shop.clock.turn_minutes(3);
    // The chain has shortened the time, and the till has not heard of it.
    let policy = model::policy::Policy { undo_minutes_max: 4, ..model::policy::Policy::default() };
    shop.set_policy(&policy).await;
    let undone = till.undo_part(number, &[("D01", 2)]).await;
    assert_eq!(undone.reason, Reason::Undone, "the till goes by what it knows");
    till.cord.mend();
    till.sync().await;
    assert_eq!(pieces_taken(&shop).await, 4, "the server counts it as before");
    let case = till.till().cases().pop().expect("and somebody must look");
    assert_eq!((case.case.class.as_str(), case.is_open()), ("undo_race", true), "{:?}", case.case);
    assert_eq!(case.case.sides.len(), 2, "with the redemption and the undo");
    shop.clock.turn_minutes(1);
    assert_eq!(till.refused(code.secret()).await.reason, Reason::Used, "to the till too it is taken again");
}
