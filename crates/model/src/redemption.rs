//! A redemption: so much of one entitlement, taken once, under one number for life.

use std::fmt;
use std::str::FromStr;

use crate::time::UnixMs;

/// A redemption's number: made once at the till, on disk before the first try, the same in every repeat.
///
/// It is a UUID version 7 (RFC 9562): 48 bits of the till's time, 74 random bits. Written as 32 lower-case
/// hexadecimal digits, which fits the request numbers of every platform met so far (6 to 32 of `[0-9A-Za-z_-]`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(u128);

/// A text that is no redemption number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a redemption number is 32 hexadecimal digits")]
pub struct NotANumber;

impl Number {
    /// A new number for an act at `now`, from 10 random bytes.
    pub fn new(now: UnixMs, random: [u8; 10]) -> Number {
        let mut low = [0u8; 16];
        low[6..].copy_from_slice(&random);
        let random = u128::from_be_bytes(low);
        let time = u128::from(u64::try_from(now.0).unwrap_or(0)) << 80;
        let version = 0x7u128 << 76;
        let variant = 0b10u128 << 62;
        let mask = !(0xFu128 << 76) & !(0b11u128 << 62);
        Number((time | random) & mask | version | variant)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Number({self})")
    }
}

impl FromStr for Number {
    type Err = NotANumber;

    fn from_str(text: &str) -> Result<Number, NotANumber> {
        if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(NotANumber);
        }
        u128::from_str_radix(text, 16).map(Number).map_err(|_| NotANumber)
    }
}

/// So many of one line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Take {
    /// The line's article number.
    pub sku: String,
    /// How many, at least 1.
    pub quantity: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_a_uuid_of_version_7_and_reads_back() {
        let number = Number::new(UnixMs(0x0198_0000_1234), [0xFF; 10]);
        let text = number.to_string();
        assert_eq!(&text[..12], "019800001234", "the time comes first, so numbers sort by age");
        assert_eq!(&text[12..13], "7", "version 7");
        assert!("89ab".contains(&text[16..17]), "the variant of RFC 9562");
        assert_eq!(text.parse(), Ok(number), "what is written can be read");
    }

    #[test]
    fn other_texts_are_no_numbers() {
        for text in ["", "12", "+1980000123470000800000000000000", &"g".repeat(32)] {
            assert_eq!(text.parse::<Number>(), Err(NotANumber), "{text:?}");
        }
    }
}
