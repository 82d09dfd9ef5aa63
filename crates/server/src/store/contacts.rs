//! Which tills are in touch, and what the others may cost: as far as it can be known from here.

use std::collections::BTreeMap;

use model::entitlement::Fen;
use model::policy::{Tally, exposure};
use sqlx::Row;

use super::{Device, Store, StoreError, TENANT};

/// A till that was heard within so long is in touch (milliseconds). An idle one asks every half minute.
const IN_TOUCH_MS: i64 = 5 * 60 * 1000;
/// A contact is written down at most so often (milliseconds).
const NOTED_EVERY_MS: i64 = 60 * 1000;

/// What one till may cost, as far as known.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TillExposure {
    /// The store's name.
    pub store: String,
    /// The till's id.
    pub device: String,
    /// Its name.
    pub till: String,
    /// When it was last in touch (ms since 1970); nothing if it never was.
    pub heard_at: Option<i64>,
    /// Whether it is in touch now: then it asks before it accepts.
    pub in_touch: bool,
    /// What it has accepted and reported, and the server does not count: its open cases (fen).
    pub disputed: i64,
    /// What it may have accepted at risk and not reported, or may still accept, by the policy of its store (fen).
    /// Nothing where that sets no limit.
    pub could: Option<i64>,
}

impl Store {
    /// Notes that a till is in touch.
    pub async fn note_contact(&self, device: &Device) -> Result<(), StoreError> {
        let now = self.hands.now().0;
        let held = sqlx::query("SELECT heard_at FROM contacts WHERE tenant = $1 AND device = $2")
            .bind(TENANT)
            .bind(&device.id)
            .fetch_optional(&self.db.read)
            .await?;
        let held: Option<i64> = held.map(|row| row.try_get("heard_at")).transpose()?;
        // A clock that was set back must not make a till look heard for ever.
        if held.is_some_and(|held| (0..NOTED_EVERY_MS).contains(&now.saturating_sub(held))) {
            return Ok(());
        }
        self.write(|mut tx| async move {
            sqlx::query(
                "INSERT INTO contacts (tenant, device, heard_at) VALUES ($1, $2, $3)
                 ON CONFLICT (tenant, device) DO UPDATE SET heard_at = excluded.heard_at",
            )
            .bind(TENANT)
            .bind(&device.id)
            .bind(now)
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
            Ok(())
        })
        .await
    }

    /// What each till may cost, store by store.
    ///
    /// A till that is in touch asks before it accepts. One that is not may have spent all that its policy lets it, and
    /// it keeps to the policy that it heard last; this reckons with the one that holds now. One that was never in touch
    /// has no list to accept anything by.
    pub async fn exposure(&self) -> Result<Vec<TillExposure>, StoreError> {
        let now = self.hands.now().0;
        let mut disputed: BTreeMap<String, i64> = BTreeMap::new();
        let sides = sqlx::query(
            "SELECT s.device, s.value FROM case_sides s JOIN cases c ON c.tenant = s.tenant AND c.case_id = s.case_id
             WHERE s.tenant = $1 AND c.state = 'open' AND s.standing = 'not_counted'",
        )
        .bind(TENANT)
        .fetch_all(&self.db.read)
        .await?;
        for side in sides {
            *disputed.entry(side.try_get("device")?).or_default() += side.try_get::<i64, _>("value")?;
        }
        let rows = sqlx::query(
            "SELECT d.device, d.name, d.store, s.name AS store_name, COALESCE(c.heard_at, 0) AS heard_at
             FROM devices d
             JOIN stores s ON s.tenant = d.tenant AND s.store = d.store
             LEFT JOIN contacts c ON c.tenant = d.tenant AND c.device = d.device
             WHERE d.tenant = $1 ORDER BY d.store, d.name, d.device",
        )
        .bind(TENANT)
        .fetch_all(&self.db.read)
        .await?;
        let mut tills = Vec::new();
        for row in rows {
            let (device, store): (String, String) = (row.try_get("device")?, row.try_get("store")?);
            let heard_at = Some(row.try_get::<i64, _>("heard_at")?).filter(|at| *at != 0);
            let in_touch = heard_at.is_some_and(|at| now.saturating_sub(at) <= IN_TOUCH_MS);
            let could = if in_touch || heard_at.is_none() {
                Some(0)
            } else {
                let policy = self.policy(Some(&store)).await?.policy.unwrap_or_default();
                exposure(&policy, Fen(0), |_| Tally::default()).worst.map(|worst| worst.0)
            };
            tills.push(TillExposure {
                store: row.try_get("store_name")?,
                till: row.try_get("name")?,
                heard_at,
                in_touch,
                disputed: disputed.get(&device).copied().unwrap_or_default(),
                could,
                device,
            });
        }
        Ok(tills)
    }
}
