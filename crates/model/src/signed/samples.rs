//! Keys, claims and lists that the tests share.

use super::token::{Claims, Serial, SignedKind, SigningKey};
use super::trust::{Key, Root, Scope, Trust, TrustList, sign_list, sign_root};
use crate::entitlement::Fen;
use crate::time::{UnixMs, Window};

/// A whole second in 2026.
pub(super) const NOW: UnixMs = UnixMs(1_780_000_000_000);
pub(super) const DAY: i64 = 24 * 3600;

pub(super) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32])
}

/// The key that issues codes, its role key, and the three root keys.
pub(super) const ISSUER: u8 = 1;
pub(super) const ROLE: u8 = 11;
pub(super) const ROOTS: [u8; 3] = [21, 22, 23];

pub(super) fn claims() -> Claims {
    Claims {
        issuer: Some("CF".into()),
        issued_at: NOW,
        not_before: None,
        expires_at: NOW.plus_seconds(DAY),
        kind: SignedKind::Coupon,
        serial: Serial { campaign: 7, number: 42 },
        value: Fen(2_000),
        store: None,
        anchor: None,
    }
}

/// A key that may issue anything.
pub(super) fn listed(public: super::token::PublicKey) -> Key {
    let scope = Scope {
        kinds: SignedKind::ALL.into(),
        campaigns: None,
        stores: None,
        value_max: Fen(u32::MAX.into()),
    };
    let algorithms = [super::token::Algorithm::Ed25519, super::token::Algorithm::EdDsa].into();
    Key { public, name: "sample".into(), algorithms, scope, issues: Window::default() }
}

pub(super) fn list(version: u32) -> TrustList {
    let keys = vec![listed(key(ISSUER).public())];
    TrustList { version, issued: NOW, expires: NOW.plus_seconds(30 * DAY), keys }
}

pub(super) fn root(version: u32, roots: &[u8], roles: &[u8]) -> Root {
    let sorted = |seeds: &[u8]| {
        let mut keys: Vec<_> = seeds.iter().map(|seed| key(*seed).public()).collect();
        keys.sort();
        keys
    };
    Root {
        version,
        expires: NOW.plus_seconds(365 * DAY),
        threshold: 2,
        root_keys: sorted(roots),
        role_keys: sorted(roles),
    }
}

pub(super) fn signed_root(root: &Root, seeds: &[u8]) -> Vec<u8> {
    let keys: Vec<SigningKey> = seeds.iter().map(|seed| key(*seed)).collect();
    sign_root(root, &keys.iter().collect::<Vec<_>>()).unwrap()
}

/// Root 1 pinned, with list 5.
pub(super) fn trust() -> Trust {
    let mut trust = Trust::pin(&signed_root(&root(1, &ROOTS, &[ROLE]), &ROOTS[..2])).unwrap();
    trust.take_list(&sign_list(&list(5), &key(ROLE)).unwrap(), NOW).unwrap();
    trust
}

pub(super) fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

pub(super) fn block<const N: usize>(hex: &str) -> [u8; N] {
    unhex(hex).try_into().unwrap()
}
