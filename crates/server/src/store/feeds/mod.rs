//! Feeds: what changed, in the order of the commits, for each store.
//!
//! A feed tells the latest state: each change gives the entitlement a new number and takes its old one away. The
//! counter row is raised in the transaction of the change, so that no page can miss a number that commits later. Beside
//! it stands the digest of all that the feed tells, moved in the same transaction.

use sqlx::Row;
use wire::api::{Entry, Page};
use wire::feed::{Digest, RowHash, Told};

use super::chain::{signed, unsigned};
use super::db::{Conn, DbRow};
use super::{BUCKET, Device, Store, StoreError, TENANT, settle};

mod receipt;
mod set_back;
mod tell;

pub use set_back::{FeedState, SetBack};
pub(super) use tell::{Touched, fill, mark, open, set_digest};

/// The feed of the chain's status list, beside those of the stores.
pub(super) const STATUS: &str = "status";
/// How many entries one page has at most.
pub const PAGE_LENGTH_MAX: i64 = 1000;

impl Store {
    /// What changed at a store after that number.
    pub async fn page(&self, device: &Device, after: u64) -> Result<Page, StoreError> {
        let feed = &device.store.id;
        let after = signed(after);
        let mut tx = self.reading().await?;
        let here = Here::of(&mut tx, device).await?;
        let rows = sqlx::query(
            "SELECT f.seq, f.code_hash, f.hash, t.body FROM feed_entries f
             JOIN told t ON t.tenant = f.tenant AND t.bucket = f.bucket AND t.entitlement = f.entitlement
             WHERE f.tenant = $1 AND f.feed = $2 AND f.bucket = $5 AND f.seq > $3 ORDER BY f.seq LIMIT $4",
        )
        .bind(TENANT)
        .bind(feed)
        .bind(after)
        .bind(PAGE_LENGTH_MAX + 1)
        .bind(BUCKET)
        .fetch_all(&mut *tx)
        .await?;
        let more = rows.len() as i64 > PAGE_LENGTH_MAX;
        let mut own = Digest::EMPTY;
        let mut entries = Vec::with_capacity(rows.len());
        for row in rows.iter().take(PAGE_LENGTH_MAX as usize) {
            own.add(&hash_of(row, feed)?);
            entries.push(Entry {
                seq: unsigned(row.try_get("seq")?),
                code_hash: row.try_get("code_hash")?,
                entitlement: Told::again(row.try_get("body")?)?,
            });
        }
        // A till that is ahead of this server learns so: the server was set back to an older state.
        let last = entries.last().map_or(after.min(here.seq), |entry| signed(entry.seq));
        let journal = super::journals::known_head(&mut tx, device).await?;
        Ok(Page {
            journal,
            epoch: here.epoch.clone(),
            last: unsigned(last),
            more,
            entries,
            rows: own,
            digest: (!more).then_some(here.digest),
            head: unsigned(here.seq),
            receipt: self.receipt(device, &here, last, !more),
            setup: unsigned(here.setup),
            status: unsigned(here.status),
            cases: unsigned(here.cases),
            now: self.hands.now().0,
        })
    }

    /// Where a till's feed stands, and what else its page tells: a cheap look for whoever waits for news.
    pub async fn feed_position(&self, device: &Device) -> Result<FeedPosition, StoreError> {
        let row = sqlx::query(
            "SELECT c.epoch, f.seq, c.setup_version, st.seq AS status, COALESCE(ca.seq, 0) AS cases FROM chain c
             JOIN feeds f ON f.tenant = c.tenant AND f.feed = $2
             JOIN feeds st ON st.tenant = c.tenant AND st.feed = $3
             LEFT JOIN feeds ca ON ca.tenant = c.tenant AND ca.feed = $4 WHERE c.tenant = $1",
        )
        .bind(TENANT)
        .bind(&device.store.id)
        .bind(STATUS)
        .bind(settle::case_feed(&device.store.id))
        .fetch_one(&self.db.read)
        .await?;
        Ok(FeedPosition {
            epoch: row.try_get("epoch")?,
            seq: unsigned(row.try_get("seq")?),
            setup: unsigned(row.try_get("setup_version")?),
            status: unsigned(row.try_get("status")?),
            cases: unsigned(row.try_get("cases")?),
        })
    }
}

