//! The tills' journals: lines arrive in order, are kept byte for byte, and take effect, in one transaction.
//!
//! An answer means that the lines are on this server's disk. A line that was handed in before gets the settlement
//! that it got then, byte for byte. A line that cannot be read, or is not signed by the till's key, is kept as evidence
//! and blocks nothing. Signed lines under numbers that other lines have are a branch: the till was set back, or runs
//! twice. The branch is kept beside the journal ([`branches`]) and the till is in quarantine until a manager lets it in
//! again. A long batch takes several transactions, so that a till where a customer waits comes in between.

use std::collections::BTreeMap;
use std::pin::Pin;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::signed::key::PublicKey;
use serde_json::value::RawValue;
use sqlx::{AssertSqlSafe, Row};
use wire::line::{self, Act, Line, NotALine};

use super::chain::{signed, unsigned};
use super::db::{Conn, Grown, Tx};
use super::world::Wanted;
use super::{Device, Store, StoreError, TENANT, many, settle};
use crate::intake::{Bounds, LineAt, World};

mod branches;
pub(super) mod gaps;

pub use branches::BranchLine;

/// How many lines are taken at once. Of a longer batch the first are taken, and the head says how far.
pub const BATCH_LENGTH_MAX: usize = 1_024;
/// How many of them one transaction takes: as many as take a few hundredths of a second.
const PART_LENGTH_MAX: usize = 256;
/// From so many lines on they are read on several threads.
const MANY: usize = 16;

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
    Kept(Kept),
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

/// The answer, which [`wire::api::Intake`] reads.
#[derive(serde::Serialize)]
pub struct Kept {
    /// The last line that is held.
    pub head: u64,
    /// A [`wire::api::SettledLine`] for each line that has one, in the bytes in which it was told first.
    pub settlements: Vec<Box<RawValue>>,
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
    epoch: u64,
    head: i64,
    head_hash: line::Hash,
    bounds: Bounds,
}

/// What is known of the till whose lines come.
struct Owner {
    epoch: u64,
    key: Option<PublicKey>,
    enrolled_at: i64,
    quarantined: bool,
}

/// A line as it came, and as it reads under its till's key.
struct Read {
    bytes: Vec<u8>,
    hash: line::Hash,
    line: Result<Line, NotALine>,
}

/// Some lines of one batch, for one transaction.
struct Part<'r> {
    epoch: u64,
    after: u64,
    lines: &'r [Read],
}

/// What is held of a part's lines already, by number, and by number and hash.
struct HeldBefore {
    journal: BTreeMap<i64, (Vec<u8>, String)>,
    branches: BTreeMap<(i64, Vec<u8>), String>,
}

/// Where a line belongs.
enum Belongs<'r> {
    /// It is held, with this settlement; empty if it has none.
    Held { settlement: &'r str, branch: bool },
    /// Behind the head, whether or not anybody can read it.
    Journal(Result<&'r Line, &'r NotALine>),
    /// Under a number that another line has.
    Branch(&'r Line),
}

impl Belongs<'_> {
    fn is_on_a_branch(&self) -> bool {
        matches!(self, Belongs::Branch(_) | Belongs::Held { branch: true, .. })
    }
}

/// A line that is to be written down.
struct Taken<'r> {
    seq: i64,
    /// The hash of a line of a branch; nothing for one of the journal.
    branch: Option<line::Hash>,
    act: &'static str,
    bytes: &'r [u8],
    settlement: String,
}

impl Store {
    /// Takes lines in from the till itself.
    pub async fn take_in(&self, device: &Device, handed_in: HandedIn) -> Result<Intake, StoreError> {
        self.take_in_from(Hand::Itself, device, handed_in).await
    }

