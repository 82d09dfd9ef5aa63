//! The profiles that stand ready, against what the malls really print, and against what only looks like it.

use std::sync::LazyLock;

use model::code::{Code, CodeKind, RANDOM_BYTES};
use model::reading::{Foreign, Opaque, Payment, Reading, read};
use model::time::UnixMs;
use proptest::prelude::*;

use super::*;

/// 2026-11-22 10:30 in China.
const NOW: UnixMs = UnixMs(1_795_314_600_000);

fn profiles(names: &[&str]) -> Vec<m::Profile> {
    let ready =
        ready().into_iter().filter(|profile| names.is_empty() || names.contains(&profile.name.as_str()));
    ready
        .map(|profile| m::Profile::try_from(&profile).expect("a profile that stands ready is good"))
        .collect()
}

/// With a merchant's host in each web address.
fn at_home(name: &str) -> Vec<m::Profile> {
    let mut found = ready().into_iter().find(|profile| profile.name == name).expect("a name of the list");
    for url in found.codes.iter_mut().flat_map(|form| &mut form.urls) {
        url.hosts.push("shop.example".to_owned());
    }
    vec![m::Profile::try_from(&found).expect("a host does no harm")]
}

fn opaque(text: &str, profiles: &[m::Profile]) -> Vec<Opaque> {
    match read(text, profiles, NOW) {
        Reading::Opaque(found) => found,
        other => panic!("{text:?} is {other:?}"),
    }
}

fn fits(text: &str, names: &[&str]) -> Vec<(String, String)> {
    let found = opaque(text, &profiles(names));
    let told = |code: &Opaque| (code.profile().to_owned(), code.text().unwrap_or("hidden").to_owned());
    found.iter().map(told).collect()
}

#[test]
fn each_profile_that_stands_ready_is_good_and_says_the_same_after_a_round() {
    let names: Vec<String> = ready().into_iter().map(|profile| profile.name).collect();
    let expected =
        ["crmeb-php", "crmeb-java", "yudao", "likeshop", "niushop", "shopxo", "fuint", "counterfoil"];
    assert_eq!(names, expected, "in the order in which they are tried");
    for profile in ready() {
        let text = serde_json::to_string(&profile).unwrap();
        assert_eq!(Profile::of_json(&text).unwrap(), profile, "{} as JSON", profile.name);
        assert!(
            profile.codes.iter().flat_map(|form| &form.urls).all(|url| url.hosts.is_empty()),
            "hosts are the merchant's"
        );
    }
}

