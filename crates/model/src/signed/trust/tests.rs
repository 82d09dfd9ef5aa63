//! Tests of roots and lists: what moves a till's trust forward, and that nothing moves it back.

use coset::{CoseSign, TaggedCborSerializable};
use proptest::prelude::*;

use super::super::samples::{DAY, NOW, ROLE, ROOTS, key, list, listed, root, signed_root, trust};
use super::super::status::read_update;
use super::super::token::{Unverified, issue, verify};
use super::*;

/// The list of that version, signed by that key.
fn signed_list(version: u32, by: u8) -> Vec<u8> {
    sign_list(&list(version), &key(by)).unwrap()
}

#[test]
fn a_root_needs_enough_of_its_own_keys_each_counted_once() {
    let draft = root(1, &ROOTS, &[ROLE]);
    assert!(Trust::pin(&signed_root(&draft, &ROOTS[1..])).is_ok(), "two of three");
    let refused = |seeds: &[u8]| Trust::pin(&signed_root(&draft, seeds)).map(|_| ());
    assert_eq!(refused(&ROOTS[..1]), Err(NotTaken::NotSigned), "one is too few");
    assert_eq!(refused(&[ROOTS[0], ROOTS[0]]), Err(NotTaken::NotSigned), "the same one twice is one");
    assert_eq!(refused(&[ROOTS[0], ROLE]), Err(NotTaken::NotSigned), "a role key is no root key");
    let one = signed_root(&draft, &ROOTS[..1]);
    let two = cosign_root(&one, &key(ROOTS[2])).unwrap();
    assert!(Trust::pin(&two).is_ok(), "keys that never meet sign one after the other");
}

#[test]
fn a_root_is_a_cose_sign_that_others_can_verify() {
    let bytes = signed_root(&root(1, &ROOTS, &[ROLE]), &ROOTS);
    let theirs = CoseSign::from_tagged_slice(&bytes).unwrap();
    assert_eq!(theirs.signatures.len(), 3, "three signatures");
    for (which, seed) in ROOTS.into_iter().enumerate() {
        let public = ed25519_dalek::VerifyingKey::from_bytes(&key(seed).public().to_bytes()).unwrap();
        theirs
            .verify_signature(which, b"", |signature, data| {
                public.verify_strict(data, &ed25519_dalek::Signature::from_slice(signature).unwrap())
            })
            .expect("each is a standard one");
    }
}

#[test]
fn the_next_root_is_signed_by_the_present_one_too_and_is_one_version_later() {
    let mut trust = trust();
    let new_keys = [31, 32, 33];
    let next = root(2, &new_keys, &[ROLE]);
    let alone = signed_root(&next, &new_keys);
    assert_eq!(trust.take_root(&alone), Err(NotTaken::NotSigned), "strangers who agree with each other");
    let one_old = signed_root(&next, &[31, 32, ROOTS[0]]);
    assert_eq!(trust.take_root(&one_old), Err(NotTaken::NotSigned), "with one of the old ones");
    let old_only = signed_root(&next, &ROOTS);
    assert_eq!(trust.take_root(&old_only), Err(NotTaken::NotSigned), "not signed by its own");
    let both = signed_root(&next, &[31, 32, ROOTS[0], ROOTS[1]]);
    assert_eq!(trust.take_root(&both), Ok(Taken::New), "handed over from two to two");
    assert_eq!(trust.root(), &next, "it is the present one");
    assert_eq!(trust.take_root(&both), Ok(Taken::Unchanged), "once more changes nothing");
    let first = signed_root(&root(1, &ROOTS, &[ROLE]), &ROOTS);
    assert_eq!(trust.take_root(&first), Err(NotTaken::Rollback), "there is no way back");
    let fork = signed_root(&root(2, &new_keys, &[12]), &[31, 32, ROOTS[0], ROOTS[1]]);
    assert_eq!(trust.take_root(&fork), Err(NotTaken::Fork), "two second roots");
    let later = signed_root(&root(4, &new_keys, &[ROLE]), &new_keys);
    assert_eq!(trust.take_root(&later), Err(NotTaken::Gap), "the third is missing");
}

