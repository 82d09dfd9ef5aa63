//! The rows of a feed: the bytes that stay as they were told, their hashes, and the sum of these.
//!
//! Server and till hold the same bytes of an entitlement, so that they can compare what they hold by 32 bytes. The
//! sum does not depend on the order of the rows, and one row is exchanged in it without a look at the others.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::codes::{hex, unhex};
use crate::entitlement::Entitlement;

/// An entitlement as it was told, byte for byte. Whoever passes it on passes on these bytes.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Told(Box<RawValue>);

impl Told {
    /// The bytes for it.
    ///
    /// # Errors
    ///
    /// It cannot be written as JSON, which no entitlement does.
    pub fn of(entitlement: &Entitlement) -> Result<Told, serde_json::Error> {
        serde_json::value::to_raw_value(entitlement).map(Told)
    }

    /// Bytes that were told before.
    ///
    /// # Errors
    ///
    /// They are no JSON.
    pub fn again(text: String) -> Result<Told, serde_json::Error> {
        RawValue::from_string(text).map(Told)
    }

    /// The bytes.
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// What they say.
    ///
    /// # Errors
    ///
    /// They are no entitlement of this contract.
    pub fn read(&self) -> Result<Entitlement, serde_json::Error> {
        serde_json::from_str(self.text())
    }
}

impl PartialEq for Told {
    fn eq(&self, other: &Told) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Told {}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Told({})", self.text())
    }
}

/// The key of the hashes of one store's rows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RowKey([u8; 32]);

impl fmt::Debug for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RowKey")
    }
}

impl RowKey {
    /// The key that follows from the key of the store's code hashes.
    pub fn of(store_key: &[u8; 32]) -> RowKey {
        RowKey(blake3::derive_key("Counterfoil feed rows", store_key))
    }

    /// The hash of a row: keyed BLAKE3 over its three parts, each with its length in front (32 bits, little-endian).
    pub fn hash(&self, id: &str, code_hash: &str, told: &str) -> RowHash {
        self.hash_bytes(&[id.as_bytes(), code_hash.as_bytes(), told.as_bytes()])
    }

    /// The hash of something else that a till keeps beside the rows, in parts.
    pub fn hash_bytes(&self, parts: &[&[u8]]) -> RowHash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        for part in parts {
            hasher.update(&(part.len() as u32).to_le_bytes());
            hasher.update(part);
        }
        RowHash(*hasher.finalize().as_bytes())
    }
}

/// The hash of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowHash(pub [u8; 32]);

impl RowHash {
    /// From bytes that were kept; nothing if they are not 32.
    pub fn from_slice(bytes: &[u8]) -> Option<RowHash> {
        bytes.try_into().ok().map(RowHash)
    }
}

/// The sum of the hashes of a set of rows, modulo 2^256. Two different sets have the same sum only by an accident
/// that nobody without the key can bring about.
///
/// On the wire it is 64 hexadecimal digits of the number, its highest byte first.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Digest([u64; 4]);

impl Digest {
    /// Of no rows.
    pub const EMPTY: Digest = Digest([0; 4]);

    /// Takes a row in.
    pub fn add(&mut self, row: &RowHash) {
        self.sum(limbs(&row.0));
    }

    /// Takes a row that is in it out.
    pub fn take(&mut self, row: &RowHash) {
        // The two's complement, as with smaller numbers.
        self.sum(limbs(&row.0).map(|limb| !limb));
        self.sum([1, 0, 0, 0]);
    }

    /// Takes in the rows of another set.
    pub fn join(&mut self, other: &Digest) {
        self.sum(other.0);
    }

    /// Its 32 bytes, the highest first.
    pub fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (place, limb) in self.0.iter().rev().enumerate() {
            bytes[place * 8..place * 8 + 8].copy_from_slice(&limb.to_be_bytes());
        }
        bytes
    }

    /// From bytes that were kept; nothing if they are not 32.
    pub fn from_slice(bytes: &[u8]) -> Option<Digest> {
        bytes.try_into().ok().map(|bytes: [u8; 32]| Digest(limbs(&bytes)))
    }

    fn sum(&mut self, other: [u64; 4]) {
        let mut carry = 0u128;
        for (limb, more) in self.0.iter_mut().zip(other) {
            let sum = u128::from(*limb) + u128::from(more) + carry;
            *limb = sum as u64;
            carry = sum >> 64;
        }
    }
}

