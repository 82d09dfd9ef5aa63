//! A journal that was set back, copied, lost or edited is found out, keeps what happened, and comes back by a manager's
//! decision.

use std::fs;
use std::path::{Path, PathBuf};

use model::verdict::{Class, Reason, Todo};
use rusqlite::Connection;
use server::store::{Hand, HandedIn};
use tests::counter::verdict;
use tests::{Counter, Shop};
use till::folder::Folder;
use till::store::journal::Journal;
use wire::line::{Act, Why};

/// Something done to a file.
type Change = fn(&Path);

/// The files of a till that is closed: all of its folder, or the journal alone.
fn image(folder: &Path) -> tempfile::TempDir {
    let image = tempfile::tempdir().unwrap();
    copy(folder, image.path());
    image
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn put_back(image: &tempfile::TempDir, folder: &Path) {
    for entry in fs::read_dir(folder).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        fs::remove_file(entry.path()).unwrap();
    }
    copy(image.path(), folder);
}

fn heads(till: &Counter) -> PathBuf {
    till.folder().with_extension("heads")
}

async fn accepts_nothing(till: &Counter, shop: &Shop, reason: Reason) {
    let coupon = shop.coupon().await;
    shop.clock.turn_minutes(1);
    let told = till.refused(coupon.secret()).await;
    assert_eq!(
        (told.reason, told.class(), told.todo),
        (reason, Class::Fault, Todo::CallService),
        "nothing is accepted, and the screen says whom to call"
    );
}

/// Lets the till in again, fetches, and redeems.
async fn comes_back(till: &Counter, shop: &Shop) {
    let device = shop.store().device(&till.identity().device).await.unwrap().unwrap();
    shop.store().readmit(&device, "looked into").await.unwrap();
    till.sync().await;
    assert_eq!(till.standing().quarantine, None, "the next epoch has begun");
    till.sign_in("李娜", "1234").await;
    let coupon = shop.coupon().await;
    assert_eq!(till.redeem(&coupon).await.reason, Reason::Redeemed, "and the till works");
    till.sync().await;
    assert_eq!(till.standing().unsent, 0, "all that is here is at the server");
}

#[tokio::test]
async fn a_folder_that_was_set_back_is_found_out_without_a_server() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let (first, second) = (shop.coupon().await, shop.coupon().await);
    till.sync().await;
    till.redeem(&first).await;
    till.sync().await;
    till.close().await;
    let yesterday = image(till.folder());
    till.start().unwrap();
    let handed_over = till.redeem(&second).await;
    till.sync().await;
    till.close().await;
    put_back(&yesterday, till.folder());
    till.cord.cut();
    till.start().expect("the program starts, to say what is wrong");
    accepts_nothing(&till, &shop, Reason::Quarantined).await;
    assert_eq!(
        till.standing().quarantine,
        Some(Why::SetBack),
        "the head that was kept elsewhere knows better"
    );
    till.restart().await;
    accepts_nothing(&till, &shop, Reason::Quarantined).await;

    till.cord.mend();
    comes_back(&till, &shop).await;
    shop.clock.turn_minutes(1);
    let again = till.refused(second.secret()).await;
    assert_eq!(again.reason, Reason::Used, "what was lost counts here again");
    let undone = till.undo(handed_over.number.unwrap()).await;
    assert_eq!(undone.reason, Reason::Undone, "and may be undone");
    till.close().await;
    let opened: Vec<_> = till
        .journal()
        .into_iter()
        .filter_map(|line| match line.act {
            Act::Opened { why, before } => Some((line.epoch, why, before.is_some())),
            _ => None,
        })
        .collect();
    assert_eq!(opened, [(1, Why::First, false), (2, Why::SetBack, true)], "the journal tells its own story");
}

#[tokio::test]
async fn without_the_kept_head_the_server_knows_that_the_journal_was_set_back() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let coupons = [shop.coupon().await, shop.coupon().await];
    till.sync().await;
    till.redeem(&coupons[0]).await;
    till.sync().await;
    till.close().await;
    let yesterday = image(till.folder());
    till.start().unwrap();
    till.redeem(&coupons[1]).await;
    till.sync().await;
    till.close().await;
    put_back(&yesterday, till.folder());
    fs::remove_dir_all(heads(&till)).unwrap();
    till.start().unwrap();
    assert_eq!(till.standing().quarantine, None, "nothing shows yet");
    till.sync().await;
    assert_eq!(till.standing().quarantine, Some(Why::SetBack), "until the server has spoken");
    accepts_nothing(&till, &shop, Reason::Quarantined).await;
    comes_back(&till, &shop).await;
}

