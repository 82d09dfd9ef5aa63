//! Whatever comes out of a scanner gets a clear verdict, and nothing of it stays.

use model::reading::{Foreign, Payment};
use model::verdict::{Class, Reason};
use tests::Shop;

#[tokio::test]
async fn each_wrong_thing_has_its_own_verdict_and_leaves_nothing() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let code = shop.coupon().await;
    let half = &code.secret()[..13];
    let never = model::code::Code::issue(model::code::CodeKind::Coupon, *b"never issued, no!");
    let badge = model::code::Code::issue(model::code::CodeKind::Badge, *b"somebody of staff");
    let enrolment = shop.enrolment(tests::shop::NANSHAN).await;
    let mut swapped: Vec<char> = code.secret().chars().collect();
    let other = swapped.windows(2).rposition(|pair| pair[0] != pair[1]).expect("not all characters are one");
    swapped.swap(other, other + 1);
    let swapped: String = swapped.into_iter().collect();
    let cases: Vec<(String, Reason)> = vec![
        (String::new(), Reason::Empty),
        (" \r\n\t".into(), Reason::Empty),
        ("9".repeat(10_000), Reason::TooLong),
        ("汉".repeat(10_000), Reason::TooLong),
        ("\u{0}\u{1}\u{2}\u{7f}".into(), Reason::Binary),
        ("\u{fffd}\u{fffd}\u{fffd}".into(), Reason::Binary),
        (half.into(), Reason::Damaged),
        (code.secret()[7..].into(), Reason::Damaged),
        (swapped, Reason::Damaged),
        (never.secret().into(), Reason::NeverIssued),
        (enrolment.secret().into(), Reason::EnrolmentCode),
        ("134567890123456789".into(), Reason::PaymentCode(Payment::Wechat)),
        ("https://u.wechat.com/abc".into(), Reason::NotOurs(Foreign::PersonalCard)),
        ("6901234567892".into(), Reason::NotOurs(Foreign::GoodsBarcode)),
        ("13800138000".into(), Reason::NotOurs(Foreign::Telephone)),
        ("SF1234567890123".into(), Reason::NotOurs(Foreign::Courier)),
        ("4200001234202611221234567890".into(), Reason::NotOurs(Foreign::WechatBill)),
        ("1234567890".into(), Reason::NotOurs(Foreign::GroupBuying)),
        ("13456789012345678".into(), Reason::PaymentCode(Payment::Damaged)),
        ("付款码：134567890123456789".into(), Reason::PaymentCode(Payment::Wechat)),
        ("CF1:HALF".into(), Reason::Damaged),
        ("cf0:undo".into(), Reason::CommandIdle),
        (badge.secret().into(), Reason::StaffBadge),
        ("什么东西".into(), Reason::NotOurs(Foreign::Unknown)),
        ("'; DROP TABLE line; --".into(), Reason::NotOurs(Foreign::Unknown)),
    ];
    for (text, reason) in cases {
        shop.clock.turn_seconds(10);
        let told = till.refused(&text).await;
        let shown: String = text.chars().take(24).collect();
        assert_eq!(told.reason, reason, "{shown:?}");
        assert!(matches!(told.class(), Class::Act | Class::Stop), "{shown:?} is the clerk's to deal with");
        let words =
            till::words::sentence(till::words::Language::Chinese, &format!("reason.{}", reason.code()));
        assert!(words != format!("reason.{}", reason.code()), "{} has its sentence", reason.code());
    }
    assert_eq!(till.redemptions(), 0, "nothing of that is a redemption");
    till.close().await;
    for line in till.journal() {
        match line.act {
            wire::line::Act::Opened { .. } => {}
            wire::line::Act::Refused(told) => {
                assert_eq!(
                    (told.code_tail, told.entitlement),
                    Default::default(),
                    "nothing of the text is kept"
                );
            }
            other => panic!("nothing but refusals is on disk: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_code_survives_what_scanners_do_to_it() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    for shape in 0..5 {
        shop.clock.turn_minutes(1);
        let code = shop.coupon().await;
        let text = match shape {
            0 => format!("{}\r\n", code.secret()),
            1 => format!("]Q1{}", code.secret()),
            2 => code.grouped(),
            3 => code.secret().to_lowercase(),
            _ => code.secret().chars().filter_map(|c| char::from_u32(u32::from(c) - 0x21 + 0xFF01)).collect(),
        };
        let screen = till.scan(&text).await;
        assert_eq!(
            tests::counter::offer(&screen).known.entitlement.code_tail,
            code.tail(),
            "{text:?} is ours"
        );
    }
}

#[tokio::test]
async fn before_anybody_is_signed_in_and_before_enrolment_nothing_is_looked_up() {
    let shop = Shop::open().await;
    let bare = shop.bare_till();
    let code = shop.coupon().await;
    let told = bare.refused(code.secret()).await;
    assert_eq!(told.reason, Reason::NotEnrolled, "a till without a chain says so");
    let till = shop.till("1号收银机").await;
    till.desk().act(till::desk::Act::SignOut).await;
    let told = till.refused(code.secret()).await;
    assert_eq!(told.reason, Reason::SignInFirst, "a till without a clerk says so");
    assert!(
        !till.cord.requests().iter().any(|request| matches!(request, tests::cord::Request::Lookup(_))),
        "and asks nobody about the code"
    );
}
