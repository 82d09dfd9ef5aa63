//! A token as text: what stands in the QR code, and what a scanner types.
//!
//! `CF1:` is base45 (RFC 9285), which QR alphanumeric mode takes. Half of a base45 text is often a base45 text too,
//! so ours ends in a full stop: without it something is missing. Inner spaces count, and whoever cleans a text must
//! leave them alone.
//!
//! `CFN` says the same in digits only, which no keyboard layout, caps lock or input method changes: 236 (C, F, N on
//! a telephone's keys), then 7 bytes as 17 digits each, a last group of 1 to 6 bytes as 3 to 15 digits, then a 6.

use std::borrow::Cow;
use std::fmt;

/// The longest text that is read (characters).
pub const TEXT_LENGTH_MAX: usize = 512;

const PREFIX: &str = "CF1:";
const END: char = '.';
const DIGITS_PREFIX: &str = "236";
const DIGITS_END: char = '6';
/// From here on a text that has lost its head or its colon is taken for a damaged one of ours: opaque codes of ours
/// are at most 40 characters, and digits of others (payment, member, goods, bills) are some dozens.
const GARBLED_LENGTH_MIN: usize = 60;
/// What is left of [`PREFIX`] when a scanner's first letters were swallowed.
const PREFIX_RESTS: [&str; 3] = ["F1:", "1:", ":"];
/// Where the groups of a text may begin again that has lost its head, or has another one: at one of three places, or
/// at one of three behind a garbled prefix.
const HEAD_MAX: usize = 6;
/// The alphabet of RFC 9285, table 1.
const ALPHABET: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
/// How many digits so many bytes take.
const DIGITS_OF: [usize; 8] = [0, 3, 5, 8, 10, 13, 15, 17];

/// What a text is, as far as its outside tells.
#[derive(Clone, PartialEq, Eq)]
pub enum Recognised {
    /// A whole text of ours; the bytes are still to be verified.
    Token(Vec<u8>),
    /// It begins like one of ours but is cut or garbled: scan again.
    Damaged,
    /// Something else.
    OtherShape,
}

impl fmt::Debug for Recognised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // A token opens an entitlement, so it goes into no log.
            Recognised::Token(bytes) => write!(f, "Token({} bytes)", bytes.len()),
            Recognised::Damaged => f.write_str("Damaged"),
            Recognised::OtherShape => f.write_str("OtherShape"),
        }
    }
}

/// Says what `text` is. Full-width letters and the like must have been cleaned before; caps lock does no harm, nor do
/// spaces and hyphens between digits.
pub fn recognise(text: &str) -> Recognised {
    let text = text.to_ascii_uppercase();
    let whole = text.chars().count() <= TEXT_LENGTH_MAX;
    if let Some(rest) = text.strip_prefix(PREFIX) {
        let read = rest.strip_suffix(END).filter(|_| whole).and_then(from_base45);
        return read.filter(|bytes| !bytes.is_empty()).map_or(Recognised::Damaged, Recognised::Token);
    }
    if let Some(digits) = digits_of(&text) {
        let rest = digits.strip_prefix(DIGITS_PREFIX).and_then(|rest| rest.strip_suffix(DIGITS_END));
        let read = rest.filter(|_| whole).and_then(from_digits);
        return read.map_or(Recognised::Damaged, Recognised::Token);
    }
    let garbled = text.len() >= GARBLED_LENGTH_MIN && text.starts_with("CF1");
    if garbled || lost_its_head(&text) { Recognised::Damaged } else { Recognised::OtherShape }
}

/// The digits of a text that has nothing else but spaces and hyphens between them, if they are too many to be
/// anybody else's.
fn digits_of(text: &str) -> Option<Cow<'_, str>> {
    let between = |byte: u8| matches!(byte, b' ' | b'-');
    if text.len() < GARBLED_LENGTH_MIN || !text.bytes().all(|byte| byte.is_ascii_digit() || between(byte)) {
        return None;
    }
    let digits: Cow<'_, str> =
        if text.bytes().any(between) { text.replace([' ', '-'], "").into() } else { text.into() };
    (digits.len() >= GARBLED_LENGTH_MIN).then_some(digits)
}