/// Of one row alone.
impl From<RowHash> for Digest {
    fn from(row: RowHash) -> Digest {
        Digest(limbs(&row.0))
    }
}

/// The number in four parts, the lowest first.
fn limbs(bytes: &[u8; 32]) -> [u64; 4] {
    let mut limbs = [0; 4];
    for (limb, eight) in limbs.iter_mut().rev().zip(bytes.chunks_exact(8)) {
        *limb = eight.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    }
    limbs
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.to_bytes()))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = unhex::<32>(&text).ok_or_else(|| serde::de::Error::custom("no 64 hexadecimal digits"))?;
        Ok(Digest(limbs(&bytes)))
    }
}

impl std::str::FromStr for Digest {
    type Err = NoDigest;

    fn from_str(text: &str) -> Result<Digest, NoDigest> {
        unhex::<32>(text).map(|bytes| Digest(limbs(&bytes))).ok_or(NoDigest)
    }
}

/// A text that is not 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no digest: it has 64 hexadecimal digits")]
pub struct NoDigest;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: RowKey = RowKey([3; 32]);

    fn of(rows: &[[u8; 32]]) -> Digest {
        let mut digest = Digest::EMPTY;
        rows.iter().for_each(|row| digest.add(&RowHash(*row)));
        digest
    }

    proptest! {
        #[test]
        fn the_order_of_the_rows_has_no_say(rows in prop::collection::vec(any::<[u8; 32]>(), 0..20)) {
            let mut turned = rows.clone();
            turned.reverse();
            prop_assert_eq!(of(&rows), of(&turned));
        }

        #[test]
        fn a_row_that_was_taken_out_leaves_no_trace(
            rows in prop::collection::vec(any::<[u8; 32]>(), 0..20), one in any::<[u8; 32]>()
        ) {
            let mut digest = of(&rows);
            digest.add(&RowHash(one));
            digest.take(&RowHash(one));
            prop_assert_eq!(digest, of(&rows));
        }

        #[test]
        fn it_comes_back_from_its_text_and_its_bytes(row in any::<[u8; 32]>()) {
            let digest = of(&[row]);
            prop_assert_eq!(digest.to_string().parse(), Ok(digest));
            prop_assert_eq!(Digest::from_slice(&digest.to_bytes()), Some(digest));
            prop_assert_eq!(digest.to_bytes(), row);
        }
    }

    #[test]
    fn it_counts_beyond_64_bits_and_begins_anew_at_2_to_the_256() {
        let mut low = [0; 32];
        low[24..].fill(0xff);
        let mut one = [0; 32];
        one[31] = 1;
        let mut carried = [0; 32];
        carried[23] = 1;
        assert_eq!(of(&[low, one]).to_bytes(), carried, "the carry reaches the next part");
        assert_eq!(of(&[[0xff; 32], one]), Digest::EMPTY, "and the last one falls away");
    }

    #[test]
    fn the_parts_of_a_row_do_not_run_into_each_other() {
        let one = KEY.hash("ab", "c", "d");
        assert_ne!(one, KEY.hash("a", "bc", "d"), "a letter that changes its part is another row");
        assert_ne!(one, KEY.hash("ab", "cd", ""), "and so is one without its last part");
        assert_ne!(one, RowKey([4; 32]).hash("ab", "c", "d"), "another store has other hashes");
        assert_ne!(RowKey::of(&[3; 32]), KEY, "the key is not the key of the code hashes");
    }

    #[test]
    fn what_was_told_is_passed_on_byte_for_byte() {
        let text = r#"{ "a":1,"later":[ 2 ] }"#;
        let told: Told = serde_json::from_str(text).unwrap();
        assert_eq!(told.text(), text, "spaces and fields that only a newer program knows stay");
        assert_eq!(serde_json::to_string(&told).unwrap(), text, "also on their way on");
    }
}
