//! `read`: what a text is, without looking anything up.

use std::ffi::OsString;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use clap::Args;
use model::code::Code;
use model::profile::Profile;
use model::reading::burst::{self, Burst};
use model::reading::{self, Command, Opaque, Payment, RawText, Reading, Scan};
use model::signed::token;
use model::time::UnixMs;
use model::verdict::Reason;
use serde_json::{Value, json};
use till::real::{Clock, SystemClock};
use till::words::{Language, sentence};

use crate::{Exit, Voice, say};

/// What `read` is told.
#[derive(Args)]
pub struct ReadWords {
    /// The text; "-" reads one text per line from standard input.
    text: OsString,
    /// Take codes for what this profile says; may be given several times, and the order counts. Without --profile
    /// and --profile-file every profile that stands ready is taken: crmeb-php, crmeb-java, yudao, likeshop, niushop,
    /// shopxo, fuint, counterfoil. Codes of the reference backend are read in any case.
    #[arg(long = "profile", value_name = "NAME", value_delimiter = ',')]
    profiles: Vec<String>,
    /// The same with a profile from a JSON file, after those by name.
    #[arg(long = "profile-file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Each text is what a scanner's keys can have meant, as JSON: {"physical":"…","logical":"…","caps":false,"pauses":[]}.
    /// What is chosen among the readings is read; two texts that ran together are two answers, and none is "damaged".
    /// Each answer names its burst by number, from 0.
    #[arg(long)]
    keys: bool,
    /// Read as if it were this moment: milliseconds since 1970. Some codes begin with a moment.
    #[arg(long, value_name = "MS", allow_negative_numbers = true)]
    at: Option<i64>,
}

/// Reads one text, or each line of the standard input.
pub fn read(voice: &Voice, words: &ReadWords) -> Exit {
    let profiles = match chosen(&words.profiles, &words.files) {
        Ok(profiles) => profiles,
        Err(message) => return voice.complain(Exit::Usage, "profile", &message),
    };
    let now = words.at.map_or_else(|| SystemClock.now(), UnixMs);
    let one = |place: usize, text: &str| {
        let read = |text: &str| reading::read(text, &profiles, now);
        let readings = if words.keys { of_keys(text, read) } else { vec![read(text)] };
        let mut worst = Exit::Done;
        let keys = words.keys;
        for Told { mut json, words, exit } in readings.iter().map(|reading| told(reading, voice.language)) {
            if keys {
                json["burst"] = json!(place);
            }
            voice.say(json, || words);
            worst = if worst == Exit::Done { exit } else { worst };
        }
        worst
    };
    if words.text != "-" {
        return one(0, &words.text.to_string_lossy());
    }
    let mut worst = Exit::Done;
    for (place, line) in std::io::stdin().lock().split(b'\n').enumerate() {
        let Ok(line) = line else {
            return voice.complain(Exit::Fault, "input", "standard input could not be read");
        };
        let exit = one(place, &String::from_utf8_lossy(&line));
        worst = if exit == Exit::Done { worst } else { exit };
    }
    worst
}

/// A burst as the page hands it in.
#[derive(serde::Deserialize)]
struct Keys {
    physical: String,
    logical: String,
    #[serde(default)]
    caps: bool,
    #[serde(default)]
    pauses: Vec<usize>,
    #[serde(default)]
    cut: bool,
}

/// What a burst is, by the readings of its keys. No keys of a chain are known here, so that no signature decides.
fn of_keys(text: &str, read: impl Fn(&str) -> Reading) -> Vec<Reading> {
    let Ok(Keys { physical, logical, caps, pauses, cut }) = serde_json::from_str(text) else {
        return vec![Reading::Binary];
    };
    let (physical, logical) = (RawText::new(physical), RawText::new(logical));
    let burst = Burst { physical, logical, caps_lock: caps, pauses, cut };
    let chosen = burst::choose(&burst, None, &read, |_| false);
    if chosen.texts.is_empty() {
        return vec![Reading::Damaged];
    }
    chosen.texts.iter().map(|text| text.read(&read)).collect()
}