/// Whether a text in base45 begins somewhere inside one of ours. With its end, its groups are asked too: letters and
/// spaces are base45 alone, so that a sentence would pass otherwise. Without its end, some of the prefix must be left.
fn lost_its_head(text: &str) -> bool {
    let ours = |rest: &str| rest.bytes().all(|byte| ALPHABET.contains(&byte));
    let cut = PREFIX_RESTS.iter().filter_map(|start| text.strip_prefix(start));
    if cut.into_iter().any(|rest| rest.len() >= GARBLED_LENGTH_MIN && ours(rest)) {
        return true;
    }
    let body = text.strip_suffix(END).filter(|_| text.len() >= GARBLED_LENGTH_MIN);
    body.is_some_and(|body| {
        ours(body) && (0..HEAD_MAX).any(|head| body.get(head..).and_then(from_base45).is_some())
    })
}

/// The token in letters and digits, for QR codes that cameras and most scanners read.
pub fn write_cf1(token: &[u8]) -> String {
    format!("{PREFIX}{}{END}", to_base45(token))
}

/// The token in digits only, for scanners that type.
pub fn write_cfn(token: &[u8]) -> String {
    let mut text = DIGITS_PREFIX.to_owned();
    for group in token.chunks(7) {
        let value = group.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        text.push_str(&format!("{value:0width$}", width = DIGITS_OF[group.len()]));
    }
    text.push(DIGITS_END);
    text
}

fn from_digits(digits: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(digits.len() / 2);
    for group in digits.as_bytes().chunks(17) {
        let length = DIGITS_OF.iter().position(|digits| *digits == group.len())?;
        let value = group.iter().fold(0u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        let whole = value.to_be_bytes();
        let (above, group) = whole.split_at(8 - length);
        if above.iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend_from_slice(group);
    }
    Some(bytes)
}

/// RFC 9285, 4.
fn to_base45(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(2) * 3);
    for pair in bytes.chunks(2) {
        let (mut value, length) = match pair {
            [high, low] => (usize::from(*high) * 256 + usize::from(*low), 3),
            other => (other.iter().map(|byte| usize::from(*byte)).sum(), 2),
        };
        for _ in 0..length {
            text.push(char::from(ALPHABET[value % 45]));
            value /= 45;
        }
    }
    text
}

