//! The token: a few claims about one order, coupon, card or membership, signed by an issuing key.
//!
//! It is a COSE_Sign1 (tag 18) around a CWT claims map (RFC 8392): 1 issuer, 4 expiry, 5 not before, 6 issued at,
//! and the private claim -65537 with kind, campaign, serial number, value, store and, in rotating codes, the anchor
//! of its [`chain`]. Campaign and serial number together are its name, so it needs no other.
//!
//! A rotating code carries its present link in the unprotected header. The signature does not cover it and need not:
//! it hashes down to the signed anchor or it does not. Any COSE verifier therefore accepts what the phone shows.

pub use super::envelope::Algorithm;
pub use super::key::{Kid, PublicKey, SigningKey};

use super::cbor::{NotCbor, Reader, Writer};
use super::chain::{self, Link, Reveal};
use super::envelope::{Content, Frame, REVEAL_BYTES, seal, with_reveal};
use super::trust::{Key, TrustList};
use crate::entitlement::{EntitlementId, Fen};
use crate::place::StoreId;
use crate::time::UnixMs;

/// The longest token that is read (bytes).
pub const TOKEN_BYTES_MAX: usize = 256;
/// The longest token that is issued, with its link if it rotates (bytes): as `CF1:` text it fills QR version 8 at
/// level L, the largest that scanners in a queue read well.
pub const ISSUED_BYTES_MAX: usize = 182;
/// How far the clocks of issuer and till may be apart (seconds).
pub const SKEW_SECONDS: i64 = 5 * 60;

const ISSUER_BYTES_MAX: usize = 8;
const STORE_BYTES_MAX: usize = 16;
const ISSUER: i64 = 1;
const EXPIRES: i64 = 4;
const NOT_BEFORE: i64 = 5;
const ISSUED_AT: i64 = 6;
const OURS: i64 = -65537;

/// What a signed code may stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignedKind {
    /// A pick-up order.
    Order,
    /// A coupon.
    Coupon,
    /// A card with a number of uses.
    TimesCard,
    /// A membership.
    Member,
}

impl SignedKind {
    /// Each of them, by their number in the claims.
    pub const ALL: [SignedKind; 4] =
        [SignedKind::Order, SignedKind::Coupon, SignedKind::TimesCard, SignedKind::Member];

    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            SignedKind::Order => "order",
            SignedKind::Coupon => "coupon",
            SignedKind::TimesCard => "times_card",
            SignedKind::Member => "member",
        }
    }

    /// The kind of that stable code.
    pub fn of(code: &str) -> Option<SignedKind> {
        SignedKind::ALL.into_iter().find(|kind| kind.code() == code)
    }

    pub(super) fn number(self) -> u64 {
        self as u64
    }

    pub(super) fn numbered(number: u64) -> Result<SignedKind, NotCbor> {
        SignedKind::ALL.into_iter().find(|kind| kind.number() == number).ok_or(NotCbor)
    }
}

/// The unique name of what a code stands for. Numbers of a campaign are dense, so that a [status list] can say what
/// became of each in two bits.
///
/// [status list]: super::status
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial {
    /// The campaign.
    pub campaign: u16,
    /// The number within the campaign, from 0.
    pub number: u32,
}

impl Serial {
    /// The last four digits of the number, which a clerk compares with what the customer's page shows.
    pub fn tail(self) -> String {
        format!("{:04}", self.number % 10_000)
    }

    /// The serial whose entitlement has that name; nothing for any other name.
    pub fn parse(name: &str) -> Option<Serial> {
        let (campaign, number) = name.strip_prefix("cf-")?.split_once('-')?;
        let serial = Serial { campaign: campaign.parse().ok()?, number: number.parse().ok()? };
        // "cf-07-1" or "cf-+7-1" would be second names of the same thing.
        (EntitlementId::of(serial).0 == name).then_some(serial)
    }
}

impl EntitlementId {
    /// The name of what a signed code stands for: `cf-<campaign>-<number>`.
    pub fn of(serial: Serial) -> EntitlementId {
        EntitlementId(format!("cf-{}-{}", serial.campaign, serial.number))
    }
}

