//! `journal.db`: the lines of this till, each on disk before anything is shown.
//!
//! Invariant: what [`Journal::append`] has returned survives a power cut (WAL with `synchronous=FULL`), and no code
//! path updates or deletes a line. The file is held exclusively; one writer, one connection. When the disk refuses a
//! commit, the file is closed, opened again and compared before the next line is taken; an fsync is never repeated
//! as if nothing had happened, because the system may have dropped the pages that it failed to write. For the same
//! reason nothing that is found at opening counts as durable by having been read: the system's cache may be all that
//! has it, and it is written and flushed once more first.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use model::signed::key::{PublicKey, SigningKey};
use model::time::UnixMs;
use rusqlite::{Connection, ErrorCode, params};
use wire::line::{self, Act, GENESIS, Hash, LINE_VERSION, Line, Witness};

use super::disk::{Disk, Flush};

mod rescued;
pub mod salvage;

const SCHEMA_VERSION: i64 = 2;

const SCHEMA: &str = "
CREATE TABLE line (
    epoch INTEGER NOT NULL,
    seq   INTEGER NOT NULL,
    bytes BLOB    NOT NULL,
    PRIMARY KEY (epoch, seq)
) STRICT, WITHOUT ROWID;
-- Lines of this till that the server held and this file did not, after it was set back or lost.
CREATE TABLE rescued (
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
    /// The last line of each epoch that has any, this one left out.
    earlier: BTreeMap<u64, Head>,
    /// Where rescued lines continue an epoch's own: the last of them.
    continued: BTreeMap<u64, Head>,
    /// How far the server has acknowledged each epoch.
    sent: BTreeMap<u64, u64>,
    /// The key that signs. A journal without one can only be read.
    signer: Option<SigningKey>,
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

impl Head {
    /// Of an epoch without lines.
    pub const NONE: Head = Head { seq: 0, hash: GENESIS };
}

/// When a line is written.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The time gone by.
    pub at: UnixMs,
    /// What it rests on.
    pub clock: Option<Witness>,
}

impl From<UnixMs> for Moment {
    fn from(at: UnixMs) -> Moment {
        Moment { at, clock: None }
    }
}

