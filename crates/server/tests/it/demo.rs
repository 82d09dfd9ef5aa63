//! The demo chain does what is printed below its codes.

use std::collections::BTreeSet;

use model::decide::{self, Known, Origin};
use model::entitlement::EntitlementId;
use model::place::{DeviceId, Place, StoreId};
use model::profile::Profile;
use model::reading::{Reading, read};
use server::demo::{self, DemoError};
use server::signing;
use server::store::Device;
use server::{Store, real};
use wire::codes::{Stretched, stretch, unhex};
use wire::entitlement::Kind;

#[tokio::test]
async fn every_code_does_what_it_says_at_every_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), real::hands()).await.unwrap();
    demo::seed(&store).await.unwrap();
    assert!(matches!(demo::seed(&store).await, Err(DemoError::ThereAlready)), "it is made once");
    let mut expected = BTreeSet::new();
    for shop in store.stores().await.unwrap() {
        let codes = store.practice(&shop.id).await.unwrap();
        assert!(codes.len() > 100, "{} has plenty to practise", shop.name);
        let till = store.add_silent_till(&shop, "a till").await.unwrap();
        for practice in codes {
            let found = outcome(&store, &till, &practice.code).await;
            assert_eq!(found, practice.expect, "{} at {}", practice.caption, shop.name);
            server::sheet::svg(&practice.code).expect("it can be shown as a picture");
            expected.insert((practice.group, practice.expect));
        }
    }
    assert!(
        expected.contains(&("order".into(), "choice".into())),
        "two orders of one mall have the same code"
    );
    for reason in ["not_genuine", "code_stale", "cancelled"] {
        assert!(expected.contains(&("fails".into(), reason.into())), "one signed code is {reason}");
    }
}

/// What a first scan of the code leads to, as the practice list calls it.
async fn outcome(store: &Store, till: &Device, code: &str) -> String {
    let now = store.hands().now();
    let setup = store.setup(till).await.expect("the database answers");
    let profile = |told| Profile::try_from(told).expect("a profile of the contract");
    let profiles: Vec<Profile> = setup.profiles.iter().map(profile).collect();
    let meant = match read(code, &profiles, now) {
        Reading::Ours(code) => {
            let held = store.by_code(&code).await.expect("the database answers");
            held.map(|held| held.entitlement).into_iter().collect()
        }
        Reading::Opaque(codes) => {
            let salt = unhex(&setup.code_salt).expect("16 bytes");
            let codes: Vec<Stretched> = codes.iter().map(|code| stretch(&salt, code)).collect();
            let found = store.candidates(till, &codes).await.expect("the database answers");
            found.into_iter().map(|found| found.entitlement).collect::<Vec<_>>()
        }
        Reading::Signed(token) => match signing::read(store, &token).await.expect("the database answers") {
            Ok(serial) => {
                let held = store.by_id(&EntitlementId::of(serial).0).await.expect("the database answers");
                held.map(|held| held.entitlement).into_iter().collect()
            }
            Err(reason) => return reason.code().to_owned(),
        },
        other => panic!("{code} is one of the chain's codes, not {other:?}"),
    };
    let entitlement = match meant.as_slice() {
        [] => return "never_issued".to_owned(),
        [only] => only,
        [..] => return "choice".to_owned(),
    };
    let known = Known {
        entitlement: entitlement.try_into().expect("in the contract"),
        heard_at: now,
        origin: Origin::Server,
        mine: Vec::new(),
        undone: Default::default(),
    };
    let place = Place { store: StoreId(till.store.id.clone()), device: DeviceId(till.id.clone()) };
    match (decide::offer(&known, &place, now), &entitlement.kind) {
        (Err(refusal), _) => refusal.reason.code().to_owned(),
        (Ok(_), Kind::Member { .. }) => "member".to_owned(),
        (Ok(_), _) => "offer".to_owned(),
    }
}
