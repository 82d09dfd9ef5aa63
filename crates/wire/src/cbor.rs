//! Deterministic CBOR (RFC 8949, 4.2.1): one content has one encoding, and no other one is read.
//!
//! What is signed must not be readable in two ways. So the keys of a map stand in the order of their bytes, each once;
//! numbers and lengths are as short as they can be; there are no floats, tags, indefinite lengths or half a text. All
//! that is checked in one walk over the bytes, which allocates nothing and goes no deeper than [`DEPTH_MAX`], before
//! anything is made of them.

use ciborium::Value;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// No content is nested deeper.
pub const DEPTH_MAX: usize = 12;

/// Bytes that are not the one encoding of a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCbor {
    /// Another way to write it, or no CBOR at all.
    #[error("not deterministic CBOR")]
    Encoding,
    /// Well written, but not what was expected.
    #[error("other fields than expected")]
    Content,
}

/// Writes `value`.
///
/// # Panics
///
/// Never for what this crate's types can hold: maps have texts for keys, and numbers are whole.
pub fn encode(value: &impl Serialize) -> Vec<u8> {
    let mut value = Value::serialized(value).expect("contents have only what CBOR can hold");
    sort(&mut value);
    let mut bytes = Vec::with_capacity(384);
    ciborium::into_writer(&value, &mut bytes).expect("writing into memory does not fail");
    bytes
}

/// Reads what [`encode`] writes, and nothing else. Fields that a newer program has added are passed over.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, NotCbor> {
    check(bytes)?;
    read(bytes)
}

/// Reads bytes that were checked before they were kept.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, NotCbor> {
    ciborium::de::from_reader_with_recursion_limit(bytes, DEPTH_MAX * 4).map_err(|_| NotCbor::Content)
}

/// Whether those bytes are one content in its one encoding.
pub fn check(bytes: &[u8]) -> Result<(), NotCbor> {
    match item(bytes, DEPTH_MAX) {
        Some([]) => Ok(()),
        _ => Err(NotCbor::Encoding),
    }
}

/// The byte string that stands first in a sequence of items (RFC 8742), and what is behind it.
pub(crate) fn byte_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    match head(bytes)? {
        (BYTES, length, rest) => rest.split_at_checked(usize::try_from(length).ok()?),
        _ => None,
    }
}

fn sort(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(sort),
        Value::Map(pairs) => {
            pairs.iter_mut().for_each(|(_, value)| sort(value));
            // A shorter text begins with a smaller head.
            pairs.sort_by(|(one, _), (other, _)| match (one.as_text(), other.as_text()) {
                (Some(one), Some(other)) => one.len().cmp(&other.len()).then_with(|| one.cmp(other)),
                _ => std::cmp::Ordering::Equal,
            });
        }
        _ => {}
    }
}

const UINT: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const FALSE: u8 = 0xF4;
const NULL: u8 = 0xF6;

/// Walks over one item and gives what is behind it; nothing if it is not as it must be.
fn item(bytes: &[u8], depth: usize) -> Option<&[u8]> {
    if let Some((FALSE..=NULL, rest)) = bytes.split_first() {
        return Some(rest);
    }
    let (major, argument, mut rest) = head(bytes)?;
    match major {
        UINT | NEGATIVE => Some(rest),
        BYTES => rest.get(usize::try_from(argument).ok()?..),
        TEXT => {
            let (text, rest) = rest.split_at_checked(usize::try_from(argument).ok()?)?;
            std::str::from_utf8(text).is_ok().then_some(rest)
        }
        ARRAY => {
            let depth = depth.checked_sub(1)?;
            for _ in 0..argument {
                rest = item(rest, depth)?;
            }
            Some(rest)
        }
        MAP => {
            let depth = depth.checked_sub(1)?;
            let mut before: &[u8] = &[];
            for _ in 0..argument {
                let (TEXT, ..) = head(rest)? else { return None };
                let value = item(rest, depth)?;
                let key = &rest[..rest.len() - value.len()];
                if key <= before {
                    return None;
                }
                before = key;
                rest = item(value, depth)?;
            }
            Some(rest)
        }
        _ => None,
    }
}

/// Major type and argument (RFC 8949, 3), the latter as short as it can be, and what follows.
fn head(bytes: &[u8]) -> Option<(u8, u64, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let (major, short) = (first >> 5, first & 31);
    let (size, least) = match short {
        0..24 => return Some((major, u64::from(short), rest)),
        24 => (1, 24),
        25 => (2, 1 << 8),
        26 => (4, 1 << 16),
        27 => (8, 1 << 32),
        _ => return None,
    };
    let (number, rest) = rest.split_at_checked(size)?;
    let argument = number.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    (argument >= least).then_some((major, argument, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Content {
        zebra: i64,
        ab: String,
        a: Option<Vec<u64>>,
    }

    #[test]
    fn keys_stand_in_the_order_of_their_bytes() {
        let bytes = encode(&Content { zebra: -1, ab: "x".into(), a: Some(vec![24]) });
        let expected = b"\xA3\x61a\x81\x18\x18\x62ab\x61x\x65zebra\x20";
        assert_eq!(bytes, expected, "a, ab, zebra");
        let back: Content = decode(&bytes).unwrap();
        assert_eq!(back, Content { zebra: -1, ab: "x".into(), a: Some(vec![24]) }, "and reads back");
    }

    #[test]
    fn a_second_way_to_write_the_same_is_refused() {
        let others: [(&[u8], &str); 11] = [
            (b"\xA2\x62ab\x00\x61a\x00", "keys out of order"),
            (b"\xA2\x61a\x00\x61a\x00", "a key twice"),
            (b"\xA1\x00\x00", "a key that is no text"),
            (b"\x18\x17", "a number longer than needed"),
            (b"\x9F\xFF", "an indefinite array"),
            (b"\x7F\x61a\xFF", "an indefinite text"),
            (b"\xF9\x00\x00", "a float"),
            (b"\xC0\x00", "a tag"),
            (b"\x61\xFF", "a text that is none"),
            (b"\x00\x00", "something behind it"),
            (b"\xF7", "undefined"),
        ];
        for (bytes, why) in others {
            assert_eq!(check(bytes), Err(NotCbor::Encoding), "{why}");
        }
        let deep = [&[0x81; DEPTH_MAX][..], &[0x00]].concat();
        assert_eq!(check(&deep), Ok(()), "as deep as may be");
        assert_eq!(check(&[&[0x81][..], &deep].concat()), Err(NotCbor::Encoding), "and no deeper");
        assert_eq!(
            check(&[0x9B, 255, 255, 255, 255, 255, 255, 255, 255]),
            Err(NotCbor::Encoding),
            "too long"
        );
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_the_same_way(bytes: Vec<u8>, value in ".{0,9}", number: i64) {
            if let Ok(content) = decode::<Value>(&bytes) {
                prop_assert_eq!(encode(&content), bytes, "one content, one encoding");
            }
            let content = Content { zebra: number, ab: value, a: None };
            let written = encode(&content);
            prop_assert_eq!(decode::<Content>(&written), Ok(content), "it reads back");
        }
    }
}