#[test]
fn a_list_never_goes_back_and_never_says_two_things() {
    let mut trust = trust();
    assert_eq!(trust.take_list(&signed_list(5, ROLE), NOW), Ok(Taken::Unchanged), "held already");
    assert_eq!(trust.take_list(&signed_list(4, ROLE), NOW), Err(NotTaken::Rollback), "an older one");
    let other = TrustList { issued: UnixMs(NOW.0 - 1), ..list(5) };
    let other = sign_list(&other, &key(ROLE)).unwrap();
    assert_eq!(trust.take_list(&other, NOW), Err(NotTaken::Fork), "the same version with other content");
    assert_eq!(trust.take_list(&signed_list(9, 12), NOW), Err(NotTaken::NotSigned), "by no role key");
    assert_eq!(
        trust.take_list(&signed_list(9, ROOTS[0]), NOW),
        Err(NotTaken::NotSigned),
        "nor by a root key"
    );
    assert_eq!(trust.list().map(|list| list.version), Some(5), "all of that changes nothing");
    assert_eq!(
        trust.take_list(&signed_list(9, ROLE), NOW),
        Ok(Taken::New),
        "a later one, with versions left out"
    );
    assert_eq!(trust.list().map(|list| list.version), Some(9), "is the newest");
}

#[test]
fn an_old_list_is_not_taken_and_one_that_grows_old_proves_nothing() {
    let mut trust = trust();
    let expiry = list(6).expires;
    let after = UnixMs(expiry.plus_seconds(GRACE_SECONDS).0 + 1);
    assert_eq!(
        trust.take_list(&signed_list(6, ROLE), after),
        Err(NotTaken::TooOld),
        "past the days of grace"
    );
    let code = issue(&super::super::samples::claims(), &key(1)).unwrap();
    let verified = verify(&code, trust.list().unwrap(), after);
    assert_eq!(verified, Err(Unverified::TrustListOld), "who cuts a till off does not freeze it for ever");
    let fresh = TrustList { issued: NOW, expires: NOW.plus_seconds(2_000 * DAY), ..list(6) };
    let fresh = sign_list(&fresh, &key(ROLE)).unwrap();
    let years = NOW.plus_seconds(400 * DAY);
    assert_eq!(
        trust.take_list(&fresh, years),
        Err(NotTaken::RootTooOld),
        "an expired root vouches for nobody"
    );
}

#[test]
fn a_stolen_role_key_is_outlived_by_the_next_root() {
    let mut trust = trust();
    trust.take_list(&signed_list(u32::MAX, ROLE), NOW).unwrap();
    let next = signed_root(&root(2, &ROOTS, &[12]), &ROOTS);
    assert_eq!(trust.take_root(&next), Ok(Taken::New), "the next root names another role key");
    assert_eq!(trust.list(), None, "what the old one signed is gone");
    assert_eq!(trust.take_list(&signed_list(6, ROLE), NOW), Err(NotTaken::NotSigned), "and it signs no more");
    assert_eq!(trust.take_list(&signed_list(6, 12), NOW), Ok(Taken::New), "versions begin anew");
}

#[test]
fn a_root_that_keeps_the_role_key_keeps_the_list() {
    let mut trust = trust();
    trust.take_root(&signed_root(&root(2, &ROOTS, &[ROLE, 12]), &ROOTS)).unwrap();
    assert_eq!(trust.list(), Some(&list(5)), "the list stands");
    assert_eq!(trust.take_list(&signed_list(4, 12), NOW), Err(NotTaken::Rollback), "and so does its version");
}

#[test]
fn what_was_stored_comes_back_and_what_was_tampered_with_does_not() {
    let mut trust = trust();
    trust.take_root(&signed_root(&root(2, &[31, 32], &[ROLE]), &[31, 32, ROOTS[0], ROOTS[1]])).unwrap();
    let stored = trust.as_bytes();
    let back = Trust::restore(&stored).unwrap();
    assert_eq!(
        (back.root(), back.list(), back.pinned()),
        (trust.root(), trust.list(), trust.pinned()),
        "all of it"
    );
    assert_eq!(back.as_bytes(), stored, "in the same bytes");
    let other = Trust::pin(&signed_root(&root(1, &[31, 32], &[ROLE]), &[31, 32])).unwrap();
    assert_ne!(other.pinned(), trust.pinned(), "another pin can be told");
    let empty = [0x83, 0x01, 0x80, 0xF6];
    assert_eq!(Trust::restore(&empty).map(|_| ()), Err(NotTaken::Malformed), "no root, no trust");
}

