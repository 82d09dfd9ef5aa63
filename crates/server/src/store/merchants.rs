//! Merchants' programs: the keys that they show, and what each may do.

use sqlx::Row;

use super::db::DbRow;
use super::devices::secret_hash;
use super::{Store, StoreError, TENANT};
use wire::codes::hex;

/// What a merchant's program may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Issue entitlements.
    Issue,
    /// Cancel them.
    Revoke,
    /// Say that the money went back.
    Refund,
    /// See how they stand.
    Read,
}

impl Scope {
    /// Each of them.
    pub const ALL: [Scope; 4] = [Scope::Issue, Scope::Revoke, Scope::Refund, Scope::Read];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Issue => "issue",
            Scope::Revoke => "revoke",
            Scope::Refund => "refund",
            Scope::Read => "read",
        }
    }
}

/// A merchant's program that has shown its key.
#[derive(Clone, Debug)]
pub struct Merchant {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Whether its key was revoked.
    pub revoked: bool,
}

/// A merchant's program, for the list.
#[derive(Clone, Debug, serde::Serialize)]
pub struct MerchantRow {
    /// Its id.
    pub merchant: String,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When its key was made (ms since 1970).
    pub made_at: i64,
    /// Whether its key was revoked.
    pub revoked: bool,
}

/// A key that was just made. Only its hash is stored.
pub struct NewMerchant {
    /// The program's id.
    pub merchant: String,
    /// What it shows with every request.
    pub key: String,
}

impl Store {
    /// Makes a key for a merchant's program. Nothing if one of that name works already.
    pub async fn add_merchant(
        &self,
        name: &str,
        scopes: &[Scope],
    ) -> Result<Option<NewMerchant>, StoreError> {
        let made = NewMerchant {
            merchant: self.hands.name("merchant"),
            key: format!("cfm_{}", hex(&self.hands.random::<32>())),
        };
        let mut tx = self.writing().await?;
        let added = sqlx::query(
            "INSERT INTO merchants (tenant, merchant, name, key_hash, scopes, made_at, revoked_at)
             VALUES ($1, $2, $3, $4, $5, $6, 0) ON CONFLICT (tenant, name) WHERE revoked_at = 0 DO NOTHING",
        )
        .bind(TENANT)
        .bind(&made.merchant)
        .bind(name)
        .bind(secret_hash(&made.key))
        .bind(serde_json::to_string(scopes)?)
        .bind(self.hands.now().0)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok((added.rows_affected() == 1).then_some(made))
    }

    /// Every merchant's program, the latest first.
    pub async fn merchants(&self) -> Result<Vec<MerchantRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT merchant, name, scopes, made_at, revoked_at FROM merchants WHERE tenant = $1
             ORDER BY made_at DESC, merchant",
        )
        .bind(TENANT)
        .fetch_all(&self.read)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(MerchantRow {
                    merchant: row.try_get("merchant")?,
                    name: row.try_get("name")?,
                    scopes: scopes(row)?,
                    made_at: row.try_get("made_at")?,
                    revoked: revoked(row)?,
                })
            })
            .collect()
    }

    /// The merchant's program that has that key.
    pub async fn merchant_of_key(&self, key: &str) -> Result<Option<Merchant>, StoreError> {
        let row =
            sqlx::query("SELECT name, scopes, revoked_at FROM merchants WHERE tenant = $1 AND key_hash = $2")
                .bind(TENANT)
                .bind(secret_hash(key))
                .fetch_optional(&self.read)
                .await?;
        row.map(|row| {
            Ok(Merchant { name: row.try_get("name")?, scopes: scopes(&row)?, revoked: revoked(&row)? })
        })
        .transpose()
    }

    /// Takes a merchant's key back. Whether one of that name worked.
    pub async fn revoke_merchant(&self, name: &str) -> Result<bool, StoreError> {
        let mut tx = self.writing().await?;
        let revoked = sqlx::query(
            "UPDATE merchants SET revoked_at = $3 WHERE tenant = $1 AND name = $2 AND revoked_at = 0",
        )
        .bind(TENANT)
        .bind(name)
        .bind(self.hands.now().0)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(revoked.rows_affected() == 1)
    }
}

fn scopes(row: &DbRow) -> Result<Vec<Scope>, StoreError> {
    Ok(serde_json::from_str(row.try_get("scopes")?)?)
}

fn revoked(row: &DbRow) -> Result<bool, StoreError> {
    Ok(row.try_get::<i64, _>("revoked_at")? != 0)
}
