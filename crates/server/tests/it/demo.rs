//! The demo chain does what is printed below its codes.

use model::code::Code;
use model::decide::{self, Known, Origin};
use model::place::{DeviceId, Place, StoreId};
use server::demo::{self, DemoError};
use server::{Store, real};
use wire::entitlement::Kind;

#[tokio::test]
async fn every_code_does_what_it_says_at_every_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), real::hands()).await.unwrap();
    demo::seed(&store).await.unwrap();
    assert!(matches!(demo::seed(&store).await, Err(DemoError::ThereAlready)), "it is made once");
    for shop in store.stores().await.unwrap() {
        let codes = store.practice(&shop.id).await.unwrap();
        assert!(codes.len() > 100, "{} has plenty to practise", shop.name);
        let place = Place { store: StoreId(shop.id), device: DeviceId("a till".into()) };
        for practice in codes {
            let found = outcome(&store, &practice.code, &place).await;
            assert_eq!(found, practice.expect, "{} at {}", practice.caption, shop.name);
        }
    }
}

/// What a first scan of the code leads to, as the practice list calls it.
async fn outcome(store: &Store, code: &str, place: &Place) -> String {
    let code = Code::read(code).expect("a whole code");
    let Some(held) = store.by_code(&code).await.expect("the database answers") else {
        return "never_issued".to_owned();
    };
    let now = store.hands().now();
    let known = Known {
        entitlement: (&held.entitlement).try_into().expect("in the contract"),
        heard_at: now,
        origin: Origin::Server,
        mine: Vec::new(),
        undone: Default::default(),
    };
    match (decide::offer(&known, place, now), held.entitlement.kind) {
        (Err(refusal), _) => refusal.reason.code().to_owned(),
        (Ok(_), Kind::Member { .. }) => "member".to_owned(),
        (Ok(_), _) => "offer".to_owned(),
    }
}