/// Lines that the server does not hold yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsent {
    /// Their epoch.
    pub epoch: u64,
    /// The number before the first of them.
    pub after: u64,
    /// Their bytes.
    pub lines: Vec<Vec<u8>>,
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
    /// There is no key to sign a line with: the credential store that has it is locked, or it is gone.
    #[error("{0}")]
    NoKey(String),
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
    /// `each` sees every line of every epoch, and those that were rescued. The journal's epoch is `epoch`, or a later one
    /// that is begun in the file. The chain of hashes is followed through all lines, which is what the file can be
    /// trusted by; that the last of them is signed by this till is looked at by [`Journal::sign_with`]. A line that does
    /// not follow from the one before makes the whole journal [`JournalError::Broken`].
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
        let Ends { own: mut earlier, continued } = walk(&db, path, device, None, |_, line| each(line))?;
        let epoch = earlier.keys().last().copied().unwrap_or(0).max(epoch);
        let head = earlier.remove(&epoch).unwrap_or(Head::NONE);
        let sent = read_sent(&db).map_err(|error| broken(path, error))?;
        let (disk, path, device) = (disk.clone(), path.to_owned(), device.to_owned());
        Ok(Journal {
            db,
            disk,
            path,
            device,
            epoch,
            head,
            earlier,
            continued,
            sent,
            signer: None,
            failed: false,
        })
    }

    /// From now on lines are signed with `key`, if the last line is: a journal that somebody else has written is
    /// [`JournalError::Broken`].
    pub fn sign_with(&mut self, key: SigningKey) -> Result<(), JournalError> {
        let last = self.last_bytes().map_err(|error| broken(&self.path, error))?;
        if let Some(bytes) = last {
            line::decode(&bytes, key.public()).map_err(|error| {
                let reason = format!("line {} of epoch {}: {error}", self.head.seq, self.epoch);
                JournalError::Broken { path: self.path.clone(), reason }
            })?;
        }
        self.signer = Some(key);
        Ok(())
    }

    fn last_bytes(&self) -> Result<Option<Vec<u8>>, rusqlite::Error> {
        let last = "SELECT bytes FROM line ORDER BY epoch DESC, seq DESC LIMIT 1";
        self.db.prepare(last)?.query_map([], |row| row.get(0))?.next().transpose()
    }

    /// Begins the next epoch with its first line.
    pub fn begin_epoch(&mut self, epoch: u64, moment: Moment, act: Act) -> Result<Vec<Line>, JournalError> {
        let (before, head) = (self.epoch, self.head);
        if epoch > before {
            if head.seq > 0 {
                self.earlier.insert(before, head);
            }
            (self.epoch, self.head) = (epoch, Head::NONE);
        }
        let written = self.append(moment, vec![act]);
        if written.is_err() && epoch > before && !self.earlier.contains_key(&epoch) {
            self.earlier.remove(&before);
            (self.epoch, self.head) = (before, head);
        }
        written
    }

    /// Appends `acts` as lines in one transaction and returns them once they are on disk.
    ///
    /// Takes nothing while the journal [`Journal::has_failed`].
    pub fn append(&mut self, moment: impl Into<Moment>, acts: Vec<Act>) -> Result<Vec<Line>, JournalError> {
        let moment = moment.into();
        if self.failed {
            return Err(JournalError::Failed("it has to be opened again and compared first".into()));
        }
        let Some(signer) = &self.signer else {
            return Err(JournalError::NoKey("the journal was opened to be read".into()));
        };
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
                at: moment.at.0,
                clock: moment.clock.clone(),
                act,
            };
            let bytes = line::encode(&line, signer);
            head = Head { seq: line.seq, hash: line::hash(&bytes) };
            lines.push(line);
            encoded.push(bytes);
        }
        match self.write(&encoded) {
            Ok(()) => {
                if head != self.head {
                    // What was rescued behind the line before is another history from here on.
                    self.continued.remove(&self.epoch);
                }
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

    /// From now on lines are flushed now and then, see [`crate::controls`].
    pub(crate) fn flush_now_and_then(&mut self) {
        self.disk.flush = Flush::NowAndThen;
        if let Err(error) = self.db.pragma_update(None, "synchronous", "NORMAL") {
            tracing::error!(%error, "lines are flushed as before");
        }
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
        let ends = walk(&db, &self.path, &self.device, None, |bytes, line| {
            let is_last_known = (line.epoch, line.seq) == (self.epoch, self.head.seq);
            same |= is_last_known && line::hash(bytes) == self.head.hash;
            each(line);
        });
        let Ends { own, continued } = ends.map_err(failed)?;
        let head = own.get(&self.epoch).copied().unwrap_or(Head::NONE);
        if !same {
            let reason = format!("line {} was on disk and is gone", self.head.seq);
            return Err(JournalError::Broken { path: self.path.clone(), reason });
        }
        self.db = db;
        self.head = head;
        self.continued = continued;
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

    /// The last line of each epoch before this one.
    pub fn earlier(&self) -> &BTreeMap<u64, Head> {
        &self.earlier
    }

    /// The last line of this epoch that the server has acknowledged.
    pub fn sent(&self) -> u64 {
        self.sent_of(self.epoch)
    }

    /// The last line of that epoch that the server has acknowledged.
    pub fn sent_of(&self, epoch: u64) -> u64 {
        self.sent.get(&epoch).copied().unwrap_or(0)
    }

    /// How many lines the server has not acknowledged.
    pub fn unsent_count(&self) -> u64 {
        self.heads().map(|(epoch, head)| head.seq.saturating_sub(self.sent_of(epoch))).sum()
    }

    /// At most `count` lines that the server does not hold yet, of the earliest epoch that has any.
    pub fn unsent(&self, count: u32) -> Result<Option<Unsent>, JournalError> {
        let waiting = |(epoch, head): &(u64, Head)| head.seq > self.sent_of(*epoch);
        let Some((epoch, _)) = self.heads().find(waiting) else { return Ok(None) };
        let after = self.sent_of(epoch);
        Ok(Some(Unsent { epoch, after, lines: self.after(epoch, after, count)? }))
    }

    /// Notes that the server holds everything of that epoch up to `seq`.
    pub fn set_sent(&mut self, epoch: u64, seq: u64) -> Result<(), JournalError> {
        if seq <= self.sent_of(epoch) {
            return Ok(());
        }
        self.db
            .execute(
                "INSERT INTO sent (epoch, seq) VALUES (?1, ?2)
                 ON CONFLICT (epoch) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > sent.seq",
                params![epoch, seq],
            )
            .map_err(|error| self.refused(&error))?;
        self.sent.insert(epoch, seq);
        Ok(())
    }

    /// Goes back to where the server says it stands with that epoch, after it has lost lines that it had acknowledged. It
    /// is on disk when this returns: nobody else remembers that they are to be sent once more.
    pub fn rewind_sent(&mut self, epoch: u64, seq: u64) -> Result<(), JournalError> {
        if seq >= self.sent_of(epoch) {
            return Ok(());
        }
        self.db
            .execute("UPDATE sent SET seq = ?2 WHERE epoch = ?1", params![epoch, seq])
            .map_err(|error| self.refused(&error))?;
        self.sent.insert(epoch, seq);
        Ok(())
    }

    /// Offers every line again, after the server has begun anew; on disk when this returns, like [`Journal::rewind_sent`].
    pub fn rewind_all(&mut self) -> Result<(), JournalError> {
        self.db.execute("UPDATE sent SET seq = 0", []).map_err(|error| self.refused(&error))?;
        self.sent.clear();
        Ok(())
    }

    /// Whatever the disk did not do, it may not do for the next line either.
    fn refused(&mut self, error: &rusqlite::Error) -> JournalError {
        self.failed = true;
        JournalError::Failed(error.to_string())
    }

    /// The bytes of at most `count` lines of that epoch after `after`, in order: its own, and those that were rescued
    /// where they continue them.
    pub fn after(&self, epoch: u64, after: u64, count: u32) -> Result<Vec<Vec<u8>>, JournalError> {
        let end = self.continued.get(&epoch).map_or(0, |head| head.seq);
        let own = self.own(epoch).seq;
        let read = || -> Result<Vec<Vec<u8>>, rusqlite::Error> {
            self.db
                .prepare_cached(
                    "SELECT seq, bytes FROM line WHERE epoch = ?1 AND seq > ?2 UNION ALL
                     SELECT seq, bytes FROM rescued WHERE epoch = ?1 AND seq > max(?2, ?4) AND seq <= ?5
                     ORDER BY 1 LIMIT ?3",
                )?
                .query_map(params![epoch, after, count, own, end], |row| row.get(1))?
                .collect()
        };
        read().map_err(|error| JournalError::Failed(error.to_string()))
    }

    /// Whether the journal's own line of that number has that hash; nothing if there is no such line.
    pub fn has(&self, epoch: u64, seq: u64, hash: &Hash) -> Result<Option<bool>, JournalError> {
        let before = seq.saturating_sub(1);
        if seq > self.own(epoch).seq {
            return Ok(None);
        }
        let lines = self.after(epoch, before, 1)?;
        Ok(lines.first().filter(|_| seq > before).map(|bytes| line::hash(bytes) == *hash))
    }

    /// Reads every line with its bytes, and checks each signature too: what `journal verify` and an export do.
    pub fn verify(&self, key: PublicKey, each: impl FnMut(&[u8], Line)) -> Result<(), JournalError> {
        walk(&self.db, &self.path, &self.device, Some(key), each).map(drop)
    }

    /// Writes a copy of the whole journal, as it is now, to `file`, which must not exist, and flushes it.
    pub fn back_up(&self, file: &Path) -> Result<(), JournalError> {
        let failed = |error: String| JournalError::Failed(error);
        let name = file.to_str().ok_or_else(|| failed("a file name that is no text".into()))?;
        self.db.execute("VACUUM INTO ?1", [name]).map_err(|error| failed(error.to_string()))?;
        let flushed = std::fs::File::open(file).and_then(|file| file.sync_all());
        flushed.map_err(|error| failed(error.to_string()))
    }
}

fn read_sent(db: &Connection) -> Result<BTreeMap<u64, u64>, rusqlite::Error> {
    let mut select = db.prepare("SELECT epoch, seq FROM sent")?;
    select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
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
        older if older < SCHEMA_VERSION => {
            let reason =
                "it was written before lines were signed, by a preview of this program: send what is unsent \
                          with the program that wrote it, then move the file away"
                    .into();
            return Err(JournalError::Broken { path: path.to_owned(), reason });
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

/// The last lines of the epochs that a file holds.
struct Ends {
    /// Of those that have lines of their own.
    own: BTreeMap<u64, Head>,
    /// Of those that rescued lines continue.
    continued: BTreeMap<u64, Head>,
}

impl Ends {
    /// Takes in a rescued line, which may follow from the last of its epoch, the own ones and the rescued together.
    fn continue_with(&mut self, line: &Line, bytes: &[u8]) {
        let own = self.own.get(&line.epoch).copied().unwrap_or(Head::NONE);
        let end = self.continued.get(&line.epoch).copied().unwrap_or(own);
        if line.seq == end.seq + 1 && line.prev == end.hash {
            self.continued.insert(line.epoch, Head { seq: line.seq, hash: line::hash(bytes) });
        }
    }
}

/// Walks every epoch's chain and gives the last line of each epoch. With a key, each line's signature and encoding are
/// looked at; without, the hashes vouch for what was looked at when it was written.
fn walk(
    db: &Connection,
    path: &Path,
    device: &str,
    key: Option<PublicKey>,
    mut each: impl FnMut(&[u8], Line),
) -> Result<Ends, JournalError> {
    let mut ends = Ends { own: BTreeMap::new(), continued: BTreeMap::new() };
    let all = "SELECT epoch, seq, bytes, 0 FROM line UNION ALL SELECT epoch, seq, bytes, 1 FROM rescued
               ORDER BY 1, 2, 4";
    let mut select = db.prepare(all).map_err(|error| broken(path, error))?;
    let mut rows = select.query([]).map_err(|error| broken(path, error))?;
    while let Some(row) = rows.next().map_err(|error| broken(path, error))? {
        let read = || -> Result<(u64, u64, Vec<u8>, bool), rusqlite::Error> {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        };
        let (epoch, seq, bytes, rescued) = read().map_err(|error| broken(path, error))?;
        let wrong = |reason: &str| JournalError::Broken {
            path: path.to_owned(),
            reason: format!("line {seq} of epoch {epoch}: {reason}"),
        };
        let line = key.map_or_else(|| line::recall(&bytes), |key| line::decode(&bytes, key));
        let line = line.map_err(|error| wrong(&error.to_string()))?;
        if line.device != device {
            return Err(wrong("it belongs to another till"));
        }
        if line.seq != seq || line.epoch != epoch {
            return Err(wrong("it stands under another number"));
        }
        if rescued {
            ends.continue_with(&line, &bytes);
        } else {
            let before = ends.own.entry(epoch).or_insert(Head::NONE);
            if seq != before.seq + 1 {
                return Err(wrong("a line is missing before it"));
            }
            if line.prev != before.hash {
                return Err(wrong("it does not follow from the line before"));
            }
            *before = Head { seq, hash: line::hash(&bytes) };
        }
        each(&bytes, line);
    }
    Ok(ends)
}

#[cfg(test)]
mod tests;
