//! Redemptions that meet.

use std::collections::BTreeMap;
use std::sync::Arc;

use tests::goods;
use wire::api::{Fate, Redeemed};
use wire::entitlement::Standing;

use crate::two::{SIDES, Two, at_once, redeem, said, takes};

pub async fn one_coupon_counts_once_however_many_ask_for_it(two: Arc<Two>) {
    let till = two.till().await;
    for round in 0..4 {
        let id = two.issue(goods::coupon()).await.id;
        let answers =
            at_once((0..12).map(|asking| {
                let (two, till, id, number) = (two.clone(), till.clone(), id.clone(), two.number());
                async move {
                    redeem(SIDES[asking % 2](&two), &till, number, &id, &takes("coupon", 1)).await.unwrap()
                }
            }))
            .await;
        let counted = answers.iter().filter(|answer| said(answer) == Redeemed::Counted).count();
        assert_eq!(counted, 1, "round {round}: one of them is first: {answers:?}");
        for answer in answers.iter().map(|answer| said(answer)).filter(|said| *said != Redeemed::Counted) {
            let Redeemed::Refused { reason, earlier } = answer else {
                panic!("it is no refusal: {answer:?}")
            };
            assert!(reason.starts_with("used"), "the others hear that it is used: {reason}");
            assert!(earlier.is_some(), "and by whom");
        }
        assert_eq!(two.taken(&id).await, BTreeMap::from([("coupon".into(), 1)]), "one use is told");
    }
}

pub async fn the_same_number_at_two_servers_has_one_answer(two: Arc<Two>) {
    let till = two.till().await;
    for _ in 0..12 {
        let id = two.issue(goods::coupon()).await.id;
        let number = two.number();
        let answers =
            at_once((0..4).map(|asking| {
                let (two, till, id) = (two.clone(), till.clone(), id.clone());
                async move {
                    redeem(SIDES[asking % 2](&two), &till, number, &id, &takes("coupon", 1)).await.unwrap()
                }
            }))
            .await;
        assert_eq!(said(&answers[0]), Redeemed::Counted, "it counts");
        assert!(answers.iter().all(|answer| *answer == answers[0]), "byte for byte the same: {answers:?}");
        assert_eq!(two.taken(&id).await, BTreeMap::from([("coupon".into(), 1)]), "once");
    }
}

pub async fn an_order_is_picked_up_in_parts_and_never_beyond_its_quantity(two: Arc<Two>) {
    let till = two.till().await;
    let id = two.issue(goods::order(&[("a", "A", 5), ("b", "B", 3)])).await.id;
    let answers = at_once((0..16).map(|asking| {
        let (two, till, id, number) = (two.clone(), till.clone(), id.clone(), two.number());
        let sku = if asking % 4 < 2 { "a" } else { "b" };
        async move {
            let answer = redeem(SIDES[asking % 2](&two), &till, number, &id, &takes(sku, 1)).await.unwrap();
            (sku, said(&answer) == Redeemed::Counted)
        }
    }))
    .await;
    let counted = |article| answers.iter().filter(|(sku, counted)| *sku == article && *counted).count();
    assert_eq!((counted("a"), counted("b")), (5, 3), "eight ask for each, and each gets what there is");
    let whole = BTreeMap::from([("a".into(), 5), ("b".into(), 3)]);
    assert_eq!(two.taken(&id).await, whole, "and that is what is told");
}

pub async fn a_number_that_is_asked_for_while_it_is_redeemed_has_one_fate(two: Arc<Two>) {
    let till = two.till().await;
    for _ in 0..16 {
        let id = two.issue(goods::coupon()).await.id;
        let number = two.number();
        let redeeming = {
            let (two, till, id) = (two.clone(), till.clone(), id.clone());
            tokio::spawn(async move { redeem(&two.one, &till, number, &id, &takes("coupon", 1)).await })
        };
        let fate = two.other.ask(&till, number).await.unwrap();
        let answer = redeeming.await.unwrap();
        let taken = two.taken(&id).await;
        match fate {
            Fate::Counted(_) => {
                assert_eq!(
                    answer.as_deref().map(said),
                    Some(Redeemed::Counted),
                    "told as counted, it counts"
                );
                assert_eq!(taken, BTreeMap::from([("coupon".into(), 1)]), "and is taken");
            }
            Fate::Voided => {
                assert_eq!(answer, None, "told as voided, it never counts");
                assert!(taken.is_empty(), "and nothing is taken");
            }
        }
    }
}

pub async fn a_cancellation_and_a_redemption_have_an_order(two: Arc<Two>) {
    let till = two.till().await;
    for _ in 0..12 {
        let id = two.issue(goods::coupon()).await.id;
        let redeeming = {
            let (two, till, id, number) = (two.clone(), till.clone(), id.clone(), two.number());
            tokio::spawn(async move { redeem(&two.one, &till, number, &id, &takes("coupon", 1)).await })
        };
        let stands = two.other.set_standing(&id, Standing::Cancelled).await.unwrap();
        assert_eq!(stands, Some(Standing::Cancelled), "it is cancelled, whoever was first");
        let answer = said(&redeeming.await.unwrap().unwrap());
        let taken = two.taken(&id).await.len();
        match answer {
            Redeemed::Counted => assert_eq!(taken, 1, "redeemed before it was cancelled"),
            Redeemed::Refused { reason, .. } => {
                assert_eq!((reason.as_str(), taken), ("cancelled", 0), "cancelled before it was redeemed");
            }
        }
    }
}
