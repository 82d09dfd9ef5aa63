//! Tests of tokens: what is believed, in which order refusals come, how large a code becomes.

use coset::{CborSerializable, CoseSign1, Label, RegisteredLabelWithPrivate, TaggedCborSerializable};
use proptest::prelude::*;
use qrcode::bits::Bits;
use qrcode::{EcLevel, Version};

use super::super::samples::{DAY, ISSUER, NOW, claims, key, list, listed};
use super::super::text::{Recognised, recognise, write_cf1, write_cfn};
use super::super::trust::Scope;
use super::*;
use crate::time::Window;

const TAIL: Link = [0x5A; 16];

/// A membership card whose chain lasts a day.
fn rotating() -> Claims {
    rotating_for(DAY)
}

fn rotating_for(seconds: i64) -> Claims {
    let expires_at = NOW.plus_seconds(seconds);
    let claims = Claims { kind: SignedKind::Member, value: Fen(0), expires_at, ..claims() };
    let length = chain::length(claims.issued_at, claims.expires_at);
    Claims { anchor: Some(chain::anchor(TAIL, claims.serial, length)), ..claims }
}

fn showing(claims: &Claims, step: u16) -> Vec<u8> {
    let length = chain::length(claims.issued_at, claims.expires_at);
    let shown = chain::reveal(TAIL, claims.serial, length, step).unwrap();
    splice(&issue(claims, &key(ISSUER)).unwrap(), shown).unwrap()
}

/// The longest claims that can be issued: every name full, every number in its longest form.
fn longest() -> Claims {
    Claims {
        issuer: Some("8 bytes.".into()),
        not_before: Some(NOW.plus_seconds(1)),
        serial: Serial { campaign: u16::MAX, number: u32::MAX },
        value: Fen(u32::MAX.into()),
        store: Some(StoreId("sixteen bytes...".into())),
        ..claims()
    }
}

#[test]
fn what_is_issued_is_verified_with_public_keys_alone() {
    for claims in [claims(), longest(), Claims { issuer: None, store: None, ..claims() }] {
        let token = issue(&claims, &key(ISSUER)).unwrap();
        let verified = verify(&token, &list(1), NOW).unwrap();
        assert_eq!(verified.claims, claims, "the claims come back");
        assert_eq!(verified.kid, key(ISSUER).kid(), "with the key's short name");
        assert_eq!(verified.key_name, "sample", "and what people call it");
        assert_eq!(verified.reveal, None, "a static code shows no link");
    }
}

#[test]
fn the_bytes_of_a_token_stay_what_they_are() {
    // Codes are out there for weeks: a change here is a new format, not a new version of the program.
    let token = issue(&claims(), &key(ISSUER)).unwrap();
    let text: String = token.iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = concat!(
        "d28449a201320444dd2fb4e1a0",
        "581fa401624346041a6a19f680061a6a18a5003a00010000850107182a1907d0f6",
        "5840923943c96ddcf089a7f68af5cfa9b7e590ddb2de2d5b100b9692dd0ff8f287a6",
        "923204767cfb2ffa300891942b7e52f3869479dec5309f075cfcba3b5c23600c",
    );
    assert_eq!(text, expected, "tag 18, protected header, claims, signature");
}

#[test]
fn any_cose_verifier_accepts_a_code_and_finds_the_claims_where_cwt_puts_them() {
    for token in [issue(&claims(), &key(ISSUER)).unwrap(), showing(&rotating(), 3)] {
        let theirs = CoseSign1::from_tagged_slice(&token).unwrap();
        let public = ed25519_dalek::VerifyingKey::from_bytes(&key(ISSUER).public().to_bytes()).unwrap();
        theirs
            .verify_signature(b"", |signature, data| {
                public.verify_strict(data, &ed25519_dalek::Signature::from_slice(signature).unwrap())
            })
            .expect("the signature is a standard one");
        let alg = RegisteredLabelWithPrivate::Assigned(coset::iana::Algorithm::Ed25519);
        assert_eq!(theirs.protected.header.alg, Some(alg), "the algorithm of RFC 9864");
        assert_eq!(theirs.protected.header.key_id, key(ISSUER).kid().0, "and the key's short name");
        let cwt = coset::cwt::ClaimsSet::from_slice(theirs.payload.as_ref().unwrap()).unwrap();
        assert_eq!(cwt.issuer.as_deref(), Some("CF"), "claim 1");
        let expiry = coset::cwt::Timestamp::WholeSeconds((NOW.0 / 1000) + DAY);
        assert_eq!(cwt.expiration_time, Some(expiry), "claim 4");
        assert_eq!(cwt.rest.len(), 1, "and one private claim");
    }
}

