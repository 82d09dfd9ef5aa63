//! A card with five uses counts down, online and offline, and stops at nothing left.

use model::verdict::{Basis, Reason};
use tests::{Shop, goods};

#[tokio::test]
async fn five_uses_and_no_sixth() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let code = shop.issue_one(goods::times_card(5)).await.code;
    till.sync().await;

    let mut left = vec![];
    for time in 0..5 {
        shop.clock.turn_minutes(5);
        // The line is down for the third and the fourth.
        if time == 2 {
            till.cord.cut();
        }
        if time == 4 {
            till.cord.mend();
            till.sync().await;
        }
        let done = till.redeem(&code).await;
        assert_eq!(done.reason, Reason::Redeemed, "use {time} is there to be taken");
        let offline = matches!(done.basis, Some(Basis::Copy { .. }));
        assert_eq!(offline, time == 2 || time == 3, "use {time} says on what it rests: {:?}", done.basis);
        left.push(done.left);
    }
    assert_eq!(left, [4, 3, 2, 1, 0], "each verdict says how many are left");

    shop.clock.turn_minutes(5);
    assert_eq!(till.refused(code.secret()).await.reason, Reason::Used, "the sixth is refused");
    assert_eq!(shop.counting_numbers().await.len(), 5, "the server has counted five");
    assert_eq!(shop.cases().await.len(), 0, "and nobody has to look at anything");
}

#[tokio::test]
async fn the_last_use_is_not_given_twice_offline() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let code = shop.issue_one(goods::times_card(2)).await.code;
    till.sync().await;
    till.cord.cut();

    till.redeem(&code).await;
    shop.clock.turn_minutes(1);
    till.redeem(&code).await;
    shop.clock.turn_minutes(1);
    let third = till.refused(code.secret()).await;
    assert_eq!(third.reason, Reason::Used, "the till counts its own unsent uses");
    assert_eq!(till.standing().waiting, 2, "two wait");
}
