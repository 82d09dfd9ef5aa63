//! `journal.db`: the lines of this till, each on disk before anything is shown.
//!
//! Invariant: what [`Journal::append`] has returned survives a power cut (WAL with `synchronous=FULL`), and no code
//! path updates or deletes a line. The file is held exclusively; one writer, one connection. When the disk refuses a
//! commit, the file is closed, opened again and compared before the next line is taken; an fsync is never repeated
//! as if nothing had happened, because the system may have dropped the pages that it failed to write. For the same
//! reason nothing that is found at opening counts as durable by having been read: the system's cache may be all that
//! has it, and it is written and flushed once more first.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, params};
use wire::line::{self, Act, GENESIS, Hash, LINE_VERSION, Line};

use super::disk::Disk;

const SCHEMA_VERSION: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE line (
    epoch INTEGER NOT NULL,
    seq   INTEGER NOT NULL,
    bytes BLOB    NOT NULL,
    PRIMARY KEY (epoch, seq)
) STRICT, WITHOUT ROWID;
-- How far the server has acknowledged. Only ever moves forward; losing it costs a repeat, never a line.
CREATE TABLE sent (
    epoch INTEGER NOT NULL PRIMARY KEY,
    seq   INTEGER NOT NULL
) STRICT;
";

/// The open journal.
#[derive(Debug)]
pub struct Journal {
    db: Connection,
    disk: Disk,
    path: PathBuf,
    device: String,
    epoch: u64,
    head: Head,
    sent: u64,
    /// Set when the disk refused: nothing is accepted any more until the file was opened again and compared.
    failed: bool,
}

/// The last line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number; 0 when there is none.
    pub seq: u64,
    /// Its hash; [`GENESIS`] when there is none.
    pub hash: Hash,
}

/// Why the journal did not do it. In every case nothing was accepted.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// No room. Nothing is lost; it works again once there is room.
    #[error("the disk is full")]
    DiskFull,
    /// The disk or the system refused.
    #[error("the journal could not be written: {0}")]
    Failed(String),
    /// What is on disk is not what this program wrote. The file is kept as it is.
    #[error("the journal {path} is damaged: {reason}")]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the line's number where there is one.
        reason: String,
    },
}

impl Journal {
    /// Opens, and makes if need be, the journal at `path`, and walks all its lines in order.
    ///
    /// `each` sees every line of every epoch. A line that does not follow from the one before makes the whole
    /// journal [`JournalError::Broken`].
    pub fn open(
        path: &Path,
        device: &str,
        epoch: u64,
        each: impl FnMut(Line),
    ) -> Result<Journal, JournalError> {
        Journal::open_on(&Disk::default(), path, device, epoch, each)
    }

    /// [`Journal::open`] on a disk that is not the usual one.
    #[doc(hidden)]
    pub fn open_on(
        disk: &Disk,
        path: &Path,
        device: &str,
        epoch: u64,
        mut each: impl FnMut(Line),
    ) -> Result<Journal, JournalError> {
        let db = connect(disk, path)?;
        let head = walk(&db, path, device, epoch, |_, line| each(line))?;
        let sent = db.query_row("SELECT seq FROM sent WHERE epoch = ?1", [epoch], |row| row.get(0)).or_else(
            |error| match error {
                rusqlite::Error::QueryReturnedNoRows => Ok(0),
                other => Err(broken(path, other)),
            },
        )?;
        let (disk, path, device) = (disk.clone(), path.to_owned(), device.to_owned());
        Ok(Journal { db, disk, path, device, epoch, head, sent, failed: false })
    }

