//! Policies: what tills may decide while they cannot ask. Every version is kept; the newest of a store, or else of the
//! chain, holds. Each change makes a new setup, so that tills hear of it at once.

use model::policy::{BadPolicy, Policy};
use sqlx::Row;

use super::chain::{signed, unsigned};
use super::db::Conn;
use super::{Store, StoreError, TENANT};

/// The scope of the whole chain.
const CHAIN: &str = "";

/// One version of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRow {
    /// The store it is for; nothing for the chain.
    pub store: Option<String>,
    /// Its version.
    pub version: u64,
    /// When it was set (ms since 1970); nothing for what the program came with.
    pub set_at: Option<i64>,
    /// The policy; nothing where a store was given back to the chain's.
    pub policy: Option<Policy>,
}

/// Why a policy was not set.
#[derive(Debug, thiserror::Error)]
pub enum PolicyRefused {
    /// It makes no sense.
    #[error(transparent)]
    Bad(#[from] BadPolicy),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for PolicyRefused {
    fn from(error: sqlx::Error) -> PolicyRefused {
        PolicyRefused::Store(error.into())
    }
}

impl Store {
    /// Sets the policy of a store, or of the chain, from now on. Gives its version.
    pub async fn set_policy(&self, store: Option<&str>, policy: &Policy) -> Result<u64, PolicyRefused> {
        policy.check()?;
        Ok(self.write_policy(store.unwrap_or(CHAIN), Some(policy)).await?)
    }

    /// The store goes by the chain's policy from now on. Gives the version of that decision.
    pub async fn unset_policy(&self, store: &str) -> Result<u64, StoreError> {
        self.write_policy(store, None).await
    }

    async fn write_policy(&self, scope: &str, policy: Option<&Policy>) -> Result<u64, StoreError> {
        self.write(|mut tx| async move {
            // The chain's row is held from here on, so that two who set one at a time get two versions.
            super::chain::bump_setup(&mut tx).await?;
            let row =
                sqlx::query("SELECT COALESCE(MAX(version), 0) + 1 AS next FROM policies WHERE tenant = $1")
                    .bind(TENANT)
                    .fetch_one(&mut *tx)
                    .await?;
            let version = unsigned(row.try_get("next")?);
            let body = match policy {
                Some(policy) => {
                    let policy = Policy { version, ..policy.clone() };
                    serde_json::to_string(&wire::policy::Policy::from(&policy))?
                }
                None => String::new(),
            };
            sqlx::query(
                "INSERT INTO policies (tenant, scope, version, set_at, body) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(TENANT)
            .bind(scope)
            .bind(signed(version))
            .bind(self.hands.now().0)
            .bind(body)
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
            self.tell_of_change();
            Ok(version)
        })
        .await
    }

    /// The policy that holds at that store; without one, the chain's own.
    pub async fn policy(&self, store: Option<&str>) -> Result<PolicyRow, StoreError> {
        let mut tx = self.reading().await?;
        holding(&mut tx, store.unwrap_or(CHAIN)).await
    }

    /// Every version of every scope, the latest first.
    pub async fn policy_history(&self) -> Result<Vec<PolicyRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT scope, version, set_at, body FROM policies WHERE tenant = $1 ORDER BY version DESC",
        )
        .bind(TENANT)
        .fetch_all(&self.db.read)
        .await?;
        rows.iter()
            .map(|row| {
                read(
                    row.try_get("scope")?,
                    row.try_get("version")?,
                    row.try_get("set_at")?,
                    row.try_get("body")?,
                )
            })
            .collect()
    }
}

/// What a till of that store goes by.
pub(super) async fn of_store(tx: &mut Conn, store: &str) -> Result<Policy, StoreError> {
    Ok(holding(tx, store).await?.policy.unwrap_or_default())
}

async fn holding(tx: &mut Conn, store: &str) -> Result<PolicyRow, StoreError> {
    if store != CHAIN
        && let Some(own) = newest(tx, store).await?.filter(|row| row.policy.is_some())
    {
        return Ok(own);
    }
    let came_with = || PolicyRow { store: None, version: 0, set_at: None, policy: Some(Policy::default()) };
    Ok(newest(tx, CHAIN).await?.unwrap_or_else(came_with))
}

async fn newest(tx: &mut Conn, scope: &str) -> Result<Option<PolicyRow>, StoreError> {
    let row = sqlx::query(
        "SELECT version, set_at, body FROM policies WHERE tenant = $1 AND scope = $2
         ORDER BY version DESC LIMIT 1",
    )
    .bind(TENANT)
    .bind(scope)
    .fetch_optional(tx)
    .await?;
    row.map(|row| {
        read(scope.to_owned(), row.try_get("version")?, row.try_get("set_at")?, row.try_get("body")?)
    })
    .transpose()
}

fn read(scope: String, version: i64, set_at: i64, body: String) -> Result<PolicyRow, StoreError> {
    let policy = match body.as_str() {
        "" => None,
        body => {
            let told: wire::policy::Policy = serde_json::from_str(body)?;
            Some(Policy::try_from(&told).map_err(|error| StoreError::Data(format!("a policy: {error}")))?)
        }
    };
    Ok(PolicyRow {
        store: Some(scope).filter(|scope| !scope.is_empty()),
        version: unsigned(version),
        set_at: Some(set_at),
        policy,
    })
}