/// What a code says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Who issued it, at most 8 bytes; for people, trust rests on the key.
    pub issuer: Option<String>,
    /// When it was issued (whole seconds).
    pub issued_at: UnixMs,
    /// From when on it may be used, if that is not when it was issued (whole seconds).
    pub not_before: Option<UnixMs>,
    /// Until when it may be used (whole seconds).
    pub expires_at: UnixMs,
    /// What it stands for.
    pub kind: SignedKind,
    /// Its unique name.
    pub serial: Serial,
    /// What it is worth, 0 to 4,294,967,295 fen, for the figure at risk.
    pub value: Fen,
    /// The only store that may take it, at most 16 bytes; nothing means any store.
    pub store: Option<StoreId>,
    /// In rotating codes, the public end of its chain.
    pub anchor: Option<Link>,
}

/// A code that an allowed key has signed. Whether it is in time and unused is not said by that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What the code says.
    pub claims: Claims,
    /// The short name of the key that signed it.
    pub kid: Kid,
    /// That key's name in the trust list, for people.
    pub key_name: String,
    /// In rotating codes the link it shows, which belongs to its chain; whether it is the right moment's is for
    /// [`chain::rotation`] to say.
    pub reveal: Option<Reveal>,
}

impl Verified {
    /// Whether its time is over for certain, given the earliest that `now` can be.
    pub fn is_over(&self, now: UnixMs) -> bool {
        now > self.claims.expires_at.plus_seconds(SKEW_SECONDS)
    }

    /// Whether its time has not come for certain, given the latest that `now` can be.
    pub fn is_early(&self, now: UnixMs) -> bool {
        let from = self.claims.not_before.unwrap_or(self.claims.issued_at);
        now < from.plus_seconds(-SKEW_SECONDS)
    }
}

/// Why a token is not believed. Where several apply, the first in this list is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unverified {
    /// It is not the one right encoding of a signed frame with our headers.
    #[error("not a signed code, or damaged")]
    Malformed,
    /// The till's trust list is past its expiry and the days of grace: it proves nothing any more.
    #[error("the list of trusted keys is too old")]
    TrustListOld,
    /// No trusted key has its short name: another chain's code, or a key that was withdrawn altogether.
    #[error("signed by an unknown key")]
    KeyUnknown,
    /// A trusted key has its short name, but none has signed this; or the link it shows belongs to another chain.
    #[error("the signature is not genuine")]
    NotGenuine,
    /// Genuine, but its claims are none this program knows: a newer issuer.
    #[error("genuine, but written for a newer program")]
    NotUnderstood,
    /// A rotating code without its link: a picture of the template, not the phone's display.
    #[error("a rotating code that shows no link")]
    RevealMissing,
    /// The key was not to be used at the time of issue: too early, or after it was compromised.
    #[error("the key was not valid when this was issued")]
    KeyWithdrawn,
    /// The key may not issue this kind, campaign, store or value.
    #[error("the key may not issue this")]
    OutOfScope,
}

/// Why a token is not issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotIssuable {
    /// A time is before 1970, after 2106 or no whole second.
    #[error("times are whole seconds between 1970 and 2106")]
    Time,
    /// It would expire before or when it is issued, or before it may be used.
    #[error("it expires before it can be used")]
    Window,
    /// The value is negative or more than 4,294,967,295 fen.
    #[error("the value does not fit")]
    Value,
    /// Issuer or store is empty or too long.
    #[error("issuer or store is empty or too long")]
    Name,
    /// A rotating code of no step or of more than 65,535.
    #[error("the chain is shorter than 1 or longer than 65,535 steps")]
    Chain,
    /// Together its names make it too long for a QR code of version 8.
    #[error("it would not fit into a QR code of version 8")]
    Size,
}

/// Signs `claims`. In a rotating code the anchor must be that of a chain of [`chain::length`] steps; the result is
/// the template into which [`splice`] puts the present link.
pub fn issue(claims: &Claims, key: &SigningKey) -> Result<Vec<u8>, NotIssuable> {
    let token = seal(&write_claims(claims)?, Content::Code, key);
    // A map with one pair instead of none, whose label takes 5 bytes and whose string has a head of 1.
    let reveal = if claims.anchor.is_some() { 5 + 1 + REVEAL_BYTES } else { 0 };
    if token.len() + reveal <= ISSUED_BYTES_MAX { Ok(token) } else { Err(NotIssuable::Size) }
}

