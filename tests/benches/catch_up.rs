//! How fast a till that was offline for long catches up, while customers wait at another one.
//!
//! 10,000 redemptions of different coupons, handed in through real HTTP, on SQLite and on PostgreSQL. Held against a
//! bare insert of the same lines into the same kind of database, in the same run. Meanwhile another till scans and
//! redeems every 50 ms, and the server must answer it. Ends with an error if a figure is missed.
#![expect(clippy::print_stdout, reason = "a bench speaks by printing")]

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::code::Code;
use model::reading::{RawText, Scan, Source};
use model::redemption::{Number, Take};
use model::verdict::Basis;
use server::store::{Issued, Location};
use server::{Server, State, Store};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyPoolOptions;
use tests::{goods, postgres};
use till::Till;
use till::folder::Folder;
use till::real::{Clock, Dice, SystemClock, SystemDice};
use till::redeem::Wish;
use till::see::Sight;
use till::store::journal::Journal;
use till::vault::Vaults;
use tokio::time::Instant;
use wire::line::{self, Act, Begun, Decided, NamedTake, Outcome, Person};

const REDEMPTIONS: usize = 10_000;
const SCANS_MAX: usize = 400;
const EVERY: Duration = Duration::from_millis(50);
const PER_SECOND_MIN: f64 = 5_000.0;
const SCAN_MAX: Duration = Duration::from_millis(100);
/// As many lines as the till sends at once.
const BATCH: usize = 1_000;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let mut met = true;
    println!("\n| figure | measured | baseline | limit | verdict |\n|---|---|---|---|---|");
    for engine in ["SQLite", "PostgreSQL"] {
        let place =
            tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the build folder can be written");
        met &= runtime.block_on(catch_up(engine, place.path()));
    }
    if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Where the server's database is, and where a bare one may be made.
async fn places(engine: &str, place: &Path) -> (Location, String) {
    let folder = place.join("server");
    std::fs::create_dir_all(&folder).expect("a folder");
    if engine == "SQLite" {
        return (Location::file(&folder), format!("sqlite://{}?mode=rwc", place.join("bare.db").display()));
    }
    let url = postgres::postgres().fresh().await;
    let bare = postgres::postgres().fresh().await;
    (Location::server(url.parse().expect("a URL"), &folder), bare)
}

async fn catch_up(engine: &str, place: &Path) -> bool {
    let (location, bare) = places(engine, place).await;
    let store = Store::open_at(&location, server::real::hands()).await.expect("a new database opens");
    let shop = store.add_store("南山店").await.expect("the database works").expect("the first store");
    let mut coupons = Vec::new();
    for _ in 0..(REDEMPTIONS + SCANS_MAX).div_ceil(500) {
        coupons.extend(store.issue(&goods::coupons(500)).await.expect("they are issued"));
    }
    let mut codes = Vec::new();
    for _ in 0..2 {
        codes.push(store.issue_enrolment(&shop, 60).await.expect("a code").code);
    }
    let state = State::new(store);
    let server = Server::start(state.clone(), ([127, 0, 0, 1], 0).into()).await.expect("a free port");
    let late = enrolled(&place.join("late"), &server.url(), &codes[0]).await;
    let busy = enrolled(&place.join("busy"), &server.url(), &codes[1]).await;
    drop(late);
    let lines = write_outage(&place.join("late"), &coupons[..REDEMPTIONS]);
    let late = open(&place.join("late"));
    assert_eq!(late.standing().waiting, REDEMPTIONS, "all wait");

    let baseline = bare_insert(&bare, &lines).await;
    let over = Arc::new(AtomicBool::new(false));
    let scanning = tokio::spawn(scan_meanwhile(busy, coupons[REDEMPTIONS..].to_vec(), over.clone()));
    let sending = {
        let late = late.clone();
        tokio::spawn(async move { late.round().await })
    };
    let mut news = late.news();
    let took = timed(async {
        while late.standing().waiting > 0 {
            news.changed().await.expect("the till is open");
        }
    })
    .await;
    over.store(true, Ordering::SeqCst);
    let mut scans = scanning.await.expect("the other till works");
    sending.await.expect("the round is a task").expect("and comes to its end");
    let rows = state.store.redemptions(None, Default::default()).await.expect("the database works");
    assert_eq!(rows.len(), REDEMPTIONS + scans.len(), "every redemption counts, once");
    drop(state);
    server.stop().await.expect("the server stops");
    say(engine, took, baseline, &mut scans)
}

fn say(engine: &str, took: Duration, baseline: Duration, scans: &mut [Duration]) -> bool {
    let rate = REDEMPTIONS as f64 / took.as_secs_f64();
    let bare = REDEMPTIONS as f64 / baseline.as_secs_f64();
    let (p50, p99) = (percentile(scans, 50), percentile(scans, 99));
    let word = |met: bool| if met { "met" } else { "MISSED" };
    println!(
        "| {REDEMPTIONS} offline redemptions caught up, {engine} | {rate:.0}/s | {bare:.0} bare lines/s; ratio {:.2} | \
         {PER_SECOND_MIN:.0}/s | {} |",
        bare / rate,
        word(rate >= PER_SECOND_MIN)
    );
    println!(
        "| scan and redemption at another till meanwhile, {engine}, {} of them: p99 (p50) | {:.1} ms ({:.1} ms) | – | \
         {} ms | {} |",
        scans.len(),
        p99.as_secs_f64() * 1e3,
        p50.as_secs_f64() * 1e3,
        SCAN_MAX.as_millis(),
        word(p99 <= SCAN_MAX)
    );
    rate >= PER_SECOND_MIN && p99 <= SCAN_MAX
}

