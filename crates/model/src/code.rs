//! The codes our own backend issues: upper-case letters and digits, with two check characters.
//!
//! A code is a kind letter, 17 random characters (85 bits) and two check characters over the alphabet of
//! Crockford's base 32 (0–9, A–Z without I, L, O, U). It is 20 characters, shown in groups of four; it starts with
//! a letter and is no payment shape (16–24 digits), and QR alphanumeric mode takes it in version 1. Two check
//! characters make a read that an input method or a keyboard layout has changed fail 1,023 times in 1,024.

use std::fmt;

/// Crockford's base 32: no I, L, O, U, which are misread or misheard.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// The largest prime that two characters of the alphabet can hold; a prime catches each single wrong character and
/// each pair of neighbours swapped.
const CHECK_PRIME: u32 = 1021;

/// How many characters a code has.
pub const LENGTH: usize = 20;
/// How many random bytes [`Code::issue`] needs.
pub const RANDOM_BYTES: usize = 17;

/// What a code may stand for, told by its first letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CodeKind {
    /// `P`: a pick-up order.
    Order,
    /// `C`: a coupon.
    Coupon,
    /// `T`: a card with a number of uses.
    TimesCard,
    /// `M`: a member.
    Member,
    /// `E`: no entitlement, but the right to enrol one till.
    Enrolment,
    /// `S`: no entitlement, but a member of staff.
    Badge,
}

impl CodeKind {
    /// Each of them.
    pub const ALL: [CodeKind; 6] = [
        CodeKind::Order,
        CodeKind::Coupon,
        CodeKind::TimesCard,
        CodeKind::Member,
        CodeKind::Enrolment,
        CodeKind::Badge,
    ];

    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            CodeKind::Order => "order",
            CodeKind::Coupon => "coupon",
            CodeKind::TimesCard => "times_card",
            CodeKind::Member => "member",
            CodeKind::Enrolment => "enrolment",
            CodeKind::Badge => "badge",
        }
    }

    fn letter(self) -> char {
        match self {
            CodeKind::Order => 'P',
            CodeKind::Coupon => 'C',
            CodeKind::TimesCard => 'T',
            CodeKind::Member => 'M',
            CodeKind::Enrolment => 'E',
            CodeKind::Badge => 'S',
        }
    }

    fn of(letter: char) -> Option<CodeKind> {
        CodeKind::ALL.into_iter().find(|kind| kind.letter() == letter)
    }
}

/// A whole, well-formed code of ours. It opens an entitlement, so `Debug` shows only its tail; a till neither
/// stores nor logs the rest.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Code(String);

/// Why a text that looks like one of our codes is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotACode {
    /// Nothing about it says that it was meant to be one.
    OtherShape,
    /// Our letters and nearly our length, but characters are missing, surplus or wrong: scan again.
    Damaged,
}

impl Code {
    /// Makes a code of `kind` from `random`, which must come from a cryptographic source: 85 of its bits are used.
    pub fn issue(kind: CodeKind, random: [u8; RANDOM_BYTES]) -> Code {
        let mut text = String::with_capacity(LENGTH);
        text.push(kind.letter());
        text.extend(random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])));
        let check = check(text.as_bytes()).unwrap_or_default();
        text.extend(check.map(char::from));
        Code(text)
    }

    /// Reads a code as scanned or typed: case, spaces and hyphens do not matter, I and L are 1, O is 0.
    pub fn read(text: &str) -> Result<Code, NotACode> {
        // A longer text is no half of ours, and most long ones are signed codes.
        let most = LENGTH * 2 + 1;
        let folded: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).map(fold).take(most).collect();
        let bytes = folded.as_bytes();
        let ours = bytes.iter().all(|byte| ALPHABET.contains(byte));
        let kind = folded.chars().next().and_then(CodeKind::of);
        let whole = ours && kind.is_some() && bytes.len() == LENGTH;
        if whole
            && let (body, end) = bytes.split_at(LENGTH - 2)
            && check(body).is_some_and(|check| check == end)
        {
            return Ok(Code(folded));
        }
        let plausible = ours
            && (whole || (LENGTH / 2..=LENGTH * 2).contains(&bytes.len()) && is_in_groups(text))
            && is_in_our_hand(text, kind);
        Err(if plausible { NotACode::Damaged } else { NotACode::OtherShape })
    }

    /// The whole code. It opens an entitlement: for the link and the keyed hash only.
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// The last four characters, which a clerk compares and a journal may keep.
    pub fn tail(&self) -> &str {
        &self.0[LENGTH - 4..]
    }

    /// What the first letter says.
    pub fn kind(&self) -> CodeKind {
        // A `Code` only comes from `issue` and `read`, which both see to the letter.
        self.0.chars().next().and_then(CodeKind::of).unwrap_or(CodeKind::Coupon)
    }

    /// The code in groups of four, as it is printed for people.
    pub fn grouped(&self) -> String {
        let groups: Vec<&str> = (0..LENGTH).step_by(4).map(|start| &self.0[start..start + 4]).collect();
        groups.join(" ")
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code(…{})", self.tail())
    }
}

/// Whether letters are written as those of our codes are: all capitals, or all small behind the letter of a kind, which
/// tells them from the codes of others. A burst that lost its head has lost that letter too, so capitals do without.
/// Few codes have no digit: then each letter is one that we print. Digits alone belong to others.
fn is_in_our_hand(text: &str, kind: Option<CodeKind>) -> bool {
    let any = |is: fn(&char) -> bool| text.chars().any(|c| is(&c));
    let digits = any(char::is_ascii_digit);
    match (any(char::is_ascii_uppercase), any(char::is_ascii_lowercase)) {
        (true, false) => digits || text.chars().all(|c| c == fold(c)),
        (false, true) => digits && kind.is_some(),
        _ => false,
    }
}