/// The token as the phone shows it during that step. Nothing if `token` is no token.
pub fn splice(token: &[u8], shown: Reveal) -> Option<Vec<u8>> {
    let frame = Frame::read(token, Content::Code).ok()?;
    let mut reveal = [0; REVEAL_BYTES];
    reveal[..2].copy_from_slice(&shown.step.to_be_bytes());
    reveal[2..].copy_from_slice(&shown.link);
    Some(with_reveal(&frame, Some(reveal)))
}

/// What a token says it stands for, unverified: anybody can write that. For showing it to a person, never for a
/// decision.
pub fn claimed_kind(bytes: &[u8]) -> Option<SignedKind> {
    let frame = Frame::read(bytes, Content::Code).ok()?;
    Some(read_claims(frame.payload).ok()?.kind)
}

/// Verifies a token with the keys of `list`; `now` only decides whether the list is still good.
pub fn verify(bytes: &[u8], list: &TrustList, now: UnixMs) -> Result<Verified, Unverified> {
    verify_from(bytes, list, now, |_| None)
}

/// The same for a caller who remembers links: `known` gives one that was verified before for the same serial *and*
/// anchor, which makes a long chain's check as short as the time since then. It is asked after the signature.
pub fn verify_from(
    bytes: &[u8],
    list: &TrustList,
    now: UnixMs,
    known: impl FnOnce(&Claims) -> Option<Reveal>,
) -> Result<Verified, Unverified> {
    if bytes.len() > TOKEN_BYTES_MAX {
        return Err(Unverified::Malformed);
    }
    let frame = Frame::read(bytes, Content::Code).map_err(|_| Unverified::Malformed)?;
    if list.is_too_old(now) {
        return Err(Unverified::TrustListOld);
    }
    let key = signer(&frame, list)?;
    let claims = read_claims(frame.payload).map_err(|_| Unverified::NotUnderstood)?;
    let reveal = match (claims.anchor, frame.reveal) {
        (None, None) => None,
        (None, Some(_)) => return Err(Unverified::NotGenuine),
        (Some(_), None) => return Err(Unverified::RevealMissing),
        (Some(anchor), Some(shown)) => {
            let shown = read_reveal(shown);
            // First of all, so that nobody makes a till hash further than a chain is long.
            let within = u32::from(shown.step) <= chain::length(claims.issued_at, claims.expires_at);
            let genuine = || match known(&claims) {
                Some(known) => chain::is_of_chain(shown, claims.serial, known),
                None => chain::is_anchored(shown, claims.serial, anchor),
            };
            if !within || !genuine() {
                return Err(Unverified::NotGenuine);
            }
            Some(shown)
        }
    };
    if key.issues.is_early(claims.issued_at) || key.issues.is_over(claims.issued_at) {
        return Err(Unverified::KeyWithdrawn);
    }
    if !key.scope.covers(&claims) {
        return Err(Unverified::OutOfScope);
    }
    Ok(Verified { claims, kid: frame.kid, key_name: key.name.clone(), reveal })
}

/// The key that has signed it. Short names may collide, so each key that has it is tried.
fn signer<'l>(frame: &Frame<'_>, list: &'l TrustList) -> Result<&'l Key, Unverified> {
    let mut named = list.keys.iter().filter(|key| key.public.kid() == frame.kid).peekable();
    if named.peek().is_none() {
        return Err(Unverified::KeyUnknown);
    }
    named
        .find(|key| key.algorithms.contains(&frame.algorithm) && frame.signed_by(key.public))
        .ok_or(Unverified::NotGenuine)
}

fn read_reveal(bytes: [u8; REVEAL_BYTES]) -> Reveal {
    let mut link = [0; 16];
    link.copy_from_slice(&bytes[2..]);
    Reveal { step: u16::from_be_bytes([bytes[0], bytes[1]]), link }
}

