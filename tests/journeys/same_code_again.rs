//! The same code comes again: here a moment later, here the next day, and at another store.

use model::verdict::{Basis, Class, Reason};
use tests::Shop;
use tests::shop::{FUTIAN, NANSHAN};

#[tokio::test]
async fn here_it_is_done_and_elsewhere_it_is_used() {
    let shop = Shop::open().await;
    let here = shop.till("1号收银机").await;
    let elsewhere = shop.till_at(FUTIAN, "2号收银机").await;
    let code = shop.coupon().await;
    let first = here.redeem(&code).await;

    shop.clock.turn_seconds(8);
    let again = here.refused(code.secret()).await;
    assert_eq!(
        (again.reason, again.class()),
        (Reason::UsedHereJustNow, Class::Done),
        "you did this just now"
    );
    let earlier = again.earlier.expect("the verdict names the first time");
    assert!(again.earlier_here, "it was this till");
    assert_eq!(again.at.seconds_since(earlier.at), 8, "8 seconds ago");
    assert_eq!(
        again.undo.map(|(number, _)| number),
        first.number,
        "and the undo of that very one is offered"
    );

    let there = elsewhere.refused(code.secret()).await;
    assert_eq!((there.reason, there.class()), (Reason::Used, Class::Stop), "elsewhere it is used");
    let earlier = there.earlier.expect("the verdict names the first time");
    assert_eq!(
        (earlier.till.as_str(), earlier.store.as_str(), earlier.clerk.as_str()),
        ("1号收银机", NANSHAN, "李娜"),
        "where and by whom"
    );
    assert_eq!(earlier.at, first.at, "and when");
    assert!(!there.earlier_here && there.undo.is_none(), "nobody undoes another till's redemption");

    shop.clock.turn_seconds(60);
    let later = here.refused(code.secret()).await;
    assert_eq!(later.reason, Reason::Used, "after a minute it is simply used, here too");
    assert_eq!(shop.counted().await.len(), 1, "and it was counted once");
}

#[tokio::test]
async fn the_copy_knows_it_too() {
    let mut shop = Shop::open().await;
    let here = shop.till("1号收银机").await;
    let elsewhere = shop.till_at(FUTIAN, "2号收银机").await;
    let code = shop.coupon().await;
    here.redeem(&code).await;
    here.sync().await;
    elsewhere.sync().await;
    shop.stop().await;

    shop.clock.turn_minutes(5);
    let there = elsewhere.refused(code.secret()).await;
    assert_eq!(there.reason, Reason::Used, "the feed has told of the use before the line went down");
    assert!(matches!(there.basis, Some(Basis::Copy { .. })), "and the verdict says that the copy speaks");
    let again = here.refused(code.secret()).await;
    assert_eq!(again.reason, Reason::Used, "the till knows its own redemption from its journal");
    assert!(again.earlier_here, "as its own");
}
