//! Snapshots: all that a feed tells at one moment, in chunks that lie on disk and are called by their hashes.
//!
//! A snapshot is taken when a till asks for one and the last is too old; whoever asks meanwhile waits for the same one.
//! Invariant: what lies here can be thrown away at any time. A till whose chunk is gone asks for another snapshot, and
//! keeps the chunks that are in both.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::Row;
use wire::api::{Chunk, Snapshot};
use wire::codes::unhex;
use wire::feed::Digest;
use wire::snapshot::{self, Gathering};

use super::chain::unsigned;
use super::db::Conn;
use super::feeds::{self, Here};
use super::{BUCKET, Device, Store, StoreError, TENANT};

/// A snapshot serves until so many changes have come since …
const BEHIND_MAX: i64 = 10_000;
/// … or, if there were any, so much time has passed (ms).
const AGE_MAX_MS: i64 = 15 * 60 * 1000;
/// Of so many feeds the snapshots are kept, of each the last two.
const FEEDS_MAX: usize = 64;
/// How many rows are read at a time.
const ROWS_PER_READ: i64 = 4_096;

/// The snapshots of this process.
#[derive(Default)]
pub(super) struct Snapshots(Mutex<BTreeMap<String, Arc<Shelf>>>);

/// The snapshots of one feed. The lock is held while one is taken.
#[derive(Default)]
struct Shelf {
    kept: tokio::sync::Mutex<Option<Arc<Snapshot>>>,
    /// When it was last asked for.
    asked_at: Mutex<i64>,
}

impl Store {
    /// All that the till's feed told at a moment not long ago.
    pub async fn snapshot(&self, device: &Device) -> Result<Arc<Snapshot>, StoreError> {
        let feed = &device.store.id;
        let shelf = self.shelf(feed);
        let mut kept = shelf.kept.lock().await;
        let mut tx = self.reading().await?;
        let here = Here::of(&mut tx, device).await?;
        if let Some(snapshot) = kept.as_ref().filter(|kept| self.is_fresh(kept, &here)) {
            return Ok(snapshot.clone());
        }
        let folder = self.chunks_of(feed);
        let before = kept.take();
        if before.is_none() {
            // Of an earlier process, whose database may have been another one.
            let _ = std::fs::remove_dir_all(&folder);
        }
        std::fs::create_dir_all(&folder)?;
        let taken = Arc::new(self.take(&mut tx, feed, &here, &folder).await?);
        drop(tx);
        tidy(&folder, [Some(&*taken), before.as_deref()]);
        *kept = Some(taken.clone());
        tracing::info!(feed, seq = taken.seq, rows = taken.rows, chunks = taken.chunks.len(), "a snapshot");
        Ok(taken)
    }

