//! Feeds: what changed, in the order of the commits, for each store.
//!
//! A feed tells the latest state: each change gives the entitlement a new number and takes its old one away. The
//! counter row is raised in the transaction of the change, so that no page can miss a number that commits later.

use std::collections::{BTreeMap, BTreeSet};

use model::signed::token::Serial;
use sqlx::Row;
use wire::api::{Entry, Page};

use super::chain::{signed, unsigned};
use super::db::Conn;
use super::{BUCKET, Device, Store, StoreError, TENANT, entitlements, status};

/// The feed of the chain's status list, beside those of the stores.
pub(super) const STATUS: &str = "status";
/// How many entries one page has at most.
pub const PAGE_LENGTH_MAX: i64 = 1000;

/// The entitlements that a transaction has changed.
#[derive(Default)]
pub(super) struct Touched(BTreeSet<String>);

impl Touched {
    pub(super) fn add(&mut self, entitlement: &str) {
        self.0.insert(entitlement.to_owned());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives each of them the next number in the feed of each of its stores, feed by feed in one order, so that
    /// two transactions never wait for each other crosswise. What a signed code became goes into the status list,
    /// and where its campaign says everything else, nowhere else.
    pub(super) async fn tell(&self, tx: &mut Conn) -> Result<(), StoreError> {
        let mut news: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for entitlement in &self.0 {
            if let Some(serial) = Serial::parse(entitlement)
                && !status::settle(tx, serial).await?
            {
                continue;
            }
            for feed in feeds_of(tx, entitlement).await? {
                news.entry(feed).or_default().push(entitlement);
            }
        }
        for (feed, entitlements) in news {
            tell_feed(tx, &feed, &entitlements).await?;
        }
        Ok(())
    }
}

impl Store {
    /// What changed at a store after that number.
    pub async fn page(&self, device: &Device, after: u64) -> Result<Page, StoreError> {
        let feed = &device.store.id;
        let after = signed(after);
        let mut tx = self.reading().await?;
        let chain = sqlx::query(
            "SELECT c.epoch, c.setup_version, s.store_key, f.seq, st.seq AS status FROM chain c
             JOIN stores s ON s.tenant = c.tenant AND s.store = $2
             JOIN feeds f ON f.tenant = c.tenant AND f.feed = $2
             JOIN feeds st ON st.tenant = c.tenant AND st.feed = $3 WHERE c.tenant = $1",
        )
        .bind(TENANT)
        .bind(feed)
        .bind(STATUS)
        .fetch_one(&mut *tx)
        .await?;
        let numbers = sqlx::query(
            "SELECT seq, entitlement FROM feed_entries WHERE tenant = $1 AND feed = $2 AND seq > $3
             ORDER BY seq LIMIT $4",
        )
        .bind(TENANT)
        .bind(feed)
        .bind(after)
        .bind(PAGE_LENGTH_MAX + 1)
        .fetch_all(&mut *tx)
        .await?;
        let more = numbers.len() as i64 > PAGE_LENGTH_MAX;
        let numbers = numbers
            .iter()
            .take(PAGE_LENGTH_MAX as usize)
            .map(|row| Ok((row.try_get("seq")?, row.try_get("entitlement")?)))
            .collect::<Result<Vec<(i64, String)>, sqlx::Error>>()?;
        // A till that is ahead of this server learns so: the server was set back to an older state.
        let here: i64 = chain.try_get("seq")?;
        let last = numbers.last().map_or(after.min(here), |(seq, _)| *seq);
        let mut held = entitlements::of_feed(&mut tx, feed, after, last).await?;
        let key: Vec<u8> = chain.try_get("store_key")?;
        let key: [u8; 32] =
            key.try_into().map_err(|_| StoreError::Data("a store key that is not 32 bytes".to_owned()))?;
        let entries = numbers
            .into_iter()
            .filter_map(|(seq, id)| held.remove(&id).map(|held| (seq, held)))
            .map(|(seq, held)| Entry {
                seq: unsigned(seq),
                code_hash: held.code.hash(&key),
                entitlement: held.entitlement,
            })
            .collect();
        let journal = super::journals::known_head(&mut tx, device).await?;
        Ok(Page {
            journal: Some(journal),
            epoch: chain.try_get("epoch")?,
            last: unsigned(last),
            more,
            entries,
            setup: unsigned(chain.try_get("setup_version")?),
            status: unsigned(chain.try_get("status")?),
            now: self.hands.now().0,
        })
    }

