//! Cases: redemptions that a till accepted and the server does not count. A person looks at each.

use model::redemption::Number;
use model::time::UnixMs;
use model::verdict::Reason;
use sqlx::Row;
use wire::entitlement as w;

use super::db::{Conn, DbRow};
use super::{BUCKET, Device, Store, StoreError, TENANT};

/// A case with both sides.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Case {
    /// Its id.
    pub case: String,
    /// "disputed": another redemption counts. "refused": the server would not have allowed it. "fork": a till's journal
    /// has two histories; there is no redemption then.
    pub kind: String,
    /// A reason code.
    pub reason: String,
    /// When it was opened (ms since 1970).
    pub opened_at: i64,
    /// When it was resolved (ms since 1970); nothing while it is open.
    pub resolved_at: Option<i64>,
    /// What was found.
    pub note: String,
    /// The entitlement's id; empty if it is not known.
    pub entitlement: String,
    /// In the merchant's words.
    pub title: String,
    /// What is at stake (fen).
    pub value: i64,
    /// The redemption that the till accepted and the server does not count.
    pub accepted: w::Use,
    /// The redemption that counts, if another one does.
    pub winner: Option<w::Use>,
}

/// What a new case is about.
pub(super) struct Opening<'a> {
    pub(super) id: String,
    pub(super) device: &'a Device,
    pub(super) number: Number,
    pub(super) reason: Reason,
    pub(super) entitlement: &'a str,
    pub(super) title: &'a str,
    pub(super) value: i64,
    pub(super) takes: &'a [w::Take],
    pub(super) clerk: &'a str,
    pub(super) at: i64,
    pub(super) winner: Option<&'a w::Use>,
    pub(super) now: UnixMs,
}

impl Store {
    /// Every case, the latest first.
    pub async fn cases(&self) -> Result<Vec<Case>, StoreError> {
        let rows = sqlx::query(
            "SELECT case_id, kind, reason, opened_at, resolved_at, note, number, entitlement, title, value, takes,
                    at, device, till, store_name, clerk, winner
             FROM cases WHERE tenant = $1 ORDER BY opened_at DESC, case_id",
        )
        .bind(TENANT)
        .fetch_all(&self.db.read)
        .await?;
        rows.iter().map(case).collect()
    }
}

pub(super) async fn open(tx: &mut Conn, opening: &Opening<'_>) -> Result<(), StoreError> {
    let winner = match opening.winner {
        Some(winner) => serde_json::to_string(winner)?,
        None => String::new(),
    };
    sqlx::query(
        "INSERT INTO cases (tenant, case_id, kind, reason, opened_at, resolved_at, note, number, entitlement, title,
                            value, takes, at, device, till, store, store_name, clerk, winner)
         VALUES ($1, $2, $3, $4, $5, 0, '', $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    )
    .bind(TENANT)
    .bind(&opening.id)
    .bind(if opening.winner.is_some() { "disputed" } else { "refused" })
    .bind(opening.reason.code())
    .bind(opening.now.0)
    .bind(opening.number.to_string())
    .bind(opening.entitlement)
    .bind(opening.title)
    .bind(opening.value)
    .bind(serde_json::to_string(opening.takes)?)
    .bind(opening.at)
    .bind(&opening.device.id)
    .bind(&opening.device.till)
    .bind(&opening.device.store.id)
    .bind(&opening.device.store.name)
    .bind(opening.clerk)
    .bind(winner)
    .execute(tx)
    .await?;
    Ok(())
}

/// A journal with two histories.
pub(super) struct Fork<'a> {
    pub(super) id: String,
    pub(super) device: &'a Device,
    pub(super) epoch: u64,
    /// The first line that is there twice.
    pub(super) seq: u64,
    pub(super) now: UnixMs,
}

/// Opens a case about a till instead of a redemption. Its "number" is made of the till and the place of the fork.
pub(super) async fn open_fork(tx: &mut Conn, fork: &Fork<'_>) -> Result<(), StoreError> {
    let place = format!("{} {} {}", fork.device.id, fork.epoch, fork.seq);
    let number = Number::new(fork.now, first_ten(&wire::line::hash(place.as_bytes())));
    let title = format!("epoch {}, line {}", fork.epoch, fork.seq);
    sqlx::query(
        "INSERT INTO cases (tenant, case_id, kind, reason, opened_at, resolved_at, note, number, entitlement, title,
                            value, takes, at, device, till, store, store_name, clerk, winner)
         VALUES ($1, $2, 'fork', $3, $4, 0, '', $5, '', $6, 0, '[]', $4, $7, $8, $9, $10, '', '')",
    )
    .bind(TENANT)
    .bind(&fork.id)
    .bind(Reason::Quarantined.code())
    .bind(fork.now.0)
    .bind(number.to_string())
    .bind(title)
    .bind(&fork.device.id)
    .bind(&fork.device.till)
    .bind(&fork.device.store.id)
    .bind(&fork.device.store.name)
    .execute(tx)
    .await?;
    Ok(())
}

/// Resolves the open cases about a till's journal.
pub(super) async fn close_fork(
    tx: &mut Conn,
    device: &str,
    note: &str,
    now: UnixMs,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE cases SET resolved_at = $3, note = $4
         WHERE tenant = $1 AND device = $2 AND kind = 'fork' AND resolved_at = 0",
    )
    .bind(TENANT)
    .bind(device)
    .bind(now.0)
    .bind(note)
    .execute(tx)
    .await?;
    Ok(())
}

fn first_ten(hash: &[u8; 32]) -> [u8; 10] {
    std::array::from_fn(|at| hash[at])
}

/// Resolves the open cases about a number.
pub(super) async fn resolve(
    tx: &mut Conn,
    number: Number,
    note: &str,
    now: UnixMs,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE cases SET resolved_at = $3, note = $4 WHERE tenant = $1 AND number = $2 AND resolved_at = 0",
    )
    .bind(TENANT)
    .bind(number.to_string())
    .bind(now.0)
    .bind(note)
    .execute(tx)
    .await?;
    Ok(())
}

/// The title and the value of an entitlement that may or may not exist.
pub(super) async fn title_and_value(tx: &mut Conn, entitlement: &str) -> Result<(String, i64), StoreError> {
    let row = sqlx::query(
        "SELECT title, value FROM entitlements WHERE tenant = $1 AND bucket = $2 AND entitlement = $3",
    )
    .bind(TENANT)
    .bind(BUCKET)
    .bind(entitlement)
    .fetch_optional(tx)
    .await?;
    row.map_or(Ok((String::new(), 0)), |row| Ok((row.try_get("title")?, row.try_get("value")?)))
}

fn case(row: &DbRow) -> Result<Case, StoreError> {
    let winner: String = row.try_get("winner")?;
    Ok(Case {
        case: row.try_get("case_id")?,
        kind: row.try_get("kind")?,
        reason: row.try_get("reason")?,
        opened_at: row.try_get("opened_at")?,
        resolved_at: Some(row.try_get::<i64, _>("resolved_at")?).filter(|at| *at != 0),
        note: row.try_get("note")?,
        entitlement: row.try_get("entitlement")?,
        title: row.try_get("title")?,
        value: row.try_get("value")?,
        accepted: super::entitlements::use_of(row)?,
        winner: if winner.is_empty() { None } else { Some(serde_json::from_str(&winner)?) },
    })
}
