//! The chain's keys as its tills see them: made, bounded, withdrawn, replaced, and kept where nobody else can read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::entitlement::Fen;
use model::signed::token::{self, Claims, Serial, SignedKind, Unverified};
use model::signed::trust::{Taken, Trust};
use model::time::UnixMs;
use server::keys::{Keys, KeysError, NoKey};
use server::store::{KeyScope, KeysRefused};
use wire::api::Setup;

use crate::support::{START, Shop, Till};

pub fn everything() -> KeyScope {
    let kinds = SignedKind::ALL.map(|kind| kind.code().to_owned()).into();
    KeyScope { kinds, campaigns: None, stores: None, value_max: 1_000_000, from: None }
}

fn claims() -> Claims {
    Claims {
        issuer: None,
        issued_at: UnixMs(START),
        not_before: None,
        expires_at: UnixMs(START + 86_400_000),
        kind: SignedKind::Coupon,
        serial: Serial { campaign: 7, number: 42 },
        value: Fen(800),
        store: None,
        anchor: None,
    }
}

/// What a till believes that pinned the root of its enrolment and then took all that its setup has.
pub async fn trust_of(till: &Till) -> Trust {
    let root = STANDARD.decode(&till.enrolled.root).expect("base64");
    let mut trust = Trust::pin(&root).expect("the enrolment gives a root");
    update(&mut trust, &till.get("/v1/setup").await);
    trust
}

fn update(trust: &mut Trust, setup: &Setup) {
    for root in &setup.roots {
        assert_eq!(
            trust.take_root(&STANDARD.decode(root).expect("base64")),
            Ok(Taken::New),
            "each root follows"
        );
    }
    let list = STANDARD.decode(&setup.trust).expect("base64");
    trust.take_list(&list, UnixMs(START)).expect("the list is the chain's");
}

#[tokio::test]
async fn what_is_done_to_a_key_reaches_every_till() {
    let shop = Shop::open().await;
    let early = shop.till(&shop.here).await;
    assert_eq!(early.enrolled.root, "", "without keys there is nothing to pin");
    let keys = Keys::of(shop.store());
    keys.init(everything()).await.expect("the first keys");
    assert!(matches!(keys.init(everything()).await, Err(KeysError::ThereAlready)), "once");
    let setup: Setup = early.get("/v1/setup").await;
    assert_eq!(setup.roots.len(), 1, "a till from before is told of the first root");

    let till = shop.till(&shop.here).await;
    let before: Setup = till.get("/v1/setup").await;
    assert!(before.roots.is_empty(), "the root of its enrolment is not repeated");
    let first = keys.issuer(&[claims()]).await.expect("the first key covers everything");
    let code = token::issue(&claims(), &first).unwrap();
    let verify = async |code: &[u8]| {
        let trust = trust_of(&till).await;
        token::verify(code, trust.list().expect("a list"), UnixMs(START)).map(|verified| verified.key_name)
    };
    assert_eq!(verify(&code).await, Ok("issuing-1".to_owned()), "a till believes it offline");

    let (second, _) = keys.rotate("issuing-1").await.expect("a successor");
    assert_eq!(second, "issuing-2", "the next number");
    let later = Claims { issued_at: UnixMs(START + 1000), ..claims() };
    let newest = keys.issuer(std::slice::from_ref(&later)).await.unwrap();
    assert_ne!(newest.public(), first.public(), "the newest key signs");
    assert_eq!(verify(&code).await, Ok("issuing-1".to_owned()), "what the old one signed stays good");
    let forged = token::issue(&later, &first).unwrap();
    assert_eq!(verify(&forged).await, Err(Unverified::KeyWithdrawn), "but it signs nothing more");
    let by_second = token::issue(&later, &newest).unwrap();
    keys.scope("issuing-2", KeyScope { value_max: 799, ..everything() }).await.expect("a narrower scope");
    assert_eq!(verify(&by_second).await, Err(Unverified::OutOfScope), "a scope binds the key at once");
    assert!(
        matches!(keys.issuer(std::slice::from_ref(&later)).await, Err(KeysError::NotCovered(_))),
        "and nobody else may sign it"
    );

    keys.withdraw("issuing-1").await.expect("it is taken out");
    assert_eq!(verify(&code).await, Err(Unverified::KeyUnknown), "a withdrawn key is unknown");
    let twice = keys.withdraw("issuing-1").await;
    let unknown = KeysRefused::Unknown("issuing-1".into());
    assert!(matches!(twice, Err(KeysError::Refused(refused)) if refused == unknown), "it is gone");
    let after: Setup = till.get("/v1/setup").await;
    assert!(after.version > before.version, "the setup's version moved with each change");
}

