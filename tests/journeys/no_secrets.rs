//! A till may be stolen: no customer's code, no payment code, no PIN stands in its files or its log.

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tests::cord::Way;
use tests::{Shop, goods};

const PAYMENT_CODES: [&str; 4] =
    ["134567890123456789", "2856789012345678", "6212345678901234567", "1345 6789 0123 4567 80"];

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

#[tokio::test]
async fn no_code_stays_anywhere() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter("till=trace,model=trace,wire=trace,server=trace")
        .with_writer(move || writer.clone())
        .finish();
    // For the whole test program: what other stories log meanwhile must be free of secrets too.
    tracing::subscriber::set_global_default(subscriber).expect("no other story listens");
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let enrolment = shop.enrolment(tests::shop::NANSHAN).await;
    let mut secrets: Vec<String> = PAYMENT_CODES.iter().map(|code| (*code).to_owned()).collect();
    secrets.push(enrolment.secret().to_owned());
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
    till.cord.set(Way::LosesAnswers);
    till.redeem(&coupons[2].code).await;
    till.cord.cut();
    till.redeem(&coupons[3].code).await;
    till.redeem(&card.code).await;
    for text in PAYMENT_CODES {
        till.scan(text).await;
    }
    till.restart().await;
    till.cord.mend();
    till.sync().await;
    till.sign_in("李娜", "0000").await;
    till.close().await;

    let mut looked_at = 0;
    for entry in std::fs::read_dir(till.folder()).unwrap() {
        let path = entry.unwrap().path();
        free_of(&path, &std::fs::read(&path).unwrap(), &secrets);
        looked_at += 1;
    }
    assert!(looked_at >= 5, "the folder has its journal, copy, enrolment, settings and lock: {looked_at}");
    let log = log.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert!(!log.is_empty(), "something was logged");
    free_of(Path::new("the log"), &log, &secrets);
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
