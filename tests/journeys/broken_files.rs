//! Files are damaged: the copy is fetched anew, the journal is kept as it is and nothing is accepted.

use std::fs;

use model::verdict::{Class, Reason, Todo};
use rusqlite::Connection;
use tests::counter::verdict;
use tests::{Counter, Shop, goods};
use till::screen::Stage;

async fn damage(till: &mut Counter, file: &str, how: impl FnOnce(&std::path::Path)) {
    till.close().await;
    how(&till.folder().join(file));
    till.start().expect("the program starts whatever its files are like");
}

/// Something done to a file.
type Change = fn(&std::path::Path);

fn overwrite(path: &std::path::Path) {
    for rest in ["db-wal", "db-shm"] {
        let _ = fs::remove_file(path.with_extension(rest));
    }
    fs::write(path, vec![7u8; 8192]).unwrap();
}

#[tokio::test]
async fn a_broken_copy_is_set_aside_and_fetched_anew() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let code = shop.coupon().await;
    till.sync().await;
    assert_eq!(till.standing().entitlements, 1, "one coupon is in the copy");

    damage(&mut till, "copy.db", overwrite).await;
    assert_eq!(till.standing().entitlements, 0, "a new copy was begun");
    assert!(till.screen().status.copy_rebuilt, "the screen says that it was");
    let names: Vec<String> = fs::read_dir(till.folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert!(names.iter().any(|name| name.starts_with("copy.broken-")), "the broken one is kept: {names:?}");

    till.sync().await;
    assert_eq!(till.standing().entitlements, 1, "it was fetched anew");
    till.sign_in("李娜", "1234").await;
    till.cord.cut();
    assert_eq!(till.redeem(&code).await.reason, Reason::Redeemed, "and decides offline again");
}

#[tokio::test]
async fn damage_in_the_middle_of_the_copy_is_met_too() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let code = shop.coupon().await;
    till.sync().await;
    damage(&mut till, "copy.db", |path| {
        let db = Connection::open(path).unwrap();
        db.execute_batch("UPDATE entitlement SET told = '{'").unwrap();
    })
    .await;
    till.cord.cut();
    let told = till.refused(code.secret()).await;
    assert_eq!(told.class(), Class::Fault, "what cannot be read is not guessed: {told:?}");
    assert_eq!(till.standing().waiting, 0, "nothing was accepted");
    till.cord.mend();
    for _ in 0..2 {
        till.till().probe().await;
    }
    shop.clock.turn_minutes(1);
    assert_eq!(till.redeem(&code).await.reason, Reason::Redeemed, "and the server still decides");
}

#[tokio::test]
async fn a_broken_journal_is_kept_and_accepts_nothing() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let (first, second) = (shop.coupon().await, shop.coupon().await);
    till.redeem(&first).await;
    let changes: [(&str, Change); 3] = [
        ("a line is missing", |path| {
            Connection::open(path).unwrap().execute_batch("DELETE FROM line WHERE seq = 1").unwrap();
        }),
        ("a line was changed", |path| {
            let change = "UPDATE line SET bytes = x'00' WHERE seq = 2";
            Connection::open(path).unwrap().execute_batch(change).unwrap();
        }),
        ("it is no database at all", overwrite),
    ];
    for (what, change) in changes {
        damage(&mut till, "journal.db", change).await;
        let file = till.folder().join("journal.db");
        let before = fs::metadata(&file).unwrap().len();
        assert!(till.standing().journal_fault.is_some(), "{what}: it is noticed");

        let shown = verdict(till.screen());
        assert_eq!(
            (shown.reason, shown.todo),
            (Reason::JournalBroken, Todo::CallService),
            "{what}: and said"
        );
        shop.clock.turn_minutes(1);
        let told = till.refused(second.secret()).await;
        assert_eq!(told.reason, Reason::JournalBroken, "{what}: no scan gets past it");
        assert!(!matches!(till.screen().stage, Stage::Offer(_)), "{what}: nothing is offered");
        till.sync().await;
        assert!(fs::metadata(&file).unwrap().len() >= before, "{what}: the file is kept");
        let aside = fs::read_dir(till.folder()).unwrap().flatten();
        let aside = aside.filter(|entry| entry.file_name().to_string_lossy().contains("journal.broken"));
        assert_eq!(aside.count(), 0, "{what}: and not pushed out of sight");
    }
    assert_eq!(shop.counting_numbers().await.len(), 1, "nothing was redeemed meanwhile");
}

#[tokio::test]
async fn two_programs_never_share_a_folder() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let second = till::folder::Folder::open(till.folder()).map(|_| ()).unwrap_err();
    assert!(second.to_string().contains("in use"), "the second one is told in words: {second}");
}

#[tokio::test]
async fn damaged_settings_are_forgotten_and_a_damaged_enrolment_is_said() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    damage(&mut till, "settings.json", |path| fs::write(path, "{").unwrap()).await;
    assert!(matches!(till.screen().stage, Stage::SignIn { .. }), "the clerk signs in again, that is all");

    till.close().await;
    fs::write(till.folder().join("till.json"), "{").unwrap();
    let error = till.start().expect_err("a till must know who it is").to_string();
    assert!(error.contains("till.json"), "the sentence names the file: {error}");
    assert!(till.folder().join("journal.db").exists(), "and nothing was thrown away");
}

#[tokio::test]
async fn without_its_copy_a_till_does_not_say_of_a_malls_code_that_it_is_foreign() {
    let shop = Shop::open().await;
    shop.use_profiles(&["crmeb-php"]).await;
    shop.issue_of_mall(goods::order(&[("D01", "茉莉奶绿", 1)]), "crmeb-php", "529050452656").await;
    let mut till = shop.till("1号收银机").await;
    till.close().await;
    for name in ["copy.db", "copy.db-wal", "copy.db-shm"] {
        let _ = fs::remove_file(till.folder().join(name));
    }
    till.cord.cut();
    till.start().unwrap();
    // Nobody can sign in without the list of staff either; the engine is asked itself.
    let scan = model::reading::Scan {
        text: model::reading::RawText::new("529050452656"),
        source: model::reading::Source::Wedge,
    };
    match till.till().see(&scan).await {
        till::see::Sight::Refused(told) => {
            assert_eq!(told.reason, Reason::UnknownOffline, "it must go online first");
        }
        other => panic!("nothing can be offered: {other:?}"),
    }
}
