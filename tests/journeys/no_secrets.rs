//! A till may be stolen: no customer's code, no payment code, no PIN and no key stands in its files, its log or its
//! requests, and what stands there opens nothing.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use model::signed::text::{Recognised, recognise, write_cf1, write_cfn};
use model::signed::token::{self, PublicKey, SigningKey};
use model::signed::trust::Trust;
use tests::cord::Way;
use tests::signing::COUPONS;
use tests::{Counter, Shop, goods};

/// Whole ones of each kind, one with a digit lost, one doubled, and how an input method or a label dresses them up.
const PAYMENT_CODES: [&str; 8] = [
    "134567890123456789",
    "2856789012345678",
    "6212345678901234567",
    "1345 6789 0123 4567 80",
    "13456789012345671",
    "1345678901234567822",
    "付款码：134567890123456785",
    "https://pay.example/?auth_code=134567890123456786",
];
/// A coupon of fuint, as its member's telephone shows it: a well-formed payment code of Alipay.
const FUINT_COUPON: &str = "270115155500482193";

/// A log that a test can read.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Listens to everything that the whole test program logs: what other stories log meanwhile must be free of secrets
/// too.
fn listen() -> Log {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter("till=trace,model=trace,wire=trace,server=trace")
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).expect("no other story listens");
    log
}

#[tokio::test]
async fn no_code_stays_anywhere() {
    let log = listen();
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let enrolment = shop.enrolment(tests::shop::NANSHAN).await;
    let mut secrets: Vec<String> = PAYMENT_CODES.iter().map(|code| (*code).to_owned()).collect();
    secrets.push(enrolment.secret().to_owned());
    shop.sign_codes().await;
    shop.use_profiles(&["fuint", "crmeb-php", "shopxo"]).await;
    shop.issue_of_mall(goods::coupon(), "fuint", FUINT_COUPON).await;
    shop.issue_of_mall(goods::order(&[("D01", "茉莉奶绿", 1)]), "crmeb-php", "529050452656").await;
    secrets.extend([FUINT_COUPON.to_owned(), "529050452656".to_owned()]);
    secrets.extend(PAYMENT_CODES.map(digits));
    let signed: Vec<String> = shop.sign(COUPONS, 2).await.into_iter().map(|(_, text)| text).collect();
    for text in &signed {
        secrets.extend(shapes_of(text));
    }
    let coupons = shop.issue(&goods::coupons(6)).await;
    let card = shop.issue_one(goods::times_card(3)).await;
    let member = shop.issue_one(goods::member()).await;
    for issued in coupons.iter().chain([&card, &member]) {
        secrets.push(issued.code.secret().to_owned());
        secrets.push(issued.code.grouped());
        secrets.push(issued.code.secret()[..12].to_owned());
    }
    till.sync().await;

    for text in PAYMENT_CODES.iter().copied().chain([enrolment.secret(), &coupons[5].code.secret()[..12]]) {
        till.scan(text).await;
    }
    till.redeem(&coupons[0].code).await;
    shop.clock.turn_minutes(1);
    till.refused(coupons[0].code.secret()).await;
    let undone = till.redeem(&coupons[1].code).await;
    till.undo(undone.number.unwrap()).await;
    till.scan(member.code.secret()).await;
    for text in [FUINT_COUPON, "529050452656", &signed[0]] {
        redeem(&till, text).await;
    }
    till.cord.set(Way::LosesAnswers);
    till.redeem(&coupons[2].code).await;
    till.cord.cut();
    till.redeem(&coupons[3].code).await;
    till.redeem(&card.code).await;
    redeem(&till, &signed[1]).await;
    for text in PAYMENT_CODES {
        till.scan(text).await;
    }
    till.restart().await;
    till.cord.mend();
    till.sync().await;
    till.sign_in("李娜", "0000").await;
    till.close().await;

    let files = files_in(till.folder());
    assert!(
        files.len() >= 5,
        "the folder has its journal, copy, enrolment, settings and lock: {}",
        files.len()
    );
    for (path, bytes) in &files {
        free_of(path, bytes, &secrets);
    }
    let log = log.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert!(!log.is_empty(), "something was logged");
    free_of(Path::new("the log"), &log, &secrets);
    no_payment_code_left(&till, &shop);
}

