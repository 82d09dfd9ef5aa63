//! What a scanned or typed text is, before anything is looked up.
//!
//! The order of decisions is the safe one: clean first; a whole code of ours (narrow, with check characters); then
//! payment shapes, which are kept nowhere; then what is known to belong to others; then half a code; then unknown.

use unicode_normalization::UnicodeNormalization;

use crate::code::{Code, CodeKind, NotACode};
use crate::verdict::Reason;

/// No code that a till reads is longer (characters).
pub const TEXT_LENGTH_MAX: usize = 512;

/// A text that came from a scanner, the code pad, a picture or the practice panel.
#[derive(Clone, PartialEq, Eq)]
pub struct Scan {
    /// As it came. It may be a payment credential: never stored, never logged, `Debug` hides it.
    pub text: String,
    /// Where it came from.
    pub source: Source,
}

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scan({:?}, {} characters)", self.source, self.text.chars().count())
    }
}

/// Where a text came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A scanner that types.
    Wedge,
    /// The code pad drawn on the screen.
    Pad,
    /// A practice code that was clicked.
    Practice,
    /// The command line.
    Script,
}

impl Source {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Source::Wedge => "wedge",
            Source::Pad => "pad",
            Source::Practice => "practice",
            Source::Script => "script",
        }
    }
}

/// What a text turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// A whole code of ours.
    Ours(Code),
    /// A whole enrolment code.
    Enrolment(Code),
    /// Anything else, with the reason a clerk is told. Payment codes come without their text, so that it cannot
    /// get any further.
    Other(Reason),
}

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

impl Opaque {
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
}

impl std::fmt::Debug for Opaque {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opaque({})", self.profile)
    }
}

/// Whose payment code a text looks like. Nothing else of it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Payment {
    /// WeChat Pay: 18 digits from 10 to 15.
    Wechat,
    /// Alipay: 16 to 24 digits from 25 to 30.
    Alipay,
    /// UnionPay: 19 digits from 62; many bank cards look alike.
    UnionPay,
    /// One of these with a digit lost or doubled. It may still be a credential.
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

/// Things that customers show by mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Foreign {
    /// A WeChat official account.
    OfficialAccount,
    /// A person's WeChat card.
    PersonalCard,
    /// 收款码: a code that receives money.
    CollectionCode,
    /// A WeChat Native payment.
    NativePayment,
    /// A page of Alipay or UnionPay.
    PaymentPage,
    /// A Douyin voucher link.
    Douyin,
    /// Digits as Meituan and other group-buying platforms print them (10 to 12, no published form).
    GroupBuying,
    /// 18 digits from 16: a dynamic code of the old WeChat card platform, which only WeChat can resolve.
    WechatCard,
    /// The 28 digits of a WeChat bill: it may name an order and proves nothing.
    WechatBill,
    /// The label of a courier's parcel.
    Courier,
    /// The bar code on goods (EAN-13, EAN-8, UPC-A).
    GoodsBarcode,
    /// A GS1 code of a supply chain: GS1-128, DataMatrix, DataBar.
    Gs1,
    /// A telephone number.
    Telephone,
    /// Another web address.
    Link,
    /// Nothing we know.
    Unknown,
}

impl Foreign {
    /// Each of them.
    pub const ALL: [Foreign; 15] = [
        Foreign::OfficialAccount,
        Foreign::PersonalCard,
        Foreign::CollectionCode,
        Foreign::NativePayment,
        Foreign::PaymentPage,
        Foreign::Douyin,
        Foreign::GroupBuying,
        Foreign::WechatCard,
        Foreign::WechatBill,
        Foreign::Courier,
        Foreign::GoodsBarcode,
        Foreign::Gs1,
        Foreign::Telephone,
        Foreign::Link,
        Foreign::Unknown,
    ];

    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Foreign::OfficialAccount => "foreign_official_account",
            Foreign::PersonalCard => "foreign_personal_card",
            Foreign::CollectionCode => "foreign_collection_code",
            Foreign::NativePayment => "foreign_native_payment",
            Foreign::PaymentPage => "foreign_payment_page",
            Foreign::Douyin => "foreign_douyin",
            Foreign::GroupBuying => "foreign_group_buying",
            Foreign::WechatCard => "foreign_wechat_card",
            Foreign::WechatBill => "foreign_wechat_bill",
            Foreign::Courier => "foreign_courier",
            Foreign::GoodsBarcode => "foreign_goods_barcode",
            Foreign::Gs1 => "foreign_gs1",
            Foreign::Telephone => "foreign_telephone",
            Foreign::Link => "foreign_link",
            Foreign::Unknown => "foreign_unknown",
        }
    }
}

