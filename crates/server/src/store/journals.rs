//! The tills' journals: lines arrive in order, are kept byte for byte, and take effect, in one transaction.
//!
//! An answer means that the lines are on this server's disk. A line that was handed in before gets the settlement
//! that it got then, byte for byte. A line that cannot be read is kept as evidence and blocks nothing. A long batch
//! takes several transactions, so that a till where a customer waits comes in between.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use sqlx::{AssertSqlSafe, Row};
use wire::line::{self, Act, Line, NotALine};

use super::chain::{signed, unsigned};
use super::db::Conn;
use super::world::Wanted;
use super::{Device, Store, StoreError, TENANT, many, settle};
use crate::intake::{Bounds, LineAt};

/// How many lines are taken at once. Of a longer batch the first are taken, and the head says how far.
pub const BATCH_LENGTH_MAX: usize = 1_000;
/// How many of them one transaction takes: as many as take a few hundredths of a second.
const PART_LENGTH_MAX: usize = 256;
/// From so many lines on they are read on several threads.
const MANY: usize = 64;

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
    Kept(Kept),
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

/// The answer, which [`wire::api::Intake`] reads.
#[derive(serde::Serialize)]
pub struct Kept {
    /// The last line that is held.
    pub head: u64,
    /// A [`wire::api::SettledLine`] for each line that has one, in the bytes in which it was told first.
    pub settlements: Vec<Box<RawValue>>,
}

struct Journal {
    epoch: u64,
    head: i64,
    head_hash: Vec<u8>,
    bounds: Bounds,
}

/// A line as it came, and as it reads.
struct Read {
    bytes: Vec<u8>,
    hash: line::Hash,
    line: Result<Line, NotALine>,
}

/// A line that is to be written down.
struct Taken<'r> {
    seq: i64,
    act: &'static str,
    bytes: &'r [u8],
    settlement: String,
}

impl Store {
    /// Takes lines in.
    pub async fn take_in(&self, device: &Device, handed_in: HandedIn) -> Result<Intake, StoreError> {
        let HandedIn { epoch, mut after, mut lines } = handed_in;
        lines.truncate(BATCH_LENGTH_MAX);
        let read = read(lines).await?;
        let mut kept = Kept { head: 0, settlements: Vec::new() };
        let (first, rest) = read.split_at(read.len().min(PART_LENGTH_MAX));
        for part in std::iter::once(first).chain(rest.chunks(PART_LENGTH_MAX)) {
            match self.take_part(device, epoch, after, part).await? {
                Intake::Kept(more) => {
                    kept.head = more.head;
                    kept.settlements.extend(more.settlements);
                }
                refused => return Ok(refused),
            }
            after += part.len() as u64;
        }
        Ok(Intake::Kept(kept))
    }

    async fn take_part(
        &self,
        device: &Device,
        epoch: u64,
        after: u64,
        part: &[Read],
    ) -> Result<Intake, StoreError> {
        let now = self.hands.now();
        self.write(|mut tx| async move {
            let anew = after == 0 && !part.is_empty();
            let Some(mut journal) = journal_of(&mut tx, device, epoch, anew).await? else {
                return Ok(Intake::Fork { head: 0 });
            };
            let head = unsigned(journal.head);
            if after > head {
                return Ok(Intake::Gap { head });
            }
            let repeated = part.len().min((head - after) as usize);
            let (repeated, fresh) = part.split_at(repeated);
            let Some(mut settlements) = told_before(&mut tx, device, epoch, after, repeated).await? else {
                return Ok(Intake::Fork { head });
            };
            if !continues(device, &journal, fresh) {
                return Ok(Intake::Fork { head });
            }
            if fresh.is_empty() {
                tx.commit().await?;
                return Ok(Intake::Kept(Kept { head, settlements }));
            }
            let wanted = Wanted::of_lines(fresh.iter().filter_map(|read| read.line.as_ref().ok()));
            let mut world = wanted.read(&mut tx, device, now, journal.bounds).await?;
            let mut taken = Vec::with_capacity(fresh.len());
            for (seq, read) in (journal.head + 1..).zip(fresh) {
                let at = LineAt { epoch, seq: unsigned(seq) };
                let (act, settlement) = match &read.line {
                    Ok(line) => (act_code(&line.act), world.apply(at, line)),
                    Err(error) => {
                        tracing::warn!(device = device.id, seq, %error, "a line is kept without effect");
                        world.unreadable(at, why_unreadable(error));
                        ("unreadable", None)
                    }
                };
                let settlement = settlement.as_ref().map(serde_json::to_string).transpose()?;
                if let Some(settlement) = &settlement {
                    settlements.push(RawValue::from_string(settlement.clone())?);
                }
                let settlement = settlement.unwrap_or_default();
                taken.push(Taken { seq, act, bytes: &read.bytes, settlement });
                journal.head = seq;
                journal.head_hash = read.hash.to_vec();
            }
            journal.bounds = world.bounds;
            write_lines(&mut tx, device, epoch, now.0, &taken).await?;
            let news = settle::write(&mut tx, world).await?;
            write_head(&mut tx, device, &journal).await?;
            tx.commit().await?;
            if news {
                self.tell_of_change();
            }
            Ok(Intake::Kept(Kept { head: unsigned(journal.head), settlements }))
        })
        .await
    }
}