async fn enrolled(folder: &Path, url: &str, code: &Code) -> Arc<Till> {
    let till = open(folder);
    till.enrol(url, code.secret(), "").await.expect("a fresh code enrols a till");
    till.round().await.expect("the first round comes to its end");
    till
}

fn open(folder: &Path) -> Arc<Till> {
    let folder = Folder::open(folder).expect("the folder is free");
    Arc::new(Till::open(folder, Arc::new(SystemClock), Arc::new(SystemDice)).expect("the till opens"))
}

/// What a day without the line leaves in a till's journal: the lines' bytes.
fn write_outage(folder: &Path, coupons: &[Issued]) -> Vec<Vec<u8>> {
    let folder = Folder::open(folder).expect("the till has let go of it");
    let identity = folder.identity().expect("it reads").expect("it is enrolled");
    let mut journal = Journal::open(&folder.file("journal.db"), &identity.device, identity.epoch, |_| {})
        .expect("the journal opens");
    let key = till::device_key::load(&folder, &Vaults::of_platform(folder.path()))
        .expect("the till has its key")
        .key;
    journal.sign_with(key).expect("it is the key of its lines");
    let now = SystemClock.now();
    let acts: Vec<Act> = coupons.iter().map(|coupon| accepted(coupon, now.0)).collect();
    for part in acts.chunks(500) {
        journal.append(now, part.to_vec()).expect("the lines are on disk");
    }
    journal.after(identity.epoch, 0, REDEMPTIONS as u32).expect("they read back")
}

fn accepted(coupon: &Issued, at: i64) -> Act {
    let mut random = [0; 10];
    SystemDice.fill(&mut random);
    let number = Number::new(SystemClock.now(), random).to_string();
    let begun = Begun {
        number: number.clone(),
        entitlement: coupon.id.clone(),
        version: 1,
        kind: "coupon".into(),
        title: "满 100 减 20 券".into(),
        code_tail: "0000".into(),
        takes: vec![NamedTake { sku: "coupon".into(), name: "券".into(), quantity: 1 }],
        value: 2_000,
        clerk: Person { id: "staff-1".into(), name: "李娜".into() },
        source: "wedge".into(),
        heard_at: at,
        copy: None,
        asking: false,
        clock: None,
        proof: None,
        policy: None,
    };
    Act::Decided(Decided {
        number,
        begun: Some(Box::new(begun)),
        outcome: Outcome::Accepted,
        reason: "redeemed".into(),
        basis: line::Basis::Copy { as_of: at, silence: "timed_out".into() },
        left: 0,
        quantity: 1,
        earlier: None,
        risk: None,
    })
}

/// Scans and redeems every 50 ms until the other till is done: how long each took.
async fn scan_meanwhile(till: Arc<Till>, coupons: Vec<Issued>, over: Arc<AtomicBool>) -> Vec<Duration> {
    let mut times = Vec::new();
    for coupon in &coupons {
        if over.load(Ordering::SeqCst) {
            break;
        }
        let next = Instant::now() + EVERY;
        times.push(timed(redeem(&till, &coupon.code)).await);
        // The next customer comes at his time, however long this one took.
        let _ = tokio::time::timeout_at(next, std::future::pending::<()>()).await;
    }
    times
}

async fn redeem(till: &Till, code: &Code) {
    let scan = Scan { text: RawText::new(code.secret()), source: Source::Script };
    let Sight::Offer { known, offer, proof } = till.see(&scan).await else {
        panic!("each code is good once")
    };
    let takes: Vec<Take> =
        offer.items.iter().map(|item| Take { sku: item.line.sku.clone(), quantity: 1 }).collect();
    let clerk = Person { id: "c1".into(), name: "李娜".into() };
    let wish = Wish {
        known: &known,
        takes: &takes,
        clerk: &clerk,
        source: Source::Script.code(),
        proof,
        approval: None,
    };
    let done = till.confirm(&wish).await.expect("the journal takes the line");
    assert_eq!(done.decision.basis, Basis::Server, "the server answers in time");
}

/// The same bytes into a table of one column, in the same batches.
async fn bare_insert(url: &str, lines: &[Vec<u8>]) -> Duration {
    let pool = AnyPoolOptions::new().max_connections(1).connect(url).await.expect("a database");
    let sqlite = url.starts_with("sqlite");
    if sqlite {
        let settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL";
        sqlx::raw_sql(settings).execute(&pool).await.expect("SQLite knows this");
    }
    let make = if sqlite { "bytes BLOB" } else { "bytes BYTEA" };
    let make = format!("CREATE TABLE bare (seq BIGINT NOT NULL PRIMARY KEY, {make} NOT NULL)");
    sqlx::raw_sql(AssertSqlSafe(make)).execute(&pool).await.expect("a table");
    timed(async {
        let mut seq = 0i64;
        for batch in lines.chunks(BATCH) {
            let rows: Vec<String> =
                (0..batch.len()).map(|row| format!("(${}, ${})", row * 2 + 1, row * 2 + 2)).collect();
            let sql = format!("INSERT INTO bare (seq, bytes) VALUES {}", rows.join(", "));
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for line in batch {
                seq += 1;
                query = query.bind(seq).bind(line.as_slice());
            }
            query.execute(&pool).await.expect("the rows are on disk");
        }
    })
    .await
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
async fn timed<T>(work: impl Future<Output = T>) -> Duration {
    let began = std::time::Instant::now();
    work.await;
    began.elapsed()
}

/// The smallest time that so many percent of the times do not exceed.
fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    let place = (times.len() * percent).div_ceil(100).clamp(1, times.len().max(1)) - 1;
    times.get(place).copied().unwrap_or_default()
}