/// Says what `text` is.
pub fn read(text: &str) -> Reading {
    if text.chars().take(TEXT_LENGTH_MAX + 1).count() > TEXT_LENGTH_MAX {
        return Reading::Other(Reason::TooLong);
    }
    let text = clean(text);
    if text.is_empty() {
        return Reading::Other(Reason::Empty);
    }
    if text.chars().any(|c| c.is_control() || c == char::REPLACEMENT_CHARACTER) {
        return Reading::Other(Reason::Binary);
    }
    match Code::read(&text) {
        Ok(code) if code.kind() == CodeKind::Enrolment => Reading::Enrolment(code),
        Ok(code) => Reading::Ours(code),
        Err(_) if payment(&text).is_some() => {
            Reading::Other(Reason::PaymentCode(payment(&text).unwrap_or(Payment::Damaged)))
        }
        Err(NotACode::Damaged) => Reading::Other(Reason::Damaged),
        Err(NotACode::OtherShape) => Reading::Other(Reason::NotOurs(foreign(&text))),
    }
}

/// Full-width to half-width (NFKC), without byte order mark, AIM symbology prefix (`]Q1`) and white space at the ends.
fn clean(text: &str) -> String {
    let text: String = text.trim_start_matches('\u{feff}').nfkc().collect();
    let text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{2}' | '\u{3}' | '\u{4}'));
    let aim = text.len() > 3
        && text.starts_with(']')
        && text.as_bytes()[1].is_ascii_alphabetic()
        && text.as_bytes()[2].is_ascii_alphanumeric();
    (if aim { &text[3..] } else { text }).trim().to_owned()
}

/// Payment codes of WeChat (18 digits from 10 to 15), Alipay (16–24 digits from 25 to 30) and UnionPay (19 digits
/// from 62), and the same with a digit lost or doubled: what might be a credential is treated as one.
fn payment(text: &str) -> Option<Payment> {
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    if digits.len() < 15 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let start: u32 = digits[..2].parse().unwrap_or(0);
    match (digits.len(), start) {
        (18, 10..=15) => Some(Payment::Wechat),
        (16..=24, 25..=30) => Some(Payment::Alipay),
        (19, 62) => Some(Payment::UnionPay),
        (17 | 19, 10..=15) | (15 | 25, 25..=30) | (18 | 20, 62) => Some(Payment::Damaged),
        _ => None,
    }
}

fn foreign(text: &str) -> Foreign {
    let lower = text.to_ascii_lowercase();
    let address = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://"));
    if let Some(address) = address {
        let host = address.split(['/', '?', '#', ':']).next().unwrap_or_default();
        return match host {
            "weixin.qq.com" => Foreign::OfficialAccount,
            "u.wechat.com" => Foreign::PersonalCard,
            "qr.alipay.com" | "qr.95516.com" => Foreign::PaymentPage,
            "v.douyin.com" => Foreign::Douyin,
            _ => Foreign::Link,
        };
    }
    if lower.starts_with("wxp://") {
        return Foreign::CollectionCode;
    }
    if lower.starts_with("weixin://wxpay") {
        return Foreign::NativePayment;
    }
    if lower.contains("://") {
        return Foreign::Link;
    }
    if is_telephone(text) {
        return Foreign::Telephone;
    }
    if is_goods_barcode(text) {
        return Foreign::GoodsBarcode;
    }
    Foreign::Unknown
}