    /// Takes lines in. Of what somebody carries either all is taken or nothing.
    pub async fn take_in_from(
        &self,
        hand: Hand,
        device: &Device,
        handed_in: HandedIn,
    ) -> Result<Intake, StoreError> {
        let HandedIn { epoch, mut after, mut lines } = handed_in;
        lines.truncate(BATCH_LENGTH_MAX);
        let key = owner_of(&mut *self.reading().await?, device).await?.key;
        let length = match hand {
            Hand::Itself => PART_LENGTH_MAX,
            Hand::Carrier => BATCH_LENGTH_MAX,
        };
        let mut parts = read(lines, length, key);
        if parts.is_empty() {
            // Where the journal stands is an answer, too.
            parts.push(Box::pin(async { Ok(Vec::new()) }));
        }
        let mut kept = Kept { head: 0, settlements: Vec::new() };
        for reading in parts {
            let lines = reading.await?;
            let part = &Part { epoch, after, lines: &lines };
            match self.write(|tx| self.take_part(tx, hand, device, part)).await? {
                Intake::Kept(more) => {
                    kept.head = more.head;
                    kept.settlements.extend(more.settlements);
                }
                refused => return Ok(refused),
            }
            after += lines.len() as u64;
        }
        Ok(Intake::Kept(kept))
    }

    async fn take_part(
        &self,
        mut tx: Tx,
        hand: Hand,
        device: &Device,
        part: &Part<'_>,
    ) -> Result<Intake, StoreError> {
        let now = self.hands.now();
        let owner = owner_of(&mut tx, device).await?;
        let Some(mut journal) = journal_of(&mut tx, device, &owner, part).await? else {
            return Ok(Intake::Fork { head: 0 });
        };
        let head = unsigned(journal.head);
        if part.after > head && !branches::continues(&mut tx, device, part).await? {
            return Ok(Intake::Gap { head });
        }
        let held = held_before(&mut tx, device, part).await?;
        let placed = match place(hand, device, &journal, part, &held) {
            Ok(placed) => placed,
            Err(seq) if hand == Hand::Carrier => return Ok(Intake::NotSigned { seq }),
            Err(_) => return Ok(Intake::Fork { head }),
        };
        let news = placed.iter().filter_map(|belongs| match belongs {
            Belongs::Journal(Ok(line)) | Belongs::Branch(line) => Some(*line),
            _ => None,
        });
        let claims = match part.epoch < owner.epoch {
            true => gaps::claims_on(&mut tx, &device.id, part.epoch, journal.head).await?,
            false => Vec::new(),
        };
        let wanted = Wanted::of_lines(news).with_claims(device, claims);
        let mut world = wanted.read(&mut tx, device, now, journal.bounds).await?;
        let fork = placed.iter().position(Belongs::is_on_a_branch);
        let first_seen = fork.filter(|_| !owner.quarantined && journal.epoch == owner.epoch);
        let (taken, settlements) = settle_all(&mut world, device, &mut journal, part, &placed)?;
        if let Some(at) = first_seen {
            let seq = part.after + 1 + at as u64;
            world.forked(LineAt { epoch: part.epoch, seq, branch: Some(part.lines[at].hash) });
            self.quarantine(&mut tx, device, part).await?;
        }
        journal.bounds = world.bounds;
        let mut told = first_seen.is_some();
        if !taken.is_empty() {
            write_lines(&mut tx, device, part.epoch, now.0, &taken).await?;
            told |= settle::write(&mut tx, world).await?;
            write_head(&mut tx, device, &journal).await?;
        }
        tx.commit().await?;
        self.db.grew(Grown::Lines, taken.len());
        if told {
            self.tell_of_change();
        }
        if first_seen.is_some() {
            return Ok(Intake::Fork { head });
        }
        // Of a branch, the journal's head says nothing.
        let head = if fork.is_some() { part.after + part.lines.len() as u64 } else { unsigned(journal.head) };
        Ok(Intake::Kept(Kept { head, settlements }))
    }

