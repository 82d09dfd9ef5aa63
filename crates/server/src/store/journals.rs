//! The tills' journals: lines arrive in order, are kept byte for byte, and take effect, in one transaction.
//!
//! An answer means that the lines are on this server's disk. A line that was handed in before gets the settlement
//! that it got then. A line that cannot be read, or is not signed by the till's key, is kept as evidence and blocks
//! nothing. Signed lines under numbers that other lines have are a branch: the till was set back, or runs twice. The
//! branch is kept beside the journal ([`branches`]) and the till is in quarantine until a manager lets it in again.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::signed::token::PublicKey;
use sqlx::Row;
use wire::api::SettledLine;
use wire::line;

use super::chain::{signed, unsigned};
use super::db::{Conn, Tx};
use super::effects::{self, Effects};
use super::feeds::Touched;
use super::{Device, Store, StoreError, TENANT};

mod branches;

pub use branches::BranchLine;

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

/// Who hands lines in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// The till itself.
    Itself,
    /// Somebody who has its lines on a stick. They prove themselves, or are not taken.
    Carrier,
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
    /// They are not the continuation of the journal that is held here. What is signed of them is on disk as a branch.
    Fork {
        /// The last line that is held.
        head: u64,
    },
    /// Somebody carries what this till has not signed. Nothing was taken.
    NotSigned {
        /// The first line of that kind.
        seq: i64,
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

pub(super) struct Journal {
    pub(super) epoch: u64,
    pub(super) head: i64,
    pub(super) head_hash: Vec<u8>,
}

/// What is known of the till whose lines come.
pub(super) struct Owner {
    pub(super) epoch: u64,
    pub(super) key: Option<PublicKey>,
    pub(super) quarantined: bool,
}

/// Where a line belongs.
enum Belongs {
    /// Behind the head.
    Journal(Option<line::Line>),
    /// Under a number that another line has.
    Branch(line::Line),
    /// Nowhere: it is not signed, or is another till's.
    Nowhere,
}

impl Store {
    /// Takes lines in from the till itself.
    pub async fn take_in(&self, device: &Device, handed_in: &HandedIn) -> Result<Intake, StoreError> {
        self.take_in_from(Hand::Itself, device, handed_in).await
    }

    /// Takes lines in.
    pub async fn take_in_from(
        &self,
        hand: Hand,
        device: &Device,
        handed_in: &HandedIn,
    ) -> Result<Intake, StoreError> {
        self.write(|tx| self.try_take_in(tx, hand, device, handed_in)).await
    }

    async fn try_take_in(
        &self,
        mut tx: Tx,
        hand: Hand,
        device: &Device,
        handed_in: &HandedIn,
    ) -> Result<Intake, StoreError> {
        let owner = owner_of(&mut tx, device).await?;
        let Some(mut journal) = journal_of(&mut tx, device, &owner, handed_in).await? else {
            return Ok(Intake::Fork { head: 0 });
        };
        let (head, after) = (unsigned(journal.head), handed_in.after);
        if after > head && !branches::continues(&mut tx, device, handed_in).await? {
            return Ok(Intake::Gap { head });
        }
        let mut touched = Touched::default();
        let (mut settlements, mut forked) = (Vec::new(), false);
        let held = held_lines(&mut tx, device, &journal, signed(after)).await?;
        let taken = handed_in.lines.len().min(BATCH_LENGTH_MAX);
        for (seq, bytes) in (signed(after) + 1..).zip(&handed_in.lines[..taken]) {
            let same = held.get(&seq).filter(|(stored, _)| stored == bytes);
            let settlement = match same {
                Some((_, settlement)) if settlement.is_empty() => None,
                Some((_, settlement)) => Some(serde_json::from_str(settlement)?),
                None => match belongs(bytes, seq, device, &owner, &journal) {
                    Belongs::Nowhere | Belongs::Journal(None) if hand == Hand::Carrier => {
                        return Ok(Intake::NotSigned { seq });
                    }
                    Belongs::Nowhere => return Ok(Intake::Fork { head }),
                    Belongs::Journal(line) => {
                        self.take_line(&mut tx, device, &mut journal, bytes, line, &mut touched).await?
                    }
                    Belongs::Branch(line) => {
                        forked = true;
                        self.take_branch(&mut tx, device, &line, bytes, &mut touched).await?
                    }
                },
            };
            settlements.extend(settlement);
        }
        let first_seen = forked && !owner.quarantined && journal.epoch == owner.epoch;
        if first_seen {
            self.quarantine(&mut tx, device, &journal, handed_in).await?;
        }
        touched.tell(&mut tx).await?;
        write_head(&mut tx, device, &journal).await?;
        tx.commit().await?;
        if first_seen || !touched.is_empty() {
            self.tell_of_change();
        }
        if first_seen {
            return Ok(Intake::Fork { head });
        }
        // Of a branch, the journal's head says nothing.
        let head = if forked { after + taken as u64 } else { unsigned(journal.head) };
        Ok(Intake::Kept(wire::api::Intake { head, settlements }))
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
        .fetch_all(&self.db.read)
        .await?;
        rows.iter()
            .map(|row| {
                let seq = unsigned(row.try_get("seq")?);
                Ok(LineRow { seq, bytes: row.try_get("bytes")?, settlement: row.try_get("settlement")? })
            })
            .collect()
    }

    /// Takes the next line: its settlement, if it has one.
    async fn take_line(
        &self,
        tx: &mut Conn,
        device: &Device,
        journal: &mut Journal,
        bytes: &[u8],
        line: Option<line::Line>,
        touched: &mut Touched,
    ) -> Result<Option<SettledLine>, StoreError> {
        let (seq, now) = (journal.head + 1, self.hands.now());
        let (act, settlement) = match line {
            Some(line) => {
                let mut effects = Effects { tx: &mut *tx, hands: &self.hands, device, now, touched };
                (effects::act_code(&line.act), effects.apply(&line).await?)
            }
            None => ("unreadable", None),
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
        Ok(settlement)
    }

    /// The lines of a till's epoch behind `after`, with what became of them: for a till that has lost its own.
    pub async fn lines_of(
        &self,
        device: &Device,
        epoch: u64,
        after: u64,
    ) -> Result<wire::api::OwnLines, StoreError> {
        let rows = sqlx::query(
            "SELECT seq, bytes, settlement FROM lines
             WHERE tenant = $1 AND device = $2 AND epoch = $3 AND seq > $4 ORDER BY seq LIMIT $5",
        )
        .bind(TENANT)
        .bind(&device.id)
        .bind(signed(epoch))
        .bind(signed(after))
        .bind(BATCH_LENGTH_MAX as i64)
        .fetch_all(&self.db.read)
        .await?;
        let mut own = wire::api::OwnLines { last: after, lines: vec![], settlements: vec![] };
        for row in rows {
            own.last = unsigned(row.try_get("seq")?);
            own.lines.push(STANDARD.encode(row.try_get::<Vec<u8>, _>("bytes")?));
            let settlement: String = row.try_get("settlement")?;
            if !settlement.is_empty() {
                own.settlements.push(serde_json::from_str(&settlement)?);
            }
        }
        Ok(own)
    }
}

/// Where a line belongs that is not held under its number.
fn belongs(bytes: &[u8], seq: i64, device: &Device, owner: &Owner, journal: &Journal) -> Belongs {
    let next = seq == journal.head + 1;
    let Some(key) = owner.key else { return Belongs::Nowhere };
    match line::decode(bytes, key) {
        Ok(line) if next && effects::continues(&line, device, journal.epoch, seq, &journal.head_hash) => {
            Belongs::Journal(Some(line))
        }
        Ok(line) if line.device == device.id && line.epoch == journal.epoch && signed(line.seq) == seq => {
            Belongs::Branch(line)
        }
        Ok(_) => Belongs::Nowhere,
        Err(error) if next => {
            tracing::warn!(device = device.id, seq, %error, "a journal line is kept without effect");
            Belongs::Journal(None)
        }
        Err(_) => Belongs::Nowhere,
    }
}

/// How far this server knows the journal of that till.
pub(super) async fn known_head(tx: &mut Conn, device: &Device) -> Result<wire::api::KnownHead, StoreError> {
    let row = sqlx::query(
        "SELECT d.epoch, d.quarantined_at, j.head FROM devices d
         JOIN journals j ON j.tenant = d.tenant AND j.device = d.device AND j.epoch = d.epoch
         WHERE d.tenant = $1 AND d.device = $2",
    )
    .bind(TENANT)
    .bind(&device.id)
    .fetch_one(tx)
    .await?;
    Ok(wire::api::KnownHead {
        epoch: unsigned(row.try_get("epoch")?),
        seq: unsigned(row.try_get("head")?),
        quarantined: row.try_get::<i64, _>("quarantined_at")? != 0,
    })
}

async fn owner_of(tx: &mut Conn, device: &Device) -> Result<Owner, StoreError> {
    let row = sqlx::query(
        "SELECT epoch, public_key, quarantined_at FROM devices WHERE tenant = $1 AND device = $2",
    )
    .bind(TENANT)
    .bind(&device.id)
    .fetch_one(tx)
    .await?;
    let key: Vec<u8> = row.try_get("public_key")?;
    Ok(Owner {
        epoch: unsigned(row.try_get("epoch")?),
        key: key.try_into().ok().and_then(|bytes| PublicKey::from_bytes(&bytes)),
        quarantined: row.try_get::<i64, _>("quarantined_at")? != 0,
    })
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

/// The journal that the lines belong to. A manager grants a till its next epoch. One that has begun it already, while
/// this server was set back to an older state, is believed: its first line says why.
async fn journal_of(
    tx: &mut Conn,
    device: &Device,
    owner: &Owner,
    handed_in: &HandedIn,
) -> Result<Option<Journal>, StoreError> {
    let opens = |bytes: &Vec<u8>| {
        let line = owner.key.and_then(|key| line::decode(bytes, key).ok());
        line.is_some_and(|line| matches!(line.act, line::Act::Opened { .. }))
    };
    let first = handed_in.lines.first().filter(|_| handed_in.after == 0);
    if handed_in.epoch == owner.epoch + 1 && !owner.quarantined && first.is_some_and(opens) {
        tracing::warn!(
            device = device.id,
            epoch = handed_in.epoch,
            "a till goes on in an epoch granted before"
        );
        begin(tx, &device.id, signed(handed_in.epoch)).await?;
        sqlx::query("UPDATE devices SET epoch = $3 WHERE tenant = $1 AND device = $2")
            .bind(TENANT)
            .bind(&device.id)
            .bind(signed(handed_in.epoch))
            .execute(&mut *tx)
            .await?;
    } else if handed_in.epoch > owner.epoch {
        return Ok(None);
    }
    let row =
        sqlx::query("SELECT head, head_hash FROM journals WHERE tenant = $1 AND device = $2 AND epoch = $3")
            .bind(TENANT)
            .bind(&device.id)
            .bind(signed(handed_in.epoch))
            .fetch_optional(&mut *tx)
            .await?;
    let Some(row) = row else { return Ok(None) };
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