/// Says what a scan is, by every profile that stands ready.
pub fn say_scan(voice: &Voice, scan: &Scan) {
    let profiles = chosen(&[], &[]).unwrap_or_default();
    let Told { json, words, .. } = told(&scan.read(&profiles, SystemClock.now()), voice.language);
    voice.say(json, || words);
}

/// The profiles by name and from files; each that stands ready if there are none of either.
fn chosen(names: &[String], files: &[PathBuf]) -> Result<Vec<Profile>, String> {
    let ready = wire::profile::ready();
    let known = || {
        let names: Vec<&str> = ready.iter().map(|profile| profile.name.as_str()).collect();
        format!("these stand ready: {}", names.join(", "))
    };
    let mut chosen = vec![];
    if names.is_empty() && files.is_empty() {
        chosen.extend(ready.iter().cloned());
    }
    for name in names {
        let named = ready.iter().find(|profile| profile.name == *name);
        chosen.push(named.ok_or_else(|| format!("there is no profile {name:?}; {}", known()))?.clone());
    }
    for file in files {
        chosen.push(from_file(file).map_err(|why| format!("{}: {why}; {}", file.display(), known()))?);
    }
    chosen.iter().map(|profile| Profile::try_from(profile).map_err(|bad| bad.to_string())).collect()
}

fn from_file(file: &Path) -> Result<wire::profile::Profile, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("cannot be read ({error})"))?;
    wire::profile::Profile::of_json(&text).map_err(|error| format!("is no profile ({error})"))
}

/// What is said about a reading.
struct Told {
    json: Value,
    words: String,
    exit: Exit,
}

fn told(reading: &Reading, language: Language) -> Told {
    match reading {
        Reading::Ours(code) => redeemable(code.kind().code(), Some(code.secret()), "counterfoil", language),
        Reading::Opaque(found) => of_malls(found, language),
        Reading::Signed(bytes) => {
            let class = token::claimed_kind(bytes).map(token::SignedKind::code);
            let kind = class.map(|class| kind_words(class, language));
            let words: Vec<String> =
                [Some(unverified(language).to_owned()), kind].into_iter().flatten().collect();
            simple("signed", class.unwrap_or("unverified"), None, words.join(" · "))
        }
        Reading::Badge(code) => about_staff("badge", code, Reason::StaffBadge, language),
        Reading::Enrolment(code) => about_staff("enrolment", code, Reason::EnrolmentCode, language),
        Reading::Command(command) => {
            let words = format!("{} {}", command_word(language), command.text());
            simple("command", Command::code(*command), Some(command.text()), words)
        }
        Reading::Payment(payment) => refused("foreign", payment_class(*payment), reading, language),
        Reading::Foreign(foreign) => {
            let class = foreign.code();
            refused("foreign", class.strip_prefix("foreign_").unwrap_or(class), reading, language)
        }
        Reading::Damaged => refused("damaged", "incomplete", reading, language),
        Reading::Empty => refused("damaged", "empty", reading, language),
        Reading::TooLong => refused("damaged", "too_long", reading, language),
        Reading::Binary => refused("damaged", "binary", reading, language),
    }
}

fn simple(kind: &str, class: &str, code: Option<&str>, words: String) -> Told {
    let mut json = json!({ "kind": kind, "class": class, "sentence": words });
    if let Some(code) = code {
        json["code"] = json!(code);
    }
    Told { json, words, exit: Exit::Done }
}

/// A code that may be redeemed. `code` is missing where it looks like a payment code.
fn redeemable(class: &str, code: Option<&str>, profile: &str, language: Language) -> Told {
    let shown = code.map(|code| format!(" · {code}")).unwrap_or_default();
    let words = format!("{} · {profile}{shown}", kind_words(class, language));
    let mut told = simple("opaque", class, code, words);
    told.json["profile"] = json!(profile);
    told
}

/// What the first profile that fits says; the others are named.
fn of_malls(found: &[Opaque], language: Language) -> Told {
    let Some(first) = found.first() else {
        return simple("opaque", "any", None, kind_words("any", language));
    };
    let class = first.kind().map_or("any", |kind| kind.code());
    let mut told = redeemable(class, first.text(), first.profile(), language);
    if let Some(order) = first.order() {
        told.json["order"] = json!(order);
    }
    if found.len() > 1 {
        told.json["profiles"] = json!(found.iter().map(Opaque::profile).collect::<Vec<_>>());
    }
    told
}

