//! A till that has two histories: its lines beside its journal, its quarantine, and how it is let in again.

use sqlx::Row;
use wire::api::SettledLine;
use wire::line;

use super::super::chain::{bump_setup, signed, unsigned};
use super::super::db::Conn;
use super::super::effects::{self, Effects};
use super::super::feeds::Touched;
use super::super::{Device, Store, StoreError, TENANT, cases};
use super::{HandedIn, Journal};

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
    /// Keeps a line of a branch, with its effect, once.
    pub(super) async fn take_branch(
        &self,
        tx: &mut Conn,
        device: &Device,
        line: &line::Line,
        bytes: &[u8],
        touched: &mut Touched,
    ) -> Result<Option<SettledLine>, StoreError> {
        let hash = line::hash(bytes);
        if let Some(settlement) = held(tx, device, line.epoch, line.seq, &hash).await? {
            return Ok(if settlement.is_empty() { None } else { Some(serde_json::from_str(&settlement)?) });
        }
        let now = self.hands.now();
        let mut effects = Effects { tx: &mut *tx, hands: &self.hands, device, now, touched };
        let settlement = effects.apply(line).await?;
        sqlx::query(
            "INSERT INTO branches (tenant, device, epoch, seq, hash, act, bytes, received_at, settlement)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(TENANT)
        .bind(&device.id)
        .bind(signed(line.epoch))
        .bind(signed(line.seq))
        .bind(&hash[..])
        .bind(effects::act_code(&line.act))
        .bind(bytes)
        .bind(now.0)
        .bind(settlement.as_ref().map(serde_json::to_string).transpose()?.unwrap_or_default())
        .execute(tx)
        .await?;
        Ok(settlement)
    }

    /// The till has two histories: it may have nothing counted until a manager has looked.
    pub(super) async fn quarantine(
        &self,
        tx: &mut Conn,
        device: &Device,
        journal: &Journal,
        handed_in: &HandedIn,
    ) -> Result<(), StoreError> {
        let now = self.hands.now();
        tracing::error!(
            device = device.id,
            epoch = journal.epoch,
            after = handed_in.after,
            "a journal has forked"
        );
        sqlx::query("UPDATE devices SET quarantined_at = $3 WHERE tenant = $1 AND device = $2")
            .bind(TENANT)
            .bind(&device.id)
            .bind(now.0)
            .execute(&mut *tx)
            .await?;
        let fork = cases::Fork {
            id: self.hands.name("case"),
            device,
            epoch: journal.epoch,
            seq: handed_in.after + 1,
            now,
        };
        cases::open_fork(tx, &fork).await?;
        bump_setup(tx).await
    }

    /// Lets a till begin its next epoch, at its next contact. The lines of the one before stay as they are; what of them
    /// never came here is still to be reckoned with.
    pub async fn readmit(&self, device: &str, note: &str) -> Result<u64, StoreError> {
        self.write(|mut tx| async move {
            let row = sqlx::query(
                "UPDATE devices SET epoch = epoch + 1, quarantined_at = 0 WHERE tenant = $1 AND device = $2
                 RETURNING epoch",
            )
            .bind(TENANT)
            .bind(device)
            .fetch_one(&mut *tx)
            .await?;
            let epoch: i64 = row.try_get("epoch")?;
            super::begin(&mut tx, device, epoch).await?;
            sqlx::query(
                "INSERT INTO readmissions (tenant, device, epoch, at, note) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(TENANT)
            .bind(device)
            .bind(epoch)
            .bind(self.hands.now().0)
            .bind(note)
            .execute(&mut *tx)
            .await?;
            cases::close_fork(&mut tx, device, note, self.hands.now()).await?;
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
pub(super) async fn continues(
    tx: &mut Conn,
    device: &Device,
    handed_in: &HandedIn,
) -> Result<bool, StoreError> {
    let Some(Ok(first)) = handed_in.lines.first().map(|bytes| line::peek(bytes)) else { return Ok(false) };
    let held = held(tx, device, handed_in.epoch, handed_in.after, &first.prev).await?;
    Ok(held.is_some())
}

/// The settlement of a branch's line, if that line is held.
async fn held(
    tx: &mut Conn,
    device: &Device,
    epoch: u64,
    seq: u64,
    hash: &line::Hash,
) -> Result<Option<String>, StoreError> {
    let row = sqlx::query(
        "SELECT settlement FROM branches
         WHERE tenant = $1 AND device = $2 AND epoch = $3 AND seq = $4 AND hash = $5",
    )
    .bind(TENANT)
    .bind(&device.id)
    .bind(signed(epoch))
    .bind(signed(seq))
    .bind(&hash[..])
    .fetch_optional(tx)
    .await?;
    Ok(row.map(|row| row.try_get("settlement")).transpose()?)
}
