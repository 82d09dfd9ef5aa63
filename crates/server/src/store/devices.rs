//! Tills: the codes that enrol them, their keys, and their end.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::code::{Code, CodeKind};
use model::signed::token::PublicKey;
use model::time::UnixMs;
use sqlx::Row;
use wire::api::Enrolled;
use wire::codes::hex;
use wire::enrolment::{self, Known};
use wire::entitlement as w;
use wire::signature::KeyId;

use super::chain::{bump_setup, signed, unsigned};
use super::db::{Conn, DbRow, Tx};
use super::{Store, StoreError, TENANT};

/// A till of this chain.
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

/// What a till asks for that has a code. Whoever takes this up has seen that the request is signed by `key`.
pub struct Joining<'a> {
    /// The code's hash.
    pub code: [u8; 32],
    /// The till's key.
    pub key: PublicKey,
    /// That the till knows the code.
    pub proof: [u8; 32],
    /// What it wishes to be called; empty to be numbered.
    pub till: &'a str,
    /// The key that signs the server's answers.
    pub answers: PublicKey,
}

/// Why a till was not enrolled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnrolmentRefused {
    /// No such code, or the till does not know it.
    Unknown,
    /// It has enrolled another till.
    UsedUp,
    /// It is too old.
    Expired,
    /// The key is that of another till.
    KeyInUse,
}

