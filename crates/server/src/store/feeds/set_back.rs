//! A database that was set back to a backup: its feeds begin anew, so that every till fetches everything and offers every
//! line once more.

use model::time::UnixMs;
use sqlx::Row;
use wire::codes::hex;
use wire::feed::Digest;

use super::super::db::Conn;
use super::super::{BUCKET, Device, Store, StoreError, TENANT};
use super::receipt::contradiction;

/// How many rows are read at a time.
const ROWS_PER_READ: i64 = 4_096;

/// One time that the feeds were begun anew.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SetBack {
    /// The epoch that began.
    pub epoch: String,
    /// When (ms since 1970).
    pub at: i64,
    /// The till that proved it; nothing if whoever runs the server said so.
    pub till: Option<String>,
}

impl Store {
    /// Looks at what a till shows of what it was told. If that proves that this database was set back, all feeds begin
    /// anew; whether they did.
    pub async fn heed_receipt(&self, device: &Device, receipt: &str) -> Result<bool, StoreError> {
        let Some(receipt) = self.read_receipt(device, receipt) else { return Ok(false) };
        let mut tx = self.reading().await?;
        if contradiction(&mut tx, device, &receipt).await?.is_none() {
            return Ok(false);
        }
        drop(tx);
        // Once more where nothing else writes: of two tills that prove it, one begins the new epoch.
        self.write(|mut tx| async move {
            let Some(how) = contradiction(&mut tx, device, &receipt).await? else { return Ok(false) };
            let epoch = begin_anew(&mut tx, self, Some(device)).await?;
            tx.commit().await?;
            self.tell_of_change();
            tracing::error!(
                till = %device.id, how, epoch,
                "THIS DATABASE WAS SET BACK TO AN OLDER STATE. All feeds begin anew; every till brings its lines again. \
                 What only this server knew since that backup is lost: look at what was issued and refunded."
            );
            Ok(true)
        })
        .await
    }

    /// All feeds begin anew, and their digests are added up anew, because whoever runs the server says that the database
    /// was restored. Gives the new epoch.
    pub async fn begin_feeds_anew(&self) -> Result<String, StoreError> {
        self.write(|mut tx| async move {
            let epoch = begin_anew(&mut tx, self, None).await?;
            for feed in feed_states(&mut tx).await? {
                let digest = add_up(&mut tx, &feed.feed).await?.to_bytes();
                super::set_digest(&mut tx, &feed.feed, &digest).await?;
                super::mark(&mut tx, &feed.feed, (feed.seq, feed.seq), &digest).await?;
            }
            tx.commit().await?;
            self.tell_of_change();
            tracing::warn!(epoch, "all feeds begin anew: the database was said to be restored");
            Ok(epoch)
        })
        .await
    }

    /// The epoch of all feeds, and how each store's feed stands.
    pub async fn feed_states(&self) -> Result<(String, Vec<FeedState>), StoreError> {
        let mut tx = self.reading().await?;
        let row =
            sqlx::query("SELECT epoch FROM chain WHERE tenant = $1").bind(TENANT).fetch_one(&mut *tx).await?;
        Ok((row.try_get("epoch")?, feed_states(&mut tx).await?))
    }

    /// Every time that the feeds were begun anew, the latest first.
    pub async fn set_backs(&self) -> Result<Vec<SetBack>, StoreError> {
        let rows = sqlx::query(
            "SELECT epoch, drawn_at, device FROM set_backs WHERE tenant = $1 ORDER BY drawn_at DESC, epoch",
        )
        .bind(TENANT)
        .fetch_all(&self.db.read)
        .await?;
        rows.iter()
            .map(|row| {
                let till: String = row.try_get("device")?;
                Ok(SetBack {
                    epoch: row.try_get("epoch")?,
                    at: row.try_get("drawn_at")?,
                    till: Some(till).filter(|till| !till.is_empty()),
                })
            })
            .collect()
    }
}

/// How a store's feed stands.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FeedState {
    /// The store's id, which is the feed's.
    pub feed: String,
    /// The last number.
    pub seq: i64,
    /// How many entitlements it tells of.
    pub rows: i64,
}

async fn feed_states(tx: &mut Conn) -> Result<Vec<FeedState>, StoreError> {
    let rows = sqlx::query(
        "SELECT f.feed, f.seq, (SELECT COUNT(*) FROM feed_entries e
                                WHERE e.tenant = f.tenant AND e.feed = f.feed) AS entries
         FROM feeds f JOIN stores s ON s.tenant = f.tenant AND s.store = f.feed
         WHERE f.tenant = $1 ORDER BY f.feed",
    )
    .bind(TENANT)
    .fetch_all(tx)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(FeedState {
                feed: row.try_get("feed")?,
                seq: row.try_get("seq")?,
                rows: row.try_get("entries")?,
            })
        })
        .collect()
}

/// The digest of a feed by its rows.
async fn add_up(tx: &mut Conn, feed: &str) -> Result<Digest, StoreError> {
    let (mut digest, mut after) = (Digest::EMPTY, String::new());
    loop {
        let rows = sqlx::query(
            "SELECT entitlement, hash FROM feed_entries
             WHERE tenant = $1 AND feed = $2 AND bucket = $3 AND entitlement > $4 ORDER BY entitlement LIMIT $5",
        )
        .bind(TENANT)
        .bind(feed)
        .bind(BUCKET)
        .bind(&after)
        .bind(ROWS_PER_READ)
        .fetch_all(&mut *tx)
        .await?;
        let Some(last) = rows.last() else { return Ok(digest) };
        after = last.try_get("entitlement")?;
        for row in &rows {
            digest.add(&super::hash_of(row, feed)?);
        }
    }
}

async fn begin_anew(tx: &mut Conn, store: &Store, device: Option<&Device>) -> Result<String, StoreError> {
    let epoch = hex(&store.hands.random::<8>());
    let UnixMs(now) = store.hands.now();
    sqlx::query("UPDATE chain SET epoch = $2 WHERE tenant = $1")
        .bind(TENANT)
        .bind(&epoch)
        .execute(&mut *tx)
        .await?;
    sqlx::query("INSERT INTO set_backs (tenant, epoch, drawn_at, device) VALUES ($1, $2, $3, $4)")
        .bind(TENANT)
        .bind(&epoch)
        .bind(now)
        .bind(device.map_or("", |device| &device.id))
        .execute(tx)
        .await?;
    Ok(epoch)
}
