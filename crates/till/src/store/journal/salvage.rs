//! What a journal's file can still hand in, whole or damaged: every line proves itself by its signature, so that a row
//! which cannot be read costs that row, and not those around it.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use model::signed::key::PublicKey;
use rusqlite::{Connection, OpenFlags};
use wire::export::Range;
use wire::line::{self, Hash};

use super::{Journal, JournalError, broken};

/// Lines of one epoch, each following from the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Their epoch.
    pub epoch: u64,
    /// The first one's number.
    pub first: u64,
    /// Their bytes, as they were written.
    pub lines: Vec<Vec<u8>>,
}

impl Run {
    /// Which lines they are.
    pub fn range(&self) -> Range {
        Range { epoch: self.epoch, first: self.first, last: self.first + self.lines.len() as u64 - 1 }
    }
}

/// All that a file can hand in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Salvaged {
    /// By epoch and number. Of two histories one is a run of its own, from where it leaves the other.
    pub runs: Vec<Run>,
    /// Rows that hold no line of this till.
    pub unreadable: u64,
    /// Why SQLite could not read all of the file, if it could not. Nobody can tell how many rows there were.
    pub torn: Option<String>,
}

impl Salvaged {
    /// The numbers before the last line of each epoch under which there is nothing.
    pub fn missing(&self) -> Vec<Range> {
        let mut missing = vec![];
        let (mut epoch, mut covered) = (0, 0);
        for range in self.runs.iter().map(Run::range) {
            if range.epoch != epoch {
                (epoch, covered) = (range.epoch, 0);
            }
            if range.first > covered + 1 {
                missing.push(Range { epoch, first: covered + 1, last: range.first - 1 });
            }
            covered = covered.max(range.last);
        }
        missing
    }
}

/// A line that is signed, and where it was found.
struct Found {
    epoch: u64,
    seq: u64,
    rescued: bool,
    prev: Hash,
    hash: Hash,
    bytes: Vec<u8>,
}

/// What the file at `path` can hand in of the till `device`, whose lines `key` has signed. Nothing is written to it.
pub fn from_file(path: &Path, device: &str, key: PublicKey) -> Result<Salvaged, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).map_err(|error| broken(path, error))?;
    Ok(gather(&db, device, key))
}

impl Journal {
    /// What this journal can hand in: its own lines, and those that were rescued.
    pub fn salvage(&self, key: PublicKey) -> Salvaged {
        gather(&self.db, &self.device, key)
    }
}

fn gather(db: &Connection, device: &str, key: PublicKey) -> Salvaged {
    let mut salvaged = Salvaged::default();
    let mut found = vec![];
    for (table, rescued) in [("line", false), ("rescued", true)] {
        let read = rows(db, table, |bytes| {
            let bytes = bytes.unwrap_or_default();
            match line::decode(bytes, key) {
                Ok(line) if line.device == device => {
                    let (epoch, seq, prev) = (line.epoch, line.seq, line.prev);
                    found.push(Found {
                        epoch,
                        seq,
                        rescued,
                        prev,
                        hash: line::hash(bytes),
                        bytes: bytes.to_vec(),
                    });
                }
                _ => salvaged.unreadable += 1,
            }
        });
        if let Err(error) = read {
            salvaged.torn.get_or_insert(error.to_string());
        }
    }
    salvaged.runs = chained(found);
    salvaged
}

/// Hands the bytes of each row to `each`; nothing where they are no bytes. What lies behind a page that cannot be read is
/// found from the other end.
fn rows(db: &Connection, table: &str, mut each: impl FnMut(Option<&[u8]>)) -> Result<(), rusqlite::Error> {
    let mut last = None;
    let read = pass(db, table, "ASC", |at, bytes| {
        last = Some(at);
        each(bytes);
        true
    });
    read.inspect_err(|_| {
        // It comes as far as the same page, and the first error says why.
        let _ = pass(db, table, "DESC", |at, bytes| {
            let new = last.is_none_or(|last| at > last);
            if new {
                each(bytes);
            }
            new
        });
    })
}

/// Reads rows in that order for as long as `each` wants more.
fn pass(
    db: &Connection,
    table: &str,
    order: &str,
    mut each: impl FnMut((i64, i64), Option<&[u8]>) -> bool,
) -> Result<(), rusqlite::Error> {
    let all = format!("SELECT epoch, seq, bytes FROM {table} ORDER BY epoch {order}, seq {order}");
    let mut select = db.prepare(&all)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        if !each((row.get(0)?, row.get(1)?), row.get_ref(2)?.as_blob().ok()) {
            break;
        }
    }
    Ok(())
}

/// The runs that those lines make.
fn chained(mut found: Vec<Found>) -> Vec<Run> {
    // What the till wrote itself comes first, so that a second history is the one that leaves it.
    found.sort_by_key(|line| (line.epoch, line.seq, line.rescued));
    let mut seen = HashSet::new();
    let mut runs: Vec<Run> = vec![];
    let mut ends: HashMap<(u64, u64, Hash), usize> = HashMap::new();
    for line in found {
        if line.seq == 0 || !seen.insert(line.hash) {
            continue;
        }
        let run = ends.remove(&(line.epoch, line.seq - 1, line.prev)).unwrap_or_else(|| {
            runs.push(Run { epoch: line.epoch, first: line.seq, lines: vec![] });
            runs.len() - 1
        });
        ends.insert((line.epoch, line.seq, line.hash), run);
        runs[run].lines.push(line.bytes);
    }
    runs
}