/// One till, for the list.
#[derive(Clone, Debug, serde::Serialize)]
pub struct TillRow {
    /// Its id.
    pub device: String,
    /// Its name.
    pub till: String,
    /// The id of its key; empty if an older program has enrolled it.
    pub key: String,
    /// The store's name.
    pub store: String,
    /// When it was enrolled (ms since 1970).
    pub enrolled_at: i64,
    /// Whether the chain has barred it.
    pub revoked: bool,
    /// Since when it may have nothing counted, because its journal has two histories (ms since 1970); nothing if it has
    /// not.
    pub quarantined_at: Option<i64>,
    /// How many lines are held beside its journal.
    pub branch_lines: u64,
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
        let expires_at = now.plus_seconds(i64::from(minutes) * 60);
        self.write(|mut tx| async move {
            let code = self.hands.code(CodeKind::Enrolment);
            sqlx::query(
                "INSERT INTO enrolment_codes (tenant, code_hash, store, made_at, expires_at, used_at, used_by, known)
                 VALUES ($1, $2, $3, $4, $5, 0, '', $6)",
            )
            .bind(TENANT)
            .bind(enrolment::id(code.secret()).to_vec())
            .bind(&store.id)
            .bind(now.0)
            .bind(expires_at.0)
            .bind(Known::of(code.secret()).to_bytes().to_vec())
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
            Ok(Enrolment { code, store: store.clone(), expires_at })
        })
        .await
    }

    /// Enrols a till with a code, which is used up by that. The same till may ask again for as long as the code is
    /// good, and is told the same: the first answer may have been lost.
    pub async fn enrol(
        &self,
        joining: &Joining<'_>,
    ) -> Result<Result<Enrolled, EnrolmentRefused>, StoreError> {
        let now = self.hands.now();
        self.write(|tx| self.try_enrol(tx, joining, now)).await
    }

    async fn try_enrol(
        &self,
        mut tx: Tx,
        joining: &Joining<'_>,
        now: UnixMs,
    ) -> Result<Result<Enrolled, EnrolmentRefused>, StoreError> {
        let fresh = self.hands.name("till");
        let Some(code) = found_code(&mut tx, &joining.code).await? else {
            return Ok(Err(EnrolmentRefused::Unknown));
        };
        let proof = code.known.as_ref().map(|known| known.of_till(joining.key, joining.till));
        let Some(known) =
            code.known.filter(|_| proof.is_some_and(|ours| enrolment::same(&ours, &joining.proof)))
        else {
            return Ok(Err(EnrolmentRefused::Unknown));
        };
        let owner = device_with_key(&mut tx, KeyId::of(joining.key)).await?;
        let device = match owner {
            Some(device) if device == code.used_by && now <= code.expires_at => device,
            _ if !code.used_by.is_empty() => return Ok(Err(EnrolmentRefused::UsedUp)),
            _ if now > code.expires_at => return Ok(Err(EnrolmentRefused::Expired)),
            Some(_) => return Ok(Err(EnrolmentRefused::KeyInUse)),
            None => {
                if !use_up(&mut tx, &joining.code, &fresh, now).await? {
                    return Ok(Err(EnrolmentRefused::UsedUp));
                }
                let till = free_name(&mut tx, &code.store, joining.till.trim()).await?;
                add_device(&mut tx, &fresh, &code.store, &till, Some(joining.key), now).await?;
                give_root(&mut tx, &fresh).await?;
                fresh
            }
        };
        let mut enrolled = told(&mut tx, &device).await?;
        tx.commit().await?;
        enrolled.answer_key = hex(&joining.answers.to_bytes());
        enrolled.proof = hex(&known.of_server(joining.key, joining.answers));
        Ok(Ok(enrolled))
    }

    /// Enters a till that nobody can use, so that a demo chain has a past.
    pub async fn add_silent_till(&self, store: &w::Store, till: &str) -> Result<Device, StoreError> {
        self.write(|mut tx| async move {
            let id = self.hands.name("till");
            add_device(&mut tx, &id, &store.id, till, None, self.hands.now()).await?;
            tx.commit().await?;
            Ok(Device { id, till: till.to_owned(), store: store.clone(), epoch: 1, revoked: false })
        })
        .await
    }

    /// The till that has the key of that id, with the key.
    pub async fn device_of_key(&self, key: KeyId) -> Result<Option<(Device, PublicKey)>, StoreError> {
        let row = sqlx::query(
            "SELECT d.device, d.name, d.epoch, d.revoked_at, d.public_key, d.store, s.name AS store_name
             FROM devices d JOIN stores s ON s.tenant = d.tenant AND s.store = d.store
             WHERE d.tenant = $1 AND d.key_id = $2",
        )
        .bind(TENANT)
        .bind(key.to_string())
        .fetch_optional(&self.db.read)
        .await?;
        row.map(|row| {
            let key = public_key(row.try_get("public_key")?)?;
            Ok((device_of(&row)?, key))
        })
        .transpose()
    }

    /// The till of that id.
    pub async fn device(&self, id: &str) -> Result<Option<Device>, StoreError> {
        let row = sqlx::query(
            "SELECT d.device, d.name, d.epoch, d.revoked_at, d.store, s.name AS store_name
             FROM devices d JOIN stores s ON s.tenant = d.tenant AND s.store = d.store
             WHERE d.tenant = $1 AND d.device = $2",
        )
        .bind(TENANT)
        .bind(id)
        .fetch_optional(&self.db.read)
        .await?;
        row.as_ref().map(device_of).transpose()
    }

    /// Whether the till may have nothing counted, because its journal has two histories.
    pub async fn is_quarantined(&self, device: &Device) -> Result<bool, StoreError> {
        let mut tx = self.reading().await?;
        Ok(super::journals::known_head(&mut tx, device).await?.is_some_and(|known| known.quarantined))
    }

    /// Remembers the key that signs the server's answers, unless there is one. Gives the one that is remembered.
    pub async fn keep_answer_key(&self, key: PublicKey) -> Result<PublicKey, StoreError> {
        self.write(|mut tx| async move {
            sqlx::query("UPDATE chain SET answer_key = $2 WHERE tenant = $1 AND length(answer_key) = 0")
                .bind(TENANT)
                .bind(key.to_bytes().to_vec())
                .execute(&mut *tx)
                .await?;
            let row = sqlx::query("SELECT answer_key FROM chain WHERE tenant = $1")
                .bind(TENANT)
                .fetch_one(&mut *tx)
                .await?;
            tx.commit().await?;
            public_key(row.try_get("answer_key")?)
        })
        .await
    }

    /// The key that signs the server's answers; nothing before the server has run once.
    pub async fn answer_key(&self) -> Result<Option<PublicKey>, StoreError> {
        let row = sqlx::query("SELECT answer_key FROM chain WHERE tenant = $1")
            .bind(TENANT)
            .fetch_one(&self.db.read)
            .await?;
        let bytes: Vec<u8> = row.try_get("answer_key")?;
        if bytes.is_empty() { Ok(None) } else { public_key(bytes).map(Some) }
    }

    /// Every till, the latest first within its store.
    pub async fn tills(&self) -> Result<Vec<TillRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT d.device, d.name, d.epoch, d.key_id, d.enrolled_at, d.revoked_at, d.quarantined_at, s.name AS store_name,
                    (SELECT COUNT(*) FROM branches b WHERE b.tenant = d.tenant AND b.device = d.device) AS branched,
                    COALESCE(j.head, 0) AS head,
                    COALESCE((SELECT MAX(l.received_at) FROM lines l WHERE l.tenant = d.tenant
                              AND l.device = d.device AND l.epoch = d.epoch AND l.seq = j.head), 0) AS heard_at
             FROM devices d
             JOIN stores s ON s.tenant = d.tenant AND s.store = d.store
             LEFT JOIN journals j ON j.tenant = d.tenant AND j.device = d.device AND j.epoch = d.epoch
             WHERE d.tenant = $1 ORDER BY d.store, d.enrolled_at DESC, d.device",
        )
        .bind(TENANT)
        .fetch_all(&self.db.read)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(TillRow {
                    device: row.try_get("device")?,
                    till: row.try_get("name")?,
                    key: row.try_get("key_id")?,
                    store: row.try_get("store_name")?,
                    enrolled_at: row.try_get("enrolled_at")?,
                    revoked: row.try_get::<i64, _>("revoked_at")? != 0,
                    quarantined_at: Some(row.try_get::<i64, _>("quarantined_at")?).filter(|at| *at != 0),
                    branch_lines: unsigned(row.try_get("branched")?),
                    epoch: unsigned(row.try_get("epoch")?),
                    head: unsigned(row.try_get("head")?),
                    heard_at: Some(row.try_get::<i64, _>("heard_at")?).filter(|at| *at != 0),
                })
            })
            .collect()
    }

    /// Bars a till. Its waiting poll is woken, and its next request is refused.
    pub async fn revoke(&self, device: &str) -> Result<(), StoreError> {
        self.write(|mut tx| async move {
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
        })
        .await
    }
}

