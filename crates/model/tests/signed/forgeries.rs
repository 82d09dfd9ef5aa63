//! Nothing without a valid signature is ever believed.
//!
//! Every property tries one thing that somebody without the key can do. What is believed all the same must carry a
//! signature that another implementation finds good, and say what the issuer has said. proptest prints the smallest
//! input that breaks a property, and keeps its seed under `proptest-regressions`; PROPTEST_CASES asks for more cases.

use std::sync::OnceLock;

use coset::{CoseSign1, TaggedCborSerializable};
use model::signed::chain::{self, Link, Reveal};
use model::signed::status::{StatusUpdate, read_update, sign_update};
use model::signed::text::{Recognised, recognise, write_cf1, write_cfn};
use model::signed::token::{
    Algorithm, Claims, Serial, SignedKind, SigningKey, Unverified, issue, splice, verify,
};
use model::signed::trust::{NotTaken, Root, Trust, sign_list, sign_root};
use model::time::UnixMs;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::frames::{DAY, NOW, claims, is_signed, list, listed, payload, seal, seal_as};

const ISSUER: [u8; 32] = [1; 32];
const ROLE: [u8; 32] = [11; 32];
const TAIL: Link = [0x5A; 16];
/// Half an hour: in a debug build each step is felt.
const STEPS: u32 = 60;
const LIST_TYPE: &str = "application/counterfoil-trust-list+cbor";
const UPDATE_TYPE: &str = "application/counterfoil-status-update+cbor";

/// What the issuer has said; everything else is a forgery.
fn genuine() -> &'static [Vec<u8>; 3] {
    static GENUINE: OnceLock<[Vec<u8>; 3]> = OnceLock::new();
    GENUINE.get_or_init(|| {
        let key = SigningKey::from_seed(ISSUER);
        let other =
            Claims { serial: Serial { campaign: 7, number: 43 }, kind: SignedKind::Order, ..claims() };
        [issue(&claims(), &key).unwrap(), issue(&other, &key).unwrap(), rotating(5)]
    })
}

fn rotating(step: u16) -> Vec<u8> {
    let claims = Claims {
        anchor: Some(chain::anchor(TAIL, claims().serial, STEPS)),
        expires_at: NOW.plus_seconds(30 * i64::from(STEPS)),
        ..claims()
    };
    let template = issue(&claims, &SigningKey::from_seed(ISSUER)).unwrap();
    splice(&template, chain::reveal(TAIL, claims.serial, STEPS, step).unwrap()).unwrap()
}

/// Fails if `forged` is believed without being one of the genuine ones.
fn is_not_believed(forged: &[u8]) -> Result<(), TestCaseError> {
    if verify(forged, &list(), NOW).is_ok() {
        prop_assert!(is_signed(forged, ISSUER), "believed without a signature");
        prop_assert!(genuine().iter().any(|genuine| genuine == forged), "and it is nothing that was issued");
    }
    Ok(())
}

/// A change of one place.
#[derive(Clone, Debug)]
enum Edit {
    Flip(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Repeat(Index, Index, usize),
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        match self {
            Edit::Flip(at, by) => {
                let at = at.index(bytes.len());
                bytes[at] ^= by;
            }
            Edit::Insert(at, byte) => bytes.insert(at.index(bytes.len() + 1), *byte),
            Edit::Remove(at) => drop(bytes.remove(at.index(bytes.len()))),
            Edit::Repeat(from, to, length) => {
                let from = from.index(bytes.len());
                let part: Vec<u8> = bytes[from..].iter().take(*length).copied().collect();
                let to = to.index(bytes.len());
                bytes.splice(to..to, part);
            }
        }
    }
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        3 => (any::<Index>(), 1u8..).prop_map(|(at, by)| Edit::Flip(at, by)),
        1 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Edit::Insert(at, byte)),
        1 => any::<Index>().prop_map(Edit::Remove),
        1 => (any::<Index>(), any::<Index>(), 1usize..20)
            .prop_map(|(from, to, length)| Edit::Repeat(from, to, length)),
    ];
    prop::collection::vec(edit, 1..6)
}

