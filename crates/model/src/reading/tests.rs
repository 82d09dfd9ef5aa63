//! What texts are, by the order of decisions.

use super::*;
use crate::code::RANDOM_BYTES;

const NOW: UnixMs = UnixMs(1_795_000_000_000);

fn ours() -> Code {
    Code::issue(CodeKind::Order, [7; RANDOM_BYTES])
}

fn plain(text: &str) -> Reading {
    read(text, &[], NOW)
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
        format!("\u{2}]Q1{}\u{3}", code.secret()),
        format!("\t{}\t", code.grouped()),
        format!("\u{200b}{}\u{200b}", code.secret()),
        code.secret().to_lowercase(),
        wide,
    ] {
        assert_eq!(plain(&text), Reading::Ours(code.clone()), "{text:?}");
    }
}

#[test]
fn payment_codes_are_recognised_whole_and_damaged() {
    for (text, payment) in [
        ("134567890123456789", Payment::Wechat),
        ("2856789012345678", Payment::Alipay),
        ("6212345678901234567", Payment::UnionPay),
        ("13456789012345678", Payment::Damaged),
        ("34567890123456789", Payment::Damaged),
        ("1345678901234567891", Payment::Damaged),
        ("1345 6789 0123 4567 89", Payment::Wechat),
        ("１３４５６７８９０１２３４５６７８９", Payment::Wechat),
        ("]Q1134567890123456789\r\n", Payment::Wechat),
        ("付款码：134567890123456789", Payment::Wechat),
        ("134567890123456789\u{1d}", Payment::Wechat),
    ] {
        assert_eq!(plain(text), Reading::Payment(payment), "{text} may be a credential");
    }
}

#[test]
fn tabs_and_line_ends_inside_a_text_are_spaces() {
    for between in ["\t", "\n", "\r", "\r\n"] {
        let grouped = ours().grouped().replace(' ', between);
        assert_eq!(plain(&grouped), Reading::Ours(ours()), "{grouped:?}");
        let payment = ["1345", "67890123456789"].join(between);
        assert_eq!(plain(&payment), Reading::Payment(Payment::Wechat), "{payment:?} may be a credential");
        let card = ["BEGIN:VCARD", "VERSION:3.0", "N:Wong;Mei", "TEL;TYPE=CELL:+85291234567", "END:VCARD"];
        assert_eq!(plain(&card.join(between)), Reading::Foreign(Foreign::Unknown), "a person's card");
    }
    for control in ['\u{0}', '\u{7}', '\u{b}', '\u{1b}', '\u{7f}', '\u{85}'] {
        assert_eq!(plain(&format!("4839{control}2017")), Reading::Binary, "{control:?} is in no text");
    }
}

#[test]
fn what_belongs_to_others_is_named() {
    for (text, foreign) in [
        ("http://weixin.qq.com/r/abc", Foreign::OfficialAccount),
        ("6901234567892", Foreign::GoodsBarcode),
        ("]C10106901234567892", Foreign::Gs1),
        ("]e00106901234567892", Foreign::Gs1),
        ("]d20106901234567892", Foreign::Gs1),
        ("]Q30106901234567892", Foreign::Gs1),
        ("]C1ABCDEFGH123456", Foreign::Gs1),
        ("]E06901234567892", Foreign::GoodsBarcode),
        ("]E496385074", Foreign::GoodsBarcode),
        ("]Q3https://weixin.qq.com/r/abc", Foreign::OfficialAccount),
        ("0106901234567892\u{1d}10AB", Foreign::Gs1),
        ("SF1234567890123", Foreign::Courier),
        ("hello", Foreign::Unknown),
        ("什么东西", Foreign::Unknown),
    ] {
        assert_eq!(plain(text), Reading::Foreign(foreign), "{text:?}");
    }
}

#[test]
fn bad_input_gets_its_own_answer() {
    assert_eq!(plain(""), Reading::Empty, "nothing");
    assert_eq!(plain(" \r\n"), Reading::Empty, "nothing but white space");
    assert_eq!(plain("]Q1"), Reading::Empty, "the scanner says what it read, and read nothing");
    assert_eq!(plain(&"9".repeat(10_000)), Reading::TooLong, "10,000 characters");
    assert_eq!(plain("\u{0}\u{1}binary\u{7f}"), Reading::Binary, "control characters");
    assert_eq!(plain(&ours().secret()[..12]), Reading::Damaged, "half a scan");
    assert_eq!(plain("CF0:CONFIR"), Reading::Damaged, "half a command");
}

#[test]
fn badges_enrolment_codes_and_commands_are_told_apart() {
    let badge = Code::issue(CodeKind::Badge, [3; RANDOM_BYTES]);
    assert_eq!(plain(badge.secret()), Reading::Badge(badge), "a staff badge");
    let enrolment = Code::issue(CodeKind::Enrolment, [3; RANDOM_BYTES]);
    assert_eq!(plain(enrolment.secret()), Reading::Enrolment(enrolment), "an enrolment code");
    for command in Command::ALL {
        assert_eq!(plain(command.text()), Reading::Command(command), "{}", command.text());
        assert_eq!(
            plain(&command.text().to_lowercase()),
            Reading::Command(command),
            "caps lock does no harm"
        );
    }
    assert_eq!(plain("ＣＦ０：ＮＥＸＴ"), Reading::Command(Command::Next), "nor does an input method");
}

#[test]
fn only_what_can_be_redeemed_is_not_refused() {
    assert_eq!(plain(ours().secret()).refusal(), None, "a code of ours");
    assert_eq!(plain("").refusal(), Some(Reason::Empty), "nothing");
    assert_eq!(plain("CF0:UNDO").refusal(), Some(Reason::CommandIdle), "a command is no code to redeem");
    let payment = plain("134567890123456789").refusal();
    assert_eq!(payment, Some(Reason::PaymentCode(Payment::Wechat)), "whose payment code it is");
}

#[test]
fn a_text_as_it_came_shows_its_length_only() {
    let scan = Scan { text: RawText::new("134567890123456789"), source: Source::Wedge };
    let shown = format!("{scan:?}");
    assert!(shown.contains("18 characters") && !shown.contains("1345"), "{shown}");
    let secret = format!("{:?}", plain(ours().secret()));
    assert!(!secret.contains(ours().secret()), "a reading shows no whole code: {secret}");
}
