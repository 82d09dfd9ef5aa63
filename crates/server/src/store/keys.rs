//! The public halves of keys, what each may issue, and the trust lists that tell tills so.

use std::collections::BTreeSet;

use model::entitlement::Fen;
use model::place::StoreId;
use model::signed::token::{Algorithm, PublicKey, SignedKind, SigningKey};
use model::signed::trust::{self, TrustList};
use model::time::{UnixMs, Window};
use sqlx::Row;

use super::chain::bump_setup;
use super::db::{Conn, DbRow};
use super::entitlements::FOR_EVER;
use super::{Store, StoreError, TENANT};

/// How long a trust list is meant to be good (seconds): 30 days.
pub const LIST_SECONDS: i64 = 30 * 24 * 3600;

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Roots. Kept offline.
    Root,
    /// Trust lists and status updates.
    Lists,
    /// Codes.
    Issuing,
}

impl Role {
    fn code(self) -> &'static str {
        match self {
            Role::Root => "root",
            Role::Lists => "lists",
            Role::Issuing => "issuing",
        }
    }

    fn of(code: &str) -> Result<Role, StoreError> {
        [Role::Root, Role::Lists, Role::Issuing]
            .into_iter()
            .find(|role| role.code() == code)
            .ok_or_else(|| StoreError::Data(format!("a key for {code:?}")))
    }
}

/// What an issuing key may issue, and from when on.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct KeyScope {
    /// "order", "coupon", "times_card", "member".
    pub kinds: Vec<String>,
    /// Campaigns, from … to, both included; nothing for all.
    pub campaigns: Option<Vec<(u16, u16)>>,
    /// The ids of stores; nothing for all.
    pub stores: Option<Vec<String>>,
    /// The most that a code may be worth (fen).
    pub value_max: i64,
    /// Codes that claim to be older are not its (ms since 1970).
    pub from: Option<i64>,
}

/// What is said anew of a key's scope; what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeChange {
    /// Its kinds from now on.
    pub kinds: Option<Vec<String>>,
    /// Its campaigns from now on; `Some(None)` for all.
    pub campaigns: Option<Option<Vec<(u16, u16)>>>,
    /// The ids of its stores from now on; `Some(None)` for all.
    pub stores: Option<Option<Vec<String>>>,
    /// The most that a code may be worth from now on (fen).
    pub value_max: Option<i64>,
    /// Codes that claim to be older are not its (ms since 1970); `Some(None)` for no such moment.
    pub from: Option<Option<i64>>,
}

impl From<KeyScope> for ScopeChange {
    fn from(scope: KeyScope) -> ScopeChange {
        let KeyScope { kinds, campaigns, stores, value_max, from } = scope;
        ScopeChange {
            kinds: Some(kinds),
            campaigns: Some(campaigns),
            stores: Some(stores),
            value_max: Some(value_max),
            from: Some(from),
        }
    }
}

impl ScopeChange {
    fn of(&self, scope: KeyScope) -> KeyScope {
        let change = self.clone();
        KeyScope {
            kinds: change.kinds.unwrap_or(scope.kinds),
            campaigns: change.campaigns.unwrap_or(scope.campaigns),
            stores: change.stores.unwrap_or(scope.stores),
            value_max: change.value_max.unwrap_or(scope.value_max),
            from: change.from.unwrap_or(scope.from),
        }
    }
}

/// A key.
#[derive(Clone, Debug, serde::Serialize)]
pub struct KeyRow {
    /// What people call it; also the name of its file.
    pub name: String,
    /// The short name that codes carry (8 hexadecimal digits).
    pub kid: String,
    /// Its public half.
    #[serde(skip)]
    pub public: PublicKey,
    /// What it signs.
    pub role: Role,
    /// What it may issue, if it is an issuing key.
    pub scope: Option<KeyScope>,
    /// Codes issued later are not its (ms since 1970).
    pub until: Option<i64>,
    /// When it was made (ms since 1970).
    pub made_at: i64,
    /// When it was taken out of the list, or replaced (ms since 1970).
    pub withdrawn_at: Option<i64>,
}

impl KeyRow {
    /// The key as the trust list has it; nothing for keys that issue no codes, or none any more.
    pub fn listed(&self) -> Option<trust::Key> {
        if self.withdrawn_at.is_none() { self.with_scope() } else { None }
    }

