//! The chain: its stores, its staff, what a till must know of itself, and the codes of a demo chain.

use sqlx::Row;
use wire::api::{Policy, Setup, Staff};
use wire::codes::hex;
use wire::entitlement as w;

use super::db::Conn;
use super::{Device, Store, StoreError, TENANT};

/// Somebody who is to work at a store.
pub struct NewStaff<'a> {
    /// The name.
    pub name: &'a str,
    /// Whether a manager.
    pub manager: bool,
    /// The PIN's hash, see [`crate::pin`].
    pub pin_hash: String,
}

/// A code to practise with.
#[derive(Clone)]
pub struct PracticeCode {
    /// The whole code.
    pub code: String,
    /// "order", "coupon", "times_card", "member".
    pub kind: String,
    /// A kind, or "fails".
    pub group: String,
    /// The id of the store at which it does what is expected; empty for all.
    pub store: String,
    /// What it is.
    pub caption: String,
    /// "offer", "member", or a reason code.
    pub expect: String,
}

impl Store {
    /// Sees to it that the chain has its row, with an epoch and a salt that no other database has. Gives the salt,
    /// which a database of an older program gets here.
    pub(super) async fn found_chain(&self) -> Result<[u8; 16], StoreError> {
        // One throw for both: a run that is repeated from a seed goes as it went before there was a salt.
        let drawn = self.hands.random::<24>();
        let (epoch, salt) = drawn.split_at(8);
        let mut tx = self.writing().await?;
        sqlx::query(
            "INSERT INTO chain (tenant, name, epoch, setup_version, practice, code_salt)
             VALUES ($1, '', $2, 1, 0, $3) ON CONFLICT (tenant) DO NOTHING",
        )
        .bind(TENANT)
        .bind(hex(epoch))
        .bind(&[][..])
        .execute(&mut *tx)
        .await?;
        super::feeds::open_status(&mut tx).await?;
        let row = sqlx::query("SELECT code_salt FROM chain WHERE tenant = $1")
            .bind(TENANT)
            .fetch_one(&mut *tx)
            .await?;
        let mut held: Vec<u8> = row.try_get("code_salt")?;
        if held.is_empty() {
            sqlx::query(
                "UPDATE chain SET code_salt = $2, setup_version = setup_version + 1 WHERE tenant = $1",
            )
            .bind(TENANT)
            .bind(salt)
            .execute(&mut *tx)
            .await?;
            held = salt.to_vec();
        }
        tx.commit().await?;
        held.try_into().map_err(|_| StoreError::Data("a code salt that is not 16 bytes".to_owned()))
    }

    /// The chain's name (empty until somebody gives it one) and whether it is a demo chain.
    pub async fn chain(&self) -> Result<(String, bool), StoreError> {
        let row = sqlx::query("SELECT name, practice FROM chain WHERE tenant = $1")
            .bind(TENANT)
            .fetch_one(&self.read)
            .await?;
        Ok((row.try_get("name")?, row.try_get::<i64, _>("practice")? == 1))
    }

    /// Gives the chain its name.
    pub async fn name_chain(&self, name: &str) -> Result<(), StoreError> {
        let mut tx = self.writing().await?;
        sqlx::query("UPDATE chain SET name = $2, setup_version = setup_version + 1 WHERE tenant = $1")
            .bind(TENANT)
            .bind(name)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        self.tell_of_change();
        Ok(())
    }

    /// The stores, in the order in which they were added.
    pub async fn stores(&self) -> Result<Vec<w::Store>, StoreError> {
        let rows = sqlx::query("SELECT store, name FROM stores WHERE tenant = $1 ORDER BY store")
            .bind(TENANT)
            .fetch_all(&self.read)
            .await?;
        rows.iter()
            .map(|row| Ok(w::Store { id: row.try_get("store")?, name: row.try_get("name")? }))
            .collect()
    }

    /// The store of that name or id.
    pub async fn store_named(&self, name: &str) -> Result<Option<w::Store>, StoreError> {
        Ok(self.stores().await?.into_iter().find(|store| store.name == name || store.id == name))
    }

    /// Opens a store with its feed. The feed begins with what is valid at every store. Nothing if the name is taken.
    pub async fn add_store(&self, name: &str) -> Result<Option<w::Store>, StoreError> {
        let mut tx = self.writing().await?;
        let row = sqlx::query("SELECT COUNT(*) AS stores FROM stores WHERE tenant = $1")
            .bind(TENANT)
            .fetch_one(&mut *tx)
            .await?;
        let id = format!("store-{}", row.try_get::<i64, _>("stores")? + 1);
        let added = sqlx::query(
            "INSERT INTO stores (tenant, store, name, store_key) VALUES ($1, $2, $3, $4)
             ON CONFLICT (tenant, name) DO NOTHING",
        )
        .bind(TENANT)
        .bind(&id)
        .bind(name)
        .bind(&self.hands.random::<32>()[..])
        .execute(&mut *tx)
        .await?;
        if added.rows_affected() == 0 {
            return Ok(None);
        }
        super::feeds::open(&mut tx, &id).await?;
        tx.commit().await?;
        Ok(Some(w::Store { id, name: name.to_owned() }))
    }

