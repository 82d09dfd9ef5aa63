//! How fast a till that was offline for long catches up, while customers wait at another one.
//!
//! 10,000 redemptions of different coupons, handed in through real HTTP, on SQLite and on PostgreSQL. Held against a
//! bare insert of the same lines into the same kind of database, in the same run. Meanwhile another till scans and
//! redeems ten times a second, and the server must answer it. Ends with an error if a figure is missed.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::code::Code;
use model::verdict::Basis;
use server::store::{Issued, Location, NewEntitlement};
use server::{Server, State, Store};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyPoolOptions;
use tests::measure::{Row, ms, percentile, progress, ratio, table, timed};
use tests::{goods, long_day, postgres};
use till::Till;
use till::folder::Folder;
use till::real::{Clock, SystemClock, SystemDice};
use tokio::time::Instant;
use wire::line::{self, Act};

const REDEMPTIONS: usize = 10_000;
const SCANS_MAX: usize = 200;
const EVERY: Duration = Duration::from_millis(100);
const PER_SECOND_MIN: f64 = 5_000.0;
const SCAN_MAX: Duration = Duration::from_millis(100);
/// As many lines as the till sends at once.
const BATCH: usize = 1_000;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let mut rows = Vec::new();
    for engine in ["SQLite", "PostgreSQL"] {
        let place =
            tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the build folder can be written");
        rows.extend(runtime.block_on(catch_up(engine, place.path())));
    }
    table(&rows)
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

async fn catch_up(engine: &str, place: &Path) -> [Row; 2] {
    let (location, bare) = places(engine, place).await;
    progress(&format!("{engine} is there"));
    let store = Store::open_at(&location, server::real::hands()).await.expect("a new database opens");
    let shop = store.add_store("南山店").await.expect("the database works").expect("the first store");
    let mut coupons = Vec::new();
    for _ in 0..(REDEMPTIONS + SCANS_MAX).div_ceil(500) {
        coupons.extend(store.issue(&valid_today(500)).await.expect("they are issued"));
    }
    progress(&format!("{} coupons are issued", coupons.len()));
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

    progress(&format!("{REDEMPTIONS} redemptions are in a till's journal"));
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
    figures(engine, took, baseline, &mut scans)
}

/// Coupons of the machine's own time, by which everybody here lives.
fn valid_today(count: usize) -> Vec<NewEntitlement> {
    let window = |coupon| NewEntitlement { valid_from: None, valid_until: None, ..coupon };
    goods::coupons(count).into_iter().map(window).collect()
}

fn figures(engine: &str, took: Duration, baseline: Duration, scans: &mut [Duration]) -> [Row; 2] {
    let rate = REDEMPTIONS as f64 / took.as_secs_f64();
    let bare = REDEMPTIONS as f64 / baseline.as_secs_f64();
    let (p50, p99) = (percentile(scans, 50), percentile(scans, 99));
    let caught_up = Row {
        figure: format!("{REDEMPTIONS} offline redemptions caught up, {engine}"),
        measured: format!("{rate:.0}/s"),
        baseline: format!("{bare:.0} bare lines/s; ratio {:.2}", ratio(took, baseline)),
        limit: format!("{PER_SECOND_MIN:.0}/s"),
        met: rate >= PER_SECOND_MIN,
    };
    let meanwhile = Row {
        figure: format!(
            "Scan and redemption at another till meanwhile, {engine}, {} of them: p99 (p50)",
            scans.len()
        ),
        measured: format!("{} ({})", ms(p99), ms(p50)),
        baseline: "–".into(),
        limit: ms(SCAN_MAX),
        met: p99 <= SCAN_MAX,
    };
    [caught_up, meanwhile]
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
    let as_of = SystemClock.now().0;
    let alone = || line::Basis::Copy { as_of, silence: "timed_out".into() };
    let acts: Vec<Act> = coupons.iter().map(|coupon| long_day::accepted(&coupon.id, alone())).collect();
    let journal = long_day::write(folder, &acts);
    journal.after(1, 0, REDEMPTIONS as u32).expect("they read back")
}

/// Scans and redeems ten times a second until the other till is done: how long each took.
async fn scan_meanwhile(till: Arc<Till>, coupons: Vec<Issued>, over: Arc<AtomicBool>) -> Vec<Duration> {
    let mut times = Vec::new();
    for coupon in &coupons {
        if over.load(Ordering::SeqCst) {
            break;
        }
        let next = Instant::now() + EVERY;
        let scan = async {
            let basis = long_day::redeem(&till, &coupon.code).await;
            assert_eq!(basis, Basis::Server, "the server answers in time");
        };
        times.push(timed(scan).await);
        // The next customer comes at his time, however long this one took.
        let _ = tokio::time::timeout_at(next, std::future::pending::<()>()).await;
    }
    times
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
