//! A pick-up order is fetched in two goes.

use model::redemption::Take;
use model::verdict::{Class, Reason, Todo};
use tests::counter::{offer, verdict};
use tests::{Shop, goods};
use till::screen::Stage;

const ORDER: [(&str, &str, u32); 3] =
    [("D01", "茉莉奶绿", 2), ("C01", "桂花糕", 1), ("B02", "凤梨酥礼盒", 1)];

#[tokio::test]
async fn part_now_and_the_rest_later() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let code = shop.issue_one(goods::order(&ORDER)).await.code;

    till.scan(code.secret()).await;
    let part = verdict(till.take(&[("D01", 1), ("C01", 1)]).await);
    assert_eq!(
        (part.reason, part.class()),
        (Reason::PartlyPickedUp, Class::Pass),
        "part of it is handed over"
    );
    assert_eq!((part.left, part.quantity), (2, 4), "two of four pieces stay");
    assert_eq!(part.taken.len(), 2, "the verdict lists what goes over the counter: {:?}", part.taken);

    shop.clock.turn_minutes(90);
    let screen = till.scan(code.secret()).await;
    let left: Vec<(&str, u32)> =
        offer(&screen).offer.items.iter().map(|item| (item.line.sku.as_str(), item.left)).collect();
    assert_eq!(left, [("D01", 1), ("C01", 0), ("B02", 1)], "the offer shows what is left of each line");
    let rest = verdict(till.take(&[("D01", 1), ("B02", 1)]).await);
    assert_eq!((rest.reason, rest.left), (Reason::PickedUp, 0), "now all of it is picked up");
    assert_eq!(rest.todo, Todo::HandOver, "the clerk hands it over");

    shop.clock.turn_minutes(2);
    assert_eq!(
        till.refused(code.secret()).await.reason,
        Reason::Used,
        "there is nothing left for a third go"
    );
    assert_eq!(shop.counted().await.len(), 2, "the server has counted two pick-ups");
}

#[tokio::test]
async fn more_than_is_left_is_refused_and_nothing_chosen_keeps_the_offer() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let code = shop.issue_one(goods::order(&ORDER)).await.code;

    till.scan(code.secret()).await;
    let too_much = verdict(till.take(&[("D01", 3)]).await);
    assert_eq!(too_much.reason, Reason::NotEnoughLeft, "three of two cannot be taken");
    assert_eq!(shop.counted().await.len(), 0, "and none of them was");

    shop.clock.turn_minutes(1);
    till.scan(code.secret()).await;
    let nothing = till.take(&[]).await;
    assert!(
        matches!(&nothing.stage, Stage::Offer(_))
            || matches!(&nothing.stage, Stage::Verdict(told) if told.reason == Reason::NothingChosen),
        "nothing chosen is nothing done: {:?}",
        nothing.stage
    );
    assert_eq!(shop.counted().await.len(), 0, "nothing was counted");
}

#[tokio::test]
async fn two_clerks_cannot_fetch_the_same_piece() {
    let shop = Shop::open().await;
    let (one, two) = (shop.till("1号收银机").await, shop.till("2号收银机").await);
    let code = shop.issue_one(goods::order(&ORDER)).await.code;
    one.scan(code.secret()).await;
    let screen = two.scan(code.secret()).await;
    let card = offer(&screen).clone();

    let first = verdict(one.take(&[("D01", 2)]).await);
    let second = verdict(two.take(&[("D01", 1), ("C01", 1)]).await);

    assert_eq!(first.reason, Reason::PartlyPickedUp, "the first gets both cups");
    assert_eq!(second.reason, Reason::NotEnoughLeft, "the second saw them, but they are gone");
    let takes: Vec<Take> = vec![Take { sku: "C01".into(), quantity: 1 }];
    assert_eq!(card.offer.items[0].left, 2, "although its offer had shown two: {takes:?}");
    assert_eq!(shop.counted().await.len(), 1, "half an act is no act: the cake was not taken either");
}