    /// Lets somebody sign in at a store.
    pub async fn add_staff(&self, store: &str, staff: NewStaff<'_>) -> Result<String, StoreError> {
        let id = self.hands.name("staff");
        let mut tx = self.writing().await?;
        sqlx::query(
            "INSERT INTO staff (tenant, staff, store, name, manager, pin_hash) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(TENANT)
        .bind(&id)
        .bind(store)
        .bind(staff.name)
        .bind(i64::from(staff.manager))
        .bind(&staff.pin_hash)
        .execute(&mut *tx)
        .await?;
        bump_setup(&mut tx).await?;
        tx.commit().await?;
        self.tell_of_change();
        Ok(id)
    }

    /// What a till must know of itself.
    pub async fn setup(&self, device: &Device) -> Result<Setup, StoreError> {
        let mut tx = self.reading().await?;
        let chain = sqlx::query("SELECT setup_version, practice FROM chain WHERE tenant = $1")
            .bind(TENANT)
            .fetch_one(&mut *tx)
            .await?;
        let staff = sqlx::query(
            "SELECT staff, name, manager, pin_hash FROM staff WHERE tenant = $1 AND store = $2
             ORDER BY manager, name, staff",
        )
        .bind(TENANT)
        .bind(&device.store.id)
        .fetch_all(&mut *tx)
        .await?;
        let policy = model::policy::Policy::default();
        let (roots, trust) = super::trust::of_device(&mut tx, &device.id).await?;
        Ok(Setup {
            version: unsigned(chain.try_get("setup_version")?),
            store: device.store.clone(),
            till: device.till.clone(),
            staff: staff
                .iter()
                .map(|row| {
                    Ok(Staff {
                        id: row.try_get("staff")?,
                        name: row.try_get("name")?,
                        manager: row.try_get::<i64, _>("manager")? == 1,
                        pin_hash: row.try_get("pin_hash")?,
                    })
                })
                .collect::<Result<_, sqlx::Error>>()?,
            policy: Policy {
                copy_age_hours_max: policy.copy_age_hours_max,
                undo_minutes_max: policy.undo_minutes_max,
            },
            practice: chain.try_get::<i64, _>("practice")? == 1,
            profiles: super::profiles::active(&mut tx).await?,
            code_salt: hex(&self.code_salt),
            campaigns: super::campaigns::all(&mut tx).await?,
            roots,
            trust,
        })
    }

    /// Makes it a demo chain, with these codes to practise.
    pub async fn write_practice(&self, codes: &[PracticeCode]) -> Result<(), StoreError> {
        let mut tx = self.writing().await?;
        for (place, code) in codes.iter().enumerate() {
            sqlx::query(
                "INSERT INTO practice (tenant, place, code, kind, grouping, store, caption, expect)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(TENANT)
            .bind(place as i64)
            .bind(&code.code)
            .bind(&code.kind)
            .bind(&code.group)
            .bind(&code.store)
            .bind(&code.caption)
            .bind(&code.expect)
            .execute(&mut *tx)
            .await?;
        }
        sqlx::query("UPDATE chain SET practice = 1 WHERE tenant = $1").bind(TENANT).execute(&mut *tx).await?;
        bump_setup(&mut tx).await?;
        tx.commit().await?;
        self.tell_of_change();
        Ok(())
    }

    /// The codes to practise with at that store, in order; none unless it is a demo chain.
    pub async fn practice(&self, store: &str) -> Result<Vec<PracticeCode>, StoreError> {
        let rows = sqlx::query(
            "SELECT code, kind, grouping, store, caption, expect FROM practice
             WHERE tenant = $1 AND store IN ('', $2) ORDER BY place",
        )
        .bind(TENANT)
        .bind(store)
        .fetch_all(&self.read)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(PracticeCode {
                    code: row.try_get("code")?,
                    kind: row.try_get("kind")?,
                    group: row.try_get("grouping")?,
                    store: row.try_get("store")?,
                    caption: row.try_get("caption")?,
                    expect: row.try_get("expect")?,
                })
            })
            .collect()
    }
}

/// Something changed that tills' setup shows.
pub(super) async fn bump_setup(tx: &mut Conn) -> Result<(), StoreError> {
    sqlx::query("UPDATE chain SET setup_version = setup_version + 1 WHERE tenant = $1")
        .bind(TENANT)
        .execute(tx)
        .await?;
    Ok(())
}

/// A number that is never negative in the database, as the contract wants it.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// And the way back.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
