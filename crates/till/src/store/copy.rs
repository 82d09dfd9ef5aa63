//! `copy.db`: what the server said, so that the till can decide without it.
//!
//! Invariants: it can be thrown away, and it can prove itself. A file that cannot be read is set aside and fetched anew,
//! and nothing in it is ever the only place where something is known. Each row stands beside a hash that is compared
//! whenever the row is used; the sum of the hashes is compared with the server's after each page, and with all rows
//! after each start. Codes stand in it as keyed hashes only.

use std::path::{Path, PathBuf};

use model::signed::status::{self, StatusUpdate};
use model::signed::token::Serial;
use model::time::UnixMs;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use wire::api::{Entry, Setup};
use wire::entitlement::Entitlement;
use wire::feed::{Digest, RowHash, RowKey, Told};

use super::disk::{Disk, Flush};

mod building;
mod cases;
mod look_over;

pub use building::Building;
pub use cases::CasesRead;
use look_over::LookOver;
pub use look_over::Progress;

const SCHEMA_VERSION: i64 = 5;

/// The rows. Their indexes come when they are all there, see [`INDEXES`].
const ROWS: &str = "
CREATE TABLE entitlement (
    id        TEXT NOT NULL PRIMARY KEY,
    code_hash TEXT NOT NULL, -- malls give several customers the same short code
    member    TEXT,          -- the membership that it belongs to
    told      TEXT NOT NULL, -- wire::entitlement::Entitlement as JSON, byte for byte as it came
    hash      BLOB NOT NULL  -- of id, code_hash and told, see wire::feed
) STRICT, WITHOUT ROWID;
CREATE TABLE status_chunk (
    campaign INTEGER NOT NULL,
    chunk    INTEGER NOT NULL,
    covered  INTEGER NOT NULL, -- so many of its serials are known
    bits     BLOB    NOT NULL, -- two for each serial, see model::signed::status
    hash     BLOB    NOT NULL,
    PRIMARY KEY (campaign, chunk)
) STRICT, WITHOUT ROWID;
CREATE TABLE case_told (
    id   TEXT    NOT NULL PRIMARY KEY,
    seq  INTEGER NOT NULL, -- its number in the store's feed of cases
    open INTEGER NOT NULL,
    told TEXT    NOT NULL, -- wire::case::Case as JSON
    hash BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE fact (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
";

const INDEXES: &str = "
CREATE INDEX entitlement_of_code ON entitlement (code_hash);
CREATE INDEX entitlement_of_member ON entitlement (member) WHERE member IS NOT NULL;
";

/// The open copy.
#[derive(Debug)]
pub struct Copy {
    db: Connection,
    disk: Disk,
    key: RowKey,
    setup: Option<Setup>,
    place: Place,
    look_over: Option<LookOver>,
}

/// How far the copy follows the feed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The feed's epoch; empty before the first page.
    pub epoch: String,
    /// The last entry that is in the copy.
    pub seq: u64,
}

/// Where the copy stands, and what it is the sum of. Sealed in the file by a hash of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    position: Position,
    /// The sum of the hashes of all rows.
    digest: Digest,
    /// How many rows there are.
    rows: u64,
    /// When the server last vouched for all of it (ms since 1970).
    heard_at: Option<i64>,
    /// What the server gave with the last page, for itself.
    receipt: String,
    /// It is not what the server told: nothing is given away by it any more.
    doubtful: bool,
}

/// The end of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageEnd {
    /// Where the copy stands afterwards.
    pub position: Position,
    /// The digest of the page's own rows.
    pub rows: Digest,
    /// The digest of all rows, if the page was the last one for now.
    pub digest: Option<Digest>,
    /// What the server gave for itself.
    pub receipt: String,
}

/// The copy could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// What is in the file is damaged: fetching everything anew is the cure.
    #[error("the local copy is damaged: {0}")]
    Damaged(String),
    /// It can be read, but is not what the server told. It still says what was used up, and nothing else.
    #[error("the local copy is not what the server told: {0}")]
    Doubtful(String),
    /// A page, or a part of a snapshot, is not what it says of itself. The copy is as it was.
    #[error("what came is not what was told: {0}")]
    NotTaken(String),
    /// The disk or the system refused.
    #[error("the local copy failed: {0}")]
    Failed(String),
}

impl From<rusqlite::Error> for CopyError {
    fn from(error: rusqlite::Error) -> CopyError {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                CopyError::Damaged(error.to_string())
            }
            _ => CopyError::Failed(error.to_string()),
        }
    }
}