fn write_claims(claims: &Claims) -> Result<Vec<u8>, NotIssuable> {
    let issued_at = seconds(claims.issued_at)?;
    let expires_at = seconds(claims.expires_at)?;
    let not_before = claims.not_before.filter(|from| *from != claims.issued_at).map(seconds).transpose()?;
    if expires_at <= issued_at || not_before.is_some_and(|from| expires_at <= from) {
        return Err(NotIssuable::Window);
    }
    let value = u32::try_from(claims.value.0).map_err(|_| NotIssuable::Value)?;
    let store = claims.store.as_ref().map(|store| store.0.as_str());
    let good = |name: Option<&str>, max| name.is_none_or(|name| (1..=max).contains(&name.len()));
    if !good(claims.issuer.as_deref(), ISSUER_BYTES_MAX) || !good(store, STORE_BYTES_MAX) {
        return Err(NotIssuable::Name);
    }
    let length = chain::length(claims.issued_at, claims.expires_at);
    if claims.anchor.is_some() && !(1..=chain::STEPS_MAX).contains(&length) {
        return Err(NotIssuable::Chain);
    }
    let mut writer = Writer::default();
    writer.map(3 + usize::from(claims.issuer.is_some()) + usize::from(not_before.is_some()));
    if let Some(issuer) = &claims.issuer {
        writer.int(ISSUER).text(issuer);
    }
    writer.int(EXPIRES).uint(expires_at.into());
    if let Some(from) = not_before {
        writer.int(NOT_BEFORE).uint(from.into());
    }
    writer.int(ISSUED_AT).uint(issued_at.into());
    writer.int(OURS).array(5 + usize::from(claims.anchor.is_some())).uint(claims.kind.number());
    writer.uint(claims.serial.campaign.into()).uint(claims.serial.number.into()).uint(value.into());
    writer.optional(store, |writer, store| writer.text(store));
    if let Some(anchor) = &claims.anchor {
        writer.bytes(anchor);
    }
    Ok(writer.done())
}

fn read_claims(bytes: &[u8]) -> Result<Claims, NotCbor> {
    let mut reader = Reader::new(bytes);
    // Labels come in their order (RFC 8949, 4.2.1); that there are as many as announced shows below.
    reader.map(5)?;
    let mut label = reader.int()?;
    let mut issuer = None;
    if label == ISSUER {
        issuer = Some(name(&mut reader, ISSUER_BYTES_MAX)?);
        label = reader.int()?;
    }
    let expires_at = expect(label, EXPIRES).and_then(|()| seconds_of(&mut reader))?;
    label = reader.int()?;
    let mut not_before = None;
    if label == NOT_BEFORE {
        not_before = Some(seconds_of(&mut reader)?);
        label = reader.int()?;
    }
    let issued_at = expect(label, ISSUED_AT).and_then(|()| seconds_of(&mut reader))?;
    expect(reader.int()?, OURS)?;
    let rotating = match reader.array(6)? {
        5 => false,
        6 => true,
        _ => return Err(NotCbor),
    };
    let kind = SignedKind::numbered(reader.uint()?)?;
    let serial = Serial { campaign: reader.u16()?, number: reader.u32()? };
    let value = Fen(reader.u32()?.into());
    let store = reader.optional(|reader| name(reader, STORE_BYTES_MAX))?.map(StoreId);
    let anchor = if rotating { Some(reader.block()?) } else { None };
    reader.end()?;
    let claims = Claims { issuer, issued_at, not_before, expires_at, kind, serial, value, store, anchor };
    // What could not be issued in these very bytes is not understood either: one rule for both directions.
    if write_claims(&claims).ok().as_deref() == Some(bytes) { Ok(claims) } else { Err(NotCbor) }
}

fn name(reader: &mut Reader<'_>, length_max: usize) -> Result<String, NotCbor> {
    reader.text(length_max).map(str::to_owned)
}

fn seconds(at: UnixMs) -> Result<u32, NotIssuable> {
    if at.0 % 1000 == 0 {
        u32::try_from(at.0 / 1000).map_err(|_| NotIssuable::Time)
    } else {
        Err(NotIssuable::Time)
    }
}

fn seconds_of(reader: &mut Reader<'_>) -> Result<UnixMs, NotCbor> {
    Ok(UnixMs(i64::from(reader.u32()?) * 1000))
}

fn expect(label: i64, wanted: i64) -> Result<(), NotCbor> {
    if label == wanted { Ok(()) } else { Err(NotCbor) }
}

#[cfg(test)]
mod tests;
