//! Keys, lists and frames for the tests, made without the code that is tested wherever that is possible.

use coset::{CoseSign1, TaggedCborSerializable, iana};
use ed25519_dalek::{Signature, Signer, VerifyingKey};
use model::entitlement::Fen;
use model::signed::token::{Algorithm, Claims, PublicKey, Serial, SignedKind, SigningKey};
use model::signed::trust::{Key, Scope, TrustList};
use model::time::{UnixMs, Window};

/// A whole second in 2026.
pub const NOW: UnixMs = UnixMs(1_780_000_000_000);
pub const DAY: i64 = 24 * 3600;

pub fn claims() -> Claims {
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

/// A list with the key of seed 1, which may issue anything.
pub fn list() -> TrustList {
    let keys = vec![listed(SigningKey::from_seed([1; 32]).public())];
    TrustList { version: 1, issued: NOW, expires: NOW.plus_seconds(30 * DAY), keys }
}

pub fn listed(public: PublicKey) -> Key {
    let scope = Scope {
        kinds: SignedKind::ALL.into(),
        campaigns: None,
        stores: None,
        value_max: Fen(u32::MAX.into()),
    };
    let algorithms = [Algorithm::Ed25519, Algorithm::EdDsa].into();
    Key { public, name: "sample".into(), algorithms, scope, issues: Window::default() }
}

/// Any payload as a code, signed by another implementation.
pub fn seal(payload: &[u8], algorithm: Algorithm, seed: [u8; 32]) -> Vec<u8> {
    seal_as(payload, algorithm, None, SigningKey::from_seed(seed).kid().0, seed)
}

/// The same under any short name and content type.
pub fn seal_as(
    payload: &[u8],
    algorithm: Algorithm,
    media_type: Option<&str>,
    kid: [u8; 4],
    seed: [u8; 32],
) -> Vec<u8> {
    let algorithm = match algorithm {
        Algorithm::Ed25519 => iana::Algorithm::Ed25519,
        Algorithm::EdDsa => iana::Algorithm::EdDSA,
    };
    let header = coset::HeaderBuilder::new().algorithm(algorithm).key_id(kid.to_vec());
    let header = match media_type {
        Some(media_type) => header.content_type(media_type.into()),
        None => header,
    };
    coset::CoseSign1Builder::new()
        .protected(header.build())
        .payload(payload.to_vec())
        .create_signature(b"", |data| ed25519_dalek::SigningKey::from_bytes(&seed).sign(data).to_vec())
        .build()
        .to_tagged_vec()
        .unwrap()
}

/// Whether another implementation finds the signature of that seed's key good.
pub fn is_signed(bytes: &[u8], seed: [u8; 32]) -> bool {
    let public: VerifyingKey = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
    CoseSign1::from_tagged_slice(bytes).is_ok_and(|frame| {
        let good = frame.verify_signature(b"", |signature, data| {
            public.verify_strict(data, &Signature::from_slice(signature)?)
        });
        good.is_ok()
    })
}

pub fn payload(frame: &[u8]) -> Vec<u8> {
    CoseSign1::from_tagged_slice(frame).unwrap().payload.unwrap()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

pub fn block<const N: usize>(hex: &str) -> [u8; N] {
    unhex(hex).try_into().unwrap()
}
