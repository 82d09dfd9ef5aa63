//! The lines of a journal: written once, signed, chained by hash, stored and sent byte for byte.
//!
//! A line is a map in deterministic CBOR ([`crate::cbor`]), signed by the till's device key as a COSE_Sign1
//! ([`model::signed::record`]). Its hash is BLAKE3 over exactly the stored bytes, signature included, and each line
//! names the hash of the one before, so that a changed, missing or inserted line is found by whoever walks the chain.
//! Nobody encodes a line a second time: what was written is what is sent.

use model::signed::key::{PublicKey, SigningKey};
use model::signed::record::{self, Kind, Record};
use serde::{Deserialize, Serialize};

use crate::api::Settlement;
use crate::cbor::{self, NotCbor};
use crate::entitlement::Use;

/// The version of the line format that this program writes.
pub const LINE_VERSION: u32 = 2;

/// No line is longer (bytes): an order of a hundred articles takes some 10 KiB.
pub const LINE_BYTES_MAX: usize = 64 << 10;

/// A decision names no more acceptances that its maker saw, so that its line stays well below [`LINE_BYTES_MAX`].
pub const SEEN_MAX: usize = 1_000;

/// A BLAKE3 hash.
pub type Hash = [u8; 32];

/// The "hash before the first line".
pub const GENESIS: Hash = [0; 32];

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// [`LINE_VERSION`].
    #[serde(rename = "v")]
    pub version: u32,
    /// Whose journal.
    pub device: String,
    /// Grows when a journal had to be begun anew.
    pub epoch: u64,
    /// 1, 2, 3 … within the epoch.
    pub seq: u64,
    /// Hash of the line before; [`GENESIS`] for the first.
    #[serde(with = "hash_bytes")]
    pub prev: Hash,
    /// By the time that the till goes by (ms since 1970); see [`model::time`].
    pub at: i64,
    /// What that time rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Witness>,
    /// What happened.
    pub act: Act,
}

/// What is known of the moment besides the time gone by, so that whoever holds the lines can tell what an untrue clock
/// claimed: within one run, [`Witness::mono`] counts on whatever is done to the wall clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// The run of the program that `mono` counts in: 16 hexadecimal digits, drawn at its start.
    pub run: String,
    /// Milliseconds since that run's beginning.
    pub mono: u64,
    /// What the wall clock said, where that is not the time gone by (ms since 1970).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall: Option<i64>,
    /// The last of the server's times that was heard (ms since 1970).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<i64>,
}

/// Where a journal stood: its last line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stand {
    /// The epoch.
    pub epoch: u64,
    /// The last line's number.
    pub seq: u64,
    /// The last line's hash.
    #[serde(with = "hash_bytes")]
    pub hash: Hash,
}

/// Why a journal begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The till was enrolled.
    First,
    /// The journal before it was set back to an older state, and lines were missing.
    SetBack,
    /// The journal before it was lost or damaged.
    Lost,
    /// Other lines under the same numbers exist: the journal before it ran elsewhere too.
    Forked,
    /// The server asked for it.
    Asked,
}

/// What a line tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    /// An epoch begins.
    Opened {
        /// Why.
        why: Why,
        /// How far this till's journal came before, as far as it is known: what the till holds, or else what it had kept
        /// elsewhere.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Stand>,
    },
    /// A redemption has its number; the server has not been asked yet.
    Begun(Begun),
    /// It was decided, and only then shown.
    Decided(Decided),
    /// A scan was turned away before anything was begun: kept so that a closing report can count it.
    Refused(Refused),
    /// The server's last words on redemptions and undos: all that one answer told.
    Settled {
        /// One for each number.
        settled: Vec<Settled>,
    },
    /// A redemption was taken back, or part of it.
    Undone {
        /// The undo's own number.
        number: String,
        /// The redemption's number.
        of: String,
        /// By whom.
        clerk: Person,
        /// What was taken back; nothing: all that was still taken.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        takes: Vec<NamedTake>,
        /// Why, in the clerk's words or from a list of the page's; may be empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// Somebody decided on a case.
    Resolved {
        /// The decision's own number.
        number: String,
        /// The case.
        case: String,
        /// What was decided.
        decision: Decision,
        /// Why; may be empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        note: String,
        /// By whom.
        clerk: Person,
        /// The numbers of the acceptances that did not count, as far as whoever decided could see them. Nothing in
        /// lines of older programs, and where there are more than [`SEEN_MAX`]: the decision is for all then.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        seen: Vec<String>,
    },
}