fn about_staff(kind: &str, code: &Code, reason: Reason, language: Language) -> Told {
    simple(kind, kind, Some(code.secret()), say::reason_words(language, reason))
}

fn refused(kind: &str, class: &str, reading: &Reading, language: Language) -> Told {
    let reason = reading.refusal().unwrap_or(Reason::Damaged);
    Told { exit: say::exit_of(reason), ..simple(kind, class, None, say::full_words(language, reason)) }
}

fn payment_class(payment: Payment) -> &'static str {
    match payment {
        Payment::Wechat => "wechat_payment",
        Payment::Alipay => "alipay_payment",
        Payment::UnionPay => "unionpay_payment",
        Payment::Damaged => "damaged_payment",
    }
}

fn kind_words(class: &str, language: Language) -> String {
    match (class, language) {
        ("any", Language::English) => "Code to redeem".into(),
        ("any", Language::Chinese) => "核销码".into(),
        ("any", Language::HongKong) => "核銷碼".into(),
        (class, _) => sentence(language, &format!("kind.{class}")),
    }
}

fn unverified(language: Language) -> &'static str {
    match language {
        Language::English => "Signed code, not verified",
        Language::Chinese => "签名码，未验签",
        Language::HongKong => "簽名碼，未驗簽",
    }
}

fn command_word(language: Language) -> &'static str {
    match language {
        Language::English => "Command",
        Language::Chinese | Language::HongKong => "指令",
    }
}

#[cfg(test)]
mod tests {
    use model::code::{CodeKind, RANDOM_BYTES};
    use proptest::prelude::*;

    use super::*;

    /// 2026-11-22 10:30 in China.
    const NOW: UnixMs = UnixMs(1_795_314_600_000);

    fn json_of(text: &str, names: &[&str]) -> Value {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let profiles = chosen(&names, &[]).expect("they stand ready");
        told(&reading::read(text, &profiles, NOW), Language::English).json
    }

    #[test]
    fn each_kind_of_text_has_its_kind_and_class() {
        let coupon = Code::issue(CodeKind::Coupon, [1; RANDOM_BYTES]);
        let badge = Code::issue(CodeKind::Badge, [1; RANDOM_BYTES]);
        let enrolment = Code::issue(CodeKind::Enrolment, [1; RANDOM_BYTES]);
        for (text, kind, class) in [
            (coupon.secret(), "opaque", "coupon"),
            (badge.secret(), "badge", "badge"),
            (enrolment.secret(), "enrolment", "enrolment"),
            ("cf0:all", "command", "take_all"),
            ("482139", "opaque", "order"),
            ("8123456789012", "opaque", "member"),
            ("134567890123456789", "foreign", "wechat_payment"),
            ("2856789012345678", "foreign", "alipay_payment"),
            ("6212345678901234567", "foreign", "unionpay_payment"),
            ("13456789012345678", "foreign", "damaged_payment"),
            ("6901234567892", "foreign", "goods_barcode"),
            ("what", "foreign", "unknown"),
            ("C0123456789", "damaged", "incomplete"),
            ("CF1:ABC", "damaged", "incomplete"),
            ("", "damaged", "empty"),
            ("\u{fffd}", "damaged", "binary"),
        ] {
            let json = json_of(text, &[]);
            assert_eq!((&json["kind"], &json["class"]), (&kind.into(), &class.into()), "{text}: {json}");
            assert!(json["sentence"].as_str().is_some_and(|words| words.len() > 3), "in words: {json}");
        }
        assert_eq!(json_of(&"x".repeat(600), &[])["class"], "too_long", "longer than any code");
        let ours = json_of(&coupon.grouped().to_lowercase(), &[]);
        assert_eq!(
            (&ours["code"], &ours["profile"]),
            (&coupon.secret().into(), &"counterfoil".into()),
            "{ours}"
        );
    }

