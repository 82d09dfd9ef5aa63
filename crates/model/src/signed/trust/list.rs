//! The trust list: which issuing keys a till believes, and what each may issue.
//!
//! Payload: `[1, version, issued, expires, [key, …]]`, times in milliseconds since 1970, a key being
//! `[public, name, [algorithm, …], [kind, …], [[first, last], …] | null, [store, …] | null, value, from | null,
//! until | null]`. Whatever is a set is sorted and has nothing twice.

use std::collections::BTreeSet;

use super::super::cbor::{NotCbor, Reader, Writer};
use super::super::envelope::Algorithm;
use super::super::key::PublicKey;
use super::super::token::{Claims, SignedKind};
use super::{GRACE_SECONDS, read_time, write_time};
use crate::entitlement::Fen;
use crate::place::StoreId;
use crate::time::{UnixMs, Window};

/// The most keys of one list.
pub const KEYS_MAX: usize = 256;
/// The longest signed list (bytes).
pub const LIST_BYTES_MAX: usize = 256 * 1024;

const FORMAT: u64 = 1;
const NAME_BYTES_MAX: usize = 64;
const RANGES_MAX: usize = 1024;
const STORES_MAX: usize = 8192;
const STORE_BYTES_MAX: usize = 64;

/// Which keys may issue codes. A key that was withdrawn altogether is simply no longer in the next version.
///
/// As a value it is only a draft: a till believes what it gets from [`Trust::list`](super::Trust::list).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustList {
    /// Grows with each list.
    pub version: u32,
    /// When it was made.
    pub issued: UnixMs,
    /// Until when it is meant to be replaced; it is good for 7 days more.
    pub expires: UnixMs,
    /// The keys, sorted by public key, each once.
    pub keys: Vec<Key>,
}

impl TrustList {
    /// Whether it is past its expiry and the days of grace, so that it proves nothing any more.
    pub fn is_too_old(&self, now: UnixMs) -> bool {
        now > self.expires.plus_seconds(GRACE_SECONDS)
    }
}

/// A key that may issue codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The key itself.
    pub public: PublicKey,
    /// What people call it, at most 64 bytes: "Coupons, autumn".
    pub name: String,
    /// By which names its signatures may call the algorithm.
    pub algorithms: BTreeSet<Algorithm>,
    /// What it may issue.
    pub scope: Scope,
    /// When it may issue. A key that was stolen at a known time stays, with that time as its end.
    pub issues: Window,
}

/// What a key may issue. A stolen key makes nothing beyond it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Of these kinds.
    pub kinds: BTreeSet<SignedKind>,
    /// In these campaigns, from … to, both included, in their order; nothing means all.
    pub campaigns: Option<Vec<(u16, u16)>>,
    /// For these stores; nothing means all. A key that is bound to stores issues no code that is good anywhere.
    pub stores: Option<BTreeSet<StoreId>>,
    /// Each worth at most that much.
    pub value_max: Fen,
}

impl Scope {
    /// Whether a key of this scope may issue a code with these claims.
    pub fn covers(&self, claims: &Claims) -> bool {
        let campaign = claims.serial.campaign;
        self.kinds.contains(&claims.kind)
            && claims.value <= self.value_max
            && self
                .campaigns
                .as_ref()
                .is_none_or(|ranges| ranges.iter().any(|(first, last)| (*first..=*last).contains(&campaign)))
            && self
                .stores
                .as_ref()
                .is_none_or(|stores| claims.store.as_ref().is_some_and(|store| stores.contains(store)))
    }
}

pub(super) fn write(list: &TrustList) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.array(5).uint(FORMAT).uint(list.version.into());
    write_time(&mut writer, list.issued);
    write_time(&mut writer, list.expires);
    writer.array(list.keys.len());
    for key in &list.keys {
        write_key(&mut writer, key);
    }
    writer.done()
}

pub(super) fn read(payload: &[u8]) -> Result<TrustList, NotCbor> {
    let mut reader = Reader::new(payload);
    reader.array_of(5)?;
    if reader.uint()? != FORMAT {
        return Err(NotCbor);
    }
    let version = reader.u32()?;
    let issued = read_time(&mut reader)?;
    let expires = read_time(&mut reader)?;
    let keys = reader.list(KEYS_MAX, read_key)?;
    reader.end()?;
    let sorted = keys.windows(2).all(|pair| pair[0].public < pair[1].public);
    if sorted && issued < expires { Ok(TrustList { version, issued, expires, keys }) } else { Err(NotCbor) }
}

fn write_key(writer: &mut Writer, key: &Key) {
    writer.array(9).bytes(&key.public.to_bytes()).text(&key.name).array(key.algorithms.len());
    for algorithm in &key.algorithms {
        writer.int(algorithm.label());
    }
    writer.array(key.scope.kinds.len());
    for kind in &key.scope.kinds {
        writer.uint(kind.number());
    }
    writer.optional(key.scope.campaigns.as_ref(), |writer, ranges| {
        writer.array(ranges.len());
        for (first, last) in ranges {
            writer.array(2).uint((*first).into()).uint((*last).into());
        }
        writer
    });
    writer.optional(key.scope.stores.as_ref(), |writer, stores| {
        writer.array(stores.len());
        for store in stores {
            writer.text(&store.0);
        }
        writer
    });
    writer.int(key.scope.value_max.0);
    writer.optional(key.issues.from, write_time).optional(key.issues.until, write_time);
}

fn read_key(reader: &mut Reader<'_>) -> Result<Key, NotCbor> {
    reader.array_of(9)?;
    let public = PublicKey::from_bytes(&reader.block()?).ok_or(NotCbor)?;
    let name = reader.text(NAME_BYTES_MAX)?.to_owned();
    let algorithms = set(reader.list(2, |reader| Algorithm::of(reader.int()?))?)?;
    let kinds = set(reader.list(SignedKind::ALL.len(), |reader| SignedKind::numbered(reader.uint()?))?)?;
    let campaigns = reader.optional(|reader| {
        reader.list(RANGES_MAX, |reader| {
            reader.array_of(2)?;
            Ok((reader.u16()?, reader.u16()?))
        })
    })?;
    let in_order = |ranges: &Vec<(u16, u16)>| {
        ranges.iter().all(|(first, last)| first <= last)
            && ranges.windows(2).all(|pair| pair[0].1 < pair[1].0)
    };
    if !campaigns.as_ref().is_none_or(in_order) {
        return Err(NotCbor);
    }
    let stores = reader.optional(|reader| {
        set(reader.list(STORES_MAX, |reader| Ok(StoreId(reader.text(STORE_BYTES_MAX)?.to_owned())))?)
    })?;
    let value_max = Fen(i64::try_from(reader.uint()?).map_err(|_| NotCbor)?);
    let issues = Window { from: reader.optional(read_time)?, until: reader.optional(read_time)? };
    Ok(Key { public, name, algorithms, scope: Scope { kinds, campaigns, stores, value_max }, issues })
}

/// The items as a set, if they came sorted and without repetition.
fn set<T: Ord>(items: Vec<T>) -> Result<BTreeSet<T>, NotCbor> {
    let sorted = items.windows(2).all(|pair| pair[0] < pair[1]);
    if sorted { Ok(items.into_iter().collect()) } else { Err(NotCbor) }
}