/// See [`model::case::Decision`]; what a till does by itself is no decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The goods came back.
    Recovered,
    /// The loss stays with the chain.
    WrittenOff,
    /// Somebody of the chain has made it good.
    Paid,
    /// The customer has paid for it.
    CustomerCharged,
    /// Nothing was lost.
    NoFault,
}

/// The server's last word on one number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// The redemption's, or the undo's, number.
    pub number: String,
    /// The last word.
    pub settlement: Settlement,
}

/// A scan that was turned away. Nothing in it opens anything: of a code only what a clerk may see of it is kept, and of
/// a text that is no code of ours, or may be a payment code, nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// A reason code.
    pub reason: String,
    /// How the code came in, as in [`Begun::source`].
    pub source: String,
    /// Who was signed in; nothing before anybody was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clerk: Option<Person>,
    /// The entitlement's id, if it was found.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub entitlement: String,
    /// The last four characters of the code, if it is ours.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code_tail: String,
    /// On what the refusal rests, if anybody or anything was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
}

/// Somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The id at the backend; empty for a script.
    pub id: String,
    /// The name.
    pub name: String,
}

/// What was asked for, and on what facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// The redemption's number.
    pub number: String,
    /// The entitlement's id: opens nothing.
    pub entitlement: String,
    /// Its version, as relied on.
    pub version: u64,
    /// "order", "coupon", "times_card", "member".
    pub kind: String,
    /// In the merchant's words.
    pub title: String,
    /// The last four characters of the code.
    pub code_tail: String,
    /// What is to be taken.
    pub takes: Vec<NamedTake>,
    /// What it is worth (fen).
    pub value: i64,
    /// By whom.
    pub clerk: Person,
    /// "wedge", "pad", "practice", "script", "serial", "member_card".
    pub source: String,
    /// When the server last vouched for those facts (ms since 1970).
    pub heard_at: i64,
    /// How far the local copy followed the feed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<u64>,
    /// Whether the server was to be asked before deciding. If not, no late request can exist.
    pub asking: bool,
    /// What was wrong with the computer's clock: "ahead" of the server's time, or "back" behind the time gone by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<String>,
    /// What a signed code proved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// Version of the policy that the till had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<u64>,
}

/// What a signed code proved, and under which lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The key that signed it, as 8 hexadecimal digits.
    pub kid: String,
    /// Version of the trust list that named the key.
    pub trust: u64,
    /// Number of the status list that was held.
    pub status: u64,
    /// The moment that a rotating code stood for (ms since 1970).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moment: Option<i64>,
}

/// So many of one line, with its name, so that a line can be read without the copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedTake {
    /// Article number.
    pub sku: String,
    /// Name and variant.
    pub name: String,
    /// How many.
    pub quantity: u32,
}

/// How it was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// The redemption's number.
    pub number: String,
    /// What was asked for, where it was decided without asking the server: one line tells both then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun: Option<Box<Begun>>,
    /// Whether the goods are handed over.
    pub outcome: Outcome,
    /// A reason code.
    pub reason: String,
    /// On what it rests.
    pub basis: Basis,
    /// Pieces or uses left afterwards, as far as known.
    pub left: u32,
    /// Pieces or uses in all.
    pub quantity: u32,
    /// The use that stands in the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<Use>,
    /// What was weighed, where the till decided alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
}

/// What a till weighed that decided alone: enough to see afterwards that it kept to its policy, and to know after a
/// restart what is spent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Risk {
    /// Version of the policy that decided.
    pub policy: u64,
    /// By which rule: kind and relation to the store, such as "coupon.any".
    pub rule: String,
    /// Out of which purse: "home" or "away".
    pub purse: String,
    /// Whose limit counts: a membership's entitlement id, or the entitlement's own.
    pub customer: String,
    /// What is lost at most if it should not have been handed over (fen).
    pub amount: i64,
    /// What this till had at risk out of that purse before.
    pub till_before: Spent,
    /// What of it was this customer's.
    pub customer_before: Spent,
    /// The most that the till may have at risk out of that purse (fen), with the yes that was given; nothing for no
    /// limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<i64>,
}