#[tokio::test]
async fn a_new_role_key_needs_two_root_keys_and_outlives_the_old_one() {
    let shop = Shop::open().await;
    let keys = Keys::of(shop.store());
    keys.init(everything()).await.unwrap();
    let till = shop.till(&shop.here).await;
    let mut trust = trust_of(&till).await;
    let away = shop.folder.path().join("away.key");
    std::fs::rename(keys.files().path("root-1"), &away).unwrap();
    let (_, old) = keys.role_key().await.unwrap();
    assert_eq!(keys.rotate_lists().await.expect("two of three are enough"), (2, "lists-2".to_owned()));
    std::fs::rename(keys.files().path("root-2"), shop.folder.path().join("away-too.key")).unwrap();
    match keys.rotate_lists().await {
        Err(KeysError::TooFewRoots { found: 1, missing }) => {
            assert!(
                missing.contains("root-1.key") && missing.contains("root-2.key"),
                "it names both: {missing}"
            );
        }
        other => panic!("one root key is not enough: {other:?}"),
    }
    let stolen = shop.store().change_keys(&[], &old).await.unwrap();
    assert!(stolen.is_ok(), "the database does not check, tills do");
    let setup: Setup = till.get("/v1/setup").await;
    assert_eq!(
        trust.take_root(&STANDARD.decode(&setup.roots[0]).unwrap()),
        Ok(Taken::New),
        "the root follows"
    );
    let list = STANDARD.decode(&setup.trust).unwrap();
    assert!(trust.take_list(&list, UnixMs(START)).is_err(), "what the old key signs now is not taken");
    std::fs::rename(away, keys.files().path("root-1")).unwrap();
    keys.renew().await.expect_err("this server does not believe that list either");
}

#[tokio::test]
async fn a_list_is_signed_anew_when_half_of_its_life_is_gone() {
    let shop = Shop::open().await;
    let keys = Keys::of(shop.store());
    assert!(!keys.renew().await.unwrap(), "without keys there is nothing to do");
    keys.init(everything()).await.unwrap();
    let version = async || shop.store().trust().await.unwrap().unwrap().list().unwrap().version;
    let first = version().await;
    shop.clock.turn(15 * 86_400 - 1);
    assert!(!keys.renew().await.unwrap(), "half of 30 days is not over");
    shop.clock.turn(2);
    assert!(keys.renew().await.unwrap(), "now it is");
    let second = version().await;
    assert!(second > first, "as a later version");
    assert_eq!((version().await, keys.renew().await.unwrap()), (second, false), "and that is enough");
}

#[cfg(unix)]
#[tokio::test]
async fn a_private_key_that_others_may_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let shop = Shop::open().await;
    let keys = Keys::of(shop.store());
    keys.init(everything()).await.unwrap();
    let file = keys.files().path("issuing-1");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600, "the file is its owner's");
    assert_eq!(mode(file.parent().unwrap()), 0o700, "and so is the folder");
    let seed = STANDARD.decode(std::fs::read_to_string(&file).unwrap().trim()).unwrap();
    // Where the database is a file, with whatever lies beside it.
    for found in std::fs::read_dir(shop.folder.path()).unwrap().map(|entry| entry.unwrap().path()) {
        let bytes = if found.is_file() { std::fs::read(&found).unwrap() } else { Vec::new() };
        assert!(!bytes.windows(32).any(|window| window == seed), "{} knows no seed", found.display());
    }
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let refused = keys.issuer(&[claims()]).await.expect_err("it is not used");
    assert!(matches!(refused, KeysError::NoKey(NoKey::Exposed { .. })), "others may read it: {refused}");
    assert!(refused.to_string().contains("chmod 600"), "it says what to do: {refused}");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&file, STANDARD.encode([7; 32])).unwrap();
    let refused = keys.issuer(&[claims()]).await.expect_err("another key");
    assert!(
        matches!(refused, KeysError::NoKey(NoKey::Other { .. })),
        "it is not the one tills know: {refused}"
    );
    std::fs::remove_file(&file).unwrap();
    let refused = keys.issuer(&[claims()]).await.expect_err("nothing there");
    assert!(refused.to_string().contains("COUNTERFOIL_KEY_ISSUING_1"), "it says where to put it: {refused}");
}