/// RFC 9285, 4 and 6: a group above its range is refused, so that each sequence of bytes has one text only.
fn from_base45(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 3 * 2 + 1);
    for group in text.as_bytes().chunks(3) {
        let mut value = 0;
        for letter in group.iter().rev() {
            value = value * 45 + ALPHABET.iter().position(|known| known == letter)?;
        }
        match group.len() {
            3 => bytes.extend_from_slice(&u16::try_from(value).ok()?.to_be_bytes()),
            2 => bytes.push(u8::try_from(value).ok()?),
            _ => return None,
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_examples_of_rfc_9285_come_out_as_printed() {
        for (plain, coded) in [("AB", "BB8"), ("Hello!!", "%69 VD92EX0"), ("base-45", "UJCLQE7W581")] {
            assert_eq!(to_base45(plain.as_bytes()), coded, "4.3, {plain}");
            assert_eq!(from_base45(coded), Some(plain.as_bytes().to_vec()), "and back");
        }
        assert_eq!(from_base45("QED8WEX0"), Some(b"ietf!".to_vec()), "4.4");
        assert_eq!(from_base45("FGW"), Some(vec![0xFF, 0xFF]), "6: the last one in range");
        assert_eq!(from_base45("GGW"), None, "6: 65,536 is no two bytes");
        assert_eq!(from_base45("::"), None, "2,024 is no byte");
        assert_eq!(from_base45("A"), None, "a single letter is half a byte");
    }

    #[test]
    fn a_text_whose_end_was_trimmed_is_damaged() {
        let token = [&[7; 60][..], &[255]].concat();
        let text = write_cf1(&token);
        for cut in PREFIX.len()..text.len() {
            assert_eq!(recognise(&text[..cut]), Recognised::Damaged, "cut to {cut} characters");
        }
        assert_eq!(recognise(&text.to_lowercase()), Recognised::Token(token), "caps lock does no harm");
        assert_eq!(recognise(&text.replace(':', ";")), Recognised::Damaged, "a keyboard layout does");
        assert_eq!(recognise("CF1:."), Recognised::Damaged, "nothing is no token");
    }

    #[test]
    fn digits_of_others_are_not_ours_and_wrong_digits_are_damaged() {
        let text = write_cfn(&[0xFF; 128]);
        assert_eq!(recognise(&text), Recognised::Token(vec![0xFF; 128]), "the largest groups fit");
        assert_eq!(recognise(&text[..text.len() - 1]), Recognised::Damaged, "cut");
        let over = text.replacen("72057594037927935", "72057594037927936", 1);
        assert_eq!(recognise(&over), Recognised::Damaged, "a group above its range");
        let short = &text[..GARBLED_LENGTH_MIN - 1];
        assert_eq!(recognise(short), Recognised::OtherShape, "short digits are others'");
        assert_eq!(recognise(&format!("{short} - ")), Recognised::OtherShape, "digits alone are counted");
        assert_eq!(recognise(&text[1..]), Recognised::Damaged, "without its head it is nobody else's");
        let rest = &text[text.len() - GARBLED_LENGTH_MIN..];
        assert_eq!(recognise(rest), Recognised::Damaged, "nor are the last sixty digits");
        assert_eq!(recognise("6901234567892"), Recognised::OtherShape, "an EAN");
        assert_eq!(recognise("CF1ABCDEFGHJKMNPQRST"), Recognised::OtherShape, "an opaque code of ours");
    }

    #[test]
    fn digits_in_groups_are_the_same_digits() {
        let token = vec![0xA5; 80];
        for between in [" ", "-", " - "] {
            let text = write_cfn(&token);
            let groups: Vec<&str> =
                (0..text.len()).step_by(8).map(|at| &text[at..text.len().min(at + 8)]).collect();
            let read = recognise(&groups.join(between));
            assert_eq!(read, Recognised::Token(token.clone()), "groups apart by {between:?}");
        }
    }

    #[test]
    fn sentences_and_addresses_are_not_ours_although_base45_has_their_letters() {
        for text in [
            "Please show this voucher at the counter before the end of the day.",
            "PLEASE SHOW THIS VOUCHER AT THE COUNTER BEFORE THE END OF THE DAY.",
            "https://shop.example/a/very/long/address/that/ends/with/a/full/stop.",
            "the quick brown fox jumps over the lazy dog and over the lazy dog again",
        ] {
            assert_eq!(recognise(text), Recognised::OtherShape, "{text}");
        }
    }

    #[test]
    fn a_text_of_more_than_512_characters_is_not_read() {
        assert_eq!(recognise(&write_cf1(&[1; 400])), Recognised::Damaged, "too long as letters");
        assert_eq!(recognise(&write_cfn(&[1; 256])), Recognised::Damaged, "too long as digits");
    }

    proptest! {
        #[test]
        fn a_token_survives_both_forms(token in prop::collection::vec(any::<u8>(), 55..200)) {
            prop_assert_eq!(recognise(&write_cf1(&token)), Recognised::Token(token.clone()), "letters");
            prop_assert_eq!(recognise(&write_cfn(&token)), Recognised::Token(token), "digits");
        }

        #[test]
        fn a_text_that_has_lost_its_head_is_damaged(token in prop::collection::vec(any::<u8>(), 90..200), lost in 1usize..60) {
            let text = write_cf1(&token);
            prop_assert_eq!(recognise(&text[lost..]), Recognised::Damaged, "{} characters are gone", lost);
            prop_assert_eq!(recognise(&text[lost..].to_lowercase()), Recognised::Damaged, "and caps lock is on");
            let garbled = format!("D{}", &text[1..]);
            prop_assert_eq!(recognise(&garbled), Recognised::Damaged, "its first letter has become another");
            let head = lost.min(3);
            let middle = &text[head..text.len() - lost];
            prop_assert_eq!(recognise(middle), Recognised::Damaged, "{} at its head, {} at its end", head, lost);
            prop_assert_eq!(recognise(&write_cfn(&token)[lost..]), Recognised::Damaged, "in digits too");
        }

        #[test]
        fn a_text_that_is_read_is_the_only_one_of_its_token(text in "(CF1:[0-9A-Z $%*+./:-]{0,90}\\.|236[0-9]{117,200}6)") {
            if let Recognised::Token(token) = recognise(&text) {
                let again = if text.starts_with(PREFIX) { write_cf1(&token) } else { write_cfn(&token) };
                prop_assert_eq!(again, text, "one content, one text");
            }
        }

        #[test]
        fn no_text_makes_it_stumble(text in "(CF1:|cf1|236|)\\PC{0,200}") {
            let read = recognise(&text);
            prop_assert!(!matches!(read, Recognised::Token(ref token) if token.is_empty()), "no empty token");
        }
    }
}