    /// Where a till's feed stands, and what else its page tells: a cheap look for whoever waits for news.
    pub async fn feed_position(&self, device: &Device) -> Result<FeedPosition, StoreError> {
        let row = sqlx::query(
            "SELECT f.seq, c.setup_version, st.seq AS status FROM chain c
             JOIN feeds f ON f.tenant = c.tenant AND f.feed = $2
             JOIN feeds st ON st.tenant = c.tenant AND st.feed = $3 WHERE c.tenant = $1",
        )
        .bind(TENANT)
        .bind(&device.store.id)
        .bind(STATUS)
        .fetch_one(&self.db.read)
        .await?;
        Ok(FeedPosition {
            seq: unsigned(row.try_get("seq")?),
            setup: unsigned(row.try_get("setup_version")?),
            status: unsigned(row.try_get("status")?),
        })
    }
}

/// The numbers that a page tells beside its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedPosition {
    /// The last number of the store's feed.
    pub seq: u64,
    /// The setup's version.
    pub setup: u64,
    /// The last number of the chain's status list.
    pub status: u64,
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

/// Opens a store's feed with what is valid everywhere.
pub(super) async fn open(tx: &mut Conn, feed: &str) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO feeds (tenant, feed, seq) VALUES ($1, $2, 0)")
        .bind(TENANT)
        .bind(feed)
        .execute(&mut *tx)
        .await?;
    let rows = sqlx::query(
        "SELECT e.entitlement FROM entitlements e
         WHERE e.tenant = $1 AND e.bucket = $2 AND e.any_store = 1 AND NOT EXISTS (
             SELECT 1 FROM signed_codes s WHERE s.tenant = e.tenant AND s.bucket = e.bucket
             AND s.entitlement = e.entitlement AND s.told = 0)
         ORDER BY e.entitlement",
    )
    .bind(TENANT)
    .bind(BUCKET)
    .fetch_all(&mut *tx)
    .await?;
    let everywhere =
        rows.iter().map(|row| row.try_get("entitlement")).collect::<Result<Vec<&str>, sqlx::Error>>()?;
    tell_feed(tx, feed, &everywhere).await
}

/// The feeds that tell of an entitlement: those of its stores.
async fn feeds_of(tx: &mut Conn, entitlement: &str) -> Result<Vec<String>, StoreError> {
    let rows = sqlx::query(
        "SELECT f.feed FROM feeds f
         JOIN stores s ON s.tenant = f.tenant AND s.store = f.feed
         JOIN entitlements e ON e.tenant = f.tenant AND e.bucket = $2 AND e.entitlement = $3
         WHERE f.tenant = $1 AND (e.any_store = 1 OR EXISTS (
             SELECT 1 FROM entitlement_stores es WHERE es.tenant = e.tenant AND es.bucket = e.bucket
             AND es.entitlement = e.entitlement AND es.store = f.feed))
         ORDER BY f.feed",
    )
    .bind(TENANT)
    .bind(BUCKET)
    .bind(entitlement)
    .fetch_all(tx)
    .await?;
    Ok(rows.iter().map(|row| row.try_get("feed")).collect::<Result<_, sqlx::Error>>()?)
}

async fn tell_feed(tx: &mut Conn, feed: &str, entitlements: &[&str]) -> Result<(), StoreError> {
    let count = entitlements.len() as i64;
    let row = sqlx::query("UPDATE feeds SET seq = seq + $3 WHERE tenant = $1 AND feed = $2 RETURNING seq")
        .bind(TENANT)
        .bind(feed)
        .bind(count)
        .fetch_one(&mut *tx)
        .await?;
    let first = row.try_get::<i64, _>("seq")? - count + 1;
    for (place, entitlement) in entitlements.iter().enumerate() {
        sqlx::query(
            "INSERT INTO feed_entries (tenant, feed, bucket, entitlement, seq) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (tenant, feed, bucket, entitlement) DO UPDATE SET seq = excluded.seq",
        )
        .bind(TENANT)
        .bind(feed)
        .bind(BUCKET)
        .bind(entitlement)
        .bind(first + place as i64)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}
