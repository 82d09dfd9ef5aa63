//! How the two databases lie on the disk. Production has one answer, [`Disk::default`]; tests of storage faults put
//! another file system under SQLite, or take a defence away to see that its absence is noticed.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags, ffi};

/// So much of a log is written again at a time (bytes).
const PIECE_BYTES: usize = 1 << 20;

/// Where and how carefully a database is written.
#[doc(hidden)]
#[derive(Clone, Debug, Default)]
pub struct Disk {
    /// Another file system; nothing for the system's own.
    pub other: Option<Other>,
    /// When the journal's lines are flushed.
    pub flush: Flush,
    /// After so many pages of log the database itself is written; nothing for SQLite's own choice, 1,000.
    pub checkpoint_pages: Option<u32>,
}

/// A file system that is not the system's own.
#[doc(hidden)]
#[derive(Clone)]
pub struct Other {
    /// The name that SQLite knows it by.
    pub vfs: String,
    /// Its way to rewrite a file.
    pub rewrite: Arc<Rewrite>,
}

/// Writes a file's content over itself and flushes it, if the file is there.
#[doc(hidden)]
pub type Rewrite = dyn Fn(&Path) -> io::Result<()> + Send + Sync;

impl std::fmt::Debug for Other {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Other({})", self.vfs)
    }
}

/// When the journal's lines are flushed.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flush {
    /// With every commit: what was acknowledged survives a power cut.
    #[default]
    EveryCommit,
    /// Now and then (`synchronous=NORMAL`): a power cut takes the last lines with it.
    NowAndThen,
}

impl Disk {
    /// Opens, and makes if need be, the database at `path`, for one connection at a time, with a write-ahead log.
    ///
    /// A log that is there already is made durable first. After a flush that failed it may be whole in the system's
    /// cache and torn on the disk, and no later flush writes it (Rebello et al., USENIX ATC 2020). SQLite would read it,
    /// go on after it, and copy it into the database; a power cut would then take new lines with the torn ones, or leave
    /// a log that is older than the database beside it.
    pub(super) fn open(&self, path: &Path, flush: Flush) -> Result<Connection, rusqlite::Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let log = log_of(path);
        let db = match &self.other {
            None => {
                rewrite(&log).map_err(sqlite)?;
                Connection::open_with_flags(path, flags)?
            }
            Some(other) => {
                (other.rewrite)(&log).map_err(sqlite)?;
                Connection::open_with_flags_and_vfs(path, flags, other.vfs.as_str())?
            }
        };
        db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        let synchronous = match flush {
            Flush::EveryCommit => "FULL",
            Flush::NowAndThen => "NORMAL",
        };
        db.pragma_update(None, "synchronous", synchronous)?;
        if let Some(pages) = self.checkpoint_pages {
            db.pragma_update(None, "wal_autocheckpoint", pages)?;
        }
        Ok(db)
    }
}

/// The write-ahead log of the database at `path`.
fn log_of(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

/// Writes a file's content over itself and flushes it, if the file is there: whatever the system takes for clean is
/// written, and what is on the disk already stays what it is, however the writing is interrupted.
fn rewrite(path: &Path) -> io::Result<()> {
    let mut file = match File::options().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    // In pieces: the log of a copy that was being fetched is long.
    let mut piece = vec![0; PIECE_BYTES];
    let mut at = 0;
    loop {
        file.seek(SeekFrom::Start(at))?;
        let count = file.read(&mut piece)?;
        if count == 0 {
            return file.sync_all();
        }
        file.seek(SeekFrom::Start(at))?;
        file.write_all(&piece[..count])?;
        at += count as u64;
    }
}

fn sqlite(error: io::Error) -> rusqlite::Error {
    let code = match error.kind() {
        io::ErrorKind::StorageFull => ffi::SQLITE_FULL,
        _ => ffi::SQLITE_IOERR,
    };
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some(format!("the log: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_written_again_is_what_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.db-wal");
        rewrite(&path).unwrap();
        assert!(!path.exists(), "none is made");
        for length in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, 2 * PIECE_BYTES + 7] {
            let content: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            std::fs::write(&path, &content).unwrap();
            rewrite(&path).unwrap();
            assert!(std::fs::read(&path).unwrap() == content, "{length} bytes are as they were");
        }
    }
}
