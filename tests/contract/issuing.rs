//! What is given out once, however many ask for it at the same time.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::signed::token::SigningKey;
use server::store::{
    EnrolmentRefused, IssueRefused, Issuing, NewCampaign, NewCode, Scope, SignedForm, SignedIssue, SignedItem,
};
use tests::goods;

use crate::two::{SIDES, Two, at_once, enrol};

pub async fn a_merchants_number_is_issued_once(two: Arc<Two>) {
    for round in 0..12 {
        let answers = at_once((0..4).map(|asking| {
            let two = two.clone();
            async move {
                let issuing = Issuing {
                    new: goods::coupon(),
                    reference: format!("order-{round}"),
                    request: vec![1],
                    code: NewCode::Own,
                };
                let held = SIDES[asking % 2](&two).issue_as(&issuing).await.unwrap().unwrap();
                (held.entitlement.id, held.code.secret().to_owned())
            }
        }))
        .await;
        assert!(answers.iter().all(|answer| *answer == answers[0]), "everybody gets the same: {answers:?}");
    }
    let contents = at_once([vec![1], vec![2]].into_iter().zip(SIDES).map(|(request, side)| {
        let two = two.clone();
        async move {
            let reference = "order-x".to_owned();
            let issuing = Issuing { new: goods::coupon(), reference, request, code: NewCode::Own };
            side(&two).issue_as(&issuing).await.unwrap().map(|held| held.entitlement.id)
        }
    }))
    .await;
    let refused = contents.iter().filter_map(|answer| answer.as_ref().err()).collect::<Vec<_>>();
    assert_eq!(refused, [&IssueRefused::OtherContent("order-x".into())], "another content is turned away");
}

pub async fn a_code_enrols_one_till(two: Arc<Two>) {
    for _ in 0..8 {
        let code = two.one.issue_enrolment(&two.shop, 10).await.unwrap().code;
        let answers = at_once((0..4).map(|asking| {
            let (two, code) = (two.clone(), code.clone());
            async move {
                let key = SigningKey::from_seed(two.one.hands().random());
                enrol(SIDES[asking % 2](&two), &code, &key).await
            }
        }))
        .await;
        let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
        assert_eq!(refused, [&EnrolmentRefused::UsedUp; 3], "the others hear why");
    }
    let tills = two.other.tills().await.unwrap();
    let names: BTreeSet<&String> = tills.iter().map(|till| &till.till).collect();
    assert_eq!((tills.len(), names.len()), (8, 8), "one till for each code, each with its own name");
}

pub async fn two_stores_of_one_name_are_one(two: Arc<Two>) {
    let added = at_once((0..8).map(|asking| {
        let two = two.clone();
        let name = format!("{}号店", asking / 2);
        async move { SIDES[asking % 2](&two).add_store(&name).await.unwrap().map(|store| store.id) }
    }))
    .await;
    let ids: BTreeSet<&String> = added.iter().flatten().collect();
    assert_eq!((added.iter().flatten().count(), ids.len()), (4, 4), "one of each name: {added:?}");
}

pub async fn serials_are_dense_whoever_issues_them(two: Arc<Two>) {
    let coupon = goods::coupon();
    let new = NewCampaign {
        campaign: Some(7),
        title: coupon.title.clone(),
        kind: coupon.kind.clone(),
        lines: coupon.lines.clone(),
        valid_from: coupon.valid_from,
        valid_until: coupon.valid_until,
        stores: None,
        spend_min: coupon.spend_min,
        value: coupon.value,
        notes: Vec::new(),
        complete: true,
    };
    two.one.put_campaign(&new).await.unwrap().unwrap();
    let ids = at_once((0..8).map(|asking| {
        let two = two.clone();
        async move {
            let item = SignedItem { new: goods::coupon(), reference: String::new(), request: Vec::new() };
            let key = SigningKey::from_seed([7; 32]);
            let items = vec![item; 5];
            let issue = SignedIssue { campaign: 7, form: SignedForm::Fixed, items: &items, key: &key };
            let issued = SIDES[asking % 2](&two).issue_signed(&issue).await.unwrap().unwrap();
            issued.into_iter().map(|issued| issued.id).collect::<Vec<String>>()
        }
    }))
    .await;
    let ids: BTreeSet<String> = ids.into_iter().flatten().collect();
    let expected: BTreeSet<String> = (0..40).map(|serial| format!("cf-7-{serial}")).collect();
    assert_eq!(ids, expected, "forty serials, none twice and none left out");
    let update = two.other.status_update(0).await.unwrap();
    assert_eq!(update.lists[0].covered, 40, "and the status list covers them");
    assert_eq!(update.version, 8, "with one number for each batch");
}

pub async fn a_merchants_program_has_one_key(two: Arc<Two>) {
    let made =
        at_once(
            (0..4).map(|asking| {
                let two = two.clone();
                async move {
                    SIDES[asking % 2](&two).add_merchant("crmeb", &[Scope::Issue]).await.unwrap().is_some()
                }
            }),
        )
        .await;
    assert_eq!(made.iter().filter(|made| **made).count(), 1, "one of them made it");
    let revoked = at_once(SIDES.map(|side| {
        let two = two.clone();
        async move { side(&two).revoke_merchant("crmeb").await.unwrap() }
    }))
    .await;
    assert_eq!(revoked.iter().filter(|revoked| **revoked).count(), 1, "and one of them took it back");
}
