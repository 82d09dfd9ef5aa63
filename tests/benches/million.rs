//! The figures of a store with 1,000,000 entitlements: how long a till's first copy takes and how much memory, how soon
//! it is ready after a start.
//!
//! The copy is held against a bare SQLite bulk insert of the same rows with the same indexes on the same disk, in the
//! same run. The till is a process of its own, so that its memory is its own. Ends with an error if a figure is missed.
#![expect(clippy::print_stdout, reason = "a bench speaks by printing")]

use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Duration;

use model::reading::{RawText, Scan, Source};
use model::verdict::Silence;
use rusqlite::{Connection, params};
use tests::cord::Way;
use tests::hands::TurnedClock;
use tests::measure::{Moment, Row, progress, ratio, seconds, table};
use tests::{Cord, Shop, goods, long_day, number_from};
use till::Till;
use till::folder::{Folder, Identity};
use till::link::Link;
use till::real::SystemDice;
use till::see::Sight;
use till::signer::Signer;
use wire::feed::RowKey;
use wire::line;

const ENTITLEMENTS: u64 = 1_000_000;
/// Set to another number for a run that shall be quick, and proves nothing.
const OTHERWISE: &str = "COUNTERFOIL_BENCH_ENTITLEMENTS";
/// So many are issued in one transaction.
const PER_ISSUE: usize = 10_000;
/// The first copy may take so much of a bare insert of the same rows.
const RATIO_MAX: f64 = 2.0;
const MEMORY_MIB_MAX: f64 = 64.0;
/// So many lines a busy till writes in about half a year.
const LINES: usize = 50_000;
const START_MAX: Duration = Duration::from_secs(1);
/// Say what the process is to do, and where.
const CHILD: &str = "COUNTERFOIL_BENCH_CHILD";
const FOLDER: &str = "COUNTERFOIL_BENCH_FOLDER";
const SERVER: &str = "COUNTERFOIL_BENCH_SERVER";
const CODE: &str = "COUNTERFOIL_BENCH_CODE";

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime can be made");
    match std::env::var(CHILD).as_deref() {
        Ok("fetch") => runtime.block_on(fetch()),
        Ok("start") => runtime.block_on(start()),
        _ => return runtime.block_on(measure()),
    }
    ExitCode::SUCCESS
}

fn entitlements() -> u64 {
    number_from(OTHERWISE, ENTITLEMENTS)
}

async fn measure() -> ExitCode {
    let entitlements = entitlements();
    let shop = Shop::open().await;
    let mut code = None;
    for issued in 1..=entitlements / PER_ISSUE as u64 {
        code = shop.issue(&goods::coupons(PER_ISSUE)).await.pop();
        if issued.is_multiple_of(10) {
            progress(&format!("{} of {entitlements} entitlements are issued", issued * PER_ISSUE as u64));
        }
    }
    let code = code.expect("there are some").code;
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the build folder can be written");

    // The first till waits until the snapshot is taken; what is measured is the second one.
    let began = Moment::now();
    let first = shop.till("1号收银机").await;
    progress(&format!(
        "the first till has its copy, and the server its snapshot, after {}",
        seconds(began.elapsed())
    ));
    let key = first.identity().store_key().expect("the enrolment has a key");
    let bare = bare_insert(&shop, &key, &place.path().join("bare.db"));

    let folder = place.path().join("till");
    let enrolment = shop.enrolment(tests::shop::NANSHAN).await;
    let mut fetching = child("fetch", &folder);
    fetching.env(SERVER, shop.url()).env(CODE, enrolment.secret());
    let figures = figures(fetching).await;
    let acts: Vec<_> =
        (0..LINES).map(|n| long_day::accepted(&format!("c{n}"), line::Basis::Server)).collect();
    drop(long_day::write(&folder, &acts));
    progress(&format!("{LINES} lines are in its journal"));
    forget_files();
    let read = read_once(&folder);
    let mut starting = child("start", &folder);
    starting.env(CODE, code.secret());
    forget_files();
    let started = self::figures(starting).await;
    let (took, memory) = (Duration::from_secs_f64(figures[0]), figures[1]);
    let start = Duration::from_secs_f64(started[0]);
    table(&[
        Row {
            figure: format!("First copy over loopback HTTP, {entitlements} entitlements"),
            measured: seconds(took),
            baseline: format!("a bare insert: {}; ratio {:.2}", seconds(bare), ratio(took, bare)),
            limit: format!("{RATIO_MAX} × baseline"),
            met: ratio(took, bare) <= RATIO_MAX,
        },
        Row {
            figure: "Memory of the till meanwhile, above idle, at its peak".into(),
            measured: format!("{memory:.1} MiB"),
            baseline: "–".into(),
            limit: format!("{MEMORY_MIB_MAX} MiB"),
            met: memory <= MEMORY_MIB_MAX,
        },
        Row {
            figure: format!(
                "From start to the first scan looked up in the copy, {LINES} lines in the journal"
            ),
            measured: seconds(start),
            baseline: format!("reading both files once: {}; ratio {:.2}", seconds(read), ratio(start, read)),
            limit: seconds(START_MAX),
            met: start <= START_MAX,
        },
    ])
}

