//! Things of this world that customers show by mistake, known by their shape.

use super::clean::GS;

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

/// What is known of `text`, if anything is.
pub(super) fn known(text: &str) -> Option<Foreign> {
    linked(text)
        .or_else(|| parcel(text))
        .or_else(|| is_gs1(text).then_some(Foreign::Gs1))
        .or_else(|| digits(text))
}

/// Whose page a web address is, whatever carries it.
pub(super) fn linked(text: &str) -> Option<Foreign> {
    let starts = |start: &str| text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
    if starts("https://") || starts("http://") {
        let address = text.split_once("://").map_or("", |(_, address)| address);
        let host = address.split(['/', '?', '#', ':']).next().unwrap_or_default().to_ascii_lowercase();
        return Some(match host.as_str() {
            "weixin.qq.com" => Foreign::OfficialAccount,
            "u.wechat.com" => Foreign::PersonalCard,
            "qr.alipay.com" | "qr.95516.com" => Foreign::PaymentPage,
            "v.douyin.com" => Foreign::Douyin,
            _ => Foreign::Link,
        });
    }
    if starts("wxp://") {
        return Some(Foreign::CollectionCode);
    }
    if starts("weixin://wxpay") {
        return Some(Foreign::NativePayment);
    }
    text.contains("://").then_some(Foreign::Link)
}

/// The labels of couriers: a house's letters and its digits, the Universal Postal Union's S10, or a JSON object with
/// the number under "mn".
fn parcel(text: &str) -> Option<Foreign> {
    if text.starts_with('{') {
        let number = ["\"mn\"", "'mn'", "\u{201c}mn\u{201d}"].iter().any(|key| text.contains(key));
        return number.then_some(Foreign::Courier);
    }
    let label = text.split(['-', ' ']).next().unwrap_or_default();
    let digits_after = |head: usize, tail: usize| {
        label.len() > head + tail && label.as_bytes()[head..label.len() - tail].iter().all(u8::is_ascii_digit)
    };
    if !label.is_ascii() || label.len() < 11 || label.len() > 24 {
        return None;
    }
    let upper = label.to_ascii_uppercase();
    let letters = upper.bytes().take_while(u8::is_ascii_alphabetic).count();
    let house = matches!(
        (&upper[..letters], label.len() - letters),
        ("SF" | "STO" | "ZT" | "ZTO" | "JT" | "YD" | "DPK", 12..=15)
            | ("YT", 13..=18)
            | ("JD" | "JDV" | "JDVA" | "JDVB" | "JDVC" | "JDVD" | "JDVE" | "JDX" | "JDK" | "JDE", 10..=16)
            | ("LP", 14..=16)
    );
    let s10 = letters == 2 && label.len() == 13 && upper[11..].bytes().all(|byte| byte.is_ascii_uppercase());
    let courier = house && digits_after(letters, 0) || s10 && digits_after(2, 2);
    courier.then_some(Foreign::Courier)
}

/// A GS1 code as people write it, "(01)" and an article number, or with a separator between its fields.
fn is_gs1(text: &str) -> bool {
    let written = text
        .strip_prefix("(01)")
        .is_some_and(|rest| rest.len() >= 14 && rest.bytes().take(14).all(|b| b.is_ascii_digit()));
    written || text.contains(GS)
}

fn digits(text: &str) -> Option<Foreign> {
    let plain: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')')).collect();
    let number = plain.strip_prefix("tel:").unwrap_or(&plain);
    let number = ["+86", "0086", "+852", "00852"]
        .iter()
        .find_map(|country| number.strip_prefix(country))
        .unwrap_or(number);
    let called = number.len() < plain.len();
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let start: u32 = number.get(..2).and_then(|start| start.parse().ok()).unwrap_or(0);
    match (number.len(), start) {
        (28, 42) => Some(Foreign::WechatBill),
        (18, 16) => Some(Foreign::WechatCard),
        (8 | 12 | 13, _) if !called && is_goods_barcode(number) => Some(Foreign::GoodsBarcode),
        (11, 13..=19) => Some(Foreign::Telephone),
        (10..=12, _) if !called => Some(Foreign::GroupBuying),
        // Hong Kong: 8 digits from 2 to 9.
        (8, 20..=99) => Some(Foreign::Telephone),
        _ => None,
    }
}

/// EAN-13, EAN-8 or UPC-A with a right check digit (GS1 General Specifications, 7.9): goods from China (690 to 699),
/// Hong Kong (489), in-store codes (20 to 29), and everybody else's.
fn is_goods_barcode(digits: &str) -> bool {
    let weights = [1, 3].into_iter().cycle();
    let sum: u32 =
        digits.bytes().rev().zip(weights).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_customers_show_by_mistake_is_named() {
        for (text, expected) in [
            ("http://weixin.qq.com/r/abc", Some(Foreign::OfficialAccount)),
            ("HTTPS://U.WECHAT.COM/abc", Some(Foreign::PersonalCard)),
            ("wxp://f2f0abc", Some(Foreign::CollectionCode)),
            ("weixin://wxpay/bizpayurl?pr=abc", Some(Foreign::NativePayment)),
            ("https://qr.alipay.com/fkx", Some(Foreign::PaymentPage)),
            ("https://qr.95516.com/00010000/x", Some(Foreign::PaymentPage)),
            ("https://v.douyin.com/abc/", Some(Foreign::Douyin)),
            ("https://weixin.qq.com.evil.example/r/", Some(Foreign::Link)),
            ("ftp://example.com", Some(Foreign::Link)),
            ("6901234567892", Some(Foreign::GoodsBarcode)),
            ("96385074", Some(Foreign::GoodsBarcode)),
            ("036000291452", Some(Foreign::GoodsBarcode)),
            ("13800138000", Some(Foreign::Telephone)),
            ("+86 138 0013 8000", Some(Foreign::Telephone)),
            ("+852 9123 4567", Some(Foreign::Telephone)),
            ("91234567", Some(Foreign::Telephone)),
            ("1234567890", Some(Foreign::GroupBuying)),
            ("160123456789012345", Some(Foreign::WechatCard)),
            ("4200001234202611221234567890", Some(Foreign::WechatBill)),
            ("SF1234567890123", Some(Foreign::Courier)),
            ("JDVA12345678901-1-1-", Some(Foreign::Courier)),
            ("EA123456789CN", Some(Foreign::Courier)),
            ("{\"mn\":\"4312345678901\",\"t\":1}", Some(Foreign::Courier)),
            ("(01)06901234567892(10)AB", Some(Foreign::Gs1)),
            ("hello", None),
            ("什么东西", None),
            ("", None),
        ] {
            assert_eq!(known(text), expected, "{text:?}");
        }
        assert_eq!(known("0106901234567892\u{1d}10AB"), Some(Foreign::Gs1), "a separator says so");
    }
}