/// So many, worth so much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// How many.
    pub count: u32,
    /// Worth so much (fen).
    pub fen: i64,
}

/// See [`model::decide::Outcome`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Handed over.
    Accepted,
    /// Not handed over.
    Refused,
    /// Not handed over until somebody else has decided.
    Held,
}

/// See [`model::verdict::Basis`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "basis", rename_all = "snake_case")]
pub enum Basis {
    /// The server's conditional write.
    Server,
    /// The local copy.
    Copy {
        /// When the server last vouched for it (ms since 1970).
        as_of: i64,
        /// Why the server was not heard, as a code.
        silence: String,
    },
    /// The code's signature and the status list.
    Signature {
        /// When the server last vouched for the status list (ms since 1970).
        as_of: i64,
        /// Why the server was not heard, as a code.
        silence: String,
    },
    /// A manager's yes.
    Override {
        /// Who.
        by: Person,
        /// Why: a word of the page's list, or in the manager's own.
        why: String,
        /// When the server last vouched for what the manager relied on (ms since 1970).
        as_of: i64,
        /// Why the server was not heard, as a code.
        silence: String,
    },
}

/// Bytes that are no line of this version.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotALine {
    /// Not signed, not in the one encoding of a line, too long, or other fields.
    #[error("not a journal line: {0}")]
    Malformed(&'static str),
    /// Well written, but not signed by the key that it should be signed by.
    #[error("not signed by this till's key")]
    Forged,
    /// Written by a newer program.
    #[error("a journal line of version {0}, which only a newer program can read")]
    Newer(u32),
    /// Written before lines were signed.
    #[error(
        "a journal line from before lines were signed (version 1 of a preview), which this program does not read: \
         send what is unsent with the program that wrote it, then move journal.db away"
    )]
    Unsigned,
}

/// Signs a line: these are its bytes from now on.
pub fn encode(line: &Line, key: &SigningKey) -> Vec<u8> {
    record::sign(&cbor::encode(line), Kind::Line, key)
}

/// The line that those bytes hold, signed by that key.
pub fn decode(bytes: &[u8], key: PublicKey) -> Result<Line, NotALine> {
    let record = frame(bytes)?;
    if !record.signed_by(key) {
        return Err(NotALine::Forged);
    }
    strict(record.payload())
}

/// The line that those bytes hold, whoever has signed it: to show it, or to find out whose it claims to be.
pub fn peek(bytes: &[u8]) -> Result<Line, NotALine> {
    strict(frame(bytes)?.payload())
}

/// The line in bytes whose hash is known to be that of a line which was written and checked before: a till that starts
/// walks its own journal this way.
pub fn recall(bytes: &[u8]) -> Result<Line, NotALine> {
    read(frame(bytes)?.payload())
}

fn frame(bytes: &[u8]) -> Result<Record<'_>, NotALine> {
    if bytes.len() > LINE_BYTES_MAX {
        return Err(NotALine::Malformed("it is too long"));
    }
    Record::read(bytes, Kind::Line).map_err(|_| match version(bytes) {
        Some(1) => NotALine::Unsigned,
        _ => NotALine::Malformed("it is not framed and signed as a line"),
    })
}

fn strict(payload: &[u8]) -> Result<Line, NotALine> {
    cbor::check(payload).map_err(|_| NotALine::Malformed("it is not in deterministic CBOR"))?;
    read(payload)
}

fn read(payload: &[u8]) -> Result<Line, NotALine> {
    match cbor::read::<Line>(payload) {
        Ok(line) if line.version == LINE_VERSION => Ok(line),
        Ok(Line { version, .. }) if version > LINE_VERSION => Err(NotALine::Newer(version)),
        // A newer line may have other acts than this program knows.
        Err(NotCbor::Content) => match version(payload) {
            Some(newer) if newer > LINE_VERSION => Err(NotALine::Newer(newer)),
            _ => Err(NotALine::Malformed("it has other fields")),
        },
        _ => Err(NotALine::Malformed("it has another version")),
    }
}

fn version(payload: &[u8]) -> Option<u32> {
    #[derive(Deserialize)]
    struct OnlyVersion {
        v: u32,
    }
    cbor::read(payload).ok().map(|OnlyVersion { v }| v)
}

/// The hash that the next line names.
pub fn hash(bytes: &[u8]) -> Hash {
    *blake3::hash(bytes).as_bytes()
}

