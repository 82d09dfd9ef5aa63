//! Campaigns, as tills are told of them: what all signed codes of one issue have in common.

use std::collections::HashMap;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use wire::campaign::Campaign;
use wire::entitlement::Store as Shop;

use super::entitlements::FOR_EVER;
use super::{StoreError, TENANT};

/// Every campaign, by number.
pub(super) async fn all(tx: &mut SqliteConnection) -> Result<Vec<Campaign>, StoreError> {
    let rows = sqlx::query(
        "SELECT campaign, title, kind, lines, valid_from, valid_until, stores, spend_min, notes, complete
         FROM campaigns WHERE tenant = $1 ORDER BY campaign",
    )
    .bind(TENANT)
    .fetch_all(&mut *tx)
    .await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let names = sqlx::query("SELECT store, name FROM stores WHERE tenant = $1")
        .bind(TENANT)
        .fetch_all(&mut *tx)
        .await?
        .iter()
        .map(|row| Ok((row.try_get("store")?, row.try_get("name")?)))
        .collect::<Result<HashMap<String, String>, sqlx::Error>>()?;
    rows.iter().map(|row| campaign(row, &names)).collect()
}

fn campaign(row: &SqliteRow, names: &HashMap<String, String>) -> Result<Campaign, StoreError> {
    let number: i64 = row.try_get("campaign")?;
    Ok(Campaign {
        campaign: u16::try_from(number)
            .map_err(|_| StoreError::Data(format!("a campaign with the number {number}")))?,
        title: row.try_get("title")?,
        kind: serde_json::from_str(row.try_get("kind")?)?,
        lines: serde_json::from_str(row.try_get("lines")?)?,
        valid_from: Some(row.try_get::<i64, _>("valid_from")?).filter(|from| *from > 0),
        valid_until: Some(row.try_get::<i64, _>("valid_until")?).filter(|until| *until < FOR_EVER),
        stores: stores(row.try_get("stores")?, names)?,
        spend_min: row.try_get("spend_min")?,
        notes: serde_json::from_str(row.try_get("notes")?)?,
        complete: row.try_get::<i64, _>("complete")? == 1,
    })
}

fn stores(ids: &str, names: &HashMap<String, String>) -> Result<Option<Vec<Shop>>, StoreError> {
    if ids.is_empty() {
        return Ok(None);
    }
    let ids: Vec<String> = serde_json::from_str(ids)?;
    ids.into_iter()
        .map(|id| match names.get(&id) {
            Some(name) => Ok(Shop { name: name.clone(), id }),
            None => Err(StoreError::Data(format!("a campaign at {id}, which is no store"))),
        })
        .collect::<Result<Vec<Shop>, StoreError>>()
        .map(Some)
}