/// The numbers that a page tells beside its entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedPosition {
    /// The epoch of all feeds.
    pub epoch: String,
    /// The last number of the store's feed.
    pub seq: u64,
    /// The setup's version.
    pub setup: u64,
    /// The last number of the chain's status list.
    pub status: u64,
    /// The last number of the cases in which the store has a part.
    pub cases: u64,
}

/// What the database holds at one moment of all that one till follows.
pub(super) struct Here {
    pub(super) epoch: String,
    pub(super) seq: i64,
    pub(super) digest: Digest,
    setup: i64,
    status: i64,
    status_digest: Digest,
    cases: i64,
    /// The epoch of the till's journal, and the last line of it that is here.
    journal: (i64, i64),
}

impl Here {
    pub(super) async fn of(tx: &mut Conn, device: &Device) -> Result<Here, StoreError> {
        let row = sqlx::query(
            "SELECT c.epoch, c.setup_version, f.seq, f.digest, st.seq AS status, st.digest AS status_digest,
                    COALESCE(ca.seq, 0) AS cases, COALESCE(j.epoch, 0) AS journal, COALESCE(j.head, 0) AS head
             FROM chain c
             JOIN feeds f ON f.tenant = c.tenant AND f.feed = $2
             JOIN feeds st ON st.tenant = c.tenant AND st.feed = $3
             JOIN devices d ON d.tenant = c.tenant AND d.device = $4
             LEFT JOIN feeds ca ON ca.tenant = c.tenant AND ca.feed = $5
             LEFT JOIN journals j ON j.tenant = d.tenant AND j.device = d.device AND j.epoch = d.epoch
             WHERE c.tenant = $1",
        )
        .bind(TENANT)
        .bind(&device.store.id)
        .bind(STATUS)
        .bind(&device.id)
        .bind(settle::case_feed(&device.store.id))
        .fetch_one(tx)
        .await?;
        Ok(Here {
            epoch: row.try_get("epoch")?,
            seq: row.try_get("seq")?,
            digest: digest_of(&row, "digest")?,
            setup: row.try_get("setup_version")?,
            status: row.try_get("status")?,
            status_digest: digest_of(&row, "status_digest")?,
            cases: row.try_get("cases")?,
            journal: (row.try_get("journal")?, row.try_get("head")?),
        })
    }
}

/// Sees to it that the status list has its counter.
pub(super) async fn open_status(tx: &mut Conn) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO feeds (tenant, feed, seq) VALUES ($1, $2, 0) ON CONFLICT (tenant, feed) DO NOTHING",
    )
    .bind(TENANT)
    .bind(STATUS)
    .execute(tx)
    .await?;
    Ok(())
}

/// The key of a store's code hashes.
pub(super) fn key_of(row: &DbRow) -> Result<[u8; 32], StoreError> {
    let key: Vec<u8> = row.try_get("store_key")?;
    key.try_into().map_err(|_| StoreError::Data("a store key that is not 32 bytes".to_owned()))
}

/// A digest of a column: that of nothing until something was told.
fn digest_of(row: &DbRow, column: &str) -> Result<Digest, StoreError> {
    let bytes: &[u8] = row.try_get(column)?;
    if bytes.is_empty() {
        return Ok(Digest::EMPTY);
    }
    Digest::from_slice(bytes).ok_or_else(|| StoreError::Data("a digest that is not 32 bytes".to_owned()))
}

/// The hash of a row of `feed_entries`.
pub(super) fn hash_of(row: &DbRow, feed: &str) -> Result<RowHash, StoreError> {
    RowHash::from_slice(row.try_get("hash")?)
        .ok_or_else(|| StoreError::Data(format!("a row of {feed} whose hash is not 32 bytes")))
}