/// Reads the lines before any transaction begins, many of them on as many threads as there are to spare.
async fn read(lines: Vec<Vec<u8>>) -> Result<Vec<Read>, StoreError> {
    if lines.len() < MANY {
        return Ok(lines.into_iter().map(read_one).collect());
    }
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(8);
    let length = lines.len().div_ceil(threads);
    let mut lines = lines.into_iter();
    let mut parts = Vec::new();
    loop {
        let part: Vec<Vec<u8>> = lines.by_ref().take(length).collect();
        if part.is_empty() {
            break;
        }
        parts.push(tokio::task::spawn_blocking(|| part.into_iter().map(read_one).collect::<Vec<Read>>()));
    }
    let mut read = Vec::new();
    for part in parts {
        read.extend(part.await.map_err(|error| StoreError::Data(format!("lines were not read: {error}")))?);
    }
    Ok(read)
}

fn read_one(bytes: Vec<u8>) -> Read {
    Read { hash: line::hash(&bytes), line: line::decode(&bytes), bytes }
}

fn why_unreadable(error: &NotALine) -> &'static str {
    match error {
        NotALine::Malformed(_) => "malformed",
        NotALine::Newer(_) => "newer",
    }
}

/// Whether the lines are the next ones of this very journal. One that cannot be read may be anything.
fn continues(device: &Device, journal: &Journal, lines: &[Read]) -> bool {
    let mut head: &[u8] = &journal.head_hash;
    for (seq, read) in (journal.head + 1..).zip(lines) {
        if let Ok(line) = &read.line {
            let next = line.device == device.id
                && line.epoch == journal.epoch
                && signed(line.seq) == seq
                && line.prev.as_slice() == head;
            if !next {
                tracing::warn!(device = device.id, seq, "a journal line that does not continue what is held");
                return false;
            }
        }
        head = &read.hash;
    }
    true
}

/// How a line's act is called in the table.
fn act_code(act: &Act) -> &'static str {
    match act {
        Act::Begun(_) => "begun",
        Act::Decided(_) => "decided",
        Act::Refused(_) => "refused",
        Act::Settled { .. } => "settled",
        Act::Undone { .. } => "undone",
        Act::Resolved { .. } => "resolved",
    }
}

