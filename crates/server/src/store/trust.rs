//! Roots and trust lists as they were signed, and what this server believes by them.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::signed::token::SigningKey;
use model::signed::trust::Trust;
use model::time::UnixMs;
use sqlx::Row;

use super::chain::bump_setup;
use super::db::Conn;
use super::keys::{self, NewKey};
use super::{Store, StoreError, TENANT};

/// What kind of document.
#[derive(Clone, Copy)]
pub(super) enum Document {
    Root,
    List,
}

impl Document {
    fn code(self) -> &'static str {
        match self {
            Document::Root => "root",
            Document::List => "list",
        }
    }
}

/// A root that is to follow, with the keys that it names for the first time.
pub struct NextRoot<'a> {
    /// Its version.
    pub version: u32,
    /// Signed by enough root keys.
    pub bytes: &'a [u8],
    /// Keys that were not there before.
    pub keys: &'a [NewKey],
    /// The role key that signs the list under this root.
    pub role_key: &'a SigningKey,
}

/// What this server believes, by the versions of root and list.
pub(super) type Believed = Option<((i64, i64), Arc<Trust>)>;

impl Store {
    /// The chain's roots and its newest trust list, as a till holds them; nothing while the chain signs no codes.
    pub async fn trust(&self) -> Result<Option<Arc<Trust>>, StoreError> {
        let mut tx = self.reading().await?;
        let row = sqlx::query(
            "SELECT COALESCE(MAX(CASE kind WHEN 'root' THEN version END), 0) AS root,
                    COALESCE(MAX(CASE kind WHEN 'list' THEN version END), 0) AS list
             FROM trust_documents WHERE tenant = $1",
        )
        .bind(TENANT)
        .fetch_one(&mut *tx)
        .await?;
        let versions = (row.try_get("root")?, row.try_get("list")?);
        if versions == (0, 0) {
            return Ok(None);
        }
        let mut believed = self.believed.lock().await;
        if let Some((held, trust)) = &*believed
            && *held == versions
        {
            return Ok(Some(trust.clone()));
        }
        let trust = Arc::new(read(&mut tx).await?);
        *believed = Some((versions, trust.clone()));
        Ok(Some(trust))
    }

    /// Begins, or goes on, with a root: enters its keys and signs a list under it. False, and nothing is done, if
    /// that version is there already or the list would be too long.
    pub async fn follow_root(&self, next: &NextRoot<'_>) -> Result<bool, StoreError> {
        let now = self.hands.now();
        let mut tx = self.writing().await?;
        let row = sqlx::query(
            "SELECT COALESCE(MAX(version), 0) AS version FROM trust_documents
             WHERE tenant = $1 AND kind = 'root'",
        )
        .bind(TENANT)
        .fetch_one(&mut *tx)
        .await?;
        if row.try_get::<i64, _>("version")? + 1 != i64::from(next.version) {
            return Ok(false);
        }
        insert(&mut tx, Document::Root, next.version, next.bytes, now).await?;
        let replaced = next.keys.iter().any(|key| key.role == keys::Role::Lists);
        if replaced {
            sqlx::query(
                "UPDATE keys SET withdrawn_at = $2 WHERE tenant = $1 AND role = 'lists' AND withdrawn_at = 0",
            )
            .bind(TENANT)
            .bind(now.0)
            .execute(&mut *tx)
            .await?;
        }
        for key in next.keys {
            if !keys::insert(&mut tx, key, now).await? {
                return Ok(false);
            }
        }
        if keys::sign_list(&mut tx, next.role_key, now).await?.is_none() {
            return Ok(false);
        }
        bump_setup(&mut tx).await?;
        tx.commit().await?;
        self.tell_of_change();
        Ok(true)
    }
}

pub(super) async fn insert(
    tx: &mut Conn,
    kind: Document,
    version: u32,
    bytes: &[u8],
    now: UnixMs,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO trust_documents (tenant, kind, version, bytes, made_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(TENANT)
    .bind(kind.code())
    .bind(i64::from(version))
    .bind(bytes)
    .bind(now.0)
    .execute(tx)
    .await?;
    Ok(())
}

/// The newest root with its version, to be given to a till that is enrolled now.
pub(super) async fn newest_root(tx: &mut Conn) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
    let row = sqlx::query(
        "SELECT version, bytes FROM trust_documents WHERE tenant = $1 AND kind = 'root'
         ORDER BY version DESC LIMIT 1",
    )
    .bind(TENANT)
    .fetch_optional(tx)
    .await?;
    row.map(|row| Ok((row.try_get("version")?, row.try_get("bytes")?))).transpose()
}

/// The roots after the one that this till was given, and the newest list, as its setup carries them (base64).
pub(super) async fn of_device(tx: &mut Conn, device: &str) -> Result<(Vec<String>, String), StoreError> {
    let rows = sqlx::query(
        "SELECT t.bytes FROM trust_documents t
         JOIN devices d ON d.tenant = t.tenant AND d.device = $2
         WHERE t.tenant = $1 AND t.kind = 'root' AND t.version > d.root ORDER BY t.version",
    )
    .bind(TENANT)
    .bind(device)
    .fetch_all(&mut *tx)
    .await?;
    let roots = rows
        .iter()
        .map(|row| Ok(STANDARD.encode(row.try_get::<Vec<u8>, _>("bytes")?)))
        .collect::<Result<_, sqlx::Error>>()?;
    let list = newest_list(tx).await?;
    Ok((roots, list.map(|bytes| STANDARD.encode(bytes)).unwrap_or_default()))
}

async fn newest_list(tx: &mut Conn) -> Result<Option<Vec<u8>>, StoreError> {
    let row = sqlx::query(
        "SELECT bytes FROM trust_documents WHERE tenant = $1 AND kind = 'list' ORDER BY version DESC LIMIT 1",
    )
    .bind(TENANT)
    .fetch_optional(tx)
    .await?;
    Ok(row.map(|row| row.try_get("bytes")).transpose()?)
}

/// Reads the roots and the list as a till would. The list is this server's own, so its age does not matter here.
async fn read(tx: &mut Conn) -> Result<Trust, StoreError> {
    let unreadable = |error: &dyn std::fmt::Display| StoreError::Data(format!("a trust document: {error}"));
    let rows = sqlx::query(
        "SELECT bytes, made_at FROM trust_documents WHERE tenant = $1 AND kind = 'root' ORDER BY version",
    )
    .bind(TENANT)
    .fetch_all(&mut *tx)
    .await?;
    let roots = rows.iter().map(|row| row.try_get("bytes")).collect::<Result<Vec<Vec<u8>>, sqlx::Error>>()?;
    let (first, later) = roots.split_first().ok_or_else(|| unreadable(&"a list without a root"))?;
    let mut trust = Trust::pin(first).map_err(|error| unreadable(&error))?;
    for root in later {
        trust.take_root(root).map_err(|error| unreadable(&error))?;
    }
    if let Some(list) = newest_list(tx).await? {
        trust.take_list(&list, UnixMs(0)).map_err(|error| unreadable(&error))?;
    }
    Ok(trust)
}