    /// At most [`BATCH_LENGTH_MAX`] lines of a till's journal after that number, in order.
    pub async fn lines(&self, device: &str, epoch: u64, after: u64) -> Result<Vec<LineRow>, StoreError> {
        let mut tx = self.reading().await?;
        let held = held_lines(&mut tx, device, epoch, signed(after), BATCH_LENGTH_MAX).await?;
        let row = |(seq, (bytes, settlement))| LineRow { seq: unsigned(seq), bytes, settlement };
        Ok(held.into_iter().map(row).collect())
    }

    /// The lines of a till's epoch behind `after`, with what became of them: for a till that has lost its own.
    pub async fn lines_of(
        &self,
        device: &Device,
        epoch: u64,
        after: u64,
    ) -> Result<wire::api::OwnLines, StoreError> {
        let mut own = wire::api::OwnLines { last: after, lines: vec![], settlements: vec![] };
        for row in self.lines(&device.id, epoch, after).await? {
            own.last = row.seq;
            own.lines.push(STANDARD.encode(row.bytes));
            if !row.settlement.is_empty() {
                own.settlements.push(serde_json::from_str(&row.settlement)?);
            }
        }
        Ok(own)
    }
}

/// Applies what is new, line by line. What is to be written down, and what each line is answered.
fn settle_all<'r>(
    world: &mut World,
    device: &Device,
    journal: &mut Journal,
    part: &'r Part<'_>,
    placed: &[Belongs<'_>],
) -> Result<(Vec<Taken<'r>>, Vec<Box<RawValue>>), StoreError> {
    let (mut taken, mut settlements) = (Vec::new(), Vec::new());
    for ((seq, read), belongs) in (part.after + 1..).zip(part.lines).zip(placed) {
        let mut at = LineAt { epoch: part.epoch, seq, branch: None };
        let (act, settlement) = match belongs {
            Belongs::Held { settlement, .. } => {
                if !settlement.is_empty() {
                    settlements.push(RawValue::from_string((*settlement).to_owned())?);
                }
                continue;
            }
            Belongs::Journal(Ok(line)) => (act_code(&line.act), world.apply(at, line)),
            Belongs::Journal(Err(error)) => {
                tracing::warn!(device = device.id, seq, %error, "a line is kept without effect");
                world.unreadable(at, why_unreadable(error));
                ("unreadable", None)
            }
            Belongs::Branch(line) => {
                at.branch = Some(read.hash);
                (act_code(&line.act), world.apply_branch(at, line))
            }
        };
        world.came(at, &read.hash, read.line.as_ref().map_or(world.now.0, |line| line.at));
        let settlement = settlement.as_ref().map(serde_json::to_string).transpose()?;
        if let Some(settlement) = &settlement {
            settlements.push(RawValue::from_string(settlement.clone())?);
        }
        let seq = signed(seq);
        if at.branch.is_none() {
            (journal.head, journal.head_hash) = (seq, read.hash);
        }
        let settlement = settlement.unwrap_or_default();
        taken.push(Taken { seq, branch: at.branch, act, bytes: &read.bytes, settlement });
    }
    Ok((taken, settlements))
}

/// Lines that are being read.
type Reading = Pin<Box<dyn Future<Output = Result<Vec<Read>, StoreError>> + Send>>;

/// Reads lines in parts of that length, before any transaction. Where they are many, other threads do it, so that
/// the later parts are read while the first one is written down.
fn read(mut lines: Vec<Vec<u8>>, length: usize, key: Option<PublicKey>) -> Vec<Reading> {
    let many = lines.len() >= MANY;
    let mut parts = Vec::new();
    while !lines.is_empty() {
        let rest = lines.split_off(length.min(lines.len()));
        let part = std::mem::replace(&mut lines, rest);
        let work = move || part.into_iter().map(|bytes| read_one(bytes, key)).collect::<Vec<Read>>();
        parts.push(if many { elsewhere(work) } else { Box::pin(async move { Ok(work()) }) });
    }
    parts
}