/// The settlements of lines that are held already; nothing if other lines are held under their numbers.
async fn told_before(
    tx: &mut Conn,
    device: &Device,
    epoch: u64,
    after: u64,
    lines: &[Read],
) -> Result<Option<Vec<Box<RawValue>>>, StoreError> {
    let mut settlements = Vec::new();
    if lines.is_empty() {
        return Ok(Some(settlements));
    }
    let held = held_lines(tx, device, epoch, signed(after), lines.len()).await?;
    for (seq, read) in (signed(after) + 1..).zip(lines) {
        match held.get(&seq) {
            Some((stored, settlement)) if *stored == read.bytes => {
                if !settlement.is_empty() {
                    settlements.push(RawValue::from_string(settlement.clone())?);
                }
            }
            Some(_) => return Ok(None),
            None => return Err(StoreError::Data(format!("line {seq} of {} is missing", device.id))),
        }
    }
    Ok(Some(settlements))
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
    epoch: u64,
    first: bool,
) -> Result<Option<Journal>, StoreError> {
    let row = sqlx::query("SELECT epoch, enrolled_at FROM devices WHERE tenant = $1 AND device = $2")
        .bind(TENANT)
        .bind(&device.id)
        .fetch_one(&mut *tx)
        .await?;
    let enrolled_at: i64 = row.try_get("enrolled_at")?;
    let current = unsigned(row.try_get("epoch")?);
    if first && epoch == current + 1 {
        tracing::warn!(device = device.id, epoch, "a till begins its journal anew");
        begin(tx, &device.id, signed(epoch)).await?;
        sqlx::query("UPDATE devices SET epoch = $3 WHERE tenant = $1 AND device = $2")
            .bind(TENANT)
            .bind(&device.id)
            .bind(signed(epoch))
            .execute(&mut *tx)
            .await?;
    } else if epoch != current {
        return Ok(None);
    }
    let row = sqlx::query(
        "SELECT head, head_hash, not_before, last_at, written_off_at FROM journals
         WHERE tenant = $1 AND device = $2 AND epoch = $3",
    )
    .bind(TENANT)
    .bind(&device.id)
    .bind(signed(epoch))
    .fetch_one(&mut *tx)
    .await?;
    let bounds = Bounds {
        not_before: enrolled_at.max(row.try_get("not_before")?),
        last_at: row.try_get("last_at")?,
        written_off: row.try_get::<i64, _>("written_off_at")? != 0,
    };
    Ok(Some(Journal { epoch, head: row.try_get("head")?, head_hash: row.try_get("head_hash")?, bounds }))
}

/// So many of the lines held after that one: bytes and settlement.
async fn held_lines(
    tx: &mut Conn,
    device: &Device,
    epoch: u64,
    after: i64,
    count: usize,
) -> Result<BTreeMap<i64, (Vec<u8>, String)>, StoreError> {
    let rows = sqlx::query(
        "SELECT seq, bytes, settlement FROM lines
         WHERE tenant = $1 AND device = $2 AND epoch = $3 AND seq > $4 ORDER BY seq LIMIT $5",
    )
    .bind(TENANT)
    .bind(&device.id)
    .bind(signed(epoch))
    .bind(after)
    .bind(count as i64)
    .fetch_all(tx)
    .await?;
    rows.iter()
        .map(|row| Ok((row.try_get("seq")?, (row.try_get("bytes")?, row.try_get("settlement")?))))
        .collect()
}

async fn write_lines(
    tx: &mut Conn,
    device: &Device,
    epoch: u64,
    now: i64,
    lines: &[Taken<'_>],
) -> Result<(), StoreError> {
    for group in many::groups(lines) {
        let sql = format!(
            "INSERT INTO lines (tenant, device, epoch, received_at, seq, act, bytes, settlement) VALUES {}",
            many::rows(4, 4, group.len())
        );
        let mut query =
            sqlx::query(AssertSqlSafe(sql)).bind(TENANT).bind(&device.id).bind(signed(epoch)).bind(now);
        for line in group {
            query = query.bind(line.seq).bind(line.act).bind(line.bytes).bind(&line.settlement);
        }
        query.execute(&mut *tx).await?;
    }
    Ok(())
}

async fn write_head(tx: &mut Conn, device: &Device, journal: &Journal) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE journals SET head = $4, head_hash = $5, not_before = $6, last_at = $7
         WHERE tenant = $1 AND device = $2 AND epoch = $3",
    )
    .bind(TENANT)
    .bind(&device.id)
    .bind(signed(journal.epoch))
    .bind(journal.head)
    .bind(&journal.head_hash)
    .bind(journal.bounds.not_before)
    .bind(journal.bounds.last_at)
    .execute(tx)
    .await?;
    Ok(())
}
