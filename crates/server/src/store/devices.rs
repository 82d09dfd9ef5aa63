//! Tills: the codes that enrol them, their tokens, and their end.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::code::{Code, CodeKind};
use model::time::UnixMs;
use sqlx::Row;
use wire::api::Enrolled;
use wire::codes::hex;
use wire::entitlement as w;

use super::chain::{bump_setup, signed, unsigned};
use super::db::Conn;
use super::{Store, StoreError, TENANT};

/// A till that has shown its token.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its id.
    pub id: String,
    /// Its name.
    pub till: String,
    /// The store it stands in.
    pub store: w::Store,
    /// Its journal's epoch.
    pub epoch: u64,
    /// Whether the chain has barred it.
    pub revoked: bool,
}

/// A code that enrols one till.
pub struct Enrolment {
    /// The code. Only its hash is stored.
    pub code: Code,
    /// For which store.
    pub store: w::Store,
    /// Until when.
    pub expires_at: UnixMs,
}

/// Why a till was not enrolled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnrolmentRefused {
    /// No such code.
    Unknown,
    /// It has enrolled a till.
    UsedUp,
    /// It is too old.
    Expired,
}

/// One till, for the list.
#[derive(Clone, Debug, serde::Serialize)]
pub struct TillRow {
    /// Its id.
    pub device: String,
    /// Its name.
    pub till: String,
    /// The store's name.
    pub store: String,
    /// When it was enrolled (ms since 1970).
    pub enrolled_at: i64,
    /// Whether the chain has barred it.
    pub revoked: bool,
    /// Its journal's epoch.
    pub epoch: u64,
    /// The last line of its journal that is here.
    pub head: u64,
    /// When that line came (ms since 1970); nothing if none ever came.
    pub heard_at: Option<i64>,
}

impl Store {
    /// Makes a code that enrols one till at `store` within so many minutes.
    pub async fn issue_enrolment(&self, store: &w::Store, minutes: u32) -> Result<Enrolment, StoreError> {
        let now = self.hands.now();
        let code = self.hands.code(CodeKind::Enrolment);
        let expires_at = now.plus_seconds(i64::from(minutes) * 60);
        let mut tx = self.writing().await?;
        sqlx::query(
            "INSERT INTO enrolment_codes (tenant, code_hash, store, made_at, expires_at, used_at, used_by)
             VALUES ($1, $2, $3, $4, $5, 0, '')",
        )
        .bind(TENANT)
        .bind(secret_hash(code.secret()))
        .bind(&store.id)
        .bind(now.0)
        .bind(expires_at.0)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Enrolment { code, store: store.clone(), expires_at })
    }

    /// Enrols a till with a code, which is used up by that.
    pub async fn enrol(
        &self,
        code: &Code,
        till: &str,
    ) -> Result<Result<Enrolled, EnrolmentRefused>, StoreError> {
        let now = self.hands.now();
        let hash = secret_hash(code.secret());
        let device = self.hands.name("till");
        let token = hex(&self.hands.random::<32>());
        let mut tx = self.writing().await?;
        let used = sqlx::query(
            "UPDATE enrolment_codes SET used_at = $3, used_by = $4
             WHERE tenant = $1 AND code_hash = $2 AND used_by = '' AND expires_at >= $3 RETURNING store",
        )
        .bind(TENANT)
        .bind(&hash)
        .bind(now.0)
        .bind(&device)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(used) = used else {
            return Ok(Err(why_not_enrolled(&mut tx, &hash).await?));
        };
        let store: String = used.try_get("store")?;
        let row = sqlx::query("SELECT name, store_key FROM stores WHERE tenant = $1 AND store = $2")
            .bind(TENANT)
            .bind(&store)
            .fetch_one(&mut *tx)
            .await?;
        let till = free_name(&mut tx, &store, till.trim()).await?;
        add_device(&mut tx, &device, &store, &till, &secret_hash(&token), now).await?;
        let root = give_root(&mut tx, &device).await?;
        tx.commit().await?;
        let key: Vec<u8> = row.try_get("store_key")?;
        Ok(Ok(Enrolled {
            device,
            token,
            store: w::Store { id: store.clone(), name: row.try_get("name")? },
            till,
            store_key: hex(&key),
            feed: store,
            epoch: 1,
            root,
        }))
    }

    /// Enters a till that nobody can use, so that a demo chain has a past.
    pub async fn add_silent_till(&self, store: &w::Store, till: &str) -> Result<Device, StoreError> {
        let id = self.hands.name("till");
        let mut tx = self.writing().await?;
        let nobody = self.hands.random::<32>();
        add_device(&mut tx, &id, &store.id, till, &nobody, self.hands.now()).await?;
        tx.commit().await?;
        Ok(Device { id, till: till.to_owned(), store: store.clone(), epoch: 1, revoked: false })
    }

    /// The till that has that token.
    pub async fn device_of_token(&self, token: &str) -> Result<Option<Device>, StoreError> {
        let row = sqlx::query(
            "SELECT d.device, d.name, d.epoch, d.revoked_at, d.store, s.name AS store_name
             FROM devices d JOIN stores s ON s.tenant = d.tenant AND s.store = d.store
             WHERE d.tenant = $1 AND d.token_hash = $2",
        )
        .bind(TENANT)
        .bind(secret_hash(token))
        .fetch_optional(&self.read)
        .await?;
        row.map(|row| {
            Ok(Device {
                id: row.try_get("device")?,
                till: row.try_get("name")?,
                store: w::Store { id: row.try_get("store")?, name: row.try_get("store_name")? },
                epoch: unsigned(row.try_get("epoch")?),
                revoked: row.try_get::<i64, _>("revoked_at")? != 0,
            })
        })
        .transpose()
    }

    /// Every till, the latest first within its store.
    pub async fn tills(&self) -> Result<Vec<TillRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT d.device, d.name, d.epoch, d.enrolled_at, d.revoked_at, s.name AS store_name,
                    COALESCE(j.head, 0) AS head,
                    COALESCE((SELECT MAX(l.received_at) FROM lines l WHERE l.tenant = d.tenant
                              AND l.device = d.device AND l.epoch = d.epoch AND l.seq = j.head), 0) AS heard_at
             FROM devices d
             JOIN stores s ON s.tenant = d.tenant AND s.store = d.store
             LEFT JOIN journals j ON j.tenant = d.tenant AND j.device = d.device AND j.epoch = d.epoch
             WHERE d.tenant = $1 ORDER BY d.store, d.enrolled_at DESC, d.device",
        )
        .bind(TENANT)
        .fetch_all(&self.read)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(TillRow {
                    device: row.try_get("device")?,
                    till: row.try_get("name")?,
                    store: row.try_get("store_name")?,
                    enrolled_at: row.try_get("enrolled_at")?,
                    revoked: row.try_get::<i64, _>("revoked_at")? != 0,
                    epoch: unsigned(row.try_get("epoch")?),
                    head: unsigned(row.try_get("head")?),
                    heard_at: Some(row.try_get::<i64, _>("heard_at")?).filter(|at| *at != 0),
                })
            })
            .collect()
    }

    /// Bars a till. Its waiting poll is woken, and its next request is refused.
    pub async fn revoke(&self, device: &str) -> Result<(), StoreError> {
        let mut tx = self.writing().await?;
        sqlx::query(
            "UPDATE devices SET revoked_at = $3 WHERE tenant = $1 AND device = $2 AND revoked_at = 0",
        )
        .bind(TENANT)
        .bind(device)
        .bind(self.hands.now().0)
        .execute(&mut *tx)
        .await?;
        bump_setup(&mut tx).await?;
        tx.commit().await?;
        self.tell_of_change();
        Ok(())
    }
}

