//! Telling: what a transaction has changed gets its bytes, its next number, and its part of the digest of each feed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::{AssertSqlSafe, Row};
use wire::feed::{Digest, RowHash, RowKey, Told};

use super::super::codes::{self, HeldCode};
use super::super::db::Conn;
use super::super::many::{groups, list, rows};
use super::super::{BUCKET, StoreError, TENANT, entitlements, status};
use super::key_of;

/// So far back a feed's marks reach (numbers). A till that was away for longer is believed by its numbers alone.
const MARKS_KEPT: i64 = 65_536;
/// Old marks go whenever a feed passes a multiple of this.
const MARKS_SWEPT_EVERY: i64 = 4_096;
/// How many entitlements are in memory at a time where all are gone through.
const PART: i64 = 2_048;

/// The entitlements that a transaction has changed.
#[derive(Default)]
pub(in super::super) struct Touched(BTreeSet<String>);

impl Touched {
    pub(in super::super) fn add(&mut self, entitlement: &str) {
        self.0.insert(entitlement.to_owned());
    }

    pub(in super::super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives each of them the next number in the feed of each of its stores, feed by feed in one order, so that
    /// two transactions never wait for each other crosswise. What a signed code became goes into the status list,
    /// and where its campaign says everything else, nowhere else.
    pub(in super::super) async fn tell(&self, tx: &mut Conn) -> Result<(), StoreError> {
        let all: Vec<&str> = self.0.iter().map(String::as_str).collect();
        let alone = status::settle(tx, &all).await?;
        let ids: Vec<&str> = all.into_iter().filter(|id| !alone.contains(*id)).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let mut fresh = Vec::with_capacity(ids.len());
        let mut places = Vec::with_capacity(ids.len());
        for group in groups(tx, 1, &ids) {
            for held in entitlements::of_ids(tx, group).await? {
                let told = Told::of(&held.entitlement)?;
                places.push(held.entitlement.stores.map(|stores| stores.into_iter().map(|store| store.id)));
                fresh.push(Fresh { id: held.entitlement.id, code: held.code, told });
            }
        }
        keep_told(tx, &fresh).await?;
        let feeds = feeds(tx).await?;
        let mut news: BTreeMap<&str, Vec<&Fresh>> = BTreeMap::new();
        for (one, stores) in fresh.iter().zip(places) {
            match stores {
                None => feeds.keys().for_each(|feed| news.entry(feed).or_default().push(one)),
                Some(stores) => {
                    let open = stores.filter_map(|store| feeds.get_key_value(&store));
                    open.for_each(|(feed, _)| news.entry(feed).or_default().push(one));
                }
            }
        }
        for (feed, fresh) in news {
            if let Some(key) = feeds.get(feed) {
                tell_feed(tx, feed, key, &fresh).await?;
            }
        }
        Ok(())
    }
}

/// What a feed is told of an entitlement.
struct Fresh {
    id: String,
    code: HeldCode,
    told: Told,
}

/// Opens a store's feed with what is valid everywhere.
pub(in super::super) async fn open(tx: &mut Conn, feed: &str) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO feeds (tenant, feed, seq) VALUES ($1, $2, 0)")
        .bind(TENANT)
        .bind(feed)
        .execute(&mut *tx)
        .await?;
    let feeds = feeds(tx).await?;
    let key = feeds.get(feed).ok_or_else(|| StoreError::Data(format!("{feed} has no store")))?;
    let mut after = String::new();
    loop {
        let rows = sqlx::query(
            "SELECT e.entitlement, t.body, c.form, c.code, c.tail, c.profile, c.order_ref, c.stretched,
                    sc.campaign, sc.serial, sc.token
             FROM entitlements e
             JOIN told t ON t.tenant = e.tenant AND t.bucket = e.bucket AND t.entitlement = e.entitlement
             JOIN codes c ON c.tenant = e.tenant AND c.bucket = e.bucket AND c.entitlement = e.entitlement
             LEFT JOIN signed_codes sc
               ON sc.tenant = e.tenant AND sc.bucket = e.bucket AND sc.entitlement = e.entitlement
             WHERE e.tenant = $1 AND e.bucket = $2 AND e.any_store = 1 AND e.entitlement > $3
               AND (sc.told IS NULL OR sc.told = 1)
             ORDER BY e.entitlement LIMIT $4",
        )
        .bind(TENANT)
        .bind(BUCKET)
        .bind(&after)
        .bind(PART)
        .fetch_all(&mut *tx)
        .await?;
        let fresh = rows.iter().map(|row| {
            let (id, code) = (row.try_get("entitlement")?, codes::held(row)?);
            Ok(Fresh { id, code, told: Told::again(row.try_get("body")?)? })
        });
        let fresh = fresh.collect::<Result<Vec<Fresh>, StoreError>>()?;
        let Some(last) = fresh.last() else { return Ok(()) };
        after = last.id.clone();
        tell_feed(tx, feed, key, &fresh.iter().collect::<Vec<_>>()).await?;
    }
}