fn device_of(row: &DbRow) -> Result<Device, StoreError> {
    Ok(Device {
        id: row.try_get("device")?,
        till: row.try_get("name")?,
        store: w::Store { id: row.try_get("store")?, name: row.try_get("store_name")? },
        epoch: unsigned(row.try_get("epoch")?),
        revoked: row.try_get::<i64, _>("revoked_at")? != 0,
    })
}

/// A code that was found.
struct Found {
    store: String,
    expires_at: UnixMs,
    /// The till that it has enrolled; empty while it has not.
    used_by: String,
    known: Option<Known>,
}

async fn found_code(tx: &mut Conn, hash: &[u8; 32]) -> Result<Option<Found>, StoreError> {
    let row = sqlx::query(
        "SELECT store, expires_at, used_by, known FROM enrolment_codes WHERE tenant = $1 AND code_hash = $2",
    )
    .bind(TENANT)
    .bind(hash.to_vec())
    .fetch_optional(tx)
    .await?;
    row.map(|row| {
        Ok(Found {
            store: row.try_get("store")?,
            expires_at: UnixMs(row.try_get("expires_at")?),
            used_by: row.try_get("used_by")?,
            // A code that an older program has made proves nothing.
            known: row.try_get::<Vec<u8>, _>("known")?.try_into().ok().map(Known::from_bytes),
        })
    })
    .transpose()
}

