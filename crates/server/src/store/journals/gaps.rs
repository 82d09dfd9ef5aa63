//! What is held of a till's earlier epochs, for lines that open the next one, and for lines that come later than it.

use sqlx::Row;
use wire::line::{self, Act, Stand};

use super::super::cases::line_bytes;
use super::super::chain::{signed, unsigned};
use super::super::db::Conn;
use super::super::{StoreError, TENANT};
use crate::intake::{Claim, HeldBefore, LineAt, Place};

/// What is held of the epoch in which a till says that its journal stood; nothing if there is no such epoch.
pub(in crate::store) async fn held_before(
    tx: &mut Conn,
    device: &str,
    stand: &Stand,
) -> Result<Option<HeldBefore>, StoreError> {
    let row = sqlx::query(
        "SELECT j.head, j.last_at, l.received_at FROM journals j
         LEFT JOIN lines l ON l.tenant = j.tenant AND l.device = j.device AND l.epoch = j.epoch AND l.seq = j.head
         WHERE j.tenant = $1 AND j.device = $2 AND j.epoch = $3",
    )
    .bind(TENANT)
    .bind(device)
    .bind(signed(stand.epoch))
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let branch = sqlx::query(
        "SELECT COALESCE(MAX(seq), 0) AS last FROM branches
         WHERE tenant = $1 AND device = $2 AND epoch = $3 AND seq < $4",
    )
    .bind(TENANT)
    .bind(device)
    .bind(signed(stand.epoch))
    .bind(signed(stand.seq))
    .fetch_one(&mut *tx)
    .await?;
    Ok(Some(HeldBefore {
        head: unsigned(row.try_get("head")?),
        at: row.try_get("last_at")?,
        received_at: row.try_get::<Option<i64>, _>("received_at")?.unwrap_or(0),
        place: place_of(tx, device, stand).await?,
        branch: unsigned(branch.try_get("last")?),
    }))
}

/// Where the line is held at which a till says that its journal stood. Before the first line there is every journal.
async fn place_of(tx: &mut Conn, device: &str, stand: &Stand) -> Result<Place, StoreError> {
    if stand.seq == 0 {
        return Ok(Place::Journal);
    }
    let at = LineAt { epoch: stand.epoch, seq: stand.seq, branch: None };
    if line_bytes(tx, device, at).await?.is_some_and(|bytes| line::hash(&bytes) == stand.hash) {
        return Ok(Place::Journal);
    }
    let at = LineAt { branch: Some(stand.hash), ..at };
    Ok(if line_bytes(tx, device, at).await?.is_some() { Place::Branch } else { Place::Nowhere })
}

/// What the first lines of a till's later epochs say of that one, of which `head` lines are held.
pub(super) async fn claims_on(
    tx: &mut Conn,
    device: &str,
    epoch: u64,
    head: i64,
) -> Result<Vec<Claim>, StoreError> {
    let rows = sqlx::query(
        "SELECT epoch, bytes FROM lines
         WHERE tenant = $1 AND device = $2 AND epoch > $3 AND seq = 1 AND act = 'opened' ORDER BY epoch",
    )
    .bind(TENANT)
    .bind(device)
    .bind(signed(epoch))
    .fetch_all(tx)
    .await?;
    let mut claims = Vec::new();
    for row in &rows {
        let opened = LineAt { epoch: unsigned(row.try_get("epoch")?), seq: 1, branch: None };
        if let Ok(Act::Opened { before: Some(stand), .. }) =
            line::peek(row.try_get("bytes")?).map(|line| line.act)
            && stand.epoch == epoch
        {
            claims.push(Claim { opened, stand, from: unsigned(head) + 1 });
        }
    }
    Ok(claims)
}
