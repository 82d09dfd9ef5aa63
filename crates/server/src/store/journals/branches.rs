//! A till that has two histories: its lines beside its journal, its quarantine, and how it is let in again.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, Row};
use wire::line;

use super::super::chain::{bump_setup, signed, unsigned};
use super::super::db::Conn;
use super::super::world::Wanted;
use super::super::{Device, Store, StoreError, TENANT, many, settle};
use super::{Part, Taken};
use crate::intake::Bounds;

/// One line of a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchLine {
    /// Its epoch.
    pub epoch: u64,
    /// Its number, which another line has too.
    pub seq: u64,
    /// Its bytes, as they came.
    pub bytes: Vec<u8>,
}

impl Store {
    /// The till has two histories: it may have nothing counted until a manager has looked.
    pub(super) async fn quarantine(
        &self,
        tx: &mut Conn,
        device: &Device,
        part: &Part<'_>,
    ) -> Result<(), StoreError> {
        tracing::error!(device = device.id, epoch = part.epoch, after = part.after, "a journal has forked");
        sqlx::query("UPDATE devices SET quarantined_at = $3 WHERE tenant = $1 AND device = $2")
            .bind(TENANT)
            .bind(&device.id)
            .bind(self.hands.now().0)
            .execute(&mut *tx)
            .await?;
        bump_setup(tx).await
    }

    /// Lets a till begin its next epoch, at its next contact. The lines of the one before stay as they are; what of them
    /// never came here is still to be reckoned with.
    pub async fn readmit(&self, device: &Device, note: &str) -> Result<u64, StoreError> {
        let now = self.hands.now();
        self.write(|mut tx| async move {
            let row = sqlx::query(
                "UPDATE devices SET epoch = epoch + 1, quarantined_at = 0 WHERE tenant = $1 AND device = $2
                 RETURNING epoch",
            )
            .bind(TENANT)
            .bind(&device.id)
            .fetch_one(&mut *tx)
            .await?;
            let epoch: i64 = row.try_get("epoch")?;
            super::begin(&mut tx, &device.id, epoch).await?;
            sqlx::query(
                "INSERT INTO readmissions (tenant, device, epoch, at, note) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(TENANT)
            .bind(&device.id)
            .bind(epoch)
            .bind(now.0)
            .bind(note)
            .execute(&mut *tx)
            .await?;
            let mut world = Wanted::till().read(&mut tx, device, now, Bounds::default()).await?;
            world.readmitted(unsigned(epoch), note);
            settle::write(&mut tx, world).await?;
            bump_setup(&mut tx).await?;
            tx.commit().await?;
            self.tell_of_change();
            Ok(unsigned(epoch))
        })
        .await
    }

    /// The lines of a till that are under numbers which other lines of it have.
    pub async fn branches(&self, device: &str) -> Result<Vec<BranchLine>, StoreError> {
        let rows = sqlx::query(
            "SELECT epoch, seq, bytes FROM branches WHERE tenant = $1 AND device = $2 ORDER BY epoch, seq, hash",
        )
        .bind(TENANT)
        .bind(device)
        .fetch_all(&self.db.read)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(BranchLine {
                    epoch: unsigned(row.try_get("epoch")?),
                    seq: unsigned(row.try_get("seq")?),
                    bytes: row.try_get("bytes")?,
                })
            })
            .collect()
    }
}

/// Whether the lines go on where a branch that is held ends.
pub(super) async fn continues(tx: &mut Conn, device: &Device, part: &Part<'_>) -> Result<bool, StoreError> {
    let Some(Ok(first)) = part.lines.first().map(|read| &read.line) else { return Ok(false) };
    let row = sqlx::query(
        "SELECT seq FROM branches WHERE tenant = $1 AND device = $2 AND epoch = $3 AND seq = $4 AND hash = $5",
    )
    .bind(TENANT)
    .bind(&device.id)
    .bind(signed(part.epoch))
    .bind(signed(part.after))
    .bind(&first.prev[..])
    .fetch_optional(tx)
    .await?;
    Ok(row.is_some())
}

/// The settlements of the branches' lines under a part's numbers, by number and hash.
pub(super) async fn held_among(
    tx: &mut Conn,
    device: &Device,
    part: &Part<'_>,
) -> Result<BTreeMap<(i64, Vec<u8>), String>, StoreError> {
    let after = signed(part.after);
    let rows = sqlx::query(
        "SELECT seq, hash, settlement FROM branches
         WHERE tenant = $1 AND device = $2 AND epoch = $3 AND seq > $4 AND seq <= $5",
    )
    .bind(TENANT)
    .bind(&device.id)
    .bind(signed(part.epoch))
    .bind(after)
    .bind(after + part.lines.len() as i64)
    .fetch_all(tx)
    .await?;
    rows.iter()
        .map(|row| Ok(((row.try_get("seq")?, row.try_get("hash")?), row.try_get("settlement")?)))
        .collect()
}

/// Writes lines of branches down.
pub(super) async fn write(
    tx: &mut Conn,
    device: &Device,
    epoch: u64,
    now: i64,
    lines: &[&Taken<'_>],
) -> Result<(), StoreError> {
    for group in many::groups(tx, 5, lines) {
        let sql = format!(
            "INSERT INTO branches (tenant, device, epoch, received_at, seq, hash, act, bytes, settlement) VALUES {}",
            many::rows(4, 5, group.len())
        );
        let mut query =
            sqlx::query(AssertSqlSafe(sql)).bind(TENANT).bind(&device.id).bind(signed(epoch)).bind(now);
        for line in group {
            let hash: line::Hash = line.branch.unwrap_or(line::GENESIS);
            query = query
                .bind(line.seq)
                .bind(hash.to_vec())
                .bind(line.act)
                .bind(line.bytes)
                .bind(&line.settlement);
        }
        query.execute(&mut *tx).await?;
    }
    Ok(())
}