    #[test]
    fn the_first_profile_that_fits_counts_and_all_are_named() {
        let both = json_of("4821 3907", &["likeshop", "yudao"]);
        assert_eq!((&both["profile"], &both["code"]), (&"likeshop".into(), &"48213907".into()), "{both}");
        assert_eq!(both["profiles"], json!(["likeshop", "yudao"]), "{both}");
        let one = json_of("48213907", &["yudao"]);
        assert!(one.get("profiles").is_none(), "one is named once: {one}");
        let order = json_of(r#"{"orderId":123,"code":"4821"}"#, &["fuint"]);
        assert_eq!((&order["code"], &order["order"]), (&"4821".into(), &"123".into()), "{order}");
    }

    #[test]
    fn a_coupon_that_looks_like_a_payment_code_is_named_and_not_printed() {
        let json = json_of("261122103000123456", &["fuint"]);
        assert_eq!((&json["kind"], &json["class"]), (&"opaque".into(), &"coupon".into()), "{json}");
        assert!(json.get("code").is_none() && !json.to_string().contains("2611"), "no digit of it: {json}");
    }

    #[test]
    fn a_signed_code_says_what_it_claims_to_be() {
        assert_eq!(json_of("CF1:00.", &[])["class"], "unverified", "bytes that are no token");
        let key = token::SigningKey::from_seed([1; 32]);
        let claims = token::Claims {
            issuer: None,
            issued_at: UnixMs(1_795_314_000_000),
            not_before: None,
            expires_at: UnixMs(1_795_400_000_000),
            kind: token::SignedKind::Order,
            serial: token::Serial { campaign: 7, number: 42 },
            value: model::entitlement::Fen(100),
            store: None,
            anchor: None,
        };
        let signed = token::issue(&claims, &key).expect("it fits");
        for text in [model::signed::text::write_cf1(&signed), model::signed::text::write_cfn(&signed)] {
            let json = json_of(&text, &[]);
            assert_eq!((&json["kind"], &json["class"]), (&"signed".into(), &"order".into()), "{json}");
            assert!(json.get("code").is_none(), "whoever has it has the order: {json}");
        }
    }

    #[test]
    fn an_unknown_profile_is_answered_with_those_that_there_are() {
        let unknown = chosen(&["crmeb".to_owned()], &[]).expect_err("there are two of them");
        assert!(unknown.contains("\"crmeb\"") && unknown.contains("crmeb-php, crmeb-java"), "{unknown}");
        let nowhere = chosen(&[], &[PathBuf::from("nowhere.json")]).expect_err("there is no such file");
        assert!(nowhere.contains("nowhere.json") && nowhere.contains("fuint"), "{nowhere}");
    }

    #[test]
    fn a_profile_may_come_from_a_file_and_a_bad_one_is_explained() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("mall.json");
        let good = r#"{"name":"mall","title":"","codes":[{"kind":"any","alphabet":"ABC","lengths":[5],"bare":true}]}"#;
        std::fs::write(&file, good).expect("it can be written");
        let profiles = chosen(&[], std::slice::from_ref(&file)).expect("it is good");
        let json = told(&reading::read("ABCAB", &profiles, NOW), Language::HongKong).json;
        assert_eq!((&json["class"], &json["profile"]), (&"any".into(), &"mall".into()), "{json}");
        std::fs::write(&file, good.replace("[5]", "[]")).expect("it can be written");
        let bad = chosen(&[], &[file]).expect_err("no lengths");
        assert!(bad.contains("codes[0].lengths"), "{bad}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn digits_that_may_pay_are_never_printed(
            digits in "1[0-5][0-9]{15,17}|2[5-9][0-9]{13,23}|30[0-9]{13,23}|62[0-9]{16,18}",
            before in "|\\]Q1|\"|code-|verify_code=|付款码|\\{\"orderId\":1,\"code\":\"|scene=code-",
            after in "|\r\n|\"|\"\\}|x|\u{1d}",
        ) {
            let json = json_of(&format!("{before}{digits}{after}"), &[]).to_string();
            let leaked = (0..digits.len() - 5).any(|at| json.contains(&digits[at..at + 5]));
            prop_assert!(!leaked, "{} in {}", digits, json);
        }
    }
}