    /// The key as trust lists had it before it was withdrawn; nothing for others.
    pub fn withdrawn(&self) -> Option<trust::Key> {
        self.withdrawn_at.and_then(|_| self.with_scope())
    }

    fn with_scope(&self) -> Option<trust::Key> {
        let scope = self.scope.as_ref()?;
        Some(trust::Key {
            public: self.public,
            name: self.name.clone(),
            algorithms: BTreeSet::from([Algorithm::Ed25519]),
            scope: trust::Scope {
                kinds: scope.kinds.iter().filter_map(|kind| SignedKind::of(kind)).collect(),
                campaigns: scope.campaigns.clone(),
                stores: scope.stores.as_ref().map(|stores| stores.iter().cloned().map(StoreId).collect()),
                value_max: Fen(scope.value_max),
            },
            issues: Window { from: scope.from.map(UnixMs), until: self.until.map(UnixMs) },
        })
    }
}

/// A key that is to be entered.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What people call it.
    pub name: String,
    /// Its public half.
    pub public: PublicKey,
    /// What it signs.
    pub role: Role,
    /// What it may issue, if it is an issuing key.
    pub scope: Option<KeyScope>,
    /// Codes issued later are not its (ms since 1970).
    pub until: Option<i64>,
}

/// One step of a change to the issuing keys.
#[derive(Clone, Debug)]
pub enum KeyChange {
    /// Enters a key.
    New(Box<NewKey>),
    /// Says anew what a key may issue, as far as that is named.
    Scope(String, ScopeChange),
    /// Codes issued later than that are not this key's.
    Bound(String, UnixMs),
    /// Takes a key out of the list: nothing that it has signed is believed any more.
    Withdraw(String),
}

/// Why keys were not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysRefused {
    /// There is a key of that name.
    #[error("there is a key called {0} already: choose another name")]
    NameTaken(String),
    /// There is no issuing key of that name in the list.
    #[error("no issuing key called {0} is in use; `keys list` shows them")]
    Unknown(String),
    /// The list would be too long.
    #[error("the trust list would be longer than tills take: withdraw keys that are not used any more")]
    TooMuch,
}

impl Store {
    /// Every key, the latest first.
    pub async fn keys(&self) -> Result<Vec<KeyRow>, StoreError> {
        let mut tx = self.reading().await?;
        all(&mut tx).await
    }

    /// Changes issuing keys and tells tills so by a new trust list, which `role_key` signs: its version.
    pub async fn change_keys(
        &self,
        changes: &[KeyChange],
        role_key: &SigningKey,
    ) -> Result<Result<u32, KeysRefused>, StoreError> {
        let now = self.hands.now();
        let mut tx = self.writing().await?;
        for change in changes {
            if let Err(refused) = apply(&mut tx, change, now).await? {
                return Ok(Err(refused));
            }
        }
        let Some(version) = sign_list(&mut tx, role_key, now).await? else {
            return Ok(Err(KeysRefused::TooMuch));
        };
        bump_setup(&mut tx).await?;
        tx.commit().await?;
        self.tell_of_change();
        Ok(Ok(version))
    }
}

async fn apply(
    tx: &mut Conn,
    change: &KeyChange,
    now: UnixMs,
) -> Result<Result<(), KeysRefused>, StoreError> {
    let (name, changed) = match change {
        KeyChange::New(new) => {
            let entered = insert(tx, new, now).await?;
            return Ok(if entered { Ok(()) } else { Err(KeysRefused::NameTaken(new.name.clone())) });
        }
        KeyChange::Scope(name, change) => {
            let row = all(tx).await?.into_iter().find(|row| row.name == *name);
            let Some(scope) = row.and_then(|row| row.scope).map(|scope| change.of(scope)) else {
                return Ok(Err(KeysRefused::Unknown(name.clone())));
            };
            let set = sqlx::query(
                "UPDATE keys SET scope = $3
                 WHERE tenant = $1 AND key_name = $2 AND role = 'issuing' AND withdrawn_at = 0",
            );
            (name, set.bind(TENANT).bind(name).bind(serde_json::to_string(&scope)?).execute(tx).await?)
        }
        KeyChange::Bound(name, until) => {
            let set = sqlx::query(
                "UPDATE keys SET not_after = $3
                 WHERE tenant = $1 AND key_name = $2 AND role = 'issuing' AND withdrawn_at = 0",
            );
            (name, set.bind(TENANT).bind(name).bind(until.0).execute(tx).await?)
        }
        KeyChange::Withdraw(name) => {
            let set = sqlx::query(
                "UPDATE keys SET withdrawn_at = $3
                 WHERE tenant = $1 AND key_name = $2 AND role = 'issuing' AND withdrawn_at = 0",
            );
            (name, set.bind(TENANT).bind(name).bind(now.0).execute(tx).await?)
        }
    };
    Ok(if changed.rows_affected() == 1 { Ok(()) } else { Err(KeysRefused::Unknown(name.clone())) })
}

