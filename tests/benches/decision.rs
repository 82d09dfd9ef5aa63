//! The figures of the engine: how long a decision without the server takes, and how much memory a till needs.
//!
//! Both with 1,000,000 entitlements in the copy. The decision is held against a bare fsynced SQLite insert on the same
//! disk, one after the other in the same run, so that the figure says something about this program and not about
//! the machine. Ends with an error if a figure is missed.
#![expect(clippy::print_stdout, reason = "a bench speaks by printing")]

use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;

use model::code::{Code, CodeKind};
use model::policy::Policy;
use model::time::UnixMs;
use model::verdict::Basis;
use rusqlite::{Connection, params};
use tests::cord::Way;
use tests::hands::SeededDice;
use tests::measure::{Row, ms, percentile, progress, ratio, table, timed};
use tests::{Cord, goods, long_day};
use till::Till;
use till::folder::{Folder, Identity};
use till::link::Link;
use till::real::{Clock, Dice, SystemClock};
use till::signer::Signer;
use till::store::copy::{Copy, PageEnd, Position};
use wire::api::{Entry, Setup};
use wire::entitlement::{Entitlement, Store};
use wire::feed::{Digest, RowKey, Told};

const ENTITLEMENTS: u64 = 1_000_000;
const WARM_UP: usize = 20;
const DECISIONS: usize = 2_000;
const STORE_KEY: [u8; 32] = [7; 32];
/// Begun and decided together take about as much.
const BARE_BYTES: usize = 700;
/// A decision may take so much of a bare insert.
const RATIO_MAX: f64 = 1.5;
const MEMORY_MIB_MAX: f64 = 120.0;
/// Set to the data folder for the process whose memory is measured.
const CHILD: &str = "COUNTERFOIL_BENCH_CHILD";

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime can be made");
    if let Some(folder) = std::env::var_os(CHILD) {
        runtime.block_on(work_a_little(Path::new(&folder)));
        return ExitCode::SUCCESS;
    }
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the build folder can be written");
    let folder = place.path().join("till");
    progress(&format!("a till with {ENTITLEMENTS} entitlements"));
    fill(&folder);
    let rows = [runtime.block_on(decision(&folder, &place.path().join("bare.db"))), memory(&folder)];
    table(&rows)
}

/// From the scanned text to the line on disk, with nobody at the other end of the line.
async fn decision(folder: &Path, bare: &Path) -> Row {
    let till = open(folder);
    let bare = bare_database(bare);
    let (mut decisions, mut inserts) = (vec![], vec![]);
    for number in 0..WARM_UP + DECISIONS {
        // Spread over the whole copy.
        let code = code(number as u64 * (ENTITLEMENTS / (WARM_UP + DECISIONS) as u64));
        let decided = timed(redeem(&till, &code)).await;
        let inserted = timed(async { insert(&bare, number) }).await;
        if number >= WARM_UP {
            decisions.push(decided);
            inserts.push(inserted);
        }
    }
    let standing = till.standing();
    assert_eq!(standing.waiting, WARM_UP + DECISIONS, "every decision is in the journal");
    assert_eq!(standing.entitlements, ENTITLEMENTS, "with the whole copy there");
    let (ours, theirs) = (percentile(&mut decisions, 99), percentile(&mut inserts, 99));
    let limit = theirs.mul_f64(RATIO_MAX);
    Row {
        figure: format!("Offline decision, {ENTITLEMENTS} entitlements, {DECISIONS} decisions: p99 (p50)"),
        measured: format!("{} ({})", ms(ours), ms(percentile(&mut decisions, 50))),
        baseline: format!(
            "{} ({}); ratio {:.2}",
            ms(theirs),
            ms(percentile(&mut inserts, 50)),
            ratio(ours, theirs)
        ),
        limit: format!("{RATIO_MAX} × baseline = {}", ms(limit)),
        met: ours <= limit,
    }
}

/// What a process that has the till open, and works, keeps in memory.
fn memory(folder: &Path) -> Row {
    let own = std::env::current_exe().expect("the system says where this program lies");
    let output = Command::new(own).env(CHILD, folder).output().expect("this program can be started again");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let kib: Option<f64> = text.trim().parse().ok();
    let mib = kib.map(|kib| kib / 1024.0);
    Row {
        figure: format!("Memory of a till process without the web view, {ENTITLEMENTS} entitlements"),
        measured: mib.map_or_else(|| "not measured on this system".into(), |mib| format!("{mib:.1} MiB")),
        baseline: "–".into(),
        limit: format!("{MEMORY_MIB_MAX} MiB"),
        // Only Linux tells it; elsewhere the figure is left open.
        met: output.status.success() && mib.map_or(!cfg!(target_os = "linux"), |mib| mib <= MEMORY_MIB_MAX),
    }
}