impl From<serde_json::Error> for CopyError {
    fn from(error: serde_json::Error) -> CopyError {
        CopyError::Damaged(error.to_string())
    }
}

/// What of an entitlement the copy finds it by.
#[derive(Deserialize)]
struct Peek {
    id: String,
    #[serde(default)]
    member: Option<String>,
}

impl Copy {
    /// Opens, and makes if need be, the copy at `path`. A file that cannot be used is renamed first; its new name
    /// comes back.
    pub fn open(path: &Path, key: RowKey, now: UnixMs) -> Result<(Copy, Option<PathBuf>), CopyError> {
        let disk = Disk::default();
        match Copy::open_on(&disk, path, key) {
            Ok(copy) => Ok((copy, None)),
            Err(error) => {
                tracing::warn!(%error, "the local copy cannot be used");
                let aside = set_aside(path, now)?;
                Ok((Copy::open_on(&disk, path, key)?, Some(aside)))
            }
        }
    }

    /// Sets this copy aside and begins an empty one in its place, because damage was met while reading.
    pub fn begin_anew(&mut self, path: &Path, now: UnixMs) -> Result<PathBuf, CopyError> {
        // The file can be renamed only once nothing holds it open.
        drop(std::mem::replace(&mut self.db, Connection::open_in_memory()?));
        let aside = set_aside(path, now)?;
        let setup = self.setup.take();
        *self = Copy::open_on(&self.disk, path, self.key)?;
        // Who may sign in was read before the damage was met, and is still true.
        if let Some(setup) = setup {
            self.set_setup(setup)?;
        }
        Ok(aside)
    }