/// Whether the code was still to be had: this write decides between two that come at once.
async fn use_up(tx: &mut Conn, hash: &[u8; 32], device: &str, now: UnixMs) -> Result<bool, StoreError> {
    let used = sqlx::query(
        "UPDATE enrolment_codes SET used_at = $3, used_by = $4
         WHERE tenant = $1 AND code_hash = $2 AND used_by = '' AND expires_at >= $3",
    )
    .bind(TENANT)
    .bind(hash.to_vec())
    .bind(now.0)
    .bind(device)
    .execute(tx)
    .await?;
    Ok(used.rows_affected() == 1)
}

async fn device_with_key(tx: &mut Conn, key: KeyId) -> Result<Option<String>, StoreError> {
    let row = sqlx::query("SELECT device FROM devices WHERE tenant = $1 AND key_id = $2")
        .bind(TENANT)
        .bind(key.to_string())
        .fetch_optional(tx)
        .await?;
    Ok(row.map(|row| row.try_get("device")).transpose()?)
}

/// What an enrolled till is told of itself, but for the server's proof.
async fn told(tx: &mut Conn, device: &str) -> Result<Enrolled, StoreError> {
    let row = sqlx::query(
        "SELECT d.store, d.name, d.epoch, s.name AS store_name, s.store_key
         FROM devices d JOIN stores s ON s.tenant = d.tenant AND s.store = d.store
         WHERE d.tenant = $1 AND d.device = $2",
    )
    .bind(TENANT)
    .bind(device)
    .fetch_one(&mut *tx)
    .await?;
    let root = super::trust::newest_root(tx).await?;
    let store: String = row.try_get("store")?;
    Ok(Enrolled {
        device: device.to_owned(),
        answer_key: String::new(),
        proof: String::new(),
        store: w::Store { id: store.clone(), name: row.try_get("store_name")? },
        till: row.try_get("name")?,
        store_key: hex(&row.try_get::<Vec<u8>, _>("store_key")?),
        feed: store,
        epoch: unsigned(row.try_get("epoch")?),
        root: root.map(|(_, bytes)| STANDARD.encode(bytes)).unwrap_or_default(),
    })
}

fn public_key(bytes: Vec<u8>) -> Result<PublicKey, StoreError> {
    let key = bytes.try_into().ok().and_then(|bytes| PublicKey::from_bytes(&bytes));
    key.ok_or_else(|| StoreError::Data("a public key that is none".to_owned()))
}

/// Writes down from which root on the till believes. It is given the newest; later ones reach it by its setup.
async fn give_root(tx: &mut Conn, device: &str) -> Result<(), StoreError> {
    let Some((version, _)) = super::trust::newest_root(tx).await? else { return Ok(()) };
    sqlx::query("UPDATE devices SET root = $3 WHERE tenant = $1 AND device = $2")
        .bind(TENANT)
        .bind(device)
        .bind(version)
        .execute(tx)
        .await?;
    Ok(())
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
    key: Option<PublicKey>,
    now: UnixMs,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO devices (tenant, device, store, name, token_hash, epoch, enrolled_at, revoked_at, public_key,
                              key_id)
         VALUES ($1, $2, $3, $4, $5, 1, $6, 0, $7, $8)",
    )
    .bind(TENANT)
    .bind(device)
    .bind(store)
    .bind(till)
    // Tokens have gone, and their column wants something that no other till has.
    .bind(secret_hash(device))
    .bind(now.0)
    .bind(key.map(|key| key.to_bytes().to_vec()).unwrap_or_default())
    .bind(key.map(|key| KeyId::of(key).to_string()).unwrap_or_default())
    .execute(&mut *tx)
    .await?;
    super::journals::begin(tx, device, signed(1)).await
}

/// Merchants' keys are random and long, so that a plain hash of them gives nothing away.
pub(super) fn secret_hash(secret: &str) -> Vec<u8> {
    blake3::hash(secret.as_bytes()).as_bytes().to_vec()
}
