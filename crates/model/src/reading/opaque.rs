//! A code that a merchant's profile describes.

use crate::code::CodeKind;
use crate::reading::payment;

/// How many characters of a code a clerk may see.
const TAIL_CHARACTERS: usize = 4;

/// A mall's code, as a merchant's profile describes it. It may have the shape of a payment code (fuint's coupons do),
/// so that `Debug` hides it and only a hash of it ever leaves this value.
#[derive(Clone, PartialEq, Eq)]
pub struct Opaque {
    profile: String,
    kind: Option<CodeKind>,
    ambiguous: bool,
    payment_shaped: bool,
    random_bits: u16,
    /// Profile, order and code, apart by line feeds, which no code holds.
    whole: String,
}

/// What a profile says of the code that it has found.
pub(crate) struct Said<'a> {
    pub profile: &'a str,
    pub kind: Option<CodeKind>,
    pub ambiguous: bool,
    pub random_bits: u16,
    /// The order that the code belongs to; empty if it stands alone.
    pub order: &'a str,
    pub code: &'a str,
}

impl Opaque {
    pub(crate) fn new(said: &Said<'_>) -> Opaque {
        Opaque {
            profile: said.profile.to_owned(),
            kind: said.kind,
            ambiguous: said.ambiguous,
            payment_shaped: [said.code, said.order].into_iter().any(|part| payment::inside(part).is_some()),
            random_bits: said.random_bits,
            whole: [said.profile, said.order, said.code].join("\n"),
        }
    }

    /// The name of the profile that fits.
    pub fn profile(&self) -> &str {
        &self.profile
    }

    /// What it stands for, if the profile says.
    pub fn kind(&self) -> Option<CodeKind> {
        self.kind
    }

    /// Whether several customers may have the same code, so that one is chosen and none is guessed.
    pub fn is_ambiguous(&self) -> bool {
        self.ambiguous
    }

    /// How many bits of it are random, as far as the mall promises.
    pub fn random_bits(&self) -> u16 {
        self.random_bits
    }

    /// What a keyed hash is taken of. For that alone: the text may be somebody's payment credential.
    pub fn hash_input(&self) -> &str {
        &self.whole
    }

    /// The code, unless it has the shape of a payment code.
    pub fn text(&self) -> Option<&str> {
        if self.payment_shaped { None } else { self.whole.rsplit('\n').next() }
    }

    /// The order that the code belongs to, if it means nothing without it, and unless one of the two has the shape
    /// of a payment code.
    pub fn order(&self) -> Option<&str> {
        let order = self.whole.split('\n').nth(1).filter(|order| !order.is_empty());
        if self.payment_shaped { None } else { order }
    }

    /// The end of the code, which a clerk may see and compare: four characters, but never more than a third of it,
    /// and nothing of what has the shape of a payment code.
    pub fn tail(&self) -> Option<&str> {
        let text = self.text()?;
        let shown = TAIL_CHARACTERS.min(text.chars().count() / 3);
        let (start, _) = text.char_indices().rev().nth(shown.checked_sub(1)?)?;
        text.get(start..)
    }
}

impl std::fmt::Debug for Opaque {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opaque({})", self.profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opaque(order: &str, code: &str) -> Opaque {
        Opaque::new(&Said { profile: "mall", kind: None, ambiguous: false, random_bits: 0, order, code })
    }

    #[test]
    fn a_clerk_sees_at_most_a_third_of_a_code() {
        for (code, tail) in [("123456789012", "9012"), ("123456", "56"), ("1234", "4"), ("12", "")] {
            assert_eq!(opaque("", code).tail().unwrap_or_default(), tail, "{code}");
        }
    }

    #[test]
    fn nothing_of_what_looks_like_a_payment_code_is_shown() {
        for (order, code) in
            [("", "261122103000123456"), ("261122103000123456", "4821"), ("", "x134567890123456789")]
        {
            let hidden = opaque(order, code);
            assert_eq!((hidden.text(), hidden.order(), hidden.tail()), (None, None, None), "{order} {code}");
            assert!(hidden.hash_input().ends_with(code), "but it can be looked up by its hash");
        }
    }

    #[test]
    fn the_same_code_of_another_order_or_profile_is_another_one() {
        assert_ne!(
            opaque("1", "4821").hash_input(),
            opaque("2", "4821").hash_input(),
            "the order belongs to it"
        );
        assert_ne!(
            opaque("", "14821").hash_input(),
            opaque("1", "4821").hash_input(),
            "parts do not run together"
        );
        assert_eq!(opaque("7", "4821").order(), Some("7"), "the order can be told");
    }
}
