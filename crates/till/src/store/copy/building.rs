//! `copy.new.db`: a copy that is built from a snapshot beside the one in use, and takes its place when it is whole.
//!
//! Each chunk is taken in with a note of its name, in one transaction: whatever happens, what is noted is there, and
//! the rest is fetched. Invariant: at any moment `copy.db` is the complete old copy or the complete new one.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use model::time::UnixMs;
use rusqlite::{Connection, params};
use wire::api::{Chunk, Setup, Snapshot};
use wire::feed::{Digest, RowKey};
use wire::snapshot::{self, NotAChunk};

use super::{
    Copy, CopyError, CopyRow, INDEXES, Peek, Place, Position, ROWS, SCHEMA_VERSION, StatusChunk, set_aside,
    set_fact,
};

/// What `user_version` says while the copy is not whole.
const UNDER_WAY: i64 = -SCHEMA_VERSION;

const PARTS: &str = "
CREATE TABLE part (
    name     TEXT    NOT NULL PRIMARY KEY, -- of the chunk
    first_id TEXT    NOT NULL,
    last_id  TEXT    NOT NULL,
    rows     INTEGER NOT NULL,
    digest   BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
";

/// Memory for the pages of the new file (KiB): what is put in order is put in once.
const CACHE_KIB: i64 = 16 * 1024;

impl From<NotAChunk> for CopyError {
    fn from(error: NotAChunk) -> CopyError {
        CopyError::NotTaken(error.to_string())
    }
}

/// A copy under way.
#[derive(Debug)]
pub struct Building {
    db: Connection,
    path: PathBuf,
    key: RowKey,
    snapshot: Snapshot,
    have: HashSet<String>,
    rows: u64,
    digest: Digest,
}

/// The chunks of the status lists, and the facts that say how far they reach.
type StatusLists = (Vec<StatusChunk>, Vec<(&'static str, String)>);

struct Part {
    name: String,
    first_id: String,
    last_id: String,
    rows: u64,
    digest: Digest,
}

impl Building {
    /// Goes on with what is at `path`, as far as it is part of that snapshot, or begins.
    pub fn open(path: &Path, key: RowKey, snapshot: Snapshot) -> Result<Building, CopyError> {
        match Building::try_open(path, key, snapshot.clone()) {
            Err(error @ (CopyError::Damaged(_) | CopyError::Doubtful(_))) => {
                tracing::warn!(%error, "the new copy is begun once more");
                remove(path)?;
                Building::try_open(path, key, snapshot)
            }
            opened => opened,
        }
    }

    fn try_open(path: &Path, key: RowKey, snapshot: Snapshot) -> Result<Building, CopyError> {
        let db = Connection::open(path)?;
        db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        // What is put behind the end of a file needs no journal, so that each page is written once. A program that is
        // killed loses nothing by that; after a loss of power, what is noted is compared with its digest.
        db.pragma_update(None, "journal_mode", "TRUNCATE")?;
        db.pragma_update(None, "synchronous", "OFF")?;
        db.pragma_update(None, "cache_size", -CACHE_KIB)?;
        match db.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))? {
            UNDER_WAY => {}
            0 => db.execute_batch(&format!(
                "BEGIN IMMEDIATE; {ROWS} {PARTS} PRAGMA user_version = {UNDER_WAY}; COMMIT;"
            ))?,
            other => return Err(CopyError::Damaged(format!("schema {other} is another program's"))),
        }
        let (have, rows, digest) = (HashSet::new(), 0, Digest::EMPTY);
        let mut building = Building { db, path: path.to_owned(), key, snapshot, have, rows, digest };
        building.keep_what_fits()?;
        Ok(building)
    }

    /// The chunks that are missing, in their order.
    pub fn missing(&self) -> Vec<Chunk> {
        let missing = self.snapshot.chunks.iter().filter(|chunk| !self.have.contains(&chunk.name));
        missing.cloned().collect()
    }

    /// How many rows are in it, and how many there will be.
    pub fn progress(&self) -> (u64, u64) {
        (self.rows, self.snapshot.rows)
    }

    /// Takes in a chunk: all of it or nothing.
    ///
    /// # Errors
    ///
    /// [`CopyError::NotTaken`] if the bytes are not those of the chunk.
    pub fn take_in(&mut self, chunk: &Chunk, bytes: &[u8]) -> Result<(), CopyError> {
        if snapshot::name(bytes) != chunk.name {
            return Err(CopyError::NotTaken("a chunk has not the bytes that its name says".into()));
        }
        let mut part = Part {
            name: chunk.name.clone(),
            first_id: String::new(),
            last_id: String::new(),
            rows: 0,
            digest: Digest::EMPTY,
        };
        let transaction = self.db.transaction()?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO entitlement (id, code_hash, member, told, hash) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            let mut rows = snapshot::Rows::of(bytes)?;
            while let Some(row) = rows.next_row()? {
                let peek: Peek = serde_json::from_str(&row.told)
                    .map_err(|error| CopyError::NotTaken(error.to_string()))?;
                if peek.id != row.id {
                    return Err(CopyError::NotTaken(format!("{} is called {}", peek.id, row.id)));
                }
                let hash = self.key.hash(&row.id, &row.code_hash, &row.told);
                insert.execute(params![row.id, row.code_hash, peek.member, row.told, hash.0])?;
                part.digest.add(&hash);
                part.rows += 1;
                if part.first_id.is_empty() {
                    part.first_id.clone_from(&row.id);
                }
                part.last_id.clone_from(&row.id);
            }
        }
        if part.rows != chunk.rows {
            return Err(CopyError::NotTaken("a chunk has not the rows that were said".into()));
        }
        transaction.execute(
            "INSERT INTO part (name, first_id, last_id, rows, digest) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![part.name, part.first_id, part.last_id, part.rows, part.digest.to_bytes()],
        )?;
        transaction.commit()?;
        self.count_in(part);
        Ok(())
    }

    /// Completes the copy when nothing is missing: the same file then opens as a copy at the snapshot's place. It is on
    /// disk when this returns.
    ///
    /// # Errors
    ///
    /// [`CopyError::NotTaken`] if the parts do not add up to what the snapshot says. The file is gone then.
    pub fn finish(self, setup: Option<&Setup>, now: UnixMs) -> Result<PathBuf, CopyError> {
        let Snapshot { epoch, seq, digest, rows, at, .. } = &self.snapshot;
        if (*digest, *rows) != (self.digest, self.rows) {
            let Building { db, path, .. } = self;
            drop(db);
            remove(&path)?;
            return Err(CopyError::NotTaken("the parts of a snapshot do not add up".into()));
        }
        let place = Place {
            position: Position { epoch: epoch.clone(), seq: *seq },
            digest: *digest,
            rows: *rows,
            // Whatever this till's clock says, the server vouched for it no later than now.
            heard_at: Some((*at).min(now.0)),
            receipt: String::new(),
            doubtful: false,
        };
        self.db.execute_batch(&format!("BEGIN IMMEDIATE; DROP TABLE part; {INDEXES}"))?;
        place.write(&self.db, &self.key)?;
        if let Some(setup) = setup {
            set_fact(&self.db, "setup", &serde_json::to_string(setup)?)?;
        }
        self.db.execute_batch(&format!("PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"))?;
        let Building { db, path, .. } = self;
        db.close().map_err(|(_, error)| error)?;
        // Nothing of it was on disk for certain before.
        let failed = |error: std::io::Error| CopyError::Failed(error.to_string());
        File::options().write(true).open(&path).and_then(|file| file.sync_all()).map_err(failed)?;
        let _ = std::fs::remove_file(journal_of(&path));
        Ok(path)
    }

    /// Removes a copy under way that is not needed any more, if there is one.
    pub fn forget(path: &Path) -> Result<(), CopyError> {
        remove(path)
    }

    /// Throws out what is no part of the snapshot, and looks at the rest.
    fn keep_what_fits(&mut self) -> Result<(), CopyError> {
        let parts = {
            let mut select = self.db.prepare("SELECT name, first_id, last_id, rows, digest FROM part")?;
            let parts = select.query_map([], |row| {
                let digest: Vec<u8> = row.get(4)?;
                Ok(Part {
                    name: row.get(0)?,
                    first_id: row.get(1)?,
                    last_id: row.get(2)?,
                    rows: row.get(3)?,
                    digest: Digest::from_slice(&digest).unwrap_or_default(),
                })
            })?;
            parts.collect::<Result<Vec<Part>, _>>()?
        };
        for part in parts {
            let wanted = self.snapshot.chunks.iter().any(|chunk| chunk.name == part.name);
            if wanted && self.is_there(&part)? {
                self.count_in(part);
                continue;
            }
            let transaction = self.db.transaction()?;
            transaction.execute(
                "DELETE FROM entitlement WHERE id >= ?1 AND id <= ?2",
                [&part.first_id, &part.last_id],
            )?;
            transaction.execute("DELETE FROM part WHERE name = ?1", [&part.name])?;
            transaction.commit()?;
        }
        let rows: u64 = self.db.query_row("SELECT count(*) FROM entitlement", [], |row| row.get(0))?;
        if rows == self.rows { Ok(()) } else { Err(CopyError::Damaged("rows of no part".into())) }
    }

    fn is_there(&self, part: &Part) -> Result<bool, CopyError> {
        let mut select = self.db.prepare_cached(
            "SELECT id, code_hash, member, told, hash FROM entitlement WHERE id >= ?1 AND id <= ?2",
        )?;
        let (mut rows, mut digest) = (0, Digest::EMPTY);
        for row in select.query_map([&part.first_id, &part.last_id], CopyRow::of)? {
            digest.add(&row?.check(&self.key)?);
            rows += 1;
        }
        Ok((rows, digest) == (part.rows, part.digest))
    }

    fn count_in(&mut self, part: Part) {
        self.rows += part.rows;
        self.digest.join(&part.digest);
        self.have.insert(part.name);
    }
}

