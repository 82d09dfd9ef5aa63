//! Merchant profiles: what the codes of the chain's malls look like. Every change makes a new setup, so that tills
//! hear of it at once.

use sqlx::Row;
use wire::profile::Profile;

use super::chain::bump_setup;
use super::db::{Conn, DbRow};
use super::{BUCKET, Store, StoreError, TENANT};

/// A profile that the chain has.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ProfileRow {
    /// Whether tills read its codes.
    pub active: bool,
    /// The profile.
    pub profile: Profile,
}

impl ProfileRow {
    /// The profile, ready to read codes.
    pub(super) fn compiled(&self) -> Result<model::profile::Profile, StoreError> {
        (&self.profile).try_into().map_err(|error: model::profile::BadProfile| {
            StoreError::Data(format!("the profile {}: {error}", self.profile.name))
        })
    }
}

/// Where tills try a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Before all others.
    First,
    /// Where it is; a new one behind all others.
    AsItIs,
}

/// Whether a profile was taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// It is gone.
    Yes,
    /// There is none of that name.
    Unknown,
    /// So many codes were issued under it. Without it nobody could say what they are.
    HasCodes(u64),
}

impl Store {
    /// Every profile, in the order in which tills try them.
    pub async fn profiles(&self) -> Result<Vec<ProfileRow>, StoreError> {
        let rows = sqlx::query("SELECT active, body FROM profiles WHERE tenant = $1 ORDER BY place, name")
            .bind(TENANT)
            .fetch_all(&self.read)
            .await?;
        rows.iter().map(read).collect()
    }

    /// The profile of that name.
    pub async fn profile(&self, name: &str) -> Result<Option<ProfileRow>, StoreError> {
        let row = sqlx::query("SELECT active, body FROM profiles WHERE tenant = $1 AND name = $2")
            .bind(TENANT)
            .bind(name)
            .fetch_optional(&self.read)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Lets tills read a profile's codes. One of the same name is replaced.
    pub async fn use_profile(&self, profile: &Profile, turn: Turn) -> Result<(), StoreError> {
        let mut tx = self.writing().await?;
        let row = sqlx::query(
            "SELECT COALESCE(MIN(place), 0) - 1 AS first, COALESCE(MAX(place), 0) + 1 AS last
             FROM profiles WHERE tenant = $1",
        )
        .bind(TENANT)
        .fetch_one(&mut *tx)
        .await?;
        let (first, last): (i64, i64) = (row.try_get("first")?, row.try_get("last")?);
        let to_first = i64::from(turn == Turn::First);
        sqlx::query(
            "INSERT INTO profiles (tenant, name, place, active, body) VALUES ($1, $2, $3, 1, $4)
             ON CONFLICT (tenant, name) DO UPDATE SET active = 1, body = excluded.body,
                 place = CASE WHEN $5 = 1 THEN excluded.place ELSE profiles.place END",
        )
        .bind(TENANT)
        .bind(&profile.name)
        .bind(if to_first == 1 { first } else { last })
        .bind(serde_json::to_string(profile)?)
        .bind(to_first)
        .execute(&mut *tx)
        .await?;
        bump_setup(&mut tx).await?;
        tx.commit().await?;
        self.tell_of_change();
        Ok(())
    }

    /// Tills no longer read its codes; what was issued under it stays. Whether there is a profile of that name.
    pub async fn stop_profile(&self, name: &str) -> Result<bool, StoreError> {
        let mut tx = self.writing().await?;
        let stopped = sqlx::query("UPDATE profiles SET active = 0 WHERE tenant = $1 AND name = $2")
            .bind(TENANT)
            .bind(name)
            .execute(&mut *tx)
            .await?;
        if stopped.rows_affected() == 0 {
            return Ok(false);
        }
        bump_setup(&mut tx).await?;
        tx.commit().await?;
        self.tell_of_change();
        Ok(true)
    }

    /// Takes a profile out, unless codes were issued under it.
    pub async fn remove_profile(&self, name: &str) -> Result<Removed, StoreError> {
        let mut tx = self.writing().await?;
        let row = sqlx::query(
            "SELECT COUNT(*) AS codes FROM codes WHERE tenant = $1 AND bucket = $2 AND form = 'opaque'
             AND profile = $3",
        )
        .bind(TENANT)
        .bind(BUCKET)
        .bind(name)
        .fetch_one(&mut *tx)
        .await?;
        let codes = super::chain::unsigned(row.try_get("codes")?);
        if codes > 0 {
            return Ok(Removed::HasCodes(codes));
        }
        let removed = sqlx::query("DELETE FROM profiles WHERE tenant = $1 AND name = $2")
            .bind(TENANT)
            .bind(name)
            .execute(&mut *tx)
            .await?;
        if removed.rows_affected() == 0 {
            return Ok(Removed::Unknown);
        }
        bump_setup(&mut tx).await?;
        tx.commit().await?;
        self.tell_of_change();
        Ok(Removed::Yes)
    }
}

/// The profiles whose codes tills read, in the order in which they try them.
pub(super) async fn active(tx: &mut Conn) -> Result<Vec<Profile>, StoreError> {
    let rows = sqlx::query(
        "SELECT active, body FROM profiles WHERE tenant = $1 AND active = 1 ORDER BY place, name",
    )
    .bind(TENANT)
    .fetch_all(tx)
    .await?;
    rows.iter().map(|row| Ok(read(row)?.profile)).collect()
}

fn read(row: &DbRow) -> Result<ProfileRow, StoreError> {
    Ok(ProfileRow {
        active: row.try_get::<i64, _>("active")? == 1,
        profile: serde_json::from_str(row.try_get("body")?)?,
    })
}