#[test]
fn nothing_that_was_signed_as_one_thing_is_taken_for_another() {
    let mut trust = trust();
    // The role key itself, so that only the kind of content stands between them.
    let code = issue(&super::super::samples::claims(), &key(ROLE)).unwrap();
    let list = signed_list(6, ROLE);
    let root = signed_root(&root(2, &ROOTS, &[ROLE]), &ROOTS);
    let keyed = TrustList { keys: vec![listed(key(ROLE).public())], ..super::super::samples::list(1) };
    assert!(verify(&code, &keyed, NOW).is_ok(), "the code itself is genuine");
    assert_eq!(verify(&list, &keyed, NOW), Err(Unverified::Malformed), "a list is no code");
    assert_eq!(verify(&root, &keyed, NOW), Err(Unverified::Malformed), "a root is no code");
    assert_eq!(trust.take_list(&code, NOW), Err(NotTaken::Malformed), "a code is no list");
    assert_eq!(trust.take_list(&root, NOW), Err(NotTaken::Malformed), "a root is no list");
    assert_eq!(trust.take_root(&list), Err(NotTaken::Malformed), "a list is no root");
    let update = read_update(&list, &trust, NOW);
    assert_eq!(update, Err(NotTaken::Malformed), "a list is no status update");
}

#[test]
fn what_is_beyond_the_limits_is_neither_signed_nor_read() {
    let unsorted = {
        let mut keys = list(1).keys;
        keys.push(keys[0].clone());
        TrustList { keys, ..list(1) }
    };
    assert_eq!(sign_list(&unsorted, &key(ROLE)), Err(NotSignable), "a key twice");
    let backwards = TrustList { expires: list(1).issued, ..list(1) };
    assert_eq!(sign_list(&backwards, &key(ROLE)), Err(NotSignable), "over when it begins");
    let mut many: Vec<Key> = (0..=255).map(|seed| listed(key(seed).public())).collect();
    many.sort_by_key(|key| key.public);
    let full = TrustList { keys: many.clone(), ..list(6) };
    let signed = sign_list(&full, &key(ROLE)).unwrap();
    assert_eq!(trust().take_list(&signed, NOW), Ok(Taken::New), "256 keys are read");
    many.push(listed(SigningKey::from_seed(*b"one more than a list can have...").public()));
    many.sort_by_key(|key| key.public);
    assert_eq!(sign_list(&TrustList { keys: many, ..list(6) }, &key(ROLE)), Err(NotSignable), "257 are not");
    let mut unreachable = root(1, &ROOTS, &[ROLE]);
    unreachable.threshold = 4;
    assert_eq!(sign_root(&unreachable, &[&key(ROOTS[0])]), Err(NotSignable), "a threshold nobody can reach");
    unreachable.threshold = 0;
    assert_eq!(sign_root(&unreachable, &[&key(ROOTS[0])]), Err(NotSignable), "or everybody");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_changed_list_is_refused(at: prop::sample::Index, flip in 1u8..) {
        let mut bytes = signed_list(6, ROLE);
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        let mut trust = trust();
        prop_assert!(trust.take_list(&bytes, NOW).is_err(), "byte {at} xor {flip:#x}");
        prop_assert_eq!(trust.list(), Some(&list(5)), "and changes nothing");
    }

    #[test]
    fn a_changed_root_is_refused_or_says_the_same(at: prop::sample::Index, flip in 1u8..) {
        // Three signatures where two are needed: one of them may break without harm.
        let next = root(2, &ROOTS, &[12]);
        let mut bytes = signed_root(&next, &ROOTS);
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        let mut trust = trust();
        match trust.take_root(&bytes) {
            Ok(_) => prop_assert_eq!(trust.root(), &next, "byte {} xor {:#x}", at, flip),
            Err(_) => prop_assert_eq!(trust.root().version, 1, "what was held is held still"),
        }
    }

    #[test]
    fn changed_stored_bytes_are_refused_or_say_the_same(at: prop::sample::Index, flip in 1u8..) {
        let trust = trust();
        let mut bytes = trust.as_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        if let Ok(back) = Trust::restore(&bytes) {
            prop_assert_eq!((back.root(), back.list()), (trust.root(), trust.list()), "byte {} xor {:#x}", at, flip);
        }
    }

    #[test]
    fn random_bytes_change_nothing(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut trust = trust();
        prop_assert!(trust.take_root(&bytes).is_err() && trust.take_list(&bytes, NOW).is_err(), "nobody signed that");
        prop_assert!(Trust::pin(&bytes).is_err() && Trust::restore(&bytes).is_err(), "nor that");
    }

    #[test]
    fn the_held_version_never_falls(versions in prop::collection::vec(0u32..12, 1..12)) {
        let mut trust = trust();
        let mut held = 5;
        for version in versions {
            let taken = trust.take_list(&signed_list(version, ROLE), NOW);
            prop_assert_eq!(taken == Ok(Taken::New), version > held, "only a later one is new");
            held = held.max(version);
            let stored = Trust::restore(&trust.as_bytes()).unwrap();
            prop_assert_eq!(stored.list().map(|list| list.version), Some(held), "across a restart too");
            trust = stored;
        }
    }
}