/// Enters a key. Whether its name was free.
pub(super) async fn insert(tx: &mut Conn, new: &NewKey, now: UnixMs) -> Result<bool, StoreError> {
    let scope = new.scope.as_ref().map(serde_json::to_string).transpose()?;
    let entered = sqlx::query(
        "INSERT INTO keys (tenant, key_name, kid, public, role, scope, made_at, withdrawn_at, not_after)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8) ON CONFLICT (tenant, key_name) DO NOTHING",
    )
    .bind(TENANT)
    .bind(&new.name)
    .bind(&new.public.kid().0[..])
    .bind(&new.public.to_bytes()[..])
    .bind(new.role.code())
    .bind(scope.unwrap_or_default())
    .bind(now.0)
    .bind(new.until.unwrap_or(FOR_EVER))
    .execute(tx)
    .await?;
    Ok(entered.rows_affected() == 1)
}

/// Writes the next trust list, of the keys as they stand in this transaction. Nothing if it would be too long.
///
/// Versions follow the seconds of the clock: a server that was set back to an older state would otherwise give out
/// numbers that tills have behind them, and they would take none of its lists.
pub(super) async fn sign_list(
    tx: &mut Conn,
    role_key: &SigningKey,
    now: UnixMs,
) -> Result<Option<u32>, StoreError> {
    let row = sqlx::query(
        "SELECT COALESCE(MAX(version), 0) AS version FROM trust_documents WHERE tenant = $1 AND kind = 'list'",
    )
    .bind(TENANT)
    .fetch_one(&mut *tx)
    .await?;
    let mut keys: Vec<trust::Key> = all(tx).await?.iter().filter_map(KeyRow::listed).collect();
    keys.sort_by_key(|key| key.public);
    let version = u32::try_from((row.try_get::<i64, _>("version")? + 1).max(now.0 / 1000))
        .map_err(|_| StoreError::Data("more trust lists than can be counted".to_owned()))?;
    let list = TrustList { version, issued: now, expires: now.plus_seconds(LIST_SECONDS), keys };
    let Ok(bytes) = trust::sign_list(&list, role_key) else { return Ok(None) };
    super::trust::insert(tx, super::trust::Document::List, version, &bytes, now).await?;
    Ok(Some(version))
}

/// Every key, the latest first, as this transaction sees them.
pub(super) async fn all(tx: &mut Conn) -> Result<Vec<KeyRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT key_name, public, role, scope, made_at, withdrawn_at, not_after FROM keys WHERE tenant = $1
         ORDER BY made_at DESC, key_name DESC",
    )
    .bind(TENANT)
    .fetch_all(tx)
    .await?;
    rows.iter().map(row_of).collect()
}

fn row_of(row: &DbRow) -> Result<KeyRow, StoreError> {
    let name: String = row.try_get("key_name")?;
    let bytes: Vec<u8> = row.try_get("public")?;
    let public = <[u8; 32]>::try_from(bytes)
        .ok()
        .and_then(|bytes| PublicKey::from_bytes(&bytes))
        .ok_or_else(|| StoreError::Data(format!("{name} is no public key")))?;
    let scope: &str = row.try_get("scope")?;
    Ok(KeyRow {
        kid: wire::codes::hex(&public.kid().0),
        public,
        role: Role::of(row.try_get("role")?)?,
        scope: if scope.is_empty() { None } else { Some(serde_json::from_str(scope)?) },
        until: Some(row.try_get::<i64, _>("not_after")?).filter(|until| *until < FOR_EVER),
        made_at: row.try_get("made_at")?,
        withdrawn_at: Some(row.try_get::<i64, _>("withdrawn_at")?).filter(|at| *at != 0),
        name,
    })
}