#[tokio::test]
async fn a_copied_till_that_runs_beside_the_first_is_found_out_and_both_histories_stay() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let coupons = [shop.coupon().await, shop.coupon().await, shop.coupon().await];
    till.sync().await;
    till.close().await;
    let clone = image(till.folder());
    till.start().unwrap();
    till.cord.cut();
    let first = till.redeem(&coupons[0]).await;
    till.close().await;
    let original = image(till.folder());

    // The clone, on a machine of its own: there is no kept head.
    put_back(&clone, till.folder());
    fs::remove_dir_all(heads(&till)).unwrap();
    till.start().unwrap();
    till.sign_in("李娜", "1234").await;
    let second = till.redeem(&coupons[1]).await;
    assert_eq!((first.reason, second.reason), (Reason::Redeemed, Reason::Redeemed), "both hand goods over");
    till.cord.mend();
    till.sync().await;
    assert_eq!(till.standing().quarantine, None, "the first to come is believed");
    till.close().await;

    put_back(&original, till.folder());
    fs::remove_dir_all(heads(&till)).unwrap();
    till.start().unwrap();
    till.sync().await;
    assert_eq!(till.standing().quarantine, Some(Why::Forked), "the second shows that there are two");
    accepts_nothing(&till, &shop, Reason::Quarantined).await;
    let counting = shop.counting_numbers().await;
    for redeemed in [&first, &second] {
        let number = redeemed.number.unwrap().to_string();
        assert!(counting.contains(&number), "what either has handed over counts: {number}");
    }
    let cases = shop.cases().await;
    assert_eq!(cases.iter().filter(|case| case.class == "fork").count(), 1, "and somebody has to look");

    comes_back(&till, &shop).await;
    let tills = shop.store().tills().await.unwrap();
    assert!(tills[0].branch_lines > 0, "both histories are at the server");
    shop.clock.turn_minutes(1);
    for code in &coupons[..2] {
        assert_eq!(till.refused(code.secret()).await.reason, Reason::Used, "and both count at this till");
    }
}

#[tokio::test]
async fn a_journal_that_is_damaged_or_gone_is_kept_and_begun_anew_from_what_the_server_has() {
    let changes: [(&str, Change); 3] = [
        ("an edited byte", |path| {
            let edit = "UPDATE line SET bytes = CAST(substr(bytes, 1, 99) || x'07' || substr(bytes, 101) AS BLOB) WHERE seq = 2";
            Connection::open(path).unwrap().execute_batch(edit).unwrap();
        }),
        ("no database", |path| fs::write(path, vec![7u8; 8192]).unwrap()),
        ("no file", |path| fs::remove_file(path).unwrap()),
    ];
    for (what, change) in changes {
        let shop = Shop::open().await;
        let mut till = shop.till("1号收银机").await;
        let coupon = shop.coupon().await;
        till.sync().await;
        till.redeem(&coupon).await;
        till.sync().await;
        till.close().await;
        for rest in ["db-wal", "db-shm"] {
            let _ = fs::remove_file(till.folder().join("journal").with_extension(rest));
        }
        change(&till.folder().join("journal.db"));
        till.start().unwrap();
        accepts_nothing(&till, &shop, Reason::JournalBroken).await;
        comes_back(&till, &shop).await;
        shop.clock.turn_minutes(1);
        assert_eq!(
            till.refused(coupon.secret()).await.reason,
            Reason::Used,
            "{what}: what was sent counts here"
        );
        let names = fs::read_dir(till.folder()).unwrap().flatten();
        let kept =
            names.filter(|entry| entry.file_name().to_string_lossy().starts_with("journal.damaged-1.db"));
        assert_eq!(kept.count() > 0, what != "no file", "{what}: the damaged file is kept");
    }
}

/// What a stick holds: the lines of the first epoch behind that number, from the files of a till that is closed.
fn on_a_stick(till: &Counter, after: u64) -> HandedIn {
    let folder = Folder::open(till.folder()).unwrap();
    let identity = folder.identity().unwrap().unwrap();
    let journal = Journal::open(&folder.file("journal.db"), &identity.device, 1, |_| {}).unwrap();
    HandedIn { epoch: 1, after, lines: journal.after(1, after, u32::MAX).unwrap() }
}

