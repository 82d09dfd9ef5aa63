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

#[cfg(test)]
mod tests {
    use wire::entitlement::Kind;

    use super::*;
    use crate::real;
    use crate::store::Store;

    #[tokio::test]
    async fn a_till_is_told_of_a_campaign_with_the_names_of_its_stores() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), real::hands()).await.unwrap();
        let shop = store.add_store("南山店").await.unwrap().unwrap();
        let till = store.add_silent_till(&shop, "till").await.unwrap();
        for (campaign, stores, until) in [(2, "", FOR_EVER), (1, r#"["store-1"]"#, 20)] {
            sqlx::query(
                r#"INSERT INTO campaigns VALUES ('main', $1, '满减', '{"kind":"amount_off","fen":5}', '[]', 0, $2, $3,
                                                 100, 5, '["a"]', 1, 1)"#,
            )
            .bind(campaign)
            .bind(until)
            .bind(stores)
            .execute(&store.write)
            .await
            .unwrap();
        }
        let told = store.setup(&till).await.unwrap().campaigns;
        assert_eq!(told.iter().map(|told| told.campaign).collect::<Vec<_>>(), [1, 2], "by number");
        assert_eq!(told[0].stores, Some(vec![shop]), "one store, with its name");
        assert_eq!((told[0].valid_from, told[0].valid_until), (None, Some(20)), "until then");
        assert_eq!((&told[1].stores, told[1].valid_until), (&None, None), "every store, for ever");
        assert_eq!(
            (&told[0].kind, told[0].complete),
            (&Kind::AmountOff { fen: 5 }, true),
            "and what it gives"
        );
    }
}