#[test]
fn a_short_name_is_the_cose_thumbprint_of_the_key() {
    let public = key(ISSUER).public();
    let theirs = coset::CoseKeyBuilder::new_okp_key()
        .param(-1, coset::cbor::value::Value::from(6))
        .param(-2, coset::cbor::value::Value::from(public.to_bytes().to_vec()))
        .build();
    assert!(theirs.params.iter().any(|(label, _)| *label == Label::Int(-2)), "the same three members");
    let print: [u8; 32] = sha2::Digest::finalize(sha2::Digest::chain_update(
        <sha2::Sha256 as sha2::Digest>::new(),
        theirs.to_vec().unwrap(),
    ))
    .into();
    assert_eq!(public.thumbprint(), print, "RFC 9679, as another encoder writes the key");
    assert_eq!(public.kid().0, print[..4], "cut to four bytes");
}

#[test]
fn the_older_name_of_the_algorithm_is_read_where_the_key_allows_it() {
    let payload = write_claims(&claims()).unwrap();
    let header = coset::HeaderBuilder::new()
        .algorithm(coset::iana::Algorithm::EdDSA)
        .key_id(key(ISSUER).kid().0.to_vec())
        .build();
    let token = coset::CoseSign1Builder::new()
        .protected(header)
        .payload(payload)
        .create_signature(b"", |data| key(ISSUER).sign(data).to_vec())
        .build()
        .to_tagged_vec()
        .unwrap();
    assert_eq!(verify(&token, &list(1), NOW).map(|verified| verified.claims), Ok(claims()), "-8 is accepted");
    let mut strict = list(1);
    strict.keys[0].algorithms = [Algorithm::Ed25519].into();
    assert_eq!(verify(&token, &strict, NOW), Err(Unverified::NotGenuine), "unless the key says otherwise");
}

#[test]
fn refusals_come_in_their_order() {
    let token = issue(&claims(), &key(ISSUER)).unwrap();
    let old = list(1).expires.plus_seconds(8 * DAY);
    let cut = &token[..token.len() - 1];
    assert_eq!(verify(cut, &list(1), old), Err(Unverified::Malformed), "no token, whatever the list");
    assert_eq!(verify(&[0; 300], &list(1), NOW), Err(Unverified::Malformed), "too long to be one");
    let stranger = issue(&claims(), &key(2)).unwrap();
    assert_eq!(verify(&stranger, &list(1), old), Err(Unverified::TrustListOld), "an old list says nothing");
    let grace = list(1).expires.plus_seconds(7 * DAY);
    assert!(verify(&token, &list(1), grace).is_ok(), "seven days after its expiry it still does");
    assert_eq!(verify(&stranger, &list(1), NOW), Err(Unverified::KeyUnknown), "a key that is not listed");
    let mut forged = token.clone();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(verify(&forged, &list(1), NOW), Err(Unverified::NotGenuine), "not signed by the listed key");
    let newer = seal(&[0xA0], Content::Code, &key(ISSUER));
    assert_eq!(verify(&newer, &list(1), NOW), Err(Unverified::NotUnderstood), "genuine, but not our claims");
    let mut bounded = list(1);
    bounded.keys[0].issues.until = Some(UnixMs(NOW.0 - 1));
    bounded.keys[0].scope.kinds.clear();
    let template = issue(&rotating(), &key(ISSUER)).unwrap();
    assert_eq!(
        verify(&template, &bounded, NOW),
        Err(Unverified::RevealMissing),
        "the template of a rotation"
    );
    assert_eq!(verify(&token, &bounded, NOW), Err(Unverified::KeyWithdrawn), "issued after the key's end");
    bounded.keys[0].issues = Window { from: Some(UnixMs(NOW.0 + 1)), until: None };
    assert_eq!(verify(&token, &bounded, NOW), Err(Unverified::KeyWithdrawn), "or before its beginning");
    bounded.keys[0].issues = Window::default();
    assert_eq!(verify(&token, &bounded, NOW), Err(Unverified::OutOfScope), "last of all the scope");
}

