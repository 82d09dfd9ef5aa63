//! Keys that two people change at the same time.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::signed::token::SignedKind;
use server::keys::Keys;
use server::store::KeyScope;

use crate::two::{SIDES, Two, at_once};

fn everything() -> KeyScope {
    let kinds = SignedKind::ALL.map(|kind| kind.code().to_owned()).into();
    KeyScope { kinds, campaigns: None, stores: None, value_max: 1_000_000, from: None }
}

pub async fn lists_follow_each_other_and_name_every_key(two: Arc<Two>) {
    Keys::of(&two.one).init(everything()).await.unwrap();
    let versions = at_once((0..6).map(|asking| {
        let two = two.clone();
        async move {
            let keys = Keys::of(SIDES[asking % 2](&two));
            keys.add(&format!("key-{asking}"), everything(), None).await.unwrap()
        }
    }))
    .await;
    let distinct: BTreeSet<u32> = versions.iter().copied().collect();
    assert_eq!(distinct.len(), 6, "each change is a list of its own: {versions:?}");
    for side in SIDES {
        let trust = side(&two).trust().await.unwrap().expect("the chain signs codes");
        let list = trust.list().expect("and has a list");
        assert_eq!(Some(&list.version), distinct.last(), "the newest list is everybody's");
        let names: BTreeSet<&str> = list.keys.iter().map(|key| key.name.as_str()).collect();
        assert!(
            (0..6).all(|key| names.contains(format!("key-{key}").as_str())),
            "no key was lost: {names:?}"
        );
    }
}
