//! The lines of a journal: written once, chained by hash, stored and sent byte for byte.
//!
//! A line is a CBOR map (RFC 8949) in a fixed order of fields. Its hash is BLAKE3 over exactly the stored bytes, and
//! each line names the hash of the one before, so that a changed, missing or inserted line is found by whoever
//! walks the chain. Nobody encodes a line a second time: what was written is what is sent.

use serde::{Deserialize, Serialize};

use crate::api::Settlement;
use crate::entitlement::Use;

/// The version of the line format that this program writes.
pub const LINE_VERSION: u32 = 1;

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
    /// By the till's clock (ms since 1970).
    pub at: i64,
    /// What happened.
    pub act: Act,
}

/// What a line tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
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
    /// A redemption was taken back.
    Undone {
        /// The undo's own number.
        number: String,
        /// The redemption's number.
        of: String,
        /// By whom.
        clerk: Person,
    },
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
    /// "wedge", "pad", "practice", "script", "member_card".
    pub source: String,
    /// When the server last vouched for those facts (ms since 1970).
    pub heard_at: i64,
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
#[derive(Debug, thiserror::Error)]
pub enum NotALine {
    /// No CBOR, or other fields.
    #[error("not a journal line: {0}")]
    Malformed(String),
    /// Written by a newer program.
    #[error("a journal line of version {0}, which only a newer program can read")]
    Newer(u32),
}

/// The bytes of a line.
pub fn encode(line: &Line) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(384);
    // Writing into memory fails only if a field could not be represented, and every field here can.
    ciborium::into_writer(line, &mut bytes).expect("a line has only fields that CBOR can hold");
    bytes
}

/// The line that those bytes hold.
pub fn decode(bytes: &[u8]) -> Result<Line, NotALine> {
    #[derive(Deserialize)]
    struct OnlyVersion {
        v: u32,
    }
    let malformed = |error: ciborium::de::Error<std::io::Error>| NotALine::Malformed(error.to_string());
    let OnlyVersion { v } = ciborium::from_reader(bytes).map_err(malformed)?;
    if v != LINE_VERSION {
        return Err(NotALine::Newer(v));
    }
    ciborium::from_reader(bytes).map_err(malformed)
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

    #[test]
    fn a_line_reads_back_and_is_written_the_same_way_each_time() {
        let bytes = encode(&line());
        assert_eq!(decode(&bytes).unwrap(), line(), "what was written can be read");
        assert_eq!(encode(&decode(&bytes).unwrap()), bytes, "one line has one form");
    }

    #[test]
    fn a_line_of_a_newer_program_is_named_as_such() {
        let newer = Line { version: 2, ..line() };
        assert!(matches!(decode(&encode(&newer)), Err(NotALine::Newer(2))), "the version is told");
        assert!(matches!(decode(b"garbage"), Err(NotALine::Malformed(_))), "garbage is named as such");
        assert!(decode(&encode(&line())[..40]).is_err(), "half a line is no line");
    }

    /// A journal written today must be readable later: these bytes may never stop decoding.
    #[test]
    fn the_bytes_of_version_1_stay_readable() {
        let hex = include_str!("line.v1.hex");
        let bytes: Vec<u8> = (0..hex.trim().len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex.trim()[at..at + 2], 16).unwrap())
            .collect();
        assert_eq!(decode(&bytes).unwrap(), line(), "the line that was written with the first version");
        assert_eq!(encode(&line()), bytes, "and it is still written so");
    }
}
