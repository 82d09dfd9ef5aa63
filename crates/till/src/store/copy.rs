//! `copy.db`: what the server said, so that the till can decide without it.
//!
//! Invariant: it can be thrown away. A file that cannot be read is set aside and fetched anew, and nothing in it is
//! ever the only place where something is known. Codes stand in it as keyed hashes only.

use std::path::{Path, PathBuf};

use model::signed::status::{self, StatusUpdate};
use model::signed::token::Serial;
use model::time::UnixMs;
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use wire::api::{Entry, Setup};
use wire::entitlement::Entitlement;

use super::disk::{Disk, Flush};

const SCHEMA_VERSION: i64 = 3;

const SCHEMA: &str = "
CREATE TABLE entitlement (
    id        TEXT    NOT NULL PRIMARY KEY,
    code_hash TEXT    NOT NULL, -- malls give several customers the same short code
    member    TEXT,             -- the membership that it belongs to
    version   INTEGER NOT NULL,
    told      TEXT    NOT NULL  -- wire::entitlement::Entitlement as JSON
) STRICT, WITHOUT ROWID;
CREATE INDEX entitlement_of_code ON entitlement (code_hash);
CREATE INDEX entitlement_of_member ON entitlement (member) WHERE member IS NOT NULL;
CREATE TABLE status_chunk (
    campaign INTEGER NOT NULL,
    chunk    INTEGER NOT NULL,
    covered  INTEGER NOT NULL, -- so many of its serials are known
    bits     BLOB    NOT NULL, -- two for each serial, see model::signed::status
    PRIMARY KEY (campaign, chunk)
) STRICT, WITHOUT ROWID;
CREATE TABLE fact (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
";

/// The open copy.
#[derive(Debug)]
pub struct Copy {
    db: Connection,
    disk: Disk,
    setup: Option<Setup>,
}

/// How far the copy follows the feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The feed's epoch; empty before the first page.
    pub epoch: String,
    /// The last entry that is in the copy.
    pub seq: u64,
}

/// The copy could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// What is in the file is damaged: fetching everything anew is the cure.
    #[error("the local copy is damaged: {0}")]
    Damaged(String),
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

impl Copy {
    /// Opens, and makes if need be, the copy at `path`. A file that cannot be used is renamed first; its new name
    /// comes back.
    pub fn open(path: &Path, now: UnixMs) -> Result<(Copy, Option<PathBuf>), CopyError> {
        let disk = Disk::default();
        match Copy::open_on(&disk, path) {
            Ok(copy) => Ok((copy, None)),
            Err(error) => {
                tracing::warn!(%error, "the local copy cannot be used");
                let aside = set_aside(path, now)?;
                Ok((Copy::open_on(&disk, path)?, Some(aside)))
            }
        }
    }

    /// Sets this copy aside and begins an empty one in its place, because damage was met while reading.
    pub fn begin_anew(&mut self, path: &Path, now: UnixMs) -> Result<PathBuf, CopyError> {
        // The file can be renamed only once nothing holds it open.
        drop(std::mem::replace(&mut self.db, Connection::open_in_memory()?));
        let aside = set_aside(path, now)?;
        let setup = self.setup.take();
        *self = Copy::open_on(&self.disk, path)?;
        // Who may sign in was read before the damage was met, and is still true.
        if let Some(setup) = setup {
            self.set_setup(setup)?;
        }
        Ok(aside)
    }

