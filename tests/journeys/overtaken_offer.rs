//! An offer stands on the screen while the world goes on: what the feed has told meanwhile counts.

use model::verdict::{Basis, Reason};
use tests::Shop;
use tests::cord::Way;
use tests::counter::{offer, usual_takes, verdict};
use till::desk::Act;

#[tokio::test]
async fn what_was_used_elsewhere_meanwhile_is_not_given_out_without_the_server() {
    for known_to_be_offline in [false, true] {
        let shop = Shop::open().await;
        let (one, other) = (shop.till("1号收银机").await, shop.till("2号收银机").await);
        let coupon = shop.coupon().await;
        let takes = usual_takes(offer(&one.scan(coupon.secret()).await));
        other.redeem(&coupon).await;
        one.sync().await;
        one.cord.cut();
        if known_to_be_offline {
            one.sync().await;
        }
        let told = verdict(one.desk().act(Act::Confirm(takes)).await);
        assert_eq!(told.reason, Reason::Used, "the copy knows of the other till's redemption");
        assert!(matches!(told.basis, Some(Basis::Copy { .. })), "and says what it rests on");
    }
}

#[tokio::test]
async fn what_was_refunded_meanwhile_is_not_given_out_without_the_server() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let issued = shop.issue_one(tests::goods::coupon()).await;
    let takes = usual_takes(offer(&till.scan(issued.code.secret()).await));
    let refunded = wire::entitlement::Standing::Refunded;
    shop.store().set_standing(&issued.id, refunded).await.expect("the database works");
    till.sync().await;
    till.cord.cut();
    assert_eq!(
        verdict(till.desk().act(Act::Confirm(takes)).await).reason,
        Reason::Refunded,
        "so says the copy"
    );
}

#[tokio::test]
async fn an_answer_that_was_lost_is_told_by_the_feed() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let coupon = shop.coupon().await;
    let takes = usual_takes(offer(&till.scan(coupon.secret()).await));
    till.cord.set(Way::KeepsAnswers);
    let mut changes = shop.store().changes();
    changes.borrow_and_update();
    let follow = async {
        changes.changed().await.expect("the server runs");
        till.cord.mend();
        till.sync().await;
    };
    let (screen, ()) = tokio::join!(till.desk().act(Act::Confirm(takes)), follow);
    let told = verdict(screen);
    assert_eq!(
        (told.reason, told.basis),
        (Reason::Redeemed, Some(Basis::Server)),
        "the server has counted it"
    );
    let counted = shop.counting_numbers().await;
    assert_eq!(counted, [told.number.unwrap().to_string()], "once, under this number");
}

#[tokio::test]
async fn a_till_that_is_barred_while_it_waits_for_an_answer_accepts_nothing_alone() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let coupon = shop.coupon().await;
    let takes = usual_takes(offer(&till.scan(coupon.secret()).await));
    till.cord.set(Way::KeepsAnswers);
    let mut changes = shop.store().changes();
    changes.borrow_and_update();
    let bar = async {
        changes.changed().await.expect("the server runs");
        shop.store().revoke(&till.identity().device).await.expect("the database works");
        till.cord.mend();
        till.sync().await;
    };
    let (screen, ()) = tokio::join!(till.desk().act(Act::Confirm(takes)), bar);
    let told = verdict(screen);
    assert_eq!(told.reason, Reason::TillRevoked, "the copy would have given it out");
}
