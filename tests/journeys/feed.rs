//! What the server learns, the tills hear by themselves, before the line goes down.

use model::verdict::{Basis, Reason};
use tests::shop::FUTIAN;
use tests::{Shop, goods};
use till::screen::Stage;
use wire::entitlement::Standing;

#[tokio::test]
async fn news_arrives_by_itself() {
    let mut shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let mut other = shop.till_at(FUTIAN, "2号收银机").await;
    till.keep_in_sync();
    other.keep_in_sync();
    let issued = shop.issue(&goods::coupons(3)).await;
    for till in [&till, &other] {
        till.until("three coupons are in the copy", |now| now.entitlements == 3).await;
    }
    let used = other.redeem(&issued[0].code).await;
    assert_eq!(used.reason, Reason::Redeemed, "the other till redeems the first");
    shop.store().set_standing(&issued[1].id, Standing::Refunded).await.unwrap();
    // Changes come in their order, so with a fourth coupon the two before it are there as well.
    shop.coupon().await;
    till.until("the news has come", |now| now.entitlements == 4).await;
    shop.stop().await;
    till.until("the line is down", |now| now.line != Some(till::till::LineState::Online)).await;

    shop.clock.turn_minutes(2);
    let told = till.refused(issued[0].code.secret()).await;
    assert_eq!(told.reason, Reason::Used, "the use at the other store is known without the server");
    assert_eq!(told.earlier.map(|done| done.till).as_deref(), Some("2号收银机"), "and whose it was");
    let told = till.refused(issued[1].code.secret()).await;
    assert_eq!(told.reason, Reason::Refunded, "and so is the refund");
    assert!(matches!(told.basis, Some(Basis::Copy { .. })), "the verdict says on what it rests");
    let screen = till.scan(issued[2].code.secret()).await;
    assert!(matches!(screen.stage, Stage::Offer(_)), "what is good is still good");
}

#[tokio::test]
async fn a_large_copy_comes_page_by_page_and_whole() {
    const COUPONS: usize = 2_300;
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let issued = shop.issue(&goods::coupons(COUPONS)).await;
    till.sync().await;
    assert_eq!(till.standing().entitlements, COUPONS as u64, "all pages have come");
    till.cord.cut();
    for at in [0, COUPONS / 2, COUPONS - 1] {
        shop.clock.turn_minutes(1);
        let done = till.redeem(&issued[at].code).await;
        assert_eq!(done.reason, Reason::Redeemed, "coupon {at} is in the copy");
    }
}

#[tokio::test]
async fn another_stores_goods_are_sent_there() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let there = shop.store().store_named(FUTIAN).await.unwrap().unwrap().id;
    let order = server::store::NewEntitlement {
        stores: Some(vec![there]),
        ..goods::order(&[("D01", "茉莉奶绿", 1)])
    };
    let order = shop.issue_one(order).await;
    let told = till.refused(order.code.secret()).await;
    assert_eq!(told.reason, Reason::WrongStore, "it waits at the other store");
    till.sync().await;
    assert_eq!(till.standing().entitlements, 0, "and is not in this store's copy");
    till.cord.cut();
    shop.clock.turn_minutes(1);
    let told = till.refused(order.code.secret()).await;
    assert_eq!(told.reason, Reason::UnknownOffline, "so without a line the till does not guess");
}