/// A mobile number of mainland China: 11 digits from 13 to 19.
fn is_telephone(text: &str) -> bool {
    text.len() == 11
        && text.bytes().all(|b| b.is_ascii_digit())
        && text.starts_with('1')
        && matches!(text.as_bytes()[1], b'3'..=b'9')
}

/// EAN-13, EAN-8 or UPC-A with a right check digit (GS1 General Specifications, 7.9).
fn is_goods_barcode(text: &str) -> bool {
    if !matches!(text.len(), 8 | 12 | 13) || !text.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    let sum: u32 = text
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| u32::from(digit - b'0') * if place % 2 == 0 { 1 } else { 3 })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::RANDOM_BYTES;

    fn ours() -> Code {
        Code::issue(CodeKind::Order, [7; RANDOM_BYTES])
    }

    #[test]
    fn our_code_survives_what_scanners_and_input_methods_do_to_it() {
        let code = ours();
        let wide: String = code
            .secret()
            .chars()
            .map(|c| char::from_u32(u32::from(c) - 0x21 + 0xFF01).expect("a full-width twin"))
            .collect();
        for text in [
            format!("\u{feff}{}\r\n", code.secret()),
            format!("]Q1{}", code.secret()),
            format!("\t{}\t", code.grouped()),
            code.secret().to_lowercase(),
            wide,
        ] {
            assert_eq!(read(&text), Reading::Ours(code.clone()), "{text:?}");
        }
    }

    #[test]
    fn payment_codes_are_recognised_whole_and_damaged() {
        for (text, payment) in [
            ("134567890123456789", Payment::Wechat),
            ("104567890123456789", Payment::Wechat),
            ("2856789012345678", Payment::Alipay),
            ("301234567890123456789012", Payment::Alipay),
            ("6212345678901234567", Payment::UnionPay),
            ("13456789012345678", Payment::Damaged),
            ("1345678901234567891", Payment::Damaged),
            ("1345 6789 0123 4567 89", Payment::Wechat),
            ("１３４５６７８９０１２３４５６７８９", Payment::Wechat),
        ] {
            let expected = Reading::Other(Reason::PaymentCode(payment));
            assert_eq!(read(text), expected, "{text} may be a credential");
        }
    }

    #[test]
    fn foreign_things_are_named() {
        for (text, foreign) in [
            ("http://weixin.qq.com/r/abc", Foreign::OfficialAccount),
            ("https://u.wechat.com/abc", Foreign::PersonalCard),
            ("wxp://f2f0abc", Foreign::CollectionCode),
            ("weixin://wxpay/bizpayurl?pr=abc", Foreign::NativePayment),
            ("https://qr.alipay.com/fkx", Foreign::PaymentPage),
            ("https://v.douyin.com/abc/", Foreign::Douyin),
            ("https://weixin.qq.com.evil.example/r/", Foreign::Link),
            ("6901234567892", Foreign::GoodsBarcode),
            ("13800138000", Foreign::Telephone),
            ("hello", Foreign::Unknown),
        ] {
            assert_eq!(read(text), Reading::Other(Reason::NotOurs(foreign)), "{text}");
        }
    }

    #[test]
    fn bad_input_gets_its_own_reason() {
        assert_eq!(read(""), Reading::Other(Reason::Empty), "nothing");
        assert_eq!(read(" \r\n"), Reading::Other(Reason::Empty), "nothing but white space");
        assert_eq!(read(&"9".repeat(10_000)), Reading::Other(Reason::TooLong), "10,000 characters");
        assert_eq!(read("\u{0}\u{1}binary\u{7f}"), Reading::Other(Reason::Binary), "control characters");
        assert_eq!(read(&ours().secret()[..12]), Reading::Other(Reason::Damaged), "half a scan");
    }
}