/// Gives a database of an older program its bytes, hashes and digests.
pub(in super::super) async fn fill(tx: &mut Conn) -> Result<(), StoreError> {
    let feeds = feeds(tx).await?;
    let mut digests: HashMap<&str, Digest> = HashMap::new();
    let mut after = String::new();
    loop {
        let rows = sqlx::query(
            "SELECT entitlement FROM entitlements WHERE tenant = $1 AND bucket = $2 AND entitlement > $3
             ORDER BY entitlement LIMIT $4",
        )
        .bind(TENANT)
        .bind(BUCKET)
        .bind(&after)
        .bind(PART)
        .fetch_all(&mut *tx)
        .await?;
        let ids = rows
            .iter()
            .map(|row| row.try_get("entitlement"))
            .collect::<Result<Vec<String>, sqlx::Error>>()?;
        let Some(last) = ids.last() else { break };
        after = last.clone();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        for group in groups(tx, 1, &ids) {
            let mut fresh = Vec::with_capacity(group.len());
            for held in entitlements::of_ids(tx, group).await? {
                let told = Told::of(&held.entitlement)?;
                fresh.push(Fresh { id: held.entitlement.id, code: held.code, told });
            }
            keep_told(tx, &fresh).await?;
            for (feed, key) in &feeds {
                let digest = digests.entry(feed.as_str()).or_default();
                fill_feed(tx, feed, key, &fresh, digest).await?;
            }
        }
    }
    for (feed, digest) in digests {
        set_digest(tx, feed, &digest.to_bytes()).await?;
    }
    Ok(())
}

async fn fill_feed(
    tx: &mut Conn,
    feed: &str,
    key: &[u8; 32],
    fresh: &[Fresh],
    digest: &mut Digest,
) -> Result<(), StoreError> {
    let rows = RowKey::of(key);
    for one in fresh {
        let code_hash = one.code.hash(key);
        let hash = rows.hash(&one.id, &code_hash, one.told.text());
        let changed = sqlx::query(
            "UPDATE feed_entries SET code_hash = $5, hash = $6
             WHERE tenant = $1 AND feed = $2 AND bucket = $3 AND entitlement = $4",
        )
        .bind(TENANT)
        .bind(feed)
        .bind(BUCKET)
        .bind(&one.id)
        .bind(&code_hash)
        .bind(&hash.0[..])
        .execute(&mut *tx)
        .await?;
        if changed.rows_affected() > 0 {
            digest.add(&hash);
        }
    }
    Ok(())
}

/// The stores' feeds, each with the key of its code hashes.
async fn feeds(tx: &mut Conn) -> Result<BTreeMap<String, [u8; 32]>, StoreError> {
    let rows = sqlx::query(
        "SELECT f.feed, s.store_key FROM feeds f JOIN stores s ON s.tenant = f.tenant AND s.store = f.feed
         WHERE f.tenant = $1",
    )
    .bind(TENANT)
    .fetch_all(tx)
    .await?;
    rows.iter().map(|row| Ok((row.try_get("feed")?, key_of(row)?))).collect()
}

/// Writes down what is told from now on.
async fn keep_told(tx: &mut Conn, fresh: &[Fresh]) -> Result<(), StoreError> {
    for group in groups(tx, 2, fresh) {
        let sql = format!(
            "INSERT INTO told (tenant, bucket, entitlement, body) VALUES {}
             ON CONFLICT (tenant, bucket, entitlement) DO UPDATE SET body = excluded.body",
            rows(2, 2, group.len())
        );
        let mut insert = sqlx::query(AssertSqlSafe(sql)).bind(TENANT).bind(BUCKET);
        for one in group {
            insert = insert.bind(&one.id).bind(one.told.text());
        }
        insert.execute(&mut *tx).await?;
    }
    Ok(())
}

