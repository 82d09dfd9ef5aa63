//! The shapes of payment codes. What might be a credential is treated as one: it is told apart from a code to redeem
//! and none of its digits is kept.

/// Whose payment code a text looks like. Nothing else of it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Payment {
    /// WeChat Pay: 18 digits from 10 to 15.
    Wechat,
    /// Alipay: 16 to 24 digits from 25 to 30.
    Alipay,
    /// UnionPay: 19 digits from 62; many bank cards look alike.
    UnionPay,
    /// One of these with a digit lost or doubled, or scanned twice in one burst. It may still be a credential.
    Damaged,
}

impl Payment {
    /// Each of them.
    pub const ALL: [Payment; 4] = [Payment::Wechat, Payment::Alipay, Payment::UnionPay, Payment::Damaged];

    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Payment::Wechat => "payment_wechat",
            Payment::Alipay => "payment_alipay",
            Payment::UnionPay => "payment_unionpay",
            Payment::Damaged => "payment_damaged",
        }
    }
}

/// Longer runs of digits are no payment code, whole or damaged: twice 24 digits.
const DIGITS_MAX: usize = 48;

/// What the digits of `text` look like, if it has no letters: spaces, hyphens, quotes and brackets hide nothing.
pub(crate) fn whole(text: &str) -> Option<Payment> {
    let mut digits = [0; DIGITS_MAX];
    let mut count = 0;
    for c in text.chars() {
        if let (true, Ok(digit)) = (c.is_ascii_digit(), u8::try_from(c)) {
            *digits.get_mut(count)? = digit;
            count += 1;
        } else if c.is_alphanumeric() {
            return None;
        }
    }
    of_digits(&digits[..count])
}

/// The first payment shape among the digits of `text`, whatever stands around them.
pub(super) fn inside(text: &str) -> Option<Payment> {
    let together = text.split(char::is_alphabetic).find_map(whole);
    together.or_else(|| {
        let runs = text.as_bytes().split(|byte| !byte.is_ascii_digit());
        runs.filter(|run| run.len() <= DIGITS_MAX).find_map(of_digits)
    })
}

/// 17 digits that may be a WeChat code whose first digit an input method has swallowed, which is the commonest
/// damage. Such digits may also be an order number, so a merchant's profile is asked before.
pub(super) fn lost_its_head(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit);
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b' ' | b'-'));
    plain && digits.clone().count() == 17 && digits.clone().next().is_some_and(|first| first <= b'5')
}

fn of_digits(digits: &[u8]) -> Option<Payment> {
    let [tens, ones, ..] = digits else { return None };
    let start = u32::from(tens - b'0') * 10 + u32::from(ones - b'0');
    match (digits.len(), start) {
        (18, 10..=15) => Some(Payment::Wechat),
        (16..=24, 25..=30) => Some(Payment::Alipay),
        (19, 62) => Some(Payment::UnionPay),
        (17 | 19, 10..=15) | (15 | 25, 25..=30) | (18, 62) | (20, 62 | 66) => Some(Payment::Damaged),
        (32.., _) => {
            let (first, second) = digits.split_at(digits.len() / 2);
            (first == second).then(|| of_digits(first)).flatten().map(|_| Payment::Damaged)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shapes_are_those_that_the_payment_platforms_document() {
        for (digits, expected) in [
            ("134567890123456789", Some(Payment::Wechat)),
            ("164567890123456789", None),
            ("2856789012345678", Some(Payment::Alipay)),
            ("301234567890123456789012", Some(Payment::Alipay)),
            ("6212345678901234567", Some(Payment::UnionPay)),
            ("13456789012345678", Some(Payment::Damaged)),
            ("1345678901234567891", Some(Payment::Damaged)),
            ("134567890123456789134567890123456789", Some(Payment::Damaged)),
            ("13456789012345", None),
            ("1", None),
            ("", None),
        ] {
            assert_eq!(whole(digits), expected, "{digits:?}");
        }
    }

    #[test]
    fn whatever_stands_around_the_digits_hides_none() {
        for text in ["\"1345 6789-0123.4567 89\"", "pay:134567890123456789;", "付款码134567890123456789"] {
            assert_eq!(inside(text), Some(Payment::Wechat), "{text}");
        }
        assert_eq!(
            whole("pay:134567890123456789"),
            None,
            "a text with letters is not a payment code as a whole"
        );
        assert_eq!(inside("P17NOTAPAYMENTCODE99"), None, "a few digits are nobody's credential");
    }
}