proptest! {
    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(verify(&bytes, &list(), NOW).is_err(), "nobody signed that");
    }

    #[test]
    fn a_frame_of_the_right_shape_with_random_content(
        content in prop::collection::vec(any::<u8>(), 0..120), signature: [[u8; 32]; 2],
    ) {
        let mut frame = CoseSign1::from_tagged_slice(&genuine()[0]).unwrap();
        frame.payload = Some(content);
        frame.signature = signature.concat();
        is_not_believed(&frame.to_tagged_vec().unwrap())?;
    }

    #[test]
    fn a_genuine_code_with_changes(which in 0usize..3, edits in edits()) {
        let mut bytes = genuine()[which].clone();
        edits.iter().for_each(|edit| edit.apply(&mut bytes));
        is_not_believed(&bytes)?;
    }

    #[test]
    fn a_genuine_text_with_changes(which in 0usize..3, digits: bool, edits in edits()) {
        let write = if digits { write_cfn } else { write_cf1 };
        let mut text = write(&genuine()[which]).into_bytes();
        edits.iter().for_each(|edit| edit.apply(&mut text));
        if let Recognised::Token(bytes) = recognise(&String::from_utf8_lossy(&text)) {
            is_not_believed(&bytes)?;
        }
    }

    #[test]
    fn a_part_of_a_genuine_code_and_more(which in 0usize..3, cut: Index, more in prop::collection::vec(any::<u8>(), 0..20)) {
        let genuine = &genuine()[which];
        let short = &genuine[..cut.index(genuine.len())];
        prop_assert_eq!(verify(short, &list(), NOW), Err(Unverified::Malformed), "cut");
        is_not_believed(&[short, &more].concat())?;
        is_not_believed(&[genuine, &more[..]].concat())?;
        is_not_believed(&[&more[..], genuine].concat())?;
    }

    #[test]
    fn the_signature_of_another_genuine_code(from in 0usize..3, to in 0usize..3) {
        prop_assume!(from != to);
        let mut frame = CoseSign1::from_tagged_slice(&genuine()[to]).unwrap();
        frame.signature = CoseSign1::from_tagged_slice(&genuine()[from]).unwrap().signature;
        let forged = frame.to_tagged_vec().unwrap();
        prop_assert_eq!(verify(&forged, &list(), NOW), Err(Unverified::NotGenuine), "it belongs to that one");
    }

    #[test]
    fn a_key_of_ones_own_under_the_short_name_of_a_listed_one(seed: [u8; 32]) {
        prop_assume!(seed != ISSUER);
        let kid = SigningKey::from_seed(ISSUER).kid().0;
        for algorithm in [Algorithm::Ed25519, Algorithm::EdDsa] {
            let forged = seal_as(&payload(&genuine()[0]), algorithm, None, kid, seed);
            prop_assert!(is_signed(&forged, seed), "properly signed, but by a stranger");
            prop_assert_eq!(verify(&forged, &list(), NOW), Err(Unverified::NotGenuine), "{:?}", algorithm);
        }
    }

    #[test]
    fn a_link_of_ones_own_in_a_genuine_rotating_code(step: u16, link: Link) {
        let shown = Reveal { step, link };
        let forged = splice(&genuine()[2], shown).unwrap();
        let own = chain::reveal(TAIL, claims().serial, STEPS, step) == Some(shown);
        prop_assert_eq!(verify(&forged, &list(), NOW).is_ok(), own, "only the phone knows the links");
    }

    #[test]
    fn a_link_shown_earlier_under_a_later_step(earlier in 1u16..60, later in 1u16..=60) {
        prop_assume!(earlier < later);
        let Reveal { link, .. } = chain::reveal(TAIL, claims().serial, STEPS, earlier).unwrap();
        let forged = splice(&genuine()[2], Reveal { step: later, link }).unwrap();
        prop_assert_eq!(verify(&forged, &list(), NOW), Err(Unverified::NotGenuine), "links show the past only");
    }

    #[test]
    fn heads_written_in_another_way(which in 0usize..3, widths in prop::collection::vec(0usize..4, 8)) {
        let genuine = &genuine()[which];
        let rewritten = rewrite(genuine, &widths);
        prop_assume!(&rewritten != genuine);
        prop_assert!(is_signed(&rewritten, ISSUER), "to a lenient reader it is the same frame");
        prop_assert_eq!(verify(&rewritten, &list(), NOW), Err(Unverified::Malformed), "here it has one encoding");
    }

    #[test]
    fn claims_written_in_another_way_by_the_issuer_itself(widths in prop::collection::vec(0usize..4, 12)) {
        let content = payload(&genuine()[0]);
        let rewritten = rewrite(&content, &widths);
        prop_assume!(rewritten != content);
        let sealed = seal(&rewritten, Algorithm::Ed25519, ISSUER);
        prop_assert_eq!(verify(&sealed, &list(), NOW), Err(Unverified::NotUnderstood), "one content, one encoding");
    }

    #[test]
    fn any_content_signed_by_the_issuer_for_another_purpose(
        content in prop::collection::vec(any::<u8>(), 0..120), media_type in "[a-z/+-]{0,40}",
    ) {
        let kid = SigningKey::from_seed(ISSUER).kid().0;
        for media_type in [LIST_TYPE, UPDATE_TYPE, &media_type] {
            for content in [&content[..], &payload(&genuine()[0])] {
                let sealed = seal_as(content, Algorithm::Ed25519, Some(media_type), kid, ISSUER);
                let verified = verify(&sealed, &list(), NOW);
                prop_assert_eq!(verified, Err(Unverified::Malformed), "{:?} is no code", media_type);
            }
        }
    }

    #[test]
    fn a_list_or_an_update_with_changes_or_of_another_kind(edits in edits(), update: bool) {
        let (mut trust, kid) = (trust(), SigningKey::from_seed(ROLE).kid().0);
        let (own_type, other_type) = if update { (UPDATE_TYPE, LIST_TYPE) } else { (LIST_TYPE, UPDATE_TYPE) };
        let content = if update { payload(&signed_update()) } else { payload(&signed_list()) };
        let genuine = seal_as(&content, Algorithm::Ed25519, Some(own_type), kid, ROLE);
        let mut changed = genuine.clone();
        edits.iter().for_each(|edit| edit.apply(&mut changed));
        prop_assume!(changed != genuine);
        let stranger = seal_as(&content, Algorithm::Ed25519, Some(own_type), kid, ISSUER);
        let renamed = seal_as(&content, Algorithm::Ed25519, Some(other_type), kid, ROLE);
        let unnamed = seal_as(&content, Algorithm::Ed25519, None, kid, ROLE);
        for forged in [&changed, &stranger, &renamed, &unnamed] {
            if update {
                prop_assert!(read_update(forged, &trust, NOW).is_err(), "not what the role key has signed");
            } else {
                prop_assert!(trust.take_list(forged, NOW).is_err(), "not what the role key has signed");
            }
        }
        prop_assert_eq!(trust.list(), None, "nothing has changed");
    }
}