#[test]
fn what_the_malls_print_is_read() {
    for (name, text, code) in [
        ("crmeb-php", "173245678901", "173245678901"),
        ("crmeb-php", "1732 4567 8901", "173245678901"),
        ("crmeb-php", "1732-4567-8901", "173245678901"),
        ("crmeb-php", "4839\t2017\t5566", "483920175566"),
        ("crmeb-php", "verify_code=173245678901", "173245678901"),
        ("crmeb-php", "verify_code%3D173245678901", "173245678901"),
        ("crmeb-php", "scene=verify_code%3D173245678901", "173245678901"),
        (
            "crmeb-php",
            "pages/admin/order_cancellation/index?scene=verify_code%3D173245678901",
            "173245678901",
        ),
        ("crmeb-java", "1098765432", "1098765432"),
        ("yudao", "48213907", "48213907"),
        ("likeshop", "482139", "482139"),
        ("likeshop", "48213907", "48213907"),
        ("niushop", "code-k3j9x0q2m7ab", "k3j9x0q2m7ab"),
        ("niushop", "CODE-K3J9X0Q2M7AB".to_lowercase().as_str(), "k3j9x0q2m7ab"),
        ("niushop", "CODE-K3J9X0Q2M7AB", "k3j9x0q2m7ab"),
        ("niushop", "PAGES/A?SCENE=CODE-K3J9X0Q2M7AB", "k3j9x0q2m7ab"),
        ("crmeb-php", "VERIFY_CODE=173245678901", "173245678901"),
        ("crmeb-php", "SCENE=VERIFY_CODE%3D173245678901", "173245678901"),
        ("shopxo", "4821", "4821"),
        ("fuint", r#"{"ORDERiD":123,"CODE":"4821"}"#, "4821"),
        ("fuint", r#"{"orderId":123,"code":"4821"}"#, "4821"),
        ("fuint", "｛“orderId”：123，“code”：“4821”｝", "4821"),
        ("fuint", "{\r\n\t\"orderId\": 123,\r\n\t\"code\": \"4821\"\r\n}\r\n", "4821"),
        ("fuint", "482139074821", "482139074821"),
        ("fuint", "4821390748213907", "4821390748213907"),
        ("fuint", "8123456789012", "8123456789012"),
    ] {
        assert_eq!(fits(text, &[name]), [(name.to_owned(), code.to_owned())], "{text}");
    }
    let order = opaque(r#"{"orderId":123,"code":"4821"}"#, &profiles(&["fuint"]));
    assert_eq!(order[0].order(), Some("123"), "four digits mean nothing without their order");
    assert_eq!(order[0].kind(), Some(CodeKind::Order), "and stand for one");
    assert!(opaque("4821", &profiles(&["shopxo"]))[0].is_ambiguous(), "four digits of many customers");
}

#[test]
fn an_address_is_the_merchants_only_at_the_merchants_host() {
    let crmeb = at_home("crmeb-php");
    let page = "pages/admin/order_cancellation/index";
    for text in [
        format!("https://shop.example/{page}?verify_code=173245678901"),
        format!("HTTPS://SHOP.EXAMPLE/{}?VERIFY_CODE=173245678901", page.to_uppercase()),
        format!("HTTP://SHOP.EXAMPLE:80/{page}?id=1&verify_code=173245678901#top"),
        format!("https://shop.example/h5/#/{page}?verify_code=173245678901"),
        format!("https://shop.example/{page}?verify_code%3D173245678901"),
        format!("https://shop.example/{page}?scene=verify_code%3D173245678901"),
        format!(
            "pages/index?q=https%3A%2F%2Fshop.example%2F{page}%3Fverify_code%3D173245678901&scancode_time=1"
        ),
    ] {
        assert_eq!(opaque(&text, &crmeb)[0].text(), Some("173245678901"), "{text}");
    }
    for text in [
        format!("https://shop.example.evil.example/{page}?verify_code=173245678901"),
        format!("https://evil.example/?x=https://shop.example/{page}?verify_code=173245678901"),
        format!("https://shop.example@evil.example/{page}?verify_code=173245678901"),
        format!("https://shop.example:8443/{page}?verify_code=173245678901"),
        format!("https://evil.example/{page}?scene=verify_code%3D173245678901"),
        "https://shop.example/other?verify_code=173245678901".to_owned(),
        format!("https://shop.example/{page}?verify_code=17324567890"),
    ] {
        assert_eq!(read(&text, &crmeb, NOW), Reading::Foreign(Foreign::Link), "{text}");
    }
    let nowhere = format!("https://shop.example/{page}?verify_code=173245678901");
    let said = read(&nowhere, &profiles(&["crmeb-php"]), NOW);
    assert_eq!(said, Reading::Foreign(Foreign::Link), "without a host no address is the merchant's");
    let text = r#"{"name":"mall","title":"","codes":[{"kind":"any","alphabet":"alphanumeric","lengths":[4],
        "scenes":[{"before":"c="}],"json":[{"code":"c"}]}]}"#;
    let mall = [m::Profile::try_from(&Profile::of_json(text).unwrap()).unwrap()];
    for text in ["C=aBcD", r#"{"C":"aBcD"}"#] {
        assert_eq!(opaque(text, &mall)[0].text(), Some("aBcD"), "{text}: only the words around it fold");
    }
    let niushop = at_home("niushop");
    let text = "https://shop.example/h5/otherpages/verification/detail/detail?code=k3j9x0q2m7ab";
    assert_eq!(opaque(text, &niushop)[0].text(), Some("k3j9x0q2m7ab"), "Niushop's page");
}

#[test]
fn a_coupon_of_fuint_is_told_from_a_payment_code_by_its_moment() {
    let fuint = profiles(&["fuint"]);
    let coupon = opaque("261122103000123456", &fuint);
    assert_eq!(coupon[0].kind(), Some(CodeKind::Coupon), "shown this minute");
    assert_eq!((coupon[0].text(), coupon[0].tail()), (None, None), "and hidden all the same");
    assert!(coupon[0].hash_input().contains("261122103000123456"), "though its hash can be taken");
    for (text, why) in [
        ("261322103000123456", "there is no thirteenth month"),
        ("260230103000123456", "nor a thirtieth of February"),
        ("261122253000123456", "nor a twenty-fifth hour"),
        ("261124103000123456", "two days ahead"),
        ("251101103000123456", "longer ago than a year"),
    ] {
        assert_eq!(read(text, &fuint, NOW), Reading::Payment(Payment::Alipay), "{text}: {why}");
    }
    let tomorrow = opaque("261123102959123456", &fuint);
    assert_eq!(tomorrow.len(), 1, "a telephone's clock may be ahead");
    let none = read("261122103000123456", &profiles(&["crmeb-php", "yudao"]), NOW);
    assert_eq!(none, Reading::Payment(Payment::Alipay), "where nobody has such coupons it is a payment code");
    assert_eq!(
        read("2611221030001234", &fuint, NOW),
        Reading::Payment(Payment::Alipay),
        "16 digits at issue have no moment that could speak for them"
    );
}

