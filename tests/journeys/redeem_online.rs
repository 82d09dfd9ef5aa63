//! A coupon is redeemed while the line is up: the server decides, and one redemption is one redemption.

use model::verdict::{Basis, Class, Reason, Todo};
use tests::counter::verdict;
use tests::{Shop, goods};
use till::screen::Stage;
use wire::line::{Act, Outcome};

#[tokio::test]
async fn the_server_decides_and_counts_it_once() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let code = shop.coupon().await;

    let done = till.redeem(&code).await;

    assert_eq!((done.reason, done.class()), (Reason::Redeemed, Class::Pass), "a good coupon is redeemed");
    assert_eq!(done.basis, Some(Basis::Server), "and the server has said so");
    assert!(matches!(done.todo, Todo::DeductAmount(_)), "the clerk is told to deduct it: {:?}", done.todo);
    assert!(!done.unsent && till.standing().waiting == 0, "there is nothing left to send");
    assert_eq!(till.screen().status.redeemed_today, 1, "the day counts one coupon");
    let counted = shop.counted().await;
    assert_eq!(counted.len(), 1, "the server has counted one");
    assert_eq!(
        Some(counted[0].number.clone()),
        done.number.map(|number| number.to_string()),
        "this very one"
    );
    assert_eq!(
        (counted[0].till.as_str(), counted[0].store.as_str(), counted[0].clerk.as_str()),
        ("1号收银机", "南山店", "李娜"),
        "and knows where and by whom"
    );

    till.close().await;
    let lines = till.journal();
    assert!(
        matches!(&lines[1].act, Act::Begun(begun) if begun.asking),
        "first what was asked for: {lines:?}"
    );
    assert!(
        matches!(&lines[2].act, Act::Decided(decided) if decided.outcome == Outcome::Accepted),
        "then how it was decided: {lines:?}"
    );
}

#[tokio::test]
async fn a_second_press_and_a_scanners_echo_do_nothing() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let code = shop.coupon().await;

    let done = till.redeem(&code).await;
    let pressed = verdict(till.take(&[("coupon", 1)]).await);
    assert_eq!(pressed.number, done.number, "a second press of the button shows the same verdict");
    shop.clock.turn_seconds(1);
    let echoed = verdict(till.scan(code.secret()).await);
    assert_eq!(echoed.number, done.number, "the scanner's echo leaves the verdict on the screen");
    assert_eq!(till.cord.redeems().len(), 1, "the server was asked once");
    assert_eq!(shop.counted().await.len(), 1, "and has counted once");
}

#[tokio::test]
async fn a_look_counts_nothing() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let code = shop.coupon().await;

    let looked = till.scan(code.secret()).await;
    assert!(matches!(looked.stage, Stage::Offer(_)), "the coupon is offered");
    assert_eq!(till.redemptions(), 0, "a look leaves no line");
    assert_eq!(shop.counted().await.len(), 0, "and counts nothing");
}

#[tokio::test]
async fn what_the_merchant_took_back_is_refused_by_name() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    for (standing, reason) in [
        (wire::entitlement::Standing::Refunded, Reason::Refunded),
        (wire::entitlement::Standing::RefundPending, Reason::RefundPending),
        (wire::entitlement::Standing::Cancelled, Reason::Cancelled),
        (wire::entitlement::Standing::Frozen, Reason::Frozen),
    ] {
        let issued = shop.issue_one(goods::coupon()).await;
        shop.store().set_standing(&issued.id, standing).await.unwrap();
        let told = till.refused(issued.code.secret()).await;
        assert_eq!(told.reason, reason, "{standing:?} has its own reason");
        assert_eq!(told.basis, Some(Basis::Server), "told by the server");
    }
    assert_eq!(till.redemptions(), 0, "what is refused at sight is no redemption");
}

#[tokio::test]
async fn a_refund_between_offer_and_confirmation_wins() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let issued = shop.issue_one(goods::coupon()).await;

    till.scan(issued.code.secret()).await;
    shop.store().set_standing(&issued.id, wire::entitlement::Standing::Refunded).await.unwrap();
    let told = verdict(till.take(&[("coupon", 1)]).await);

    assert_eq!(told.reason, Reason::Refunded, "the server's write saw the refund");
    assert_eq!(shop.counted().await.len(), 0, "nothing was counted");
}