impl Copy {
    /// Puts the whole copy at `new` in the place of this one at `path`. Whatever happens meanwhile, `path` is the one or
    /// the other, and neither knows less of who may sign in, of the policy, or of used serials than the till did.
    pub fn swap(&mut self, path: &Path, new: &Path, now: UnixMs) -> Result<(), CopyError> {
        let failed = |error: std::io::Error| CopyError::Failed(error.to_string());
        self.hand_on(new)?;
        // What is in the old one's log would be read into the new one.
        let busy: Result<i64, _> = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
        drop(std::mem::replace(&mut self.db, Connection::open_in_memory()?));
        let log = path.with_extension("db-wal");
        if !matches!(busy, Ok(0)) || log.metadata().is_ok_and(|log| log.len() > 0) {
            set_aside(path, now)?;
        }
        let renamed = std::fs::rename(new, path).map_err(failed);
        if renamed.is_ok()
            && let Some(folder) = path.parent()
        {
            // Not every system can do this to a folder; those that cannot need not.
            let _ = File::open(folder).and_then(|folder| folder.sync_all());
        }
        // Whatever is there now is in use from here on.
        *self = Copy::open_on(&self.disk, path, self.key)?;
        renamed
    }

    /// Writes into the whole copy at `new` what must not be the older one again once that copy is in use: what the chain
    /// says about this till, and the status lists if the feed is still the same one. On disk when this returns.
    fn hand_on(&self, new: &Path) -> Result<(), CopyError> {
        let mut db = Connection::open(new)?;
        db.pragma_update(None, "synchronous", "FULL")?;
        let same_feed = Place::read(&db, &self.key)?.position.epoch == self.place.position.epoch;
        let lists = if same_feed && !self.is_doubtful() { self.status_lists().ok() } else { None };
        let transaction = db.transaction()?;
        if let Some(setup) = &self.setup {
            set_fact(&transaction, "setup", &serde_json::to_string(setup)?)?;
        }
        let (chunks, facts) = lists.unwrap_or_default();
        for chunk in &chunks {
            chunk.write(&transaction, &self.key)?;
        }
        for (name, value) in facts {
            set_fact(&transaction, name, &value)?;
        }
        transaction.commit()?;
        db.close().map_err(|(_, error)| CopyError::from(error))
    }

    /// The status lists, and how far they reach.
    fn status_lists(&self) -> Result<StatusLists, CopyError> {
        let mut select = self.db.prepare("SELECT campaign, chunk, covered, bits, hash FROM status_chunk")?;
        let mut chunks = vec![];
        for chunk in select.query_map([], StatusChunk::of)? {
            let chunk = chunk?;
            chunk.check(&self.key)?;
            chunks.push(chunk);
        }
        let mut facts = vec![];
        for name in ["status_seq", "status_at"] {
            facts.extend(self.fact(name)?.map(|value| (name, value)));
        }
        Ok((chunks, facts))
    }
}

fn remove(path: &Path) -> Result<(), CopyError> {
    // Usually there is none.
    let _ = std::fs::remove_file(journal_of(path));
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(CopyError::Failed(error.to_string()))
        }
        _ => Ok(()),
    }
}

fn journal_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-journal");
    PathBuf::from(name)
}