#[test]
fn a_code_that_tills_would_refuse_as_a_payment_code_cannot_be_issued() {
    let fuint = profiles(&["fuint"]);
    let wide = r#"{"name":"wide","title":"","codes":[{"kind":"any","alphabet":"digits","lengths":[17,18],BARE"json":[{"code":"c","order":"o"}]}]}"#;
    let wide = |bare: &str| {
        vec![m::Profile::try_from(&Profile::of_json(&wide.replace("BARE", bare)).unwrap()).unwrap()]
    };
    let bare = wide(r#""bare":true,"#);
    for (profiles, code) in [
        (&fuint, "2856789012345678"),
        (&bare, "134567890123456789"),
        (&bare, "1345 6789 0123 4567 89"),
        (&bare, "13456789012345678"),
    ] {
        assert!(matches!(read(code, profiles, NOW), Reading::Payment(_)), "a till refuses {code}");
        assert_eq!(profiles[0].issued(code, "", NOW), None, "so {code} is not issued");
    }
    for (profiles, code, order, shown) in [
        (&fuint, "4821390748213907", "", "4821390748213907"),
        (&fuint, "261122103000123456", "", "261122103000123456"),
        (&bare, "164567890123456789", "", "164567890123456789"),
        (&bare, "134567890123456789", "7", r#"{"o":7,"c":"134567890123456789"}"#),
        (&wide(""), "134567890123456789", "7", r#"{"o":7,"c":"134567890123456789"}"#),
    ] {
        let issued = profiles[0].issued(code, order, NOW);
        assert_eq!(issued.as_slice(), opaque(shown, profiles), "{shown} is read as it was issued");
    }
}

#[test]
fn a_code_of_the_merchants_comes_before_the_goods_that_look_like_it() {
    for (text, name) in [
        ("036000291452", "crmeb-php"),
        ("96385074", "yudao"),
        ("8901234567894", "fuint"),
        ("1012345678", "crmeb-java"),
    ] {
        assert_eq!(fits(text, &[name])[0].0, name, "{text} may be one of {name}'s");
        let without = read(text, &[], NOW);
        assert!(matches!(without, Reading::Foreign(_)), "{text} is {without:?} where nobody has such codes");
    }
}

#[test]
fn what_the_scanner_itself_calls_goods_is_no_bare_code_of_a_merchant() {
    for (declared, text, name, foreign) in [
        ("]E0", "036000291452", "crmeb-php", Foreign::GoodsBarcode),
        ("]E0", "8901234567894", "fuint", Foreign::GoodsBarcode),
        ("]E4", "96385074", "yudao", Foreign::GoodsBarcode),
        ("]C1", "173245678901", "crmeb-php", Foreign::Gs1),
        ("]e0", "173245678901", "crmeb-php", Foreign::Gs1),
        ("]d2", "48213907", "likeshop", Foreign::Gs1),
        ("]Q3", "4821", "shopxo", Foreign::Gs1),
    ] {
        let said = read(&format!("{declared}{text}"), &profiles(&[name]), NOW);
        assert_eq!(said, Reading::Foreign(foreign), "{declared} before {text}");
        for silent in ["]C0", "]Q0", "]Q1", "]Q2", "]d0", "]d1", "]A0", "]I0"] {
            assert_eq!(
                fits(&format!("{silent}{text}"), &[name])[0].0,
                name,
                "{silent} says nothing of {text}"
            );
        }
    }
    let narrow = [r#"]Q3{"orderId":123,"code":"4821"}"#, "]C1261122103000123456"];
    for text in narrow {
        assert_eq!(opaque(text, &profiles(&["fuint"])).len(), 1, "more than its shape speaks for {text}");
    }
    let address = "]d2https://shop.example/pages/admin/order_cancellation/index?verify_code=173245678901";
    assert_eq!(opaque(address, &at_home("crmeb-php")).len(), 1, "and the merchant's host for an address");
}

#[test]
fn each_profile_that_fits_is_told_in_their_order() {
    let names = |text: &str, of: &[&str]| -> Vec<String> {
        fits(text, of).into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names("48213907", &["yudao", "likeshop"]), ["yudao", "likeshop"], "8 digits of either");
    assert_eq!(names("482139", &["yudao", "likeshop"]), ["likeshop"], "6 digits of one");
    assert_eq!(names("173245678901", &[]), ["crmeb-php", "fuint"], "12 digits of either");
    let two = opaque("48213907", &profiles(&["yudao", "likeshop"]));
    assert_ne!(two[0].hash_input(), two[1].hash_input(), "the same digits are another code in another mall");
}

#[test]
fn our_own_codes_need_no_profile_and_may_stand_in_an_address_of_one() {
    let code = Code::issue(CodeKind::Coupon, [5; RANDOM_BYTES]);
    assert_eq!(read(code.secret(), &[], NOW), Reading::Ours(code.clone()), "without any profile");
    assert_eq!(read(code.secret(), &profiles(&[]), NOW), Reading::Ours(code.clone()), "and with all");
    let text = r#"{"name":"shop","title":"","codes":[{"kind":"any","alphabet":"counterfoil",
        "urls":[{"hosts":["shop.example"],"parameter":"c"}]}]}"#;
    let shop = m::Profile::try_from(&Profile::of_json(text).unwrap()).unwrap();
    let address = format!("https://shop.example/?c={}", code.secret());
    assert_eq!(read(&address, &[shop], NOW), Reading::Ours(code), "printed as a web address");
}

#[test]
fn half_of_a_json_object_is_an_incomplete_read_where_a_mall_has_them() {
    for text in [r#"{"orderId":123,"code":"48"#, r#""orderId":123,"code":"4821"}"#] {
        assert_eq!(read(text, &profiles(&["fuint"]), NOW), Reading::Damaged, "{text}");
        assert_eq!(read(text, &profiles(&["yudao"]), NOW), Reading::Foreign(Foreign::Unknown), "{text}");
    }
}

#[test]
fn a_mistake_in_a_profile_is_told_with_its_field() {
    let form = r#"{"kind":"any","alphabet":"digits","lengths":[6],"bare":true}"#;
    let told = |form: &str| {
        let text = format!(r#"{{"name":"mall","title":"","codes":[{form}]}}"#);
        Profile::of_json(&text).err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(told(form), "", "this one is good");
    for (from, to, says) in [
        (r#"[6]"#, "[]", "codes[0].lengths: is empty"),
        (r#"[6]"#, "[65]", "codes[0].lengths: has 65"),
        (r#"[6]"#, "[0]", "codes[0].lengths: has 0"),
        (r#""digits""#, r#""digit""#, "codes[0].alphabet: is \"digit\""),
        (r#""digits""#, r#""""#, "codes[0].alphabet: must be"),
        (r#""any""#, r#""enrolment""#, "codes[0].kind: is \"enrolment\"; it must be one of \"order\""),
        ("true", r#"true,"pattern":"(""#, "codes[0].pattern: is no regular expression"),
        ("true", r#"true,"fold":"up""#, "codes[0].fold: is \"up\""),
        ("true", r#"true,"moment":{"format":"iso","days_max":1}"#, "codes[0].moment.format: is \"iso\""),
        ("true", r#"true,"moment":{"format":"yyMMddHHmmss","days_max":1}"#, "codes[0].moment: has 12 digits"),
        ("true", "false", "codes[0].bare: is false"),
        (
            "true",
            r#"true,"urls":[{"hosts":["https://a.example"],"parameter":"c"}]"#,
            "codes[0].urls[0].hosts: has",
        ),
        (
            "true",
            r#"true,"urls":[{"hosts":["a.example"],"parameter":""}]"#,
            "codes[0].urls[0].parameter: is empty",
        ),
        ("true", r#"true,"colour":"red""#, "unknown field `colour`"),
    ] {
        let said = told(&form.replace(from, to));
        assert!(said.contains(says), "{to}: {said}");
    }
    let name = r#"{"name":"My Mall","title":"","codes":[]}"#;
    assert!(
        Profile::of_json(name).unwrap_err().to_string().starts_with("name: must be"),
        "the name is checked"
    );
    let many = vec![form; 17].join(",");
    assert!(told(&many).contains("codes: has 17 forms"), "there is a limit");
}

/// All that stand ready, and a greedy one.
static ALL: LazyLock<Vec<m::Profile>> =
    LazyLock::new(|| profiles(&[]).into_iter().chain([greedy()]).collect());

/// A profile that takes whatever can be a code, so that nothing is hidden by luck.
fn greedy() -> m::Profile {
    let lengths: Vec<String> = (1..=64).map(|length| length.to_string()).collect();
    let text = format!(
        r#"{{"name":"greedy","title":"","codes":[{{"kind":"any","alphabet":"alphanumeric","lengths":[{}],"bare":true,
        "urls":[{{"hosts":["shop.example"],"parameter":"code"}}],"scenes":[{{"before":"code-"}}],
        "json":[{{"code":"code","order":"id"}},{{"code":"code"}}]}}]}}"#,
        lengths.join(",")
    );
    m::Profile::try_from(&Profile::of_json(&text).unwrap()).unwrap()
}

/// Digits in each payment shape.
fn credential() -> impl Strategy<Value = String> {
    let digits = |start: std::ops::RangeInclusive<u32>, rest: std::ops::RangeInclusive<usize>| {
        (start, proptest::collection::vec(0u32..10, rest)).prop_map(|(start, rest)| {
            rest.iter().fold(start.to_string(), |text, digit| text + &digit.to_string())
        })
    };
    prop_oneof![
        digits(10..=15, 15..=17),
        digits(25..=30, 14..=22),
        digits(62..=62, 17..=17),
        digits(10..=15, 16..=16).prop_map(|code| format!("{code}{code}")),
    ]
}

/// The same digits as they may come out of scanners, chats and malls.
fn wrapped(digits: &str, how: usize) -> String {
    let chunks = |between: &str| {
        let four: Vec<&str> =
            (0..digits.len()).step_by(4).map(|at| &digits[at..digits.len().min(at + 4)]).collect();
        four.join(between)
    };
    match how {
        0 => digits.to_owned(),
        1 => format!("]Q1{digits}\r\n"),
        2 => chunks(" "),
        3 => chunks("-"),
        4 => chunks("\u{200b}"),
        5 => digits.chars().filter_map(|c| char::from_u32(u32::from(c) - 0x21 + 0xFF01)).collect(),
        6 => format!("付款码：{digits}"),
        7 => format!("\"{digits}\""),
        8 => format!("https://shop.example/pay?code={digits}"),
        9 => format!("https://elsewhere.example/pay?code={digits}"),
        10 => format!("code-{digits}"),
        11 => format!("{{\"id\":7,\"code\":\"{digits}\"}}"),
        12 => format!("{{\"id\":\"{digits}\",\"code\":\"{digits}\"}}"),
        13 => format!("{{\"id\":\"{digits}\",\"code\":\"4821\"}}"),
        14 => format!("x{digits}"),
        15 => format!("{digits}\u{1d}"),
        16 => format!("page?scene=code-{digits}"),
        17 => format!("page?q=https%3A%2F%2Fshop.example%2F%3Fcode%3D{digits}"),
        _ => format!("{digits}x"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_reading_panic(text in "\\PC{0,80}", raw in proptest::collection::vec(any::<char>(), 0..60), now in any::<i64>()) {
        let raw: String = raw.into_iter().collect();
        for text in [text, raw] {
            let reading = read(&text, &ALL, UnixMs(now));
            prop_assert!(!format!("{reading:?}").is_empty(), "every text is something");
        }
    }

    #[test]
    fn broken_wrappings_make_no_panic(text in "(https?://|\\{|pages/a\\?|scene=|q=)?[\"“a-z0-9:=%&?#{},./@ -]{0,80}\\}?", now in 0i64..4_000_000_000_000) {
        let reading = read(&text, &ALL, UnixMs(now));
        prop_assert!(!format!("{reading:?}").is_empty(), "every text is something");
    }

    #[test]
    fn the_digits_of_what_may_be_a_payment_code_are_never_shown(digits in credential(), how in 0usize..19) {
        let text = wrapped(&digits, how);
        let reading = read(&text, &ALL, NOW);
        let shown = format!("{reading:?}");
        let leaked = (0..digits.len() - 5).any(|at| shown.contains(&digits[at..at + 5]));
        prop_assert!(!leaked, "{} shows as {}", text, shown);
        if let Reading::Opaque(found) = &reading {
            for code in found {
                prop_assert_eq!(code.text(), None, "{} by {}", &text, code.profile());
                prop_assert_eq!(code.order(), None, "{} by {}", &text, code.profile());
                prop_assert_eq!(code.tail(), None, "{} by {}", &text, code.profile());
            }
        }
        if how < 6 && !matches!(reading, Reading::Opaque(_)) {
            let payment = matches!(reading, Reading::Payment(_));
            prop_assert!(payment, "{} is {:?}", text, reading);
        }
    }
}
