//! Campaigns: what all signed codes of one issue have in common, as merchants say it and as tills are told.

use std::collections::HashMap;

use sqlx::Row;
use wire::campaign::{Campaign, State as CampaignRow};
use wire::entitlement::{Kind, Line, Store as Shop};

use super::chain::{bump_setup, unsigned};
use super::db::{Conn, DbRow};
use super::entitlements::FOR_EVER;
use super::{Store, StoreError, TENANT};

/// A campaign that is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCampaign {
    /// Its number; nothing for the lowest one that is free.
    pub campaign: Option<u16>,
    /// In the merchant's words.
    pub title: String,
    /// Which of the four kinds.
    pub kind: Kind,
    /// Goods or uses; none where each code has its own.
    pub lines: Vec<Line>,
    /// First moment of validity (ms since 1970).
    pub valid_from: Option<i64>,
    /// Last moment of validity (ms since 1970).
    pub valid_until: Option<i64>,
    /// The ids of its stores; nothing for every store.
    pub stores: Option<Vec<String>>,
    /// The bill it needs (fen).
    pub spend_min: i64,
    /// What one code is worth (fen).
    pub value: i64,
    /// One sentence each.
    pub notes: Vec<String>,
    /// Whether a code of it says everything.
    pub complete: bool,
}

/// Why a campaign is not written down.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CampaignRefused {
    /// Codes of it are out, and they promise what it says.
    #[error("codes of campaign {0} are out and promise what it says now: make another campaign instead")]
    CodesAreOut(u16),
    /// More than one use, or several lines: whether it is used up cannot be said in two bits.
    #[error("only a coupon with one line and the quantity 1 can be complete: leave that out")]
    NotComplete,
    /// There are 65,535.
    #[error("all 65,535 numbers of campaigns are taken")]
    NoneFree,
}

impl Store {
    /// Every campaign, by number.
    pub async fn campaigns(&self) -> Result<Vec<CampaignRow>, StoreError> {
        let mut tx = self.reading().await?;
        rows(&mut tx).await
    }

    /// The campaign of that number.
    pub async fn campaign(&self, number: u16) -> Result<Option<CampaignRow>, StoreError> {
        let mut tx = self.reading().await?;
        one(&mut tx, number).await
    }

    /// Writes a campaign down: a new one, or another content for one that has no codes yet. The same again changes
    /// nothing.
    pub async fn put_campaign(
        &self,
        new: &NewCampaign,
    ) -> Result<Result<CampaignRow, CampaignRefused>, StoreError> {
        if new.complete && !can_be_complete(new) {
            return Ok(Err(CampaignRefused::NotComplete));
        }
        let mut tx = self.writing().await?;
        let Some(number) = (match new.campaign {
            Some(number) => Some(number),
            None => free_number(&mut tx).await?,
        }) else {
            return Ok(Err(CampaignRefused::NoneFree));
        };
        let before = one(&mut tx, number).await?;
        write(&mut tx, number, new).await?;
        let after = one(&mut tx, number).await?;
        let after = after.ok_or_else(|| StoreError::Data(format!("campaign {number} was not written")))?;
        if let Some(before) = before {
            if before == after {
                return Ok(Ok(before));
            }
            if before.issued > 0 {
                return Ok(Err(CampaignRefused::CodesAreOut(number)));
            }
        }
        bump_setup(&mut tx).await?;
        tx.commit().await?;
        self.tell_of_change();
        Ok(Ok(after))
    }
}

/// Whether a code of it can say everything: used or not is all that may become of it.
fn can_be_complete(new: &NewCampaign) -> bool {
    let coupon = matches!(new.kind, Kind::AmountOff { .. } | Kind::PercentOff { .. } | Kind::Exchange { .. });
    coupon && matches!(new.lines.as_slice(), [only] if only.quantity == 1)
}

/// The lowest number that no campaign has.
async fn free_number(tx: &mut Conn) -> Result<Option<u16>, StoreError> {
    let row = sqlx::query(
        "SELECT MIN(c.next) AS next
         FROM (SELECT 1 AS next UNION SELECT campaign + 1 FROM campaigns WHERE tenant = $1) c
         WHERE NOT EXISTS (SELECT 1 FROM campaigns t WHERE t.tenant = $1 AND t.campaign = c.next)",
    )
    .bind(TENANT)
    .fetch_one(tx)
    .await?;
    Ok(u16::try_from(row.try_get::<i64, _>("next")?).ok())
}

async fn write(tx: &mut Conn, number: u16, new: &NewCampaign) -> Result<(), StoreError> {
    let stores = new.stores.as_ref().map(serde_json::to_string).transpose()?.unwrap_or_default();
    sqlx::query(
        "INSERT INTO campaigns (tenant, campaign, title, kind, lines, valid_from, valid_until, stores, spend_min,
                                value, notes, complete, next_serial)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0)
         ON CONFLICT (tenant, campaign) DO UPDATE
             SET title = excluded.title, kind = excluded.kind, lines = excluded.lines,
                 valid_from = excluded.valid_from, valid_until = excluded.valid_until, stores = excluded.stores,
                 spend_min = excluded.spend_min, value = excluded.value, notes = excluded.notes,
                 complete = excluded.complete",
    )
    .bind(TENANT)
    .bind(i64::from(number))
    .bind(&new.title)
    .bind(serde_json::to_string(&new.kind)?)
    .bind(serde_json::to_string(&new.lines)?)
    .bind(new.valid_from.unwrap_or(0))
    .bind(new.valid_until.unwrap_or(FOR_EVER))
    .bind(stores)
    .bind(new.spend_min)
    .bind(new.value)
    .bind(serde_json::to_string(&new.notes)?)
    .bind(i64::from(new.complete))
    .execute(tx)
    .await?;
    Ok(())
}

/// The campaign of that number, as this transaction sees it.
pub(super) async fn one(tx: &mut Conn, number: u16) -> Result<Option<CampaignRow>, StoreError> {
    Ok(rows(tx).await?.into_iter().find(|row| row.campaign.campaign == number))
}

/// What tills are told: every campaign, by number.
pub(super) async fn all(tx: &mut Conn) -> Result<Vec<Campaign>, StoreError> {
    Ok(rows(tx).await?.into_iter().map(|row| row.campaign).collect())
}

async fn rows(tx: &mut Conn) -> Result<Vec<CampaignRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT campaign, title, kind, lines, valid_from, valid_until, stores, spend_min, value, notes, complete,
                next_serial
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
    rows.iter()
        .map(|row| {
            Ok(CampaignRow {
                campaign: campaign(row, &names)?,
                value: row.try_get("value")?,
                issued: unsigned(row.try_get("next_serial")?),
            })
        })
        .collect()
}

fn campaign(row: &DbRow, names: &HashMap<String, String>) -> Result<Campaign, StoreError> {
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