/// The process whose memory is measured: opens the till, redeems, and says what it needs.
async fn work_a_little(folder: &Path) {
    let till = open(folder);
    for number in 0..100 {
        redeem(&till, &code(ENTITLEMENTS - 1 - number)).await;
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    println!("{}", resident.unwrap_or_default().trim().trim_end_matches(" kB"));
}

/// Without the server.
async fn redeem(till: &Till, code: &Code) {
    let basis = long_day::redeem(till, code).await;
    assert!(matches!(basis, Basis::Copy { .. }), "by the copy: {basis:?}");
}

fn open(folder: &Path) -> Till {
    let cord = Arc::new(Cord::default());
    cord.set(Way::Cut(model::verdict::Silence::Unreachable));
    let connect = move |identity: &Identity, signer: Arc<Signer>| {
        cord.attach(identity, signer)?;
        Ok(cord.clone() as Arc<dyn Link>)
    };
    let folder = Folder::open(folder).expect("the folder is free");
    // A process that is started again must not repeat the numbers of the one before.
    let mut seed = [0; 8];
    till::real::SystemDice.fill(&mut seed);
    let dice = Arc::new(SeededDice::new(u64::from_le_bytes(seed)));
    Till::open_with(folder, Arc::new(SystemClock), dice, Box::new(connect)).expect("the till opens")
}

/// Makes the folder of an enrolled till with a full copy.
fn fill(path: &Path) {
    let folder = Folder::open(path).expect("the folder can be made");
    let vaults = till::vault::Vaults::beside(path);
    let dice = till::real::SystemDice;
    let key = till::device_key::for_code(&folder, &vaults, &[0; 32], &dice).expect("a key can be made").key;
    let identity = Identity {
        address: "http://127.0.0.1:9".into(),
        device: "till-bench".into(),
        // Nobody answers here, so that any good key will do.
        answer_key: wire::codes::hex(&key.public().to_bytes()),
        store: Store { id: "store-1".into(), name: "南山店".into() },
        till: "1号收银机".into(),
        store_key: STORE_KEY.iter().map(|byte| format!("{byte:02x}")).collect(),
        feed: "store-1".into(),
        epoch: 1,
        root: String::new(),
        barred: false,
        quarantine: None,
    };
    folder.set_identity(&identity).expect("the enrolment can be written");
    let now = SystemClock.now();
    let key = RowKey::of(&STORE_KEY);
    let (mut copy, _) = Copy::open(&folder.file("copy.db"), key, now).expect("the copy can be made");
    // A bench takes more in one outage than a sensible merchant would risk.
    let policy = wire::policy::to_setup(&Policy::default().without_limits());
    let setup = Setup {
        version: 1,
        store: identity.store.clone(),
        till: identity.till.clone(),
        staff: vec![],
        policy,
        practice: false,
        profiles: vec![],
        code_salt: String::new(),
        campaigns: vec![],
        roots: vec![],
        trust: String::new(),
    };
    copy.set_setup(setup).expect("the copy takes a setup");
    for first in (0..ENTITLEMENTS).step_by(5_000) {
        let page: Vec<Entry> = (first..first + 5_000).map(|number| entry(number, now)).collect();
        let mut rows = Digest::EMPTY;
        for (number, entry) in (first..).zip(&page) {
            rows.add(&key.hash(&id(number), &entry.code_hash, entry.entitlement.text()));
        }
        let position = Position { epoch: "bench".into(), seq: first + 5_000 };
        let end = PageEnd { position, rows, digest: None, receipt: String::new() };
        copy.apply(&page, &end, Some(now)).expect("the copy takes a page");
    }
}

fn id(number: u64) -> String {
    format!("coupon-{number:016x}")
}

fn code(number: u64) -> Code {
    let mut random = [0; model::code::RANDOM_BYTES];
    SeededDice::new(number).fill(&mut random);
    Code::issue(CodeKind::Coupon, random)
}

fn entry(number: u64, now: UnixMs) -> Entry {
    let code = code(number);
    let new = goods::coupon();
    let entitlement = Entitlement {
        id: id(number),
        version: 1,
        title: new.title,
        kind: new.kind,
        lines: new.lines,
        standing: new.standing,
        valid_from: Some(now.plus_seconds(-3600).0),
        valid_until: Some(now.plus_seconds(30 * 24 * 3600).0),
        stores: None,
        spend_min: new.spend_min,
        value: new.value,
        holder: "王*".into(),
        code_tail: code.tail().to_owned(),
        notes: vec![],
        uses: vec![],
        member: None,
    };
    Entry {
        seq: number + 1,
        code_hash: wire::code_hash(&STORE_KEY, &code),
        entitlement: Told::of(&entitlement).expect("an entitlement is JSON"),
    }
}

fn bare_database(path: &Path) -> Connection {
    let db = Connection::open(path).expect("a database can be made");
    for (name, value) in [("locking_mode", "EXCLUSIVE"), ("journal_mode", "WAL"), ("synchronous", "FULL")] {
        db.pragma_update(None, name, value).expect("SQLite knows this");
    }
    db.execute_batch("CREATE TABLE bare (seq INTEGER PRIMARY KEY, bytes BLOB NOT NULL)").expect("a table");
    db
}

fn insert(db: &Connection, number: usize) {
    let mut insert = db.prepare_cached("INSERT INTO bare (seq, bytes) VALUES (?1, ?2)").expect("SQL");
    insert.execute(params![number as i64, [0x5A_u8; BARE_BYTES]]).expect("the row is on disk");
}
