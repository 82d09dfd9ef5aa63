//! Redemptions: asked for online, or for their fate, and listed. What they do is decided by [`crate::intake`].

use model::redemption::Number;
use model::time::UnixMs;
use sqlx::Row;
use wire::api::{Fate, Redeem};
use wire::entitlement as w;

use super::db::DbRow;
use super::world::{self, Wanted};
use super::{Device, Store, StoreError, TENANT, settle};
use crate::intake::{Asked, Bounds, Counted, Online, Shown, State};

/// One redemption, for the list.
#[derive(Clone, Debug, serde::Serialize)]
pub struct RedemptionRow {
    /// Its number.
    pub number: String,
    /// Of what.
    pub entitlement: String,
    /// In the merchant's words.
    pub title: String,
    /// The last characters of its code.
    pub code_tail: String,
    /// So much of it, without what was taken back while the rest went on counting.
    pub takes: Vec<w::Take>,
    /// What was taken back of it.
    pub taken_back: Vec<w::Take>,
    /// By the till's clock (ms since 1970).
    pub at: i64,
    /// By the server's clock (ms since 1970).
    pub received_at: i64,
    /// The store's name.
    pub store: String,
    /// The till's name.
    pub till: String,
    /// The clerk's name.
    pub clerk: String,
    /// Whether it was taken back.
    pub undone: bool,
}

/// Something that was taken before this server was asked, for a demo chain's past.
pub struct CountedBefore<'a> {
    /// Of what.
    pub entitlement: &'a str,
    /// So much of it.
    pub takes: Vec<w::Take>,
    /// By whom.
    pub clerk: &'a str,
    /// When.
    pub at: UnixMs,
}

impl Store {
    /// Counts a redemption online, or says why not. Repeats of the number get the stored answer.
    pub async fn redeem(
        &self,
        device: &Device,
        number: Number,
        asked: &Redeem,
    ) -> Result<Online, StoreError> {
        let request = &serde_json::to_string(asked)?;
        let now = self.hands.now();
        self.write(|mut tx| async move {
            let wanted = Wanted::number(number).with(&asked.entitlement, asked.moment.is_some());
            let mut world = wanted.read(&mut tx, device, now, Bounds::default()).await?;
            let online = world.redeem(number, asked, request);
            if settle::write(&mut tx, world).await? {
                tx.commit().await?;
                self.tell_of_change();
            } else {
                tx.commit().await?;
            }
            Ok(online)
        })
        .await
    }

    /// Says what became of a number. If it was not counted it is voided, so that a late copy of its request can do
    /// nothing.
    pub async fn ask(&self, device: &Device, number: Number) -> Result<Fate, StoreError> {
        let now = self.hands.now();
        self.write(|mut tx| async move {
            let mut world = Wanted::number(number).read(&mut tx, device, now, Bounds::default()).await?;
            let fate = world.ask(number);
            settle::write(&mut tx, world).await?;
            tx.commit().await?;
            Ok(fate)
        })
        .await
    }

    /// What was counted, the latest first: of one store or all, received since then.
    pub async fn redemptions(
        &self,
        store: Option<&str>,
        since: UnixMs,
    ) -> Result<Vec<RedemptionRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT r.number, r.entitlement, e.title, c.tail, r.takes, r.taken_back, r.at, r.received_at, r.store_name, r.till,
                    r.clerk, r.state
             FROM redemptions r
             JOIN entitlements e ON e.tenant = r.tenant AND e.bucket = r.bucket AND e.entitlement = r.entitlement
             JOIN codes c ON c.tenant = r.tenant AND c.bucket = r.bucket AND c.entitlement = r.entitlement
             WHERE r.tenant = $1 AND r.received_at >= $2 AND r.state IN ('counted', 'undone')
               AND ($3 = '' OR r.store = $3)
             ORDER BY r.received_at DESC, r.number DESC",
        )
        .bind(TENANT)
        .bind(since.0)
        .bind(store.unwrap_or(""))
        .fetch_all(&self.db.read)
        .await?;
        rows.iter().map(listed).collect()
    }

    /// Counts something that was taken in the past.
    pub async fn count_before(
        &self,
        device: &Device,
        before: &CountedBefore<'_>,
    ) -> Result<Counted, StoreError> {
        let asked = &Asked {
            number: Number::new(before.at, self.hands.random()),
            entitlement: before.entitlement,
            takes: &before.takes,
            clerk: before.clerk,
            at: before.at.0,
            request: "",
            shown: Shown::Nothing,
            handed_over: None,
        };
        self.write(|mut tx| async move {
            let wanted = Wanted::number(asked.number).with(asked.entitlement, false);
            let mut world = wanted.read(&mut tx, device, before.at, Bounds::default()).await?;
            let counted = world.count_and_note(asked, before.at);
            settle::write(&mut tx, world).await?;
            tx.commit().await?;
            self.tell_of_change();
            Ok(counted)
        })
        .await
    }
}

fn listed(row: &DbRow) -> Result<RedemptionRow, StoreError> {
    Ok(RedemptionRow {
        number: row.try_get("number")?,
        entitlement: row.try_get("entitlement")?,
        title: row.try_get("title")?,
        code_tail: row.try_get("tail")?,
        takes: world::takes_of(row.try_get("takes")?)?,
        taken_back: world::takes_of(row.try_get("taken_back")?)?,
        at: row.try_get("at")?,
        received_at: row.try_get("received_at")?,
        store: row.try_get("store_name")?,
        till: row.try_get("till")?,
        clerk: row.try_get("clerk")?,
        undone: world::state_of(row.try_get("state")?)? == State::Undone,
    })
}