/// Whether spaces and hyphens, if there are any, stand where groups of four put them. The first group and the last may
/// have lost something.
fn is_in_groups(text: &str) -> bool {
    let lengths = text.split([' ', '-']).map(str::len);
    let last = lengths.clone().count() - 1;
    last == 0 || lengths.enumerate().all(|(at, length)| length == 4 || length < 4 && (at == 0 || at == last))
}

fn fold(c: char) -> char {
    match c.to_ascii_uppercase() {
        'I' | 'L' => '1',
        'O' => '0',
        other => other,
    }
}

/// The two check characters of `body`, or nothing if it has a character outside the alphabet.
fn check(body: &[u8]) -> Option<[u8; 2]> {
    let mut sum = 0u32;
    for byte in body {
        let digit = ALPHABET.iter().position(|letter| letter == byte)?;
        sum = (sum * 32 + u32::try_from(digit).ok()? + 1) % CHECK_PRIME;
    }
    Some([ALPHABET[(sum / 32) as usize], ALPHABET[(sum % 32) as usize]])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Code {
        Code::issue(CodeKind::Coupon, *b"seventeen letters")
    }

    #[test]
    fn what_is_issued_can_be_read_in_every_way_people_write_it() {
        let code = sample();
        assert_eq!(code.secret().len(), LENGTH, "twenty characters");
        for written in [code.secret().to_owned(), code.secret().to_lowercase(), code.grouped()] {
            assert_eq!(Code::read(&written), Ok(code.clone()), "{written:?} is the same code");
        }
        assert_eq!(code.kind(), CodeKind::Coupon, "the kind is in the first letter");
    }

    #[test]
    fn every_single_wrong_character_and_every_swap_is_noticed() {
        let code = sample();
        let whole = code.secret().as_bytes();
        for place in 0..LENGTH {
            for letter in ALPHABET {
                let mut changed = whole.to_vec();
                changed[place] = *letter;
                let read = Code::read(std::str::from_utf8(&changed).unwrap());
                assert!(
                    changed == whole || read != Ok(code.clone()),
                    "a change at {place} is not the same code"
                );
                assert!(
                    changed == whole || read.is_err(),
                    "a change at {place} to {} is noticed",
                    *letter as char
                );
            }
        }
        for place in 0..LENGTH - 3 {
            let mut swapped = whole.to_vec();
            swapped.swap(place, place + 1);
            let same = swapped == whole;
            assert!(same || Code::read(std::str::from_utf8(&swapped).unwrap()).is_err(), "swap at {place}");
        }
    }

    #[test]
    fn half_a_scan_is_damaged_and_a_foreign_text_is_not() {
        let code = sample();
        assert_eq!(Code::read(&code.secret()[..13]), Err(NotACode::Damaged), "a cut tail");
        assert_eq!(Code::read(&code.secret()[1..]), Err(NotACode::Damaged), "a lost head");
        assert_eq!(Code::read("6901234567892"), Err(NotACode::OtherShape), "an EAN is not ours");
        assert_eq!(Code::read("https://example.com/a"), Err(NotACode::OtherShape), "a link is not ours");
    }

    #[test]
    fn words_and_codes_of_others_are_not_halves_of_ours() {
        for text in [
            "Customer name",
            "Copenhagen 2026",
            "COPENHAGEN 2026",
            "EAN13 hello world",
            "Coupon 12345",
            "COUPON 12345",
            "ab12cd34ef56",
            "213dsadfsa",
            "code-ab12cd34ef56",
            "customer-name-2026",
            "HELLO WORLD",
            "confirmation",
            "C012 3456 ABCDE FGHJ K",
            "CCCC--DDDD-2222",
        ] {
            assert_eq!(Code::read(text), Err(NotACode::OtherShape), "{text:?} is nobody's incomplete read");
        }
        let whole = sample().grouped().to_lowercase();
        assert_eq!(Code::read(&whole[..16]), Err(NotACode::Damaged), "caps lock and a cut tail");
        assert_eq!(Code::read(&whole[2..]), Err(NotACode::OtherShape), "small letters without a kind");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(8) })]

        #[test]
        fn half_of_a_code_is_damaged_wherever_it_is_cut(random in prop::collection::vec(any::<[u8; RANDOM_BYTES]>(), 100)) {
            let (mut cuts, mut damaged) = (0, 0);
            for random in random {
                for kind in CodeKind::ALL {
                    let code = Code::issue(kind, random);
                    let (whole, grouped) = (code.secret(), code.grouped());
                    let halves = (10..LENGTH).flat_map(|length| [&whole[..length], &whole[LENGTH - length..]]);
                    let groups = (12..grouped.len())
                        .flat_map(|length| [grouped[..length].trim(), grouped[grouped.len() - length..].trim()]);
                    for half in halves.chain(groups) {
                        cuts += 1;
                        damaged += usize::from(Code::read(half) == Err(NotACode::Damaged));
                    }
                }
            }
            prop_assert!(damaged * 100 >= cuts * 99, "{} of {} halves", damaged, cuts);
        }
    }

    #[test]
    fn a_log_line_never_shows_a_whole_code() {
        let shown = format!("{:?}", sample());
        assert!(!shown.contains(sample().secret()), "only the tail is printed: {shown}");
    }
}