    /// A chunk of that name of the till's feed; nothing if it is gone, or never was.
    pub async fn snapshot_chunk(&self, device: &Device, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        if unhex::<32>(name).is_none() {
            return Ok(None);
        }
        let path = self.chunks_of(&device.store.id).join(name);
        match beside(move || std::fs::read(path)).await? {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                // Somebody has tidied up here: a snapshot that still promises it is none.
                let shelf = self.shelf(&device.store.id);
                let mut kept = shelf.kept.lock().await;
                if kept.as_ref().is_some_and(|kept| kept.chunks.iter().any(|chunk| chunk.name == name)) {
                    *kept = None;
                }
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn is_fresh(&self, kept: &Snapshot, here: &Here) -> bool {
        let behind = here.seq - i64::try_from(kept.seq).unwrap_or(i64::MAX);
        let age = self.hands.now().0 - kept.at;
        kept.epoch == here.epoch
            && (0..=BEHIND_MAX).contains(&behind)
            && (behind == 0 || (0..=AGE_MAX_MS).contains(&age))
    }

    fn chunks_of(&self, feed: &str) -> PathBuf {
        self.folder.join("snapshots").join(feed)
    }

    /// The shelf of a feed. Of too many, the one that nobody has asked for the longest goes, with its files.
    fn shelf(&self, feed: &str) -> Arc<Shelf> {
        let mut shelves = lock(&self.snapshots.0);
        if !shelves.contains_key(feed) && shelves.len() >= FEEDS_MAX {
            let oldest = shelves.iter().min_by_key(|(_, shelf)| *lock(&shelf.asked_at));
            if let Some(oldest) = oldest.map(|(feed, _)| feed.clone()) {
                shelves.remove(&oldest);
                let _ = std::fs::remove_dir_all(self.chunks_of(&oldest));
            }
        }
        let shelf = shelves.entry(feed.to_owned()).or_default().clone();
        *lock(&shelf.asked_at) = self.hands.now().0;
        shelf
    }

    /// Reads all rows of one state of the database, in the order of their ids, and writes them in chunks.
    async fn take(
        &self,
        tx: &mut Conn,
        feed: &str,
        here: &Here,
        folder: &Path,
    ) -> Result<Snapshot, StoreError> {
        let at = self.hands.now().0;
        let (mut chunks, mut rows, mut digest) = (Vec::new(), 0, Digest::EMPTY);
        let (mut gathering, mut after) = (Gathering::default(), String::new());
        loop {
            let part = rows_after(tx, feed, &after).await?;
            let Some(last) = part.last() else { break };
            after = last.try_get("entitlement")?;
            for row in &part {
                digest.add(&feeds::hash_of(row, feed)?);
                rows += 1;
                let (id, code_hash) = (row.try_get("entitlement")?, row.try_get("code_hash")?);
                if gathering.add(id, code_hash, row.try_get("body")?) {
                    chunks.push(pack(std::mem::take(&mut gathering), folder).await?);
                }
            }
        }
        if gathering.rows() > 0 {
            chunks.push(pack(gathering, folder).await?);
        }
        if digest != here.digest {
            let sentence =
                format!("the rows of {feed} are not what its digest says: `restored` adds them up anew");
            return Err(StoreError::Data(sentence));
        }
        Ok(Snapshot { epoch: here.epoch.clone(), seq: unsigned(here.seq), digest, rows, at, chunks })
    }
}

async fn rows_after(tx: &mut Conn, feed: &str, after: &str) -> Result<Vec<super::db::DbRow>, StoreError> {
    Ok(sqlx::query(
        "SELECT f.entitlement, f.code_hash, f.hash, t.body FROM feed_entries f
         JOIN told t ON t.tenant = f.tenant AND t.bucket = f.bucket AND t.entitlement = f.entitlement
         WHERE f.tenant = $1 AND f.feed = $2 AND f.bucket = $3 AND f.entitlement > $4
         ORDER BY f.entitlement LIMIT $5",
    )
    .bind(TENANT)
    .bind(feed)
    .bind(BUCKET)
    .bind(after)
    .bind(ROWS_PER_READ)
    .fetch_all(tx)
    .await?)
}

/// Writes a chunk under its name, unless it is there from an earlier snapshot.
async fn pack(gathering: Gathering, folder: &Path) -> Result<Chunk, StoreError> {
    let folder = folder.to_owned();
    let written = beside(move || {
        let bytes = gathering.pack();
        let chunk =
            Chunk { name: snapshot::name(&bytes), rows: gathering.rows() as u64, bytes: bytes.len() as u64 };
        let path = folder.join(&chunk.name);
        if !path.try_exists()? {
            // Under its name it is whole, whatever happens while it is written.
            let part = folder.join("part");
            std::fs::write(&part, bytes)?;
            std::fs::rename(part, path)?;
        }
        Ok::<Chunk, std::io::Error>(chunk)
    });
    Ok(written.await??)
}

/// Removes the chunks of older snapshots than these.
fn tidy(folder: &Path, kept: [Option<&Snapshot>; 2]) {
    let chunks = kept.into_iter().flatten().flat_map(|snapshot| &snapshot.chunks);
    let names: HashSet<&str> = chunks.map(|chunk| chunk.name.as_str()).collect();
    for file in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if !file.file_name().to_str().is_some_and(|name| names.contains(name)) {
            // Whatever is left over is tried again the next time.
            let _ = std::fs::remove_file(file.path());
        }
    }
}

/// Does what takes its time beside the threads that answer requests.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| StoreError::Data(format!("a snapshot was not written: {error}")))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