#[test]
fn a_key_issues_nothing_beyond_its_scope() {
    let token = issue(&Claims { store: Some(StoreId("s1".into())), ..claims() }, &key(ISSUER)).unwrap();
    let ask = |change: &dyn Fn(&mut Scope)| {
        let mut list = list(1);
        change(&mut list.keys[0].scope);
        verify(&token, &list, NOW).map(|_| ())
    };
    let outside = Err(Unverified::OutOfScope);
    assert_eq!(ask(&|scope| scope.kinds = [SignedKind::Order].into()), outside, "kind");
    assert_eq!(ask(&|scope| scope.campaigns = Some(vec![(0, 6), (8, 9)])), outside, "campaign");
    assert_eq!(ask(&|scope| scope.campaigns = Some(vec![(0, 1), (7, 7)])), Ok(()), "within a range");
    assert_eq!(ask(&|scope| scope.value_max = Fen(1_999)), outside, "value");
    assert_eq!(ask(&|scope| scope.value_max = Fen(2_000)), Ok(()), "the bound itself is inside");
    assert_eq!(ask(&|scope| scope.stores = Some([StoreId("s2".into())].into())), outside, "store");
    assert_eq!(ask(&|scope| scope.stores = Some([StoreId("s1".into())].into())), Ok(()), "its store");
    let anywhere = issue(&claims(), &key(ISSUER)).unwrap();
    let mut bound = list(1);
    bound.keys[0].scope.stores = Some([StoreId("s1".into())].into());
    assert_eq!(
        verify(&anywhere, &bound, NOW).map(|_| ()),
        outside,
        "a store's key issues nothing for all stores"
    );
}

#[test]
fn of_two_keys_with_one_short_name_each_is_tried() {
    // Found by trying seeds 0, 1, 2 … until two public keys agreed in the first four bytes of their thumbprints.
    let twins = [128_034u32, 140_004].map(|number| {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(&number.to_be_bytes());
        SigningKey::from_seed(seed)
    });
    assert_eq!(twins[0].kid(), twins[1].kid(), "the same short name");
    assert_ne!(twins[0].public(), twins[1].public(), "of two keys");
    let named = |twin: usize| Key { name: format!("twin {twin}"), ..listed(twins[twin].public()) };
    let both = TrustList { keys: vec![named(0), named(1)], ..list(1) };
    for twin in [0, 1] {
        let token = issue(&claims(), &twins[twin]).unwrap();
        let verified = verify(&token, &both, NOW).unwrap();
        assert_eq!(verified.key_name, format!("twin {twin}"), "the one that has signed is found");
        let other = TrustList { keys: vec![named(1 - twin)], ..list(1) };
        assert_eq!(verify(&token, &other, NOW), Err(Unverified::NotGenuine), "its twin has not signed");
    }
}

#[test]
fn a_key_under_anothers_short_name_is_not_found() {
    let mut both = list(1);
    both.keys.push(listed(key(2).public()));
    let sealed = issue(&claims(), &key(2)).unwrap();
    let renamed = replace(&sealed, &key(2).kid().0, &key(ISSUER).kid().0);
    assert_eq!(
        verify(&renamed, &both, NOW),
        Err(Unverified::NotGenuine),
        "the name is part of what is signed"
    );
}

#[test]
fn a_rotating_code_proves_its_step_and_nothing_else() {
    let claims = rotating();
    let token = showing(&claims, 2_880);
    let verified = verify(&token, &list(1), NOW).unwrap();
    assert_eq!(verified.reveal.map(|shown| shown.step), Some(2_880), "the last step of a day");
    let wrong = Reveal { step: 5, link: [1; 16] };
    let forged = splice(&token, wrong).unwrap();
    assert_eq!(verify(&forged, &list(1), NOW), Err(Unverified::NotGenuine), "a link of no chain");
    let known = chain::reveal(TAIL, claims.serial, 2_880, 2_000);
    assert_eq!(verify_from(&token, &list(1), NOW, |_| known), Ok(verified), "from a link that is known");
    assert_eq!(
        verify_from(&forged, &list(1), NOW, |_| known),
        Err(Unverified::NotGenuine),
        "which helps no forger"
    );
    let fixed = issue(&super::super::samples::claims(), &key(ISSUER)).unwrap();
    let dressed = splice(&fixed, wrong).unwrap();
    assert_eq!(verify(&dressed, &list(1), NOW), Err(Unverified::NotGenuine), "a static code has no link");
    assert_eq!(splice(b"no token", wrong), None, "and what is no token gets none");
}

