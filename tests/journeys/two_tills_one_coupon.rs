//! Two tills, one coupon: online one wins, and offline one counts and the other becomes a case.

use model::verdict::{Basis, Class, Reason};
use tests::counter::verdict;
use tests::shop::FUTIAN;
use tests::{Shop, goods};
use till::screen::Stands;

#[tokio::test]
async fn online_one_of_them_wins() {
    let shop = Shop::open().await;
    let one = shop.till("1号收银机").await;
    let two = shop.till_at(FUTIAN, "2号收银机").await;
    for issued in shop.issue(&goods::coupons(8)).await {
        one.scan(issued.code.secret()).await;
        two.scan(issued.code.secret()).await;

        let (first, second) = tokio::join!(one.take(&[("coupon", 1)]), two.take(&[("coupon", 1)]));

        let (first, second) = (verdict(first), verdict(second));
        let passed = [&first, &second].into_iter().filter(|told| told.class() == Class::Pass).count();
        assert_eq!(passed, 1, "exactly one is redeemed: {first:?} {second:?}");
        let (winner, loser) = if first.class() == Class::Pass { (first, second) } else { (second, first) };
        assert_eq!(loser.reason, Reason::Used, "the other is told that it is used");
        assert_eq!(loser.basis, Some(Basis::Server), "by the server");
        assert_eq!(loser.earlier.map(|done| done.at), Some(winner.at), "and by which redemption");
        shop.clock.turn_minutes(1);
    }
    assert_eq!(shop.counting_numbers().await.len(), 8, "eight coupons, eight redemptions");
    assert_eq!(shop.cases().await.len(), 0, "a lost race is no case: nothing was handed over twice");
}

#[tokio::test]
async fn offline_one_counts_and_the_other_becomes_a_case() {
    let mut shop = Shop::open().await;
    let mut one = shop.till("1号收银机").await;
    let mut two = shop.till_at(FUTIAN, "2号收银机").await;
    let code = shop.coupon().await;
    one.sync().await;
    two.sync().await;
    shop.stop().await;

    let first = one.redeem(&code).await;
    shop.clock.turn_minutes(3);
    let second = two.redeem(&code).await;
    for done in [&first, &second] {
        assert_eq!((done.reason, done.unsent), (Reason::Redeemed, true), "each accepts what it cannot know");
        assert!(matches!(done.basis, Some(Basis::Copy { .. })), "and says that the copy speaks: {done:?}");
    }

    shop.start().await;
    one.sync().await;
    two.sync().await;

    assert_eq!(
        shop.counting_numbers().await,
        [first.number.unwrap().to_string()],
        "who is heard first counts"
    );
    one.sync().await;
    assert_eq!((one.standing().cases, two.standing().cases), (1, 1), "both stores have a case to look at");
    assert_eq!((one.standing().waiting, two.standing().waiting), (0, 0), "and nobody waits any longer");
    let theirs = shop.cases().await;
    for till in [&one, &two] {
        let shown = till.till().cases();
        assert_eq!(shown.len(), 1, "each shows it once: {shown:?}");
        assert!(shown[0].is_open() && shown[0].concerns, "as one that concerns this very till: {shown:?}");
        assert_eq!(shown[0].case, theirs[0], "with both sides, as the server has it");
    }
    let shown = &two.till().cases()[0].case;
    let relied = shown.standing("not_counted").next().and_then(|side| side.relied.clone());
    assert!(relied.is_some_and(|relied| relied.heard_at > 0), "and with what the till relied on: {shown:?}");
    let theirs = shop.cases().await;
    assert_eq!(theirs.len(), 1, "the server shows one case");
    let side = |standing| theirs[0].standing(standing).map(|side| side.number.clone()).collect::<Vec<_>>();
    assert_eq!(side("not_counted"), [second.number.unwrap().to_string()], "with the one side");
    assert_eq!(side("counted"), [first.number.unwrap().to_string()], "and the other");
    assert_eq!(theirs[0].value, 2_000, "and the value at stake");
    assert_eq!(two.desk().history()[0].stands, Stands::Case, "the history says so too");

    // Nothing of that is forgotten, and nothing comes twice.
    for till in [&mut one, &mut two] {
        till.restart().await;
        till.sync().await;
    }
    assert_eq!(
        (one.standing().cases, two.standing().cases),
        (1, 1),
        "after a restart the case is still there"
    );
    assert_eq!(shop.cases().await.len(), 1, "and it is still one");
}