    /// Appends `acts` as lines in one transaction and returns them once they are on disk.
    ///
    /// Takes nothing while the journal [`Journal::has_failed`].
    pub fn append(&mut self, at: model::time::UnixMs, acts: Vec<Act>) -> Result<Vec<Line>, JournalError> {
        if self.failed {
            return Err(JournalError::Failed("it has to be opened again and compared first".into()));
        }
        let mut head = self.head;
        let mut lines = Vec::with_capacity(acts.len());
        let mut encoded = Vec::with_capacity(acts.len());
        for act in acts {
            let line = Line {
                version: LINE_VERSION,
                device: self.device.clone(),
                epoch: self.epoch,
                seq: head.seq + 1,
                prev: head.hash,
                at: at.0,
                act,
            };
            let bytes = line::encode(&line);
            head = Head { seq: line.seq, hash: line::hash(&bytes) };
            lines.push(line);
            encoded.push(bytes);
        }
        match self.write(&encoded) {
            Ok(()) => {
                self.head = head;
                Ok(lines)
            }
            Err(error) => {
                self.failed = true;
                // There is nothing to be gained by opening it at once: there is no more room than before.
                if error.sqlite_error_code() == Some(ErrorCode::DiskFull) {
                    return Err(JournalError::DiskFull);
                }
                tracing::error!(%error, "the journal could not be written; opening it again");
                self.reopen(|_| {})?;
                // The commit may have reached the disk although it was reported as failed.
                if self.head == head { Ok(lines) } else { Err(JournalError::Failed(error.to_string())) }
            }
        }
    }

    fn write(&mut self, encoded: &[Vec<u8>]) -> Result<(), rusqlite::Error> {
        let transaction = self.db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        {
            let mut insert =
                transaction.prepare_cached("INSERT INTO line (epoch, seq, bytes) VALUES (?1, ?2, ?3)")?;
            for (offset, bytes) in (1u64..).zip(encoded) {
                insert.execute(params![self.epoch, self.head.seq + offset, bytes])?;
            }
        }
        transaction.commit()
    }

    /// Whether the disk refused, and the file was not opened again and compared since.
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    /// As after a disk that refused.
    #[cfg(test)]
    pub(crate) fn fail(&mut self) {
        self.failed = true;
    }

    /// Opens a journal that has failed once more. `each` sees every line as at [`Journal::open`]: among them may be the
    /// last ones that [`Journal::append`] could not vouch for, and whoever keeps a ledger has to make it anew.
    pub fn recover(&mut self, mut each: impl FnMut(Line)) -> Result<(), JournalError> {
        self.reopen(&mut each)
    }

    /// Closes the file, opens it again and takes its head from the disk.
    fn reopen(&mut self, mut each: impl FnMut(Line)) -> Result<(), JournalError> {
        // An exclusive lock is held until the old connection is gone.
        let memory = Connection::open_in_memory().map_err(|error| JournalError::Failed(error.to_string()))?;
        drop(std::mem::replace(&mut self.db, memory));
        let failed = |error: JournalError| match error {
            JournalError::DiskFull => JournalError::DiskFull,
            other => JournalError::Failed(other.to_string()),
        };
        let db = connect(&self.disk, &self.path).map_err(failed)?;
        let mut same = self.head.seq == 0;
        let head = walk(&db, &self.path, &self.device, self.epoch, |bytes, line| {
            let is_last_known = (line.epoch, line.seq) == (self.epoch, self.head.seq);
            same |= is_last_known && line::hash(bytes) == self.head.hash;
            each(line);
        });
        let head = head.map_err(failed)?;
        if !same {
            let reason = format!("line {} was on disk and is gone", self.head.seq);
            return Err(JournalError::Broken { path: self.path.clone(), reason });
        }
        self.db = db;
        self.head = head;
        self.failed = false;
        Ok(())
    }

    /// The last line of this epoch.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The journal's epoch.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The last line that the server has acknowledged.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Notes that the server holds everything up to `seq`.
    pub fn set_sent(&mut self, seq: u64) -> Result<(), JournalError> {
        if seq <= self.sent {
            return Ok(());
        }
        self.db
            .execute(
                "INSERT INTO sent (epoch, seq) VALUES (?1, ?2)
                 ON CONFLICT (epoch) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > sent.seq",
                params![self.epoch, seq],
            )
            .map_err(|error| JournalError::Failed(error.to_string()))?;
        self.sent = seq;
        Ok(())
    }

