//! The tills' journals: lines arrive in order, are kept byte for byte, and take effect, in one transaction.
//!
//! An answer means that the lines are on this server's disk. A line that was handed in before gets the settlement
//! that it got then. A line that cannot be read is kept as evidence and blocks nothing.

use std::collections::BTreeMap;

use sqlx::Row;
use wire::api::SettledLine;
use wire::line;

use super::chain::{signed, unsigned};
use super::db::Conn;
use super::effects::{self, Effects};
use super::feeds::Touched;
use super::{Device, Store, StoreError, TENANT};

/// How many lines one transaction takes. Of a longer batch the first are taken, and the head says how far.
pub const BATCH_LENGTH_MAX: usize = 500;

/// Lines as they came.
pub struct HandedIn {
    /// The journal's epoch.
    pub epoch: u64,
    /// The sequence number before the first line.
    pub after: u64,
    /// The lines.
    pub lines: Vec<Vec<u8>>,
}

/// What became of them.
pub enum Intake {
    /// They are on disk.
    Kept(wire::api::Intake),
    /// Lines are missing between the head and the first of them.
    Gap {
        /// The last line that is held.
        head: u64,
    },
    /// They are not the continuation of the journal that is held here.
    Fork {
        /// The last line that is held.
        head: u64,
    },
}

/// A line that is held.
pub struct LineRow {
    /// Its number.
    pub seq: u64,
    /// As it came.
    pub bytes: Vec<u8>,
    /// What became of it, as JSON; empty if it needs no settlement.
    pub settlement: String,
}

struct Journal {
    epoch: u64,
    head: i64,
    head_hash: Vec<u8>,
}

impl Store {
    /// Takes lines in.
    pub async fn take_in(&self, device: &Device, handed_in: &HandedIn) -> Result<Intake, StoreError> {
        let mut tx = self.writing().await?;
        let Some(mut journal) = journal_of(&mut tx, device, handed_in).await? else {
            return Ok(Intake::Fork { head: 0 });
        };
        let (head, after) = (unsigned(journal.head), handed_in.after);
        if after > head {
            return Ok(Intake::Gap { head });
        }
        let mut touched = Touched::default();
        let mut settlements = Vec::new();
        let held = held_lines(&mut tx, device, &journal, signed(after)).await?;
        for (seq, bytes) in (signed(after) + 1..).zip(handed_in.lines.iter().take(BATCH_LENGTH_MAX)) {
            let settlement = match held.get(&seq) {
                Some((stored, _)) if stored != bytes => return Ok(Intake::Fork { head }),
                Some((_, settlement)) if settlement.is_empty() => None,
                Some((_, settlement)) => Some(serde_json::from_str(settlement)?),
                None => match self.take_line(&mut tx, device, &mut journal, bytes, &mut touched).await? {
                    Some(settlement) => settlement,
                    None => return Ok(Intake::Fork { head }),
                },
            };
            settlements.extend(settlement);
        }
        touched.tell(&mut tx).await?;
        write_head(&mut tx, device, &journal).await?;
        tx.commit().await?;
        if !touched.is_empty() {
            self.tell_of_change();
        }
        Ok(Intake::Kept(wire::api::Intake { head: unsigned(journal.head), settlements }))
    }

    /// At most [`BATCH_LENGTH_MAX`] lines of a till's journal after that number, in order.
    pub async fn lines(&self, device: &str, epoch: u64, after: u64) -> Result<Vec<LineRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT seq, bytes, settlement FROM lines
             WHERE tenant = $1 AND device = $2 AND epoch = $3 AND seq > $4 ORDER BY seq LIMIT $5",
        )
        .bind(TENANT)
        .bind(device)
        .bind(signed(epoch))
        .bind(signed(after))
        .bind(BATCH_LENGTH_MAX as i64)
        .fetch_all(&self.read)
        .await?;
        rows.iter()
            .map(|row| {
                let seq = unsigned(row.try_get("seq")?);
                Ok(LineRow { seq, bytes: row.try_get("bytes")?, settlement: row.try_get("settlement")? })
            })
            .collect()
    }

    /// Takes the next line: its settlement, if it has one; nothing at all if it is not the next of this journal.
    async fn take_line(
        &self,
        tx: &mut Conn,
        device: &Device,
        journal: &mut Journal,
        bytes: &[u8],
        touched: &mut Touched,
    ) -> Result<Option<Option<SettledLine>>, StoreError> {
        let seq = journal.head + 1;
        let now = self.hands.now();
        let (act, settlement) = match line::decode(bytes) {
            Ok(line) if !effects::continues(&line, device, journal.epoch, seq, &journal.head_hash) => {
                tracing::warn!(device = device.id, seq, "a journal line that does not continue what is held");
                return Ok(None);
            }
            Ok(line) => {
                let mut effects = Effects { tx: &mut *tx, hands: &self.hands, device, now, touched };
                (effects::act_code(&line.act), effects.apply(&line).await?)
            }
            Err(error) => {
                tracing::warn!(device = device.id, seq, %error, "a journal line is kept without effect");
                ("unreadable", None)
            }
        };
        sqlx::query(
            "INSERT INTO lines (tenant, device, epoch, seq, act, bytes, received_at, settlement)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(TENANT)
        .bind(&device.id)
        .bind(signed(journal.epoch))
        .bind(seq)
        .bind(act)
        .bind(bytes)
        .bind(now.0)
        .bind(settlement.as_ref().map(serde_json::to_string).transpose()?.unwrap_or_default())
        .execute(tx)
        .await?;
        journal.head = seq;
        journal.head_hash = line::hash(bytes).to_vec();
        Ok(Some(settlement))
    }
}