mod hash_bytes {
    //! A hash as a CBOR byte string instead of 32 numbers.

    use serde::de::{Deserializer, Error, Visitor};
    use serde::ser::Serializer;

    pub fn serialize<S: Serializer>(hash: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(hash)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = [u8; 32];

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("32 bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<[u8; 32], E> {
                bytes.try_into().map_err(|_| E::invalid_length(bytes.len(), &self))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line {
        Line {
            version: LINE_VERSION,
            device: "till-1".into(),
            epoch: 1,
            seq: 7,
            prev: hash(b"before"),
            at: 1_800_000_000_000,
            clock: Some(Witness { run: "0f".repeat(8), mono: 5, wall: Some(-1), heard: None }),
            act: Act::Decided(Decided {
                number: "0".repeat(32),
                begun: None,
                outcome: Outcome::Accepted,
                reason: "redeemed".into(),
                basis: Basis::Copy { as_of: 1, silence: "timed_out".into() },
                left: 0,
                quantity: 1,
                earlier: None,
                risk: None,
            }),
        }
    }

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed([seed; 32])
    }

    #[test]
    fn a_line_reads_back_under_its_key_alone_and_is_written_the_same_way_each_time() {
        let bytes = encode(&line(), &key(1));
        assert_eq!(decode(&bytes, key(1).public()).unwrap(), line(), "what was written can be read");
        assert_eq!(decode(&bytes, key(2).public()), Err(NotALine::Forged), "under its own key");
        assert_eq!(peek(&bytes).unwrap(), line(), "and shown without one");
        assert_eq!(recall(&bytes).unwrap(), line(), "and recalled");
        assert_eq!(encode(&line(), &key(1)), bytes, "one line has one form");
    }

    #[test]
    fn a_decision_says_what_its_maker_saw_and_one_that_does_not_is_written_as_ever() {
        let resolved = |seen: Vec<String>| Line {
            act: Act::Resolved {
                number: "0".repeat(32),
                case: "case-1".into(),
                decision: Decision::Paid,
                note: String::new(),
                clerk: Person { id: "c1".into(), name: "李娜".into() },
                seen,
            },
            ..line()
        };
        let most = resolved(vec!["1".repeat(32); SEEN_MAX]);
        let bytes = encode(&most, &key(1));
        assert_eq!(decode(&bytes, key(1).public()), Ok(most), "as many as there may be fit into a line");
        let before = resolved(vec![]);
        let bytes = encode(&before, &key(1));
        assert_eq!(decode(&bytes, key(1).public()), Ok(before), "a line of before is read");
        assert!(!bytes.windows(4).any(|four| four == b"seen"), "and has no such field");
    }

    #[test]
    fn a_line_of_another_program_is_named_as_such() {
        let newer = Line { version: 3, ..line() };
        assert_eq!(peek(&encode(&newer, &key(1))), Err(NotALine::Newer(3)), "the version is told");
        let unknown = cbor::encode(&serde_json::json!({ "v": 9, "act": { "act": "sung" } }));
        let unknown = record::sign(&unknown, Kind::Line, &key(1));
        assert_eq!(peek(&unknown), Err(NotALine::Newer(9)), "also where it tells of what nobody knew");
        assert!(matches!(peek(b"garbage"), Err(NotALine::Malformed(_))), "garbage is named as such");
        assert!(peek(&encode(&line(), &key(1))[..40]).is_err(), "half a line is no line");
        let mut before = vec![];
        ciborium::into_writer(&serde_json::json!({ "v": 1, "seq": 1 }), &mut before).unwrap();
        assert_eq!(peek(&before), Err(NotALine::Unsigned), "a line of the preview says what to do");
        let long = Line { device: "x".repeat(LINE_BYTES_MAX), ..line() };
        assert!(matches!(peek(&encode(&long, &key(1))), Err(NotALine::Malformed(_))), "no line is so long");
    }

    /// A journal written today must be readable later: these bytes may never stop decoding.
    #[test]
    fn the_bytes_of_version_2_stay_readable() {
        let hex = include_str!("line.v2.hex").trim();
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        assert_eq!(decode(&bytes, key(7).public()).unwrap(), line(), "the line that was written first");
        assert_eq!(encode(&line(), &key(7)), bytes, "and it is still written so");
    }
}