/// Neither in a request nor in a file of the server.
fn no_payment_code_left(till: &Counter, shop: &Shop) {
    let payment = [PAYMENT_CODES.map(digits).to_vec(), vec![FUINT_COUPON.to_owned()]].concat();
    free_of(Path::new("the requests"), format!("{:?}", till.cord.requests()).as_bytes(), &payment);
    for (path, bytes) in files_in(&shop.server_folder()) {
        free_of(&path, &bytes, &payment);
    }
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

async fn redeem(till: &Counter, text: &str) {
    let screen = till.scan(text).await;
    let takes = tests::counter::usual_takes(tests::counter::offer(&screen));
    till.desk().act(till::desk::Act::Confirm(takes)).await;
}

fn token(text: &str) -> Vec<u8> {
    match recognise(text) {
        Recognised::Token(token) => token,
        other => panic!("a signed code was expected, not {other:?}"),
    }
}

/// A signed code as it might be written down: in letters, in digits, and its signature as text.
fn shapes_of(text: &str) -> Vec<String> {
    let token = token(text);
    let signature = &token[token.len() - 64..];
    let hex = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    vec![write_cf1(&token), write_cfn(&token), BASE64.encode(signature), hex]
}

#[tokio::test]
async fn from_a_stolen_tills_files_no_code_can_be_made() {
    let shop = Shop::open().await;
    shop.sign_codes().await;
    let fixed = shop.sign(COUPONS, 1).await.remove(0).1;
    let gift = shop.sign_rotating().await;
    let card = shop.card_of(&gift).await;
    let mut till = shop.till("1号收银机").await;
    redeem(&till, &fixed).await;
    shop.clock.turn_minutes(30);
    let shown = server::signing::shown(&card, shop.clock.time()).expect("the card is good for a day");
    redeem(&till, &shown).await;
    till.sync().await;
    let trust = trust_in(&till);
    till.close().await;
    let files = files_in(till.folder());
    assert!(files.len() >= 6, "journal, copy, enrolment, keys, settings, lock: {}", files.len());

    let list = trust.list().expect("the till has a list");
    let signers: BTreeSet<PublicKey> = list
        .keys
        .iter()
        .map(|key| key.public)
        .chain(trust.root().root_keys.iter().chain(&trust.root().role_keys).copied())
        .collect();
    assert!(signers.len() >= 5, "three root keys, one for lists, one for codes");
    let now = shop.clock.time();
    let rotating = token(&shown);
    let holds_a_key = |bytes: &[u8]| {
        let seeds = windows_of(bytes, 32).into_iter().map(|run| <[u8; 32]>::try_from(run).unwrap());
        seeds.into_iter().any(|seed| signers.contains(&SigningKey::from_seed(seed).public()))
    };
    let key_file = std::fs::read(shop.server_folder().join("keys/issuing-1.key")).unwrap();
    assert!(holds_a_key(&key_file), "the search finds a key where there is one: at the server");
    for (path, bytes) in &files {
        assert!(!holds_a_key(bytes), "{} holds a private key", path.display());
        // A thief who saw one moment of a rotating code looks for the next one.
        for link in windows_of(bytes, 16) {
            let link: [u8; 16] = link.try_into().unwrap();
            let step = u16::try_from(now.seconds_since(card_begin(&card)) / 30 + 2).unwrap();
            let next = token::splice(&rotating, model::signed::chain::Reveal { step, link }).unwrap();
            let judged = token::verify(&next, list, now);
            assert!(judged.is_err(), "{} holds a later link of the chain", path.display());
        }
        free_of(path, bytes, &[shapes_of(&fixed), shapes_of(&shown)].concat());
    }
}

fn card_begin(card: &wire::merchant::Card) -> model::time::UnixMs {
    model::time::UnixMs(card.issued_at)
}

fn trust_in(till: &Counter) -> Trust {
    let kept = till.till().folder().kept();
    let bytes = BASE64.decode(kept.trust).expect("the keys are kept in base64");
    Trust::restore(&bytes).expect("what was kept is whole")
}

fn files_in(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let paths = paths.filter(|path| path.is_file());
    paths.map(|path| (path.clone(), std::fs::read(&path).unwrap())).collect()
}

/// Every run of so many bytes: as it stands there, and as hexadecimal digits or base64 would spell it. Runs that are
/// mostly one byte are padding.
fn windows_of(bytes: &[u8], length: usize) -> BTreeSet<Vec<u8>> {
    let mut found: BTreeSet<Vec<u8>> = bytes.windows(length).map(<[u8]>::to_vec).collect();
    let words = bytes.split(|byte| !(byte.is_ascii_alphanumeric() || b"+/=".contains(byte)));
    for word in words.filter(|word| word.len() >= length) {
        let text = String::from_utf8_lossy(word);
        let hex: Option<Vec<u8>> = (0..text.len() / 2)
            .map(|at| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok())
            .collect();
        for decoded in [hex, BASE64.decode(text.as_bytes()).ok()].into_iter().flatten() {
            found.extend(decoded.windows(length).map(<[u8]>::to_vec));
        }
    }
    found.retain(|run| run.iter().collect::<BTreeSet<_>>().len() > length / 4);
    found
}

fn free_of(place: &Path, bytes: &[u8], secrets: &[String]) {
    for secret in secrets {
        for shape in [secret.clone(), secret.to_lowercase(), secret.replace(' ', "")] {
            let found = bytes.windows(shape.len()).any(|window| window == shape.as_bytes());
            assert!(!found, "{} holds {shape:?}", place.display());
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn what_identifies_the_till_is_readable_for_its_user_only() {
    use std::os::unix::fs::PermissionsExt;
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let mode = std::fs::metadata(till.folder().join("till.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "the token is nobody else's: {mode:o}");
}