    /// Opens, and makes if need be, the copy at `path`, as it is.
    #[doc(hidden)]
    pub fn open_on(disk: &Disk, path: &Path, key: RowKey) -> Result<Copy, CopyError> {
        // What the last flush did not reach is fetched again.
        let db = disk.open(path, Flush::NowAndThen)?;
        match db.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))? {
            SCHEMA_VERSION => {}
            0 => db.execute_batch(&format!(
                "BEGIN IMMEDIATE; {ROWS} {INDEXES} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            ))?,
            other => return Err(CopyError::Damaged(format!("schema {other} is another program's"))),
        }
        let place = Place::read(&db, &key)?;
        let mut copy = Copy { db, disk: disk.clone(), key, setup: None, place, look_over: None };
        // Reads one row of each table, so that a damaged page is met now and not under a customer's eyes.
        copy.db.query_row("SELECT count(*) FROM (SELECT 1 FROM entitlement LIMIT 1)", [], |_| Ok(()))?;
        copy.setup = copy.fact("setup")?.map(|text| serde_json::from_str(&text)).transpose()?;
        Ok(copy)
    }

    /// The entitlements of that code hash: one, unless a mall gives several customers the same short code.
    pub fn by_code_hash(&self, hash: &str) -> Result<Vec<Entitlement>, CopyError> {
        let sql =
            "SELECT id, code_hash, member, told, hash FROM entitlement WHERE code_hash = ?1 ORDER BY id";
        self.all(sql, hash, |row| row.code_hash == hash)
    }

    /// The entitlement of that id.
    pub fn by_id(&self, id: &str) -> Result<Option<Entitlement>, CopyError> {
        let sql = "SELECT id, code_hash, member, told, hash FROM entitlement WHERE id = ?1";
        Ok(self.all(sql, id, |row| row.id == id)?.pop())
    }

    /// The coupons and cards of a membership.
    pub fn of_member(&self, id: &str) -> Result<Vec<Entitlement>, CopyError> {
        let sql = "SELECT id, code_hash, member, told, hash FROM entitlement WHERE member = ?1 ORDER BY id";
        self.all(sql, id, |row| row.member.as_deref() == Some(id))
    }

    /// How many entitlements are in it.
    pub fn count(&self) -> Result<u64, CopyError> {
        Ok(self.place.rows)
    }

    /// Whether it is known to be something else than what the server told. What it says of uses and refunds may still
    /// hold something back; nothing may be given away by it.
    pub fn is_doubtful(&self) -> bool {
        self.place.doubtful
    }

    /// From now on, and after a restart, nothing is given away by this copy.
    pub fn doubt(&mut self) -> Result<(), CopyError> {
        self.place.doubtful = true;
        self.look_over = None;
        self.place.write(&self.db, &self.key)
    }

    /// What became of a serial of that campaign; nothing if no list covers it.
    pub fn status(&self, serial: Serial) -> Result<Option<status::State>, CopyError> {
        let mut select = self.db.prepare_cached(
            "SELECT campaign, chunk, covered, bits, hash FROM status_chunk
             WHERE campaign = ?1 AND chunk = ?2 AND covered > ?3",
        )?;
        let (chunk, offset) = status::place(serial.number);
        let found = select.query_row(params![serial.campaign, chunk, offset], StatusChunk::of).optional()?;
        let Some(found) = found else { return Ok(None) };
        found.check(&self.key)?;
        Ok(status::get(&found.bits, offset))
    }

    /// How far it follows the status lists.
    pub fn status_position(&self) -> Result<u64, CopyError> {
        Ok(self.fact("status_seq")?.and_then(|text| text.parse().ok()).unwrap_or(0))
    }

    /// When the server last vouched for the status lists.
    pub fn status_at(&self) -> Result<Option<UnixMs>, CopyError> {
        Ok(self.fact("status_at")?.and_then(|text| text.parse().ok()).map(UnixMs))
    }

    /// Takes in an update of the status lists that follows what is held: all of it or nothing. It is on disk afterwards.
    pub fn apply_status(&mut self, update: &StatusUpdate, heard_at: UnixMs) -> Result<(), CopyError> {
        let key = self.key;
        self.flushed(|db| put_status(db, &key, update, heard_at))
    }

    /// The server vouches for the status lists as they are.
    pub fn confirm_status(&self, heard_at: UnixMs) -> Result<(), CopyError> {
        set_fact(&self.db, "status_at", &heard_at.0.to_string())
    }

    /// How far it follows the feed.
    pub fn position(&self) -> Result<Position, CopyError> {
        Ok(self.place.position.clone())
    }

    /// What the server gave with the last page, to be shown with the next request; empty before the first.
    pub fn receipt(&self) -> &str {
        &self.place.receipt
    }

    /// When the server last vouched for all of it; nothing before the first whole copy.
    pub fn heard_at(&self) -> Result<Option<UnixMs>, CopyError> {
        Ok(self.place.heard_at.map(UnixMs))
    }

    /// What the chain says about this till.
    pub fn setup(&self) -> Option<&Setup> {
        self.setup.as_ref()
    }

    /// Keeps what the chain says about this till, and returns once it is on disk: neither a policy nor who may sign in
    /// is to be the older one again because power was cut.
    pub fn set_setup(&mut self, setup: Setup) -> Result<(), CopyError> {
        let text = serde_json::to_string(&setup)?;
        self.flushed(|db| set_fact(db, "setup", &text))?;
        self.setup = Some(setup);
        Ok(())
    }

    /// Does something of which the commit itself is flushed. The rest of the copy is flushed now and then, for it is
    /// fetched again; what only ever moves forward must not be seen to go back.
    fn flushed<T>(
        &mut self,
        act: impl FnOnce(&mut Connection) -> Result<T, CopyError>,
    ) -> Result<T, CopyError> {
        self.db.pragma_update(None, "synchronous", "FULL")?;
        let done = act(&mut self.db);
        self.db.pragma_update(None, "synchronous", "NORMAL")?;
        done
    }

    /// Takes in a page that follows [`Copy::position`]; with `heard_at` if it was the last one for now.
    ///
    /// # Errors
    ///
    /// [`CopyError::NotTaken`] where the page does not agree with its own digest, and [`CopyError::Doubtful`] where
    /// this copy with the page is not what the server has; then it stays as it was, and in doubt.
    pub fn apply(
        &mut self,
        entries: &[Entry],
        end: &PageEnd,
        heard_at: Option<UnixMs>,
    ) -> Result<(), CopyError> {
        let mut place = self.place.clone();
        let mut look_over = self.look_over.clone();
        let transaction = self.db.transaction()?;
        let mut own = Digest::EMPTY;
        for entry in entries {
            let (id, before, now) = put(&transaction, &self.key, entry)?;
            own.add(&now);
            place.digest.add(&now);
            match &before {
                Some(before) => place.digest.take(before),
                None => place.rows += 1,
            }
            if let Some(look_over) = &mut look_over {
                look_over.follow(&id, before.as_ref(), &now);
            }
        }
        if own != end.rows {
            return Err(CopyError::NotTaken("the rows of a page are others than it says".into()));
        }
        if end.digest.is_some_and(|digest| digest != place.digest) {
            drop(transaction);
            self.doubt()?;
            return Err(CopyError::Doubtful(format!("its digest at {} is another one", end.position.seq)));
        }
        place.position = end.position.clone();
        place.receipt.clone_from(&end.receipt);
        place.heard_at = heard_at.map(|at| at.0).or(place.heard_at);
        place.write(&transaction, &self.key)?;
        transaction.commit()?;
        (self.place, self.look_over) = (place, look_over);
        Ok(())
    }

    /// Empties the copy, because the feed has begun anew.
    pub fn clear(&mut self) -> Result<(), CopyError> {
        self.db.execute_batch(
            "BEGIN IMMEDIATE;
             DELETE FROM entitlement;
             DELETE FROM status_chunk;
             DELETE FROM case_told;
             DELETE FROM fact WHERE name IN ('place', 'seal', 'status_seq', 'status_at', 'cases_seq');
             COMMIT;",
        )?;
        (self.place, self.look_over) = (Place::default(), None);
        Ok(())
    }

    /// Those of a statement that chooses by `key`. Each is compared with its hash, and must be what was asked for.
    fn all(
        &self,
        sql: &str,
        key: &str,
        asked: impl Fn(&CopyRow) -> bool,
    ) -> Result<Vec<Entitlement>, CopyError> {
        let mut select = self.db.prepare_cached(sql)?;
        let mut found = vec![];
        for row in select.query_map([key], CopyRow::of)? {
            let row = row?;
            row.check(&self.key)?;
            if !asked(&row) {
                return Err(CopyError::Doubtful(format!("the row of {} was found by another key", row.id)));
            }
            match serde_json::from_str(&row.told) {
                Ok(entitlement) => found.push(entitlement),
                // Told by a newer server, and intact: this program cannot judge it, and another one may.
                Err(error) => tracing::error!(id = %row.id, %error, "an entitlement is left out"),
            }
        }
        Ok(found)
    }

    fn fact(&self, name: &str) -> Result<Option<String>, CopyError> {
        fact(&self.db, name)
    }
}