/// Numbers them in one feed. Its counter row is locked first, so that what is read of it afterwards stays true.
async fn tell_feed(tx: &mut Conn, feed: &str, key: &[u8; 32], fresh: &[&Fresh]) -> Result<(), StoreError> {
    let count = fresh.len() as i64;
    let row =
        sqlx::query("UPDATE feeds SET seq = seq + $3 WHERE tenant = $1 AND feed = $2 RETURNING seq, digest")
            .bind(TENANT)
            .bind(feed)
            .bind(count)
            .fetch_one(&mut *tx)
            .await?;
    let last: i64 = row.try_get("seq")?;
    let mut digest = super::digest_of(&row, "digest")?;
    let rows_key = RowKey::of(key);
    let mut seq = last - count;
    for group in groups(tx, 4, fresh) {
        let mut before = before(tx, feed, group).await?;
        let sql = format!(
            "INSERT INTO feed_entries (tenant, feed, bucket, entitlement, seq, code_hash, hash) VALUES {}
             ON CONFLICT (tenant, feed, bucket, entitlement) DO UPDATE SET seq = excluded.seq, hash = excluded.hash",
            rows(3, 4, group.len())
        );
        let mut insert = sqlx::query(AssertSqlSafe(sql)).bind(TENANT).bind(feed).bind(BUCKET);
        for one in group {
            seq += 1;
            let code_hash = match before.remove(&one.id) {
                Some((code_hash, hash)) => {
                    digest.take(&hash);
                    code_hash
                }
                None => one.code.hash(key),
            };
            let hash = rows_key.hash(&one.id, &code_hash, one.told.text());
            digest.add(&hash);
            insert = insert.bind(&one.id).bind(seq).bind(code_hash).bind(hash.0.to_vec());
        }
        insert.execute(&mut *tx).await?;
    }
    set_digest(tx, feed, &digest.to_bytes()).await?;
    mark(tx, feed, (last - count, last), &digest.to_bytes()).await
}

/// What the feed has of these already: code hash and row hash.
async fn before(
    tx: &mut Conn,
    feed: &str,
    group: &[&Fresh],
) -> Result<HashMap<String, (String, RowHash)>, StoreError> {
    let sql = format!(
        "SELECT entitlement, code_hash, hash FROM feed_entries
         WHERE tenant = $1 AND feed = $2 AND bucket = $3 AND entitlement IN ({})",
        list(4, group.len())
    );
    let mut select = sqlx::query(AssertSqlSafe(sql)).bind(TENANT).bind(feed).bind(BUCKET);
    for one in group {
        select = select.bind(&one.id);
    }
    let rows = select.fetch_all(tx).await?;
    rows.iter()
        .map(|row| Ok((row.try_get("entitlement")?, (row.try_get("code_hash")?, super::hash_of(row, feed)?))))
        .collect()
}

pub(in super::super) async fn set_digest(
    tx: &mut Conn,
    feed: &str,
    digest: &[u8; 32],
) -> Result<(), StoreError> {
    sqlx::query("UPDATE feeds SET digest = $3 WHERE tenant = $1 AND feed = $2")
        .bind(TENANT)
        .bind(feed)
        .bind(&digest[..])
        .execute(tx)
        .await?;
    Ok(())
}

/// Writes down what the feed's digest is at the end of a transaction that moved it from one number to another.
pub(in super::super) async fn mark(
    tx: &mut Conn,
    feed: &str,
    (from, to): (i64, i64),
    digest: &[u8; 32],
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO feed_marks (tenant, feed, seq, digest) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant, feed, seq) DO UPDATE SET digest = excluded.digest",
    )
    .bind(TENANT)
    .bind(feed)
    .bind(to)
    .bind(&digest[..])
    .execute(&mut *tx)
    .await?;
    if from / MARKS_SWEPT_EVERY != to / MARKS_SWEPT_EVERY {
        sqlx::query("DELETE FROM feed_marks WHERE tenant = $1 AND feed = $2 AND seq < $3")
            .bind(TENANT)
            .bind(feed)
            .bind(to - MARKS_KEPT)
            .execute(tx)
            .await?;
    }
    Ok(())
}