/// Begins a till's journal.
pub(super) async fn begin(tx: &mut Conn, device: &str, epoch: i64) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO journals (tenant, device, epoch, head, head_hash) VALUES ($1, $2, $3, 0, $4)
         ON CONFLICT (tenant, device, epoch) DO NOTHING",
    )
    .bind(TENANT)
    .bind(device)
    .bind(epoch)
    .bind(&line::GENESIS[..])
    .execute(tx)
    .await?;
    Ok(())
}

/// The journal that the lines belong to. A till whose journal was lost begins the next epoch with its first line;
/// older epochs are closed, and no epoch is skipped.
async fn journal_of(
    tx: &mut Conn,
    device: &Device,
    handed_in: &HandedIn,
) -> Result<Option<Journal>, StoreError> {
    let row = sqlx::query("SELECT epoch FROM devices WHERE tenant = $1 AND device = $2")
        .bind(TENANT)
        .bind(&device.id)
        .fetch_one(&mut *tx)
        .await?;
    let current = unsigned(row.try_get("epoch")?);
    let anew = handed_in.epoch == current + 1 && handed_in.after == 0 && !handed_in.lines.is_empty();
    if anew {
        tracing::warn!(device = device.id, epoch = handed_in.epoch, "a till begins its journal anew");
        begin(tx, &device.id, signed(handed_in.epoch)).await?;
        sqlx::query("UPDATE devices SET epoch = $3 WHERE tenant = $1 AND device = $2")
            .bind(TENANT)
            .bind(&device.id)
            .bind(signed(handed_in.epoch))
            .execute(&mut *tx)
            .await?;
    } else if handed_in.epoch != current {
        return Ok(None);
    }
    let row =
        sqlx::query("SELECT head, head_hash FROM journals WHERE tenant = $1 AND device = $2 AND epoch = $3")
            .bind(TENANT)
            .bind(&device.id)
            .bind(signed(handed_in.epoch))
            .fetch_one(&mut *tx)
            .await?;
    Ok(Some(Journal {
        epoch: handed_in.epoch,
        head: row.try_get("head")?,
        head_hash: row.try_get("head_hash")?,
    }))
}

/// The lines held after that one, as many as a batch may repeat: bytes and settlement.
async fn held_lines(
    tx: &mut Conn,
    device: &Device,
    journal: &Journal,
    after: i64,
) -> Result<BTreeMap<i64, (Vec<u8>, String)>, StoreError> {
    let rows = sqlx::query(
        "SELECT seq, bytes, settlement FROM lines
         WHERE tenant = $1 AND device = $2 AND epoch = $3 AND seq > $4 ORDER BY seq LIMIT $5",
    )
    .bind(TENANT)
    .bind(&device.id)
    .bind(signed(journal.epoch))
    .bind(after)
    .bind(BATCH_LENGTH_MAX as i64)
    .fetch_all(tx)
    .await?;
    rows.iter()
        .map(|row| Ok((row.try_get("seq")?, (row.try_get("bytes")?, row.try_get("settlement")?))))
        .collect()
}

async fn write_head(tx: &mut Conn, device: &Device, journal: &Journal) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE journals SET head = $4, head_hash = $5 WHERE tenant = $1 AND device = $2 AND epoch = $3",
    )
    .bind(TENANT)
    .bind(&device.id)
    .bind(signed(journal.epoch))
    .bind(journal.head)
    .bind(&journal.head_hash)
    .execute(tx)
    .await?;
    Ok(())
}