    /// Goes back to where the server says it stands, after it has lost lines that it had acknowledged.
    pub fn rewind_sent(&mut self, seq: u64) {
        self.sent = self.sent.min(seq);
    }

    /// The bytes of at most `count` lines of this epoch after `after`, in order.
    pub fn after(&self, after: u64, count: u32) -> Result<Vec<Vec<u8>>, JournalError> {
        let read = || -> Result<Vec<Vec<u8>>, rusqlite::Error> {
            self.db
                .prepare_cached("SELECT bytes FROM line WHERE epoch = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3")?
                .query_map(params![self.epoch, after, count], |row| row.get(0))?
                .collect()
        };
        read().map_err(|error| JournalError::Failed(error.to_string()))
    }
}

fn connect(disk: &Disk, path: &Path) -> Result<Connection, JournalError> {
    let db = disk.open(path, disk.flush).map_err(|error| broken(path, error))?;
    let set_up = || -> Result<i64, rusqlite::Error> {
        // macOS reports a flush as done while the drive still holds it, unless it is asked for a full one.
        db.pragma_update(None, "fullfsync", true)?;
        db.pragma_update(None, "checkpoint_fullfsync", true)?;
        db.query_row("PRAGMA user_version", [], |row| row.get(0))
    };
    match set_up().map_err(|error| broken(path, error))? {
        SCHEMA_VERSION => {}
        0 => {
            let make = format!("BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;");
            db.execute_batch(&make).map_err(|error| broken(path, error))?;
        }
        newer => {
            let reason = format!("it was written by a newer program (schema {newer}); update this one");
            return Err(JournalError::Broken { path: path.to_owned(), reason });
        }
    }
    Ok(db)
}

/// A failure while opening: a full disk and a disk in trouble are told apart, everything else means that the file cannot
/// be relied on.
fn broken(path: &Path, error: rusqlite::Error) -> JournalError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => JournalError::DiskFull,
        Some(ErrorCode::SystemIoFailure) => JournalError::Failed(error.to_string()),
        _ => JournalError::Broken { path: path.to_owned(), reason: error.to_string() },
    }
}

/// Walks every epoch's chain and returns the head of `epoch`.
fn walk(
    db: &Connection,
    path: &Path,
    device: &str,
    epoch: u64,
    mut each: impl FnMut(&[u8], Line),
) -> Result<Head, JournalError> {
    let start = Head { seq: 0, hash: GENESIS };
    let mut current = (0u64, start);
    let mut wanted = start;
    let mut select = db
        .prepare("SELECT epoch, seq, bytes FROM line ORDER BY epoch, seq")
        .map_err(|error| broken(path, error))?;
    let mut rows = select.query([]).map_err(|error| broken(path, error))?;
    while let Some(row) = rows.next().map_err(|error| broken(path, error))? {
        let read = || -> Result<(u64, u64, Vec<u8>), rusqlite::Error> {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        };
        let (row_epoch, seq, bytes) = read().map_err(|error| broken(path, error))?;
        if row_epoch != current.0 {
            current = (row_epoch, start);
        }
        let wrong = |reason: &str| JournalError::Broken {
            path: path.to_owned(),
            reason: format!("line {seq} of epoch {row_epoch}: {reason}"),
        };
        let line = line::decode(&bytes).map_err(|error| wrong(&error.to_string()))?;
        if seq != current.1.seq + 1 || line.seq != seq || line.epoch != row_epoch {
            return Err(wrong("a line is missing before it"));
        }
        if line.prev != current.1.hash {
            return Err(wrong("it does not follow from the line before"));
        }
        if line.device != device {
            return Err(wrong("it belongs to another till"));
        }
        current.1 = Head { seq, hash: line::hash(&bytes) };
        if row_epoch == epoch {
            wanted = current.1;
        }
        each(&bytes, line);
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests;