/// What SQLite alone takes for the same rows, in the same order, with the same indexes, in one transaction.
fn bare_insert(shop: &Shop, store_key: &[u8; 32], path: &Path) -> Duration {
    let key = RowKey::of(store_key);
    let mut db = Connection::open(path).expect("a database can be made");
    for (name, value) in [("journal_mode", "TRUNCATE"), ("synchronous", "OFF"), ("cache_size", "-16384")] {
        db.pragma_update(None, name, value).expect("SQLite knows this");
    }
    db.execute_batch(
        "CREATE TABLE entitlement (id TEXT NOT NULL PRIMARY KEY, code_hash TEXT NOT NULL, member TEXT,
             told TEXT NOT NULL, hash BLOB NOT NULL) STRICT, WITHOUT ROWID",
    )
    .expect("a table");
    let mut took = Duration::ZERO;
    let transaction = db.transaction().expect("a transaction");
    for chunk in chunks(shop) {
        let bytes = std::fs::read(chunk).expect("the snapshot is there");
        let mut rows = wire::snapshot::Rows::of(&bytes).expect("a chunk");
        let mut unpacked = vec![];
        while let Some(row) = rows.next_row().expect("a whole chunk") {
            unpacked.push((row.clone(), key.hash(&row.id, &row.code_hash, &row.told)));
        }
        let began = Moment::now();
        let mut insert = transaction
            .prepare_cached(
                "INSERT INTO entitlement (id, code_hash, member, told, hash) VALUES (?1, ?2, ?3, ?4, ?5)",
            )
            .expect("SQL");
        for (row, hash) in &unpacked {
            let member: Option<&str> = None;
            insert.execute(params![row.id, row.code_hash, member, row.told, hash.0]).expect("a row");
        }
        took += began.elapsed();
    }
    let began = Moment::now();
    let indexes = "CREATE INDEX entitlement_of_code ON entitlement (code_hash);
                   CREATE INDEX entitlement_of_member ON entitlement (member) WHERE member IS NOT NULL;";
    transaction.execute_batch(indexes).expect("indexes");
    transaction.commit().expect("the rows are in it");
    db.close().map_err(|(_, error)| error).expect("it closes");
    std::fs::File::options().write(true).open(path).and_then(|file| file.sync_all()).expect("on disk");
    took + began.elapsed()
}

/// The chunks that the server has on disk, in the order of their rows.
fn chunks(shop: &Shop) -> Vec<std::path::PathBuf> {
    let folder = shop.server_folder().join("snapshots").join("store-1");
    let files = std::fs::read_dir(folder).expect("the snapshot was taken");
    let mut chunks: Vec<_> = files.map(|file| file.expect("the folder can be read").path()).collect();
    chunks.sort_by_key(|path| {
        let bytes = std::fs::read(path).expect("a chunk can be read");
        let mut rows = wire::snapshot::Rows::of(&bytes).expect("a chunk");
        rows.next_row().expect("a chunk").expect("no chunk is empty").id.clone()
    });
    chunks
}

/// The till that fetches its first copy: prints seconds, and MiB above what it needs while idle.
async fn fetch() {
    let folder = Folder::open(Path::new(&variable(FOLDER))).expect("the folder can be made");
    // The same time as the server's, which stands still.
    let clock = Arc::new(TurnedClock::default());
    // Its key lies in a file, where the process that starts later finds it too.
    let reach = Arc::new(till::link::reach);
    let till = Till::open_over(folder, clock, Arc::new(SystemDice), reach).expect("the till opens");
    let (server, code) = (variable(SERVER), variable(CODE));
    till.enrol(&server, &code, "2号收银机").await.expect("a fresh code enrols a till");
    // The peak counts from here on.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let idle = memory("VmRSS:");
    let began = Moment::now();
    till.round().await.expect("the copy is fetched");
    let took = began.elapsed();
    assert_eq!(till.standing().entitlements, entitlements(), "all of it");
    println!("{} {}", took.as_secs_f64(), (memory("VmHWM:") - idle) / 1024.0);
}

/// The till that is started with its copy, and without a server: prints seconds.
async fn start() {
    let cord = Arc::new(Cord::default());
    cord.set(Way::Cut(Silence::Unreachable));
    let connect = move |identity: &Identity, signer: Arc<Signer>| {
        cord.attach(identity, signer)?;
        Ok(cord.clone() as Arc<dyn Link>)
    };
    let scan = Scan { text: RawText::new(variable(CODE)), source: Source::Script };
    let began = Moment::now();
    let folder = Folder::open(Path::new(&variable(FOLDER))).expect("the folder is free");
    let clock = Arc::new(TurnedClock::default());
    let till =
        Till::open_with(folder, clock, Arc::new(SystemDice), Box::new(connect)).expect("the till opens");
    let sight = till.see(&scan).await;
    let took = began.elapsed();
    assert!(matches!(sight, Sight::Offer { .. }), "the copy has it: {sight:?}");
    println!("{}", took.as_secs_f64());
}

fn child(what: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("the system says where this program lies"));
    command.env(CHILD, what).env(FOLDER, folder);
    command
}

/// The numbers that a process prints, while the server in this one goes on answering.
async fn figures(mut command: Command) -> Vec<f64> {
    let output = tokio::task::spawn_blocking(move || command.stderr(std::process::Stdio::inherit()).output());
    let output = output.await.expect("it ran").expect("this program can be started again");
    assert!(output.status.success(), "the till's process came to its end");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().map(|number| number.parse().expect("a number")).collect()
}

/// A line of this process's status, in KiB; nothing on systems that do not tell.
fn memory(line: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find_map(|text| text.strip_prefix(line));
    found.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

/// What the system alone takes to read copy and journal from the disk, every byte once.
fn read_once(folder: &Path) -> Duration {
    let began = Moment::now();
    for name in ["copy.db", "journal.db"] {
        let mut file = std::fs::File::open(folder.join(name)).expect("the till has made it");
        std::io::copy(&mut file, &mut std::io::sink()).expect("it can be read");
    }
    began.elapsed()
}

/// Lets the system forget the files that it holds in memory, where it may be told to.
fn forget_files() {
    let _ = Command::new("sync").status();
    let _ = std::fs::write("/proc/sys/vm/drop_caches", "1");
}

fn variable(name: &str) -> String {
    std::env::var(name).expect("the parent sets it")
}