/// One row as it stands in the file.
struct CopyRow {
    id: String,
    code_hash: String,
    member: Option<String>,
    told: String,
    hash: Vec<u8>,
}

impl CopyRow {
    fn of(row: &Row<'_>) -> rusqlite::Result<CopyRow> {
        Ok(CopyRow {
            id: row.get(0)?,
            code_hash: row.get(1)?,
            member: row.get(2)?,
            told: row.get(3)?,
            hash: row.get(4)?,
        })
    }

    /// Its hash, if that is the hash of what stands beside it.
    fn check(&self, key: &RowKey) -> Result<RowHash, CopyError> {
        let hash = key.hash(&self.id, &self.code_hash, &self.told);
        if hash.0[..] == self.hash[..] {
            Ok(hash)
        } else {
            Err(CopyError::Doubtful(format!("the row of {} was changed", self.id)))
        }
    }
}

/// One chunk of a status list as it stands in the file.
struct StatusChunk {
    campaign: i64,
    chunk: i64,
    covered: i64,
    bits: Vec<u8>,
    hash: Vec<u8>,
}

impl StatusChunk {
    fn of(row: &Row<'_>) -> rusqlite::Result<StatusChunk> {
        Ok(StatusChunk {
            campaign: row.get(0)?,
            chunk: row.get(1)?,
            covered: row.get(2)?,
            bits: row.get(3)?,
            hash: row.get(4)?,
        })
    }

    fn seal(&self, key: &RowKey) -> RowHash {
        let name = format!("status {} {} {}", self.campaign, self.chunk, self.covered);
        key.hash_bytes(&[name.as_bytes(), &self.bits])
    }

    fn check(&self, key: &RowKey) -> Result<(), CopyError> {
        if self.seal(key).0[..] == self.hash[..] {
            Ok(())
        } else {
            Err(CopyError::Doubtful(format!("a status list of campaign {} was changed", self.campaign)))
        }
    }

    fn write(&self, db: &Connection, key: &RowKey) -> Result<(), CopyError> {
        db.prepare_cached(
            "INSERT INTO status_chunk (campaign, chunk, covered, bits, hash) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (campaign, chunk) DO UPDATE SET covered = excluded.covered, bits = excluded.bits,
                 hash = excluded.hash",
        )?
        .execute(params![self.campaign, self.chunk, self.covered, self.bits, self.seal(key).0])?;
        Ok(())
    }
}