#[test]
fn what_cannot_be_right_is_not_issued() {
    let refused = |claims: Claims| issue(&claims, &key(ISSUER)).map(|_| ());
    let late = Claims { expires_at: NOW, ..claims() };
    assert_eq!(refused(late), Err(NotIssuable::Window), "over when it begins");
    let never = Claims { not_before: Some(NOW.plus_seconds(DAY)), ..claims() };
    assert_eq!(refused(never), Err(NotIssuable::Window), "never in time");
    assert_eq!(
        refused(Claims { issued_at: UnixMs(NOW.0 + 1), ..claims() }),
        Err(NotIssuable::Time),
        "half a second"
    );
    assert_eq!(
        refused(Claims { expires_at: UnixMs(i64::MAX), ..claims() }),
        Err(NotIssuable::Time),
        "after 2106"
    );
    assert_eq!(refused(Claims { value: Fen(-1), ..claims() }), Err(NotIssuable::Value), "a debt");
    assert_eq!(
        refused(Claims { issuer: Some("nine bytes".into()), ..claims() }),
        Err(NotIssuable::Name),
        "a long name"
    );
    assert_eq!(
        refused(Claims { store: Some(StoreId(String::new())), ..claims() }),
        Err(NotIssuable::Name),
        "no name"
    );
    let long = Claims { expires_at: NOW.plus_seconds(30 * DAY), ..rotating() };
    assert_eq!(refused(long), Err(NotIssuable::Chain), "a chain of a month");
    let short = Claims { expires_at: NOW.plus_seconds(29), ..rotating() };
    assert_eq!(refused(short), Err(NotIssuable::Chain), "a chain of no step");
    let large = Claims { anchor: Some([1; 16]), ..longest() };
    assert_eq!(
        refused(large),
        Err(NotIssuable::Size),
        "a rotating code with every name full and a later start"
    );
}

#[test]
fn a_code_is_over_and_early_only_for_certain() {
    let token = issue(&Claims { not_before: Some(NOW.plus_seconds(60)), ..claims() }, &key(ISSUER)).unwrap();
    let verified = verify(&token, &list(1), NOW).unwrap();
    let end = verified.claims.expires_at.plus_seconds(SKEW_SECONDS);
    assert!(!verified.is_over(end) && verified.is_over(UnixMs(end.0 + 1)), "five minutes after its end");
    let begin = NOW.plus_seconds(60 - SKEW_SECONDS);
    assert!(!verified.is_early(begin) && verified.is_early(UnixMs(begin.0 - 1)), "five before its beginning");
}

#[test]
fn a_serial_is_an_entitlements_name_and_has_no_other() {
    let serial = Serial { campaign: 7, number: 4_294_967_295 };
    let name = EntitlementId::of(serial);
    assert_eq!(name.0, "cf-7-4294967295", "as documented");
    assert_eq!(Serial::parse(&name.0), Some(serial), "and back");
    for other in ["cf-07-1", "cf-+7-1", "cf-7-1 ", "cf-7", "cf-65536-1", "cf-7-4294967296", "CF-7-1", "e-1"] {
        assert_eq!(Serial::parse(other), None, "{other:?} is none");
    }
    for kind in SignedKind::ALL {
        assert_eq!(SignedKind::of(kind.code()), Some(kind), "the stable code names one kind");
    }
}

#[test]
fn no_code_needs_more_than_qr_version_8() {
    let fits = |text: &str, version: i16, level| {
        let mut bits = Bits::new(Version::Normal(version));
        let pushed = if text.bytes().all(|byte| byte.is_ascii_digit()) {
            bits.push_numeric_data(text.as_bytes())
        } else {
            bits.push_alphanumeric_data(text.as_bytes())
        };
        pushed.and_then(|()| bits.push_terminator(level)).is_ok()
    };
    let typical = Claims { store: Some(StoreId("s-0123".into())), ..claims() };
    let token = issue(&typical, &key(ISSUER)).unwrap();
    assert!(fits(&write_cf1(&token), 7, EcLevel::L), "a typical code is version 7 at level L");
    assert!(fits(&write_cf1(&token), 8, EcLevel::M), "and version 8 at level M");
    let token = issue(&longest(), &key(ISSUER)).unwrap();
    assert_eq!(token.len(), 147, "the longest static code (bytes)");
    assert!(fits(&write_cf1(&token), 8, EcLevel::L), "it is version 8 at level L");
    assert!(fits(&write_cfn(&token), 8, EcLevel::M), "in digits even at level M");
    let rotates = Claims { not_before: None, ..longest() };
    let token = showing(&Claims { anchor: rotating_anchor(&rotates), ..rotates }, 2_880);
    assert_eq!(token.len(), ISSUED_BYTES_MAX, "the longest rotating code (bytes)");
    assert!(fits(&write_cf1(&token), 8, EcLevel::L), "it fills version 8 at level L");
    assert!(fits(&write_cfn(&token), 8, EcLevel::L), "in digits too");
    assert!(!fits(&write_cf1(&[0; ISSUED_BYTES_MAX + 1]), 8, EcLevel::L), "the limit is the real one");
}

