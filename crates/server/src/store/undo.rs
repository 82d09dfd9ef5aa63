//! Takes back what was counted: the lines get their quantity again, the feeds tell of it, the row stays.

use model::redemption::Number;
use model::time::UnixMs;

use super::db::Conn;
use super::feeds::Touched;
use super::redemptions::NumberRow;
use super::{BUCKET, StoreError, TENANT};

/// What takes a redemption back: an undo with its own number, or the till's word that nothing was handed over.
pub(super) struct Undo<'a> {
    pub(super) of: Number,
    /// The undo's own number; the redemption's when the till had refused it.
    pub(super) number: Number,
    pub(super) clerk: &'a str,
    pub(super) now: UnixMs,
}

/// Takes back a redemption that counts; `row` is its row.
pub(super) async fn take_back(
    tx: &mut Conn,
    row: &NumberRow,
    undo: &Undo<'_>,
    touched: &mut Touched,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE redemptions SET state = 'undone', undo = $4, undone_at = $5, undone_by = $6
         WHERE tenant = $1 AND bucket = $2 AND number = $3 AND state = 'counted'",
    )
    .bind(TENANT)
    .bind(BUCKET)
    .bind(undo.of.to_string())
    .bind(undo.number.to_string())
    .bind(undo.now.0)
    .bind(undo.clerk)
    .execute(&mut *tx)
    .await?;
    for take in &row.told.takes {
        sqlx::query(
            "UPDATE entitlement_lines SET taken = taken - $5
             WHERE tenant = $1 AND bucket = $2 AND entitlement = $3 AND sku = $4",
        )
        .bind(TENANT)
        .bind(BUCKET)
        .bind(&row.entitlement)
        .bind(&take.sku)
        .bind(i64::from(take.quantity))
        .execute(&mut *tx)
        .await?;
    }
    sqlx::query(
        "UPDATE entitlements SET version = version + 1
         WHERE tenant = $1 AND bucket = $2 AND entitlement = $3",
    )
    .bind(TENANT)
    .bind(BUCKET)
    .bind(&row.entitlement)
    .execute(&mut *tx)
    .await?;
    touched.add(&row.entitlement);
    Ok(())
}