/// Work that begins at once, on a thread that nobody else waits for.
fn elsewhere(work: impl FnOnce() -> Vec<Read> + Send + 'static) -> Reading {
    let task = tokio::task::spawn_blocking(work);
    Box::pin(async { task.await.map_err(|error| StoreError::Data(format!("lines were not read: {error}"))) })
}

/// A till without a key has signed nothing.
fn read_one(bytes: Vec<u8>, key: Option<PublicKey>) -> Read {
    let line = match key {
        Some(key) => line::decode(&bytes, key),
        None => Err(NotALine::Forged),
    };
    Read { hash: line::hash(&bytes), line, bytes }
}

fn why_unreadable(error: &NotALine) -> &'static str {
    match error {
        NotALine::Malformed(_) => "malformed",
        NotALine::Forged => "forged",
        NotALine::Newer(_) => "newer",
        NotALine::Unsigned => "unsigned",
    }
}

/// Where each line of a part belongs, or the number of the first that belongs nowhere: it is not signed, or is another
/// till's.
fn place<'r>(
    hand: Hand,
    device: &Device,
    journal: &Journal,
    part: &'r Part<'_>,
    held: &'r HeldBefore,
) -> Result<Vec<Belongs<'r>>, i64> {
    let (mut head, mut head_hash) = (journal.head, journal.head_hash);
    let mut placed = Vec::with_capacity(part.lines.len());
    for (seq, read) in (signed(part.after) + 1..).zip(part.lines) {
        let next = seq == head + 1;
        let mine =
            |line: &Line| line.device == device.id && line.epoch == part.epoch && signed(line.seq) == seq;
        let belongs = match (held.journal.get(&seq), &read.line) {
            (Some((bytes, settlement)), _) if *bytes == read.bytes => {
                Belongs::Held { settlement, branch: false }
            }
            (_, Ok(line)) if mine(line) => match held.branches.get(&(seq, read.hash.to_vec())) {
                _ if next && line.prev == head_hash => Belongs::Journal(Ok(line)),
                Some(settlement) => Belongs::Held { settlement, branch: true },
                None => Belongs::Branch(line),
            },
            (_, Err(error)) if next && hand == Hand::Itself => Belongs::Journal(Err(error)),
            (_, Ok(_) | Err(_)) => {
                tracing::warn!(device = device.id, seq, "a line that belongs nowhere");
                return Err(seq);
            }
        };
        if matches!(belongs, Belongs::Journal(_)) {
            (head, head_hash) = (seq, read.hash);
        }
        placed.push(belongs);
    }
    Ok(placed)
}

/// How a line's act is called in the table.
fn act_code(act: &Act) -> &'static str {
    match act {
        Act::Opened { .. } => "opened",
        Act::Begun(_) => "begun",
        Act::Decided(_) => "decided",
        Act::Refused(_) => "refused",
        Act::Settled { .. } => "settled",
        Act::Undone { .. } => "undone",
        Act::Resolved { .. } => "resolved",
    }
}

/// How far this server knows the journal of that till; nothing for a reader that is none.
pub(super) async fn known_head(
    tx: &mut Conn,
    device: &Device,
) -> Result<Option<wire::api::KnownHead>, StoreError> {
    let row = sqlx::query(
        "SELECT d.epoch, d.quarantined_at, j.head FROM devices d
         JOIN journals j ON j.tenant = d.tenant AND j.device = d.device AND j.epoch = d.epoch
         WHERE d.tenant = $1 AND d.device = $2",
    )
    .bind(TENANT)
    .bind(&device.id)
    .fetch_optional(tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(wire::api::KnownHead {
        epoch: unsigned(row.try_get("epoch")?),
        seq: unsigned(row.try_get("head")?),
        quarantined: row.try_get::<i64, _>("quarantined_at")? != 0,
    }))
}