impl Place {
    fn read(db: &Connection, key: &RowKey) -> Result<Place, CopyError> {
        let Some(text) = fact(db, "place")? else { return Ok(Place::default()) };
        let seal = Digest::from(key.hash_bytes(&[b"place", text.as_bytes()])).to_string();
        if fact(db, "seal")? != Some(seal) {
            return Err(CopyError::Damaged("where it stands was changed".into()));
        }
        Ok(serde_json::from_str(&text)?)
    }

    fn write(&self, db: &Connection, key: &RowKey) -> Result<(), CopyError> {
        let text = serde_json::to_string(self)?;
        let seal = Digest::from(key.hash_bytes(&[b"place", text.as_bytes()])).to_string();
        set_fact(db, "place", &text)?;
        set_fact(db, "seal", &seal)
    }
}

/// Renames the file, so that whoever looks after the till can look at it.
fn set_aside(path: &Path, now: UnixMs) -> Result<PathBuf, CopyError> {
    let aside = path.with_extension(format!("broken-{}.db", now.0));
    tracing::warn!(aside = %aside.display(), "the local copy is set aside and fetched anew");
    std::fs::rename(path, &aside).map_err(|error| CopyError::Failed(error.to_string()))?;
    for rest in ["db-wal", "db-shm"] {
        // They may or may not be there; a new database must not meet the old one's.
        let _ = std::fs::remove_file(path.with_extension(rest));
    }
    Ok(aside)
}

/// Puts an entry in the place of what was told before. Gives its id, the hash of what was there, and its own.
fn put(
    db: &Connection,
    key: &RowKey,
    entry: &Entry,
) -> Result<(String, Option<RowHash>, RowHash), CopyError> {
    let Peek { id, member } = peek(&entry.entitlement)?;
    let before: Option<Vec<u8>> = db
        .prepare_cached("SELECT hash FROM entitlement WHERE id = ?1")?
        .query_row([&id], |row| row.get(0))
        .optional()?;
    let before = match before.as_deref().map(RowHash::from_slice) {
        Some(None) => return Err(CopyError::Doubtful(format!("the row of {id} has no hash"))),
        before => before.flatten(),
    };
    let told = entry.entitlement.text();
    let hash = key.hash(&id, &entry.code_hash, told);
    db.prepare_cached(
        "INSERT INTO entitlement (id, code_hash, member, told, hash) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (id) DO UPDATE SET code_hash = excluded.code_hash, member = excluded.member,
             told = excluded.told, hash = excluded.hash",
    )?
    .execute(params![id, entry.code_hash, member, told, hash.0])?;
    Ok((id, before, hash))
}

fn peek(told: &Told) -> Result<Peek, CopyError> {
    serde_json::from_str(told.text()).map_err(|error| CopyError::NotTaken(error.to_string()))
}

fn fact(db: &Connection, name: &str) -> Result<Option<String>, CopyError> {
    let mut select = db.prepare_cached("SELECT value FROM fact WHERE name = ?1")?;
    Ok(select.query_row([name], |row| row.get(0)).optional()?)
}

/// Puts an update of the status lists into the copy.
fn put_status(
    db: &mut Connection,
    key: &RowKey,
    update: &StatusUpdate,
    heard_at: UnixMs,
) -> Result<(), CopyError> {
    let transaction = db.transaction()?;
    for list in &update.lists {
        for chunk in &list.chunks {
            let bits = wire::status::decompress(&chunk.bytes, chunk.raw_length.into())
                .map_err(|error| CopyError::Failed(error.to_string()))?;
            let covered = status::covered_in(list.covered, chunk.index);
            let (campaign, chunk) = (i64::from(list.campaign), i64::from(chunk.index));
            let chunk = StatusChunk { campaign, chunk, covered: i64::from(covered), bits, hash: vec![] };
            chunk.write(&transaction, key)?;
        }
    }
    set_fact(&transaction, "status_seq", &update.version.to_string())?;
    // As long as parts are missing the server has not vouched for the whole.
    if !update.more {
        set_fact(&transaction, "status_at", &heard_at.0.to_string())?;
    }
    transaction.commit()?;
    Ok(())
}

fn set_fact(db: &Connection, name: &str, value: &str) -> Result<(), CopyError> {
    db.prepare_cached(
        "INSERT INTO fact (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )?
    .execute([name, value])?;
    Ok(())
}

#[cfg(test)]
mod tests;