#[test]
fn a_signature_has_no_second_form() {
    // RFC 8032, 5.1.7: S below the order of the group, L. S + L would pass a check that forgets that.
    const ORDER: [u8; 32] = [
        0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7, 0xA2, 0xDE, 0xF9, 0xDE, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut forged = genuine()[0].clone();
    let start = forged.len() - 32;
    let mut carry = 0;
    for (byte, add) in forged[start..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    assert_eq!(carry, 0, "it still fits into 32 bytes");
    assert_eq!(verify(&forged, &list(), NOW), Err(Unverified::NotGenuine), "S + L");
}

#[test]
fn two_keys_with_one_short_name_do_not_vouch_for_each_other() {
    // Found by trying seeds 0, 1, 2 … until two public keys agreed in the first four bytes of their thumbprints.
    let seeds = [128_034u32, 140_004].map(|number| {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(&number.to_be_bytes());
        seed
    });
    let [listed_key, stranger] = seeds.map(SigningKey::from_seed);
    assert_eq!(listed_key.kid(), stranger.kid(), "the same short name");
    let mut list = list();
    list.keys = vec![listed(listed_key.public())];
    let forged = issue(&claims(), &stranger).unwrap();
    assert!(is_signed(&forged, seeds[1]), "properly signed by the one that is not listed");
    assert_eq!(verify(&forged, &list, NOW), Err(Unverified::NotGenuine), "and not believed");
    assert!(verify(&issue(&claims(), &listed_key).unwrap(), &list, NOW).is_ok(), "its twin's is");
}

#[test]
fn frames_that_only_look_like_ours() {
    let genuine = &genuine()[0];
    let untagged = &genuine[1..];
    let tagged_twice = [&[0xD2], &genuine[..]].concat();
    let as_cwt = [&[0xD8, 61], &genuine[..]].concat();
    let as_mac = [&[0xD1], untagged].concat();
    for forged in [untagged, &tagged_twice, &as_cwt, &as_mac] {
        assert_eq!(verify(forged, &list(), NOW), Err(Unverified::Malformed), "one tag, and it is 18");
    }
    let mut detached = CoseSign1::from_tagged_slice(genuine).unwrap();
    detached.payload = None;
    let detached = detached.to_tagged_vec().unwrap();
    assert_eq!(verify(&detached, &list(), NOW), Err(Unverified::Malformed), "the content is inside");
    let mut annotated = CoseSign1::from_tagged_slice(genuine).unwrap();
    annotated.unprotected.key_id = vec![1];
    let annotated = annotated.to_tagged_vec().unwrap();
    assert_eq!(verify(&annotated, &list(), NOW), Err(Unverified::Malformed), "no header is but ours");
}

/// The first item with the heads of its parts as wide as `widths` says: 0 is the shortest form that can be, 1 to 3
/// are wider by steps. Byte strings are not looked into.
fn rewrite(bytes: &[u8], widths: &[usize]) -> Vec<u8> {
    let mut written = vec![];
    let mut rest = bytes;
    let mut widths = widths.iter().copied().chain(std::iter::repeat(0));
    while let Some((first, after)) = rest.split_first() {
        let (major, small) = (first >> 5, first & 0x1F);
        if major == 7 {
            written.push(*first);
            rest = after;
            continue;
        }
        let size = [1, 2, 4, 8].get(usize::from(small.saturating_sub(24))).filter(|_| small >= 24).copied();
        let (argument, after) = after.split_at(size.unwrap_or(0));
        let value = argument.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        let value = if size.is_none() { u64::from(small) } else { value };
        let shortest = [24, 1 << 8, 1 << 16, 1 << 32].iter().filter(|bound| value >= **bound).count();
        let wide = (shortest + widths.next().unwrap()).min(4);
        match wide {
            0 => written.push(major << 5 | value as u8),
            _ => {
                written.push(major << 5 | (23 + wide) as u8);
                written.extend_from_slice(&value.to_be_bytes()[8 - (1 << (wide - 1))..]);
            }
        }
        let length = if matches!(major, 2 | 3) { value as usize } else { 0 };
        written.extend_from_slice(&after[..length]);
        rest = &after[length..];
    }
    written
}

/// A till with a root, and no list yet.
fn trust() -> Trust {
    let roots = [[21; 32], [22; 32]].map(SigningKey::from_seed);
    let mut root_keys: Vec<_> = roots.iter().map(SigningKey::public).collect();
    root_keys.sort();
    let root = Root {
        version: 1,
        expires: NOW.plus_seconds(365 * DAY),
        threshold: 2,
        root_keys,
        role_keys: vec![SigningKey::from_seed(ROLE).public()],
    };
    Trust::pin(&sign_root(&root, &roots.iter().collect::<Vec<_>>()).unwrap()).unwrap()
}

fn signed_list() -> Vec<u8> {
    let signed = sign_list(&list(), &SigningKey::from_seed(ROLE)).unwrap();
    assert!(trust().take_list(&signed, NOW).is_ok(), "the genuine one is taken");
    signed
}

fn signed_update() -> Vec<u8> {
    let update = StatusUpdate { after: 1, version: 2, more: false, at: UnixMs(NOW.0), lists: vec![] };
    let signed = sign_update(&update, &SigningKey::from_seed(ROLE)).unwrap();
    assert_eq!(read_update(&signed, &trust(), NOW), Ok(update), "the genuine one is read");
    signed
}

#[test]
fn a_root_that_was_signed_by_too_few_is_none_whatever_it_claims() {
    let root = Root {
        version: 1,
        expires: NOW.plus_seconds(DAY),
        threshold: 2,
        root_keys: {
            let mut keys: Vec<_> =
                [[21; 32], [22; 32]].map(|seed| SigningKey::from_seed(seed).public()).to_vec();
            keys.sort();
            keys
        },
        role_keys: vec![SigningKey::from_seed(ROLE).public()],
    };
    let one = SigningKey::from_seed([21; 32]);
    let stranger = SigningKey::from_seed([99; 32]);
    for keys in [vec![&one], vec![&one, &one], vec![&one, &stranger], vec![&stranger, &stranger]] {
        let signed = sign_root(&root, &keys).unwrap();
        assert_eq!(Trust::pin(&signed).err(), Some(NotTaken::NotSigned), "two of its own keys are needed");
    }
}