async fn owner_of(tx: &mut Conn, device: &Device) -> Result<Owner, StoreError> {
    let row = sqlx::query(
        "SELECT epoch, public_key, enrolled_at, quarantined_at FROM devices WHERE tenant = $1 AND device = $2",
    )
    .bind(TENANT)
    .bind(&device.id)
    .fetch_one(tx)
    .await?;
    let key: Vec<u8> = row.try_get("public_key")?;
    Ok(Owner {
        epoch: unsigned(row.try_get("epoch")?),
        key: key.try_into().ok().and_then(|bytes| PublicKey::from_bytes(&bytes)),
        enrolled_at: row.try_get("enrolled_at")?,
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
    part: &Part<'_>,
) -> Result<Option<Journal>, StoreError> {
    let opens = |read: &Read| matches!(&read.line, Ok(Line { act: Act::Opened { .. }, .. }));
    let first = part.lines.first().filter(|_| part.after == 0);
    if part.epoch == owner.epoch + 1 && !owner.quarantined && first.is_some_and(opens) {
        tracing::warn!(device = device.id, epoch = part.epoch, "a till goes on in an epoch granted before");
        begin(tx, &device.id, signed(part.epoch)).await?;
        sqlx::query("UPDATE devices SET epoch = $3 WHERE tenant = $1 AND device = $2")
            .bind(TENANT)
            .bind(&device.id)
            .bind(signed(part.epoch))
            .execute(&mut *tx)
            .await?;
    } else if part.epoch > owner.epoch {
        return Ok(None);
    }
    let row = sqlx::query(
        "SELECT head, head_hash, not_before, last_at, written_off_at FROM journals
         WHERE tenant = $1 AND device = $2 AND epoch = $3",
    )
    .bind(TENANT)
    .bind(&device.id)
    .bind(signed(part.epoch))
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let bounds = Bounds {
        enrolled_at: owner.enrolled_at,
        not_before: owner.enrolled_at.max(row.try_get("not_before")?),
        last_at: row.try_get("last_at")?,
        written_off: row.try_get::<i64, _>("written_off_at")? != 0,
    };
    let head_hash: Vec<u8> = row.try_get("head_hash")?;
    let head_hash = head_hash
        .try_into()
        .map_err(|_| StoreError::Data(format!("the hash of the last line of {}", device.id)))?;
    Ok(Some(Journal { epoch: part.epoch, head: row.try_get("head")?, head_hash, bounds }))
}

async fn held_before(tx: &mut Conn, device: &Device, part: &Part<'_>) -> Result<HeldBefore, StoreError> {
    let (after, count) = (signed(part.after), part.lines.len());
    let journal = held_lines(tx, &device.id, part.epoch, after, count).await?;
    let branches = branches::held_among(tx, device, part).await?;
    Ok(HeldBefore { journal, branches })
}

/// So many of the lines held after that one: bytes and settlement.
async fn held_lines(
    tx: &mut Conn,
    device: &str,
    epoch: u64,
    after: i64,
    count: usize,
) -> Result<BTreeMap<i64, (Vec<u8>, String)>, StoreError> {
    let rows = sqlx::query(
        "SELECT seq, bytes, settlement FROM lines
         WHERE tenant = $1 AND device = $2 AND epoch = $3 AND seq > $4 ORDER BY seq LIMIT $5",
    )
    .bind(TENANT)
    .bind(device)
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
    let (of_branches, of_journal): (Vec<&Taken<'_>>, Vec<&Taken<'_>>) =
        lines.iter().partition(|line| line.branch.is_some());
    for group in many::groups(tx, 4, &of_journal) {
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
    branches::write(tx, device, epoch, now, &of_branches).await
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
    .bind(&journal.head_hash[..])
    .bind(journal.bounds.not_before)
    .bind(journal.bounds.last_at)
    .execute(tx)
    .await?;
    Ok(())
}