    /// Opens, and makes if need be, the copy at `path`, as it is.
    #[doc(hidden)]
    pub fn open_on(disk: &Disk, path: &Path) -> Result<Copy, CopyError> {
        // What the last flush did not reach is fetched again.
        let db = disk.open(path, Flush::NowAndThen)?;
        match db.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))? {
            SCHEMA_VERSION => {}
            0 => db.execute_batch(&format!(
                "BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            ))?,
            other => return Err(CopyError::Damaged(format!("schema {other} is another program's"))),
        }
        let mut copy = Copy { db, disk: disk.clone(), setup: None };
        // Reads one row of each table, so that a damaged page is met now and not under a customer's eyes.
        copy.db.query_row("SELECT count(*) FROM (SELECT 1 FROM entitlement LIMIT 1)", [], |_| Ok(()))?;
        copy.setup = copy.fact("setup")?.map(|text| serde_json::from_str(&text)).transpose()?;
        Ok(copy)
    }

    /// The entitlements of that code hash: one, unless a mall gives several customers the same short code.
    pub fn by_code_hash(&self, hash: &str) -> Result<Vec<Entitlement>, CopyError> {
        self.all("SELECT told FROM entitlement WHERE code_hash = ?1 ORDER BY id", hash)
    }

    /// The entitlement of that id.
    pub fn by_id(&self, id: &str) -> Result<Option<Entitlement>, CopyError> {
        self.one("SELECT told FROM entitlement WHERE id = ?1", id)
    }

    /// The coupons and cards of a membership.
    pub fn of_member(&self, id: &str) -> Result<Vec<Entitlement>, CopyError> {
        self.all("SELECT told FROM entitlement WHERE member = ?1 ORDER BY id", id)
    }

    /// How many entitlements are in it.
    pub fn count(&self) -> Result<u64, CopyError> {
        Ok(self.db.query_row("SELECT count(*) FROM entitlement", [], |row| row.get(0))?)
    }

    /// What became of a serial of that campaign; nothing if no list covers it.
    pub fn status(&self, serial: Serial) -> Result<Option<status::State>, CopyError> {
        let mut select = self.db.prepare_cached(
            "SELECT bits FROM status_chunk WHERE campaign = ?1 AND chunk = ?2 AND covered > ?3",
        )?;
        let (chunk, offset) = status::place(serial.number);
        let bits: Option<Vec<u8>> =
            select.query_row(params![serial.campaign, chunk, offset], |row| row.get(0)).optional()?;
        Ok(bits.and_then(|bits| status::get(&bits, offset)))
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
        self.flushed(|db| put_status(db, update, heard_at))
    }

    /// The server vouches for the status lists as they are.
    pub fn confirm_status(&self, heard_at: UnixMs) -> Result<(), CopyError> {
        set_fact(&self.db, "status_at", &heard_at.0.to_string())
    }

    /// How far it follows the feed.
    pub fn position(&self) -> Result<Position, CopyError> {
        Ok(Position {
            epoch: self.fact("feed_epoch")?.unwrap_or_default(),
            seq: self.fact("feed_seq")?.and_then(|text| text.parse().ok()).unwrap_or(0),
        })
    }

    /// When the server last vouched for all of it; nothing before the first whole copy.
    pub fn heard_at(&self) -> Result<Option<UnixMs>, CopyError> {
        Ok(self.fact("heard_at")?.and_then(|text| text.parse().ok()).map(UnixMs))
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

    /// Takes in a page that follows `position`; with `heard_at` if it was the last one for now. Older versions of
    /// what is in the copy are passed over.
    pub fn apply(
        &mut self,
        entries: &[Entry],
        position: &Position,
        heard_at: Option<UnixMs>,
    ) -> Result<(), CopyError> {
        let transaction = self.db.transaction()?;
        for entry in entries {
            put(&transaction, &entry.code_hash, &entry.entitlement)?;
        }
        set_fact(&transaction, "feed_epoch", &position.epoch)?;
        set_fact(&transaction, "feed_seq", &position.seq.to_string())?;
        if let Some(heard_at) = heard_at {
            set_fact(&transaction, "heard_at", &heard_at.0.to_string())?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Empties the copy, because the feed has begun anew.
    pub fn clear(&mut self) -> Result<(), CopyError> {
        self.db.execute_batch(
            "BEGIN IMMEDIATE;
             DELETE FROM entitlement;
             DELETE FROM status_chunk;
             DELETE FROM fact WHERE name IN ('feed_epoch', 'feed_seq', 'heard_at', 'status_seq', 'status_at');
             COMMIT;",
        )?;
        Ok(())
    }

    fn all(&self, sql: &str, key: &str) -> Result<Vec<Entitlement>, CopyError> {
        let mut select = self.db.prepare_cached(sql)?;
        let texts = select.query_map([key], |row| row.get::<_, String>(0))?;
        texts.map(|text| Ok(serde_json::from_str(&text?)?)).collect()
    }

    fn one(&self, sql: &str, key: &str) -> Result<Option<Entitlement>, CopyError> {
        let text: Option<String> =
            self.db.prepare_cached(sql)?.query_row([key], |row| row.get(0)).optional()?;
        Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
    }

    fn fact(&self, name: &str) -> Result<Option<String>, CopyError> {
        let mut select = self.db.prepare_cached("SELECT value FROM fact WHERE name = ?1")?;
        Ok(select.query_row([name], |row| row.get(0)).optional()?)
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

fn put(db: &Connection, code_hash: &str, told: &Entitlement) -> Result<(), CopyError> {
    db.prepare_cached(
        "INSERT INTO entitlement (id, code_hash, member, version, told) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (id) DO UPDATE SET code_hash = excluded.code_hash, member = excluded.member,
             version = excluded.version, told = excluded.told
         WHERE excluded.version >= entitlement.version",
    )?
    .execute(params![told.id, code_hash, told.member, told.version, serde_json::to_string(told)?])?;
    Ok(())
}

/// Puts an update of the status lists into the copy.
fn put_status(db: &mut Connection, update: &StatusUpdate, heard_at: UnixMs) -> Result<(), CopyError> {
    let transaction = db.transaction()?;
    for list in &update.lists {
        for chunk in &list.chunks {
            let bits = wire::status::decompress(&chunk.bytes, chunk.raw_length.into())
                .map_err(|error| CopyError::Failed(error.to_string()))?;
            let covered = status::covered_in(list.covered, chunk.index);
            transaction
                .prepare_cached(
                    "INSERT INTO status_chunk (campaign, chunk, covered, bits) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (campaign, chunk) DO UPDATE SET covered = excluded.covered,
                         bits = excluded.bits",
                )?
                .execute(params![list.campaign, chunk.index, covered, bits])?;
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
mod tests {
    use wire::entitlement::{Kind, Standing};

    use super::*;

    const NOW: UnixMs = UnixMs(1_800_000_000_000);

    fn entry(seq: u64, id: &str, version: u64) -> Entry {
        Entry {
            seq,
            code_hash: format!("hash of {id}"),
            entitlement: Entitlement {
                id: id.into(),
                version,
                title: "t".into(),
                kind: Kind::Order,
                lines: vec![],
                standing: Standing::Good,
                valid_from: None,
                valid_until: None,
                stores: None,
                spend_min: 0,
                value: 0,
                holder: String::new(),
                code_tail: "P9TD".into(),
                notes: vec![],
                uses: vec![],
                member: Some("m1".into()),
            },
        }
    }

    #[test]
    fn a_page_is_kept_and_an_older_version_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("copy.db");
        let (mut copy, _) = Copy::open(&path, NOW).unwrap();
        assert_eq!(copy.heard_at().unwrap(), None, "nothing was heard yet");
        let position = Position { epoch: "a".into(), seq: 2 };
        copy.apply(&[entry(1, "e1", 5), entry(2, "e2", 1)], &position, Some(NOW)).unwrap();
        copy.apply(&[entry(3, "e1", 4)], &Position { seq: 3, ..position }, None).unwrap();
        drop(copy);
        let (copy, aside) = Copy::open(&path, NOW).unwrap();
        assert_eq!(aside, None, "a good file is used");
        assert_eq!(copy.by_code_hash("hash of e1").unwrap()[0].version, 5, "version 4 came too late");
        assert_eq!(copy.of_member("m1").unwrap().len(), 2, "both belong to the member");
        assert_eq!(
            (copy.position().unwrap().seq, copy.heard_at().unwrap()),
            (3, Some(NOW)),
            "and it knows where"
        );
    }

    #[test]
    fn damage_that_is_met_while_reading_begins_the_copy_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("copy.db");
        let (mut copy, _) = Copy::open(&path, NOW).unwrap();
        let entries: Vec<Entry> = (0..500).map(|n| entry(n, &format!("e{n}"), 1)).collect();
        copy.apply(&entries, &Position { epoch: "a".into(), seq: 500 }, Some(NOW)).unwrap();
        copy.db.execute("UPDATE entitlement SET told = 'no JSON' WHERE id = 'e7'", []).unwrap();
        let damaged = copy.by_id("e7");
        assert!(matches!(damaged, Err(CopyError::Damaged(_))), "told as damage: {damaged:?}");
        let aside = copy.begin_anew(&path, NOW).unwrap();
        assert!(aside.exists(), "the damaged file is kept");
        assert_eq!(
            (copy.count().unwrap(), copy.position().unwrap()),
            (0, Position::default()),
            "and all is new"
        );
    }

    #[test]
    fn a_broken_copy_is_set_aside_and_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("copy.db");
        std::fs::write(&path, vec![9u8; 8192]).unwrap();
        let (copy, aside) = Copy::open(&path, NOW).unwrap();
        assert_eq!(copy.count().unwrap(), 0, "a new one");
        assert!(
            aside.is_some_and(|aside| aside.exists()),
            "the broken one is kept for whoever looks after it"
        );
    }
}