#[tokio::test]
async fn lines_that_were_lost_before_the_till_was_let_in_again_are_a_case_until_a_stick_brings_them() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let coupons = [shop.coupon().await, shop.coupon().await];
    till.sync().await;
    till.redeem(&coupons[0]).await;
    till.sync().await;
    let held = shop.lines_held(&till).await;
    till.close().await;
    let yesterday = image(till.folder());
    till.start().unwrap();
    till.cord.cut();
    let handed_over = till.redeem(&coupons[1]).await.number.unwrap();
    till.close().await;
    let stick = on_a_stick(&till, held);
    let last = held + stick.lines.len() as u64;
    put_back(&yesterday, till.folder());
    till.start().unwrap();
    assert_eq!(till.standing().quarantine, Some(Why::SetBack), "the head that was kept knows better");
    till.cord.mend();
    comes_back(&till, &shop).await;
    let cases = shop.cases().await;
    let told: Vec<_> = cases.iter().map(|case| (case.class.as_str(), case.reason.as_str())).collect();
    assert_eq!(told, [("gap", "lost")], "what was kept of it is missing here");
    let numbers =
        if last == held + 1 { format!("line {last}") } else { format!("lines {}–{last}", held + 1) };
    assert_eq!(cases[0].title, format!("epoch 1, {numbers}"), "and is told by its numbers");
    let seen = |till: &Counter| till.till().cases().iter().map(|case| case.is_open()).collect::<Vec<bool>>();
    till.sync().await;
    assert_eq!(seen(&till), [true], "the store's tills are told");

    let device = shop.store().device(&till.identity().device).await.unwrap().unwrap();
    shop.store().take_in_from(Hand::Carrier, &device, stick).await.unwrap();
    let counting = shop.counting_numbers().await;
    assert!(counting.contains(&handed_over.to_string()), "what was handed over counts");
    let cases = shop.cases().await;
    let told = (cases[0].reason.as_str(), cases[0].stands.as_str(), cases[0].sides.len());
    assert_eq!((told, cases.len()), (("arrived", "arrived", 3), 1), "and the case is complete, and over");
    till.sync().await;
    assert_eq!(seen(&till), [false], "which the store's tills are told too");
}

#[tokio::test]
async fn a_tail_that_was_cut_off_is_found_out() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let coupon = shop.coupon().await;
    till.sync().await;
    till.redeem(&coupon).await;
    till.close().await;
    let path = till.folder().join("journal.db");
    let cut = "DELETE FROM line WHERE seq = (SELECT MAX(seq) FROM line)";
    Connection::open(path).unwrap().execute_batch(cut).unwrap();
    till.start().unwrap();
    assert_eq!(
        till.standing().quarantine,
        Some(Why::SetBack),
        "a shorter chain is whole, but not what it was"
    );
    assert_eq!(verdict(till.screen()).reason, Reason::Quarantined, "and the screen says so");
}

#[tokio::test]
async fn refused_scans_are_in_the_journal_and_nothing_of_a_payment_code_is() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let coupon = shop.coupon().await;
    till.sync().await;
    till.redeem(&coupon).await;
    shop.clock.turn_minutes(1);
    till.refused(coupon.secret()).await;
    shop.clock.turn_minutes(1);
    till.refused("134567890123456789").await;
    till.refused("134567890123456789").await;
    till.sync().await;
    till.close().await;
    let refused: Vec<_> = till
        .journal()
        .into_iter()
        .filter_map(|line| match line.act {
            Act::Refused(refused) => Some(refused),
            _ => None,
        })
        .collect();
    let told: Vec<_> = refused.iter().map(|told| (told.reason.as_str(), told.code_tail.as_str())).collect();
    assert_eq!(told[0], ("used", coupon.tail()), "a code of ours by its last characters");
    assert_eq!(told.len(), 2, "an echo of the same scan is no second customer: {told:?}");
    assert_eq!(told[1].1, "", "and nothing of what pays");
}

#[tokio::test]
async fn lines_that_the_server_gave_back_are_brought_again_when_it_loses_them_itself() {
    let mut shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let coupons = [shop.coupon().await, shop.coupon().await];
    till.sync().await;
    till.redeem(&coupons[0]).await;
    till.sync().await;
    let early = shop.lines_held(&till).await;
    till.close().await;
    let yesterday = image(till.folder());
    let saved = shop.backup().await;
    till.start().unwrap();
    shop.clock.turn_minutes(1);
    let handed_over = till.redeem(&coupons[1]).await.number.unwrap().to_string();
    till.sync().await;
    let late = shop.lines_held(&till).await;
    assert!(late > early, "the backup of the server is older than these lines");
    till.close().await;
    put_back(&yesterday, till.folder());
    till.start().unwrap();
    till.sync().await;
    comes_back(&till, &shop).await;
    assert_eq!(
        held(&shop, &till, 1).await,
        late,
        "the server has all of the first epoch, and gave back its end"
    );

    shop.restore(&saved).await;
    assert_eq!(held(&shop, &till, 1).await, early, "and loses it");
    for _ in 0..2 {
        till.sync().await;
    }
    assert_eq!(held(&shop, &till, 1).await, late, "the till, which has lost it before, brings it");
    assert!(shop.counting_numbers().await.contains(&handed_over), "what was handed over counts again");
    assert_eq!(till.standing().unsent, 0, "all that is here is at the server");
    till.restart().await;
    assert_eq!((till.standing().unsent, till.standing().quarantine), (0, None), "and the till is in order");
}

/// How many lines of that epoch the server holds.
async fn held(shop: &Shop, till: &Counter, epoch: u64) -> u64 {
    shop.store().lines(&till.identity().device, epoch, 0).await.unwrap().len() as u64
}