fn rotating_anchor(claims: &Claims) -> Option<Link> {
    Some(chain::anchor(TAIL, claims.serial, chain::length(claims.issued_at, claims.expires_at)))
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

fn any_claims() -> impl Strategy<Value = Claims> {
    let names = (prop::option::of("[a-z]{1,8}"), prop::option::of("[a-z0-9-]{1,16}"));
    let numbers = (0usize..4, any::<u16>(), any::<u32>(), any::<u32>());
    (names, numbers, 1i64..86_400, prop::option::of(1i64..86_400)).prop_map(
        |((issuer, store), (kind, campaign, number, value), lasts, waits)| Claims {
            issuer,
            issued_at: NOW,
            not_before: waits.map(|seconds| NOW.plus_seconds(seconds)),
            expires_at: NOW.plus_seconds(lasts + waits.unwrap_or(0)),
            kind: SignedKind::ALL[kind],
            serial: Serial { campaign, number },
            value: Fen(value.into()),
            store: store.map(StoreId),
            anchor: None,
        },
    )
}

proptest! {
    #[test]
    fn any_claims_come_back_as_they_were(claims in any_claims()) {
        let token = issue(&claims, &key(ISSUER)).unwrap();
        let verified = verify(&token, &list(1), NOW).unwrap();
        prop_assert_eq!(verified.claims, claims, "unchanged");
    }

    #[test]
    fn no_changed_byte_goes_unnoticed(rotates: bool, at in 0usize..200, flip in 1u8..) {
        let mut token = if rotates { showing(&rotating_for(600), 9) } else { issue(&claims(), &key(ISSUER)).unwrap() };
        let at = at % token.len();
        token[at] ^= flip;
        prop_assert!(verify(&token, &list(1), NOW).is_err(), "byte {at} xor {flip:#x}");
    }

    #[test]
    fn no_cut_and_no_addition_goes_unnoticed(cut in 0usize..140, more in prop::collection::vec(any::<u8>(), 1..20)) {
        let token = issue(&claims(), &key(ISSUER)).unwrap();
        let short = &token[..cut.min(token.len() - 1)];
        prop_assert_eq!(verify(short, &list(1), NOW), Err(Unverified::Malformed), "cut");
        let long = [&token[..], &more].concat();
        prop_assert_eq!(verify(&long, &list(1), NOW), Err(Unverified::Malformed), "longer");
    }

    #[test]
    fn random_bytes_are_never_believed(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(verify(&bytes, &list(1), NOW).is_err(), "nobody signed that");
    }

    #[test]
    fn a_stolen_frame_carries_no_other_claims(claims in any_claims(), other in any_claims()) {
        // Somebody who has one genuine code and puts other claims into it.
        prop_assume!(claims != other);
        let genuine = issue(&claims, &key(ISSUER)).unwrap();
        let payload = write_claims(&claims).unwrap();
        let head = |length: usize| if length < 24 { vec![0x40 + length as u8] } else { vec![0x58, length as u8] };
        let from = [head(payload.len()), payload].concat();
        let payload = write_claims(&other).unwrap();
        let forged = replace(&genuine, &from, &[head(payload.len()), payload].concat());
        prop_assert_eq!(verify(&forged, &list(1), NOW), Err(Unverified::NotGenuine), "the signature is of others");
    }

    #[test]
    fn a_misread_character_never_makes_another_code(digits: bool, at: prop::sample::Index, read in "[0-9A-Z $%*+./:-]") {
        let token = showing(&rotating_for(600), 9);
        let mut text = if digits { write_cfn(&token) } else { write_cf1(&token) };
        let at = at.index(text.len());
        text.replace_range(at..=at, &read);
        if let Recognised::Token(bytes) = recognise(&text) {
            prop_assert!(bytes == token || verify(&bytes, &list(1), NOW).is_err(), "{read:?} at {at}");
        }
    }
}
