//! A member shows the card, and the clerk finds the coupon that belongs to it.

use model::entitlement::Kind;
use model::verdict::Reason;
use tests::counter::{offer, verdict};
use tests::{Counter, Shop, goods};
use till::desk::Act;
use till::screen::{MemberCard, Stage};

async fn member_with_coupons(shop: &Shop) -> (model::code::Code, Vec<String>) {
    let member = shop.issue_one(goods::member()).await;
    let of_member = |new| server::store::NewEntitlement { member: Some(member.id.clone()), ..new };
    let issued = shop.issue(&[of_member(goods::coupon()), of_member(goods::times_card(3))]).await;
    (member.code, issued.into_iter().map(|issued| issued.id).collect())
}

async fn card(till: &Counter, code: &model::code::Code) -> MemberCard {
    match till.scan(code.secret()).await.stage {
        Stage::Member(card) => card,
        other => panic!("a member card was expected, not {other:?}"),
    }
}

#[tokio::test]
async fn from_the_card_to_the_coupon_online_and_offline() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let (code, ids) = member_with_coupons(&shop).await;
    till.sync().await;

    let shown = card(&till, &code).await;
    assert!(
        matches!(&shown.known.entitlement.kind, Kind::Member(member) if member.points == 8_240),
        "who it is"
    );
    assert_eq!(shown.coupons.len(), 2, "a coupon and a card belong to the member");
    assert!(shown.coupons.iter().all(|(_, reason)| reason.is_none()), "both can be used");

    let chosen = till.desk().act(Act::Choose(ids[0].clone())).await;
    assert_eq!(offer(&chosen).known.entitlement.id.0, ids[0], "the chosen one is offered");
    let done = verdict(till.take(&[("coupon", 1)]).await);
    assert_eq!(done.reason, Reason::Redeemed, "and redeemed without its code having been shown");

    shop.clock.turn_minutes(3);
    till.sync().await;
    till.cord.cut();
    let shown = card(&till, &code).await;
    let of = |id: &str| {
        let found = shown.coupons.iter().find(|(known, _)| known.entitlement.id.0 == id);
        found.expect("listed from the copy too").1
    };
    assert_eq!(of(&ids[0]), Some(Reason::Used), "the coupon is shown as used");
    assert_eq!(of(&ids[1]), None, "the card still has uses");
    till.desk().act(Act::Choose(ids[1].clone())).await;
    let done = verdict(till.take(&[("use", 1)]).await);
    assert_eq!((done.reason, done.left, done.unsent), (Reason::Redeemed, 2, true), "one use goes offline");
}

#[tokio::test]
async fn a_membership_itself_is_never_redeemed() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let (code, _) = member_with_coupons(&shop).await;
    card(&till, &code).await;
    let screen = till.take(&[("coupon", 1)]).await;
    assert!(matches!(screen.stage, Stage::Member(_)), "there is nothing to confirm on a member card");
    assert_eq!(till.redemptions(), 0, "and no line is written");
}