/// Gives the till the newest root to trust, in base64; empty while there is none. Later ones reach it by its setup.
async fn give_root(tx: &mut Conn, device: &str) -> Result<String, StoreError> {
    let Some((version, bytes)) = super::trust::newest_root(tx).await? else { return Ok(String::new()) };
    sqlx::query("UPDATE devices SET root = $3 WHERE tenant = $1 AND device = $2")
        .bind(TENANT)
        .bind(device)
        .bind(version)
        .execute(tx)
        .await?;
    Ok(STANDARD.encode(bytes))
}

async fn why_not_enrolled(tx: &mut Conn, hash: &[u8]) -> Result<EnrolmentRefused, StoreError> {
    let row = sqlx::query("SELECT used_by FROM enrolment_codes WHERE tenant = $1 AND code_hash = $2")
        .bind(TENANT)
        .bind(hash)
        .fetch_optional(tx)
        .await?;
    Ok(match row {
        None => EnrolmentRefused::Unknown,
        Some(row) if row.try_get::<String, _>("used_by")?.is_empty() => EnrolmentRefused::Expired,
        Some(_) => EnrolmentRefused::UsedUp,
    })
}

/// The name itself, or one like it: two tills that work at one store are never called the same.
async fn free_name(tx: &mut Conn, store: &str, wish: &str) -> Result<String, StoreError> {
    let rows = sqlx::query("SELECT name FROM devices WHERE tenant = $1 AND store = $2 AND revoked_at = 0")
        .bind(TENANT)
        .bind(store)
        .fetch_all(tx)
        .await?;
    let taken: Vec<String> =
        rows.iter().map(|row| row.try_get("name")).collect::<Result<_, sqlx::Error>>()?;
    let mut count = 1u32;
    loop {
        let name = match (wish, count) {
            ("", count) => format!("{count}号收银机"),
            (wish, 1) => wish.to_owned(),
            (wish, count) => format!("{wish} ({count})"),
        };
        if !taken.contains(&name) {
            return Ok(name);
        }
        count += 1;
    }
}

async fn add_device(
    tx: &mut Conn,
    device: &str,
    store: &str,
    till: &str,
    token_hash: &[u8],
    now: UnixMs,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO devices (tenant, device, store, name, token_hash, epoch, enrolled_at, revoked_at)
         VALUES ($1, $2, $3, $4, $5, 1, $6, 0)",
    )
    .bind(TENANT)
    .bind(device)
    .bind(store)
    .bind(till)
    .bind(token_hash)
    .bind(now.0)
    .execute(&mut *tx)
    .await?;
    super::journals::begin(tx, device, signed(1)).await
}

/// Tokens, keys and enrolment codes are random and long, so that a plain hash of them gives nothing away.
pub(super) fn secret_hash(secret: &str) -> Vec<u8> {
    blake3::hash(secret.as_bytes()).as_bytes().to_vec()
}
