//! What customers show: each entitlement's code in one of several forms, and what a mall's code may stand for.

use std::collections::BTreeSet;
use std::fmt;

use model::code::Code;
use model::entitlement::EntitlementId;
use model::reading::Opaque;
use sqlx::Row;
use wire::api::Found;
use wire::codes::Stretched;
use wire::entitlement::Kind;

use super::db::{Conn, DbRow};
use super::entitlements::{self, Held};
use super::many::{of_bucket, run};
use super::signed::{self, HeldSigned, SignedForm};
use super::{BUCKET, Device, Store, StoreError, TENANT};

/// China's time is eight hours ahead of UTC, and so are all stores that malls of these profiles have.
const CHINA_MS: i64 = 8 * 60 * 60 * 1000;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The code of an entitlement, in full: a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeldCode {
    /// One of this backend's own.
    Own(Code),
    /// One that a mall has made.
    Opaque(HeldOpaque),
    /// One that an issuing key has signed.
    Signed(HeldSigned),
}

/// A mall's code, as it was issued.
#[derive(Clone, PartialEq, Eq)]
pub struct HeldOpaque {
    /// The profile that describes it.
    pub profile: String,
    /// The code in the form that the profile makes of it; empty if it has the shape of a payment code, which is never
    /// kept. The stretched code finds it all the same.
    pub code: String,
    /// The order without which it means nothing, or empty; empty as well if the code is not kept.
    pub order: String,
    /// Under the chain's salt.
    pub stretched: Stretched,
}

impl fmt::Debug for HeldOpaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeldOpaque({})", self.profile)
    }
}

impl HeldCode {
    /// The name under which the tills of a store know it.
    pub(super) fn hash(&self, store_key: &[u8; 32]) -> String {
        match self {
            HeldCode::Own(code) => wire::code_hash(store_key, code),
            HeldCode::Opaque(opaque) => wire::codes::stretched_hash(store_key, &opaque.stretched),
            HeldCode::Signed(signed) => wire::codes::id_hash(store_key, &EntitlementId::of(signed.serial).0),
        }
    }

    /// "own", "opaque", "signed" or "rotating".
    pub fn form(&self) -> &'static str {
        match self {
            HeldCode::Own(_) => "own",
            HeldCode::Opaque(_) => "opaque",
            HeldCode::Signed(HeldSigned { form: SignedForm::Fixed, .. }) => "signed",
            HeldCode::Signed(HeldSigned { form: SignedForm::Rotating, .. }) => "rotating",
        }
    }

    /// The code itself; empty where there is none to be shown again.
    pub fn secret(&self) -> &str {
        match self {
            HeldCode::Own(code) => code.secret(),
            HeldCode::Opaque(opaque) => &opaque.code,
            HeldCode::Signed(signed) => &signed.text,
        }
    }
}

impl Store {
    /// What these stretched codes may stand for at the store of that till, each with the coupons of a membership.
    ///
    /// A code that several customers may have stands only for what this store can give today and is not used up. Any
    /// other code stands for all that was issued with it, so that the clerk hears that it is used, or for another
    /// store.
    pub async fn candidates(&self, device: &Device, codes: &[Stretched]) -> Result<Vec<Found>, StoreError> {
        let day = day_of(self.hands.now().0);
        let codes: BTreeSet<&Stretched> = codes.iter().collect();
        let mut tx = self.reading().await?;
        let mut found: Vec<Found> = Vec::new();
        for code in codes {
            for id in meant(&mut tx, code, &device.store.id, day).await? {
                if let Some(held) = entitlements::one(&mut tx, &id).await? {
                    found.push(with_coupons(&mut tx, held).await?);
                }
            }
        }
        found.sort_by(|a, b| {
            let key = |found: &Found| (found.entitlement.title.clone(), found.entitlement.id.clone());
            key(a).cmp(&key(b))
        });
        Ok(found)
    }

    /// Everything that was issued with a mall's code, at whatever store and however it stands. Nothing if the chain has
    /// no such profile; none if the profile does not describe the code.
    pub async fn by_mall_code(
        &self,
        profile: &str,
        code: &str,
        order: &str,
    ) -> Result<Option<Vec<Held>>, StoreError> {
        let Some(row) = self.profile(profile).await? else { return Ok(None) };
        let Some(code) = row.compiled()?.issued(code, order, self.hands.now()) else {
            return Ok(Some(Vec::new()));
        };
        let stretched = self.stretch(code).await?;
        let mut tx = self.reading().await?;
        let mut all = Vec::new();
        for id in with_code(&mut tx, &stretched).await? {
            all.extend(entitlements::one(&mut tx, &id).await?);
        }
        Ok(Some(all))
    }

    /// Stretches a mall's code, beside the threads that answer requests: it takes some 5 ms.
    pub(super) async fn stretch(&self, code: Opaque) -> Result<Stretched, StoreError> {
        let salt = self.code_salt;
        tokio::task::spawn_blocking(move || wire::codes::stretch(&salt, &code))
            .await
            .map_err(|error| StoreError::Data(format!("a code could not be stretched: {error}")))
    }
}

/// The ids of what a stretched code may stand for at that store on that day. They are found first and read one by one:
/// joined with their lines and stores, a database that guesses wrong begins with all lines of all entitlements.
async fn meant(
    tx: &mut Conn,
    code: &Stretched,
    store: &str,
    day: (i64, i64),
) -> Result<Vec<String>, StoreError> {
    let rows = sqlx::query(
        "SELECT k.entitlement FROM codes k
         JOIN entitlements e ON e.tenant = k.tenant AND e.bucket = k.bucket AND e.entitlement = k.entitlement
         WHERE k.tenant = $1 AND k.bucket = $2 AND k.form = 'opaque' AND k.stretched = $3
           AND (k.ambiguous = 0 OR (
               e.valid_from <= $6 AND e.valid_until >= $5
               AND (e.any_store = 1 OR EXISTS (
                   SELECT 1 FROM entitlement_stores s WHERE s.tenant = e.tenant AND s.bucket = e.bucket
                   AND s.entitlement = e.entitlement AND s.store = $4))
               AND (EXISTS (
                   SELECT 1 FROM entitlement_lines l WHERE l.tenant = e.tenant AND l.bucket = e.bucket
                   AND l.entitlement = e.entitlement AND l.taken < l.quantity)
                 OR NOT EXISTS (
                   SELECT 1 FROM entitlement_lines l WHERE l.tenant = e.tenant AND l.bucket = e.bucket
                   AND l.entitlement = e.entitlement))))",
    )
    .bind(TENANT)
    .bind(BUCKET)
    .bind(&code[..])
    .bind(store)
    .bind(day.0)
    .bind(day.1)
    .fetch_all(tx)
    .await?;
    Ok(rows.iter().map(|row| row.try_get("entitlement")).collect::<Result<_, sqlx::Error>>()?)
}

/// The ids of everything that was issued with a stretched code.
async fn with_code(tx: &mut Conn, code: &Stretched) -> Result<Vec<String>, StoreError> {
    let rows = sqlx::query(
        "SELECT entitlement FROM codes WHERE tenant = $1 AND bucket = $2 AND form = 'opaque' AND stretched = $3
         ORDER BY entitlement",
    )
    .bind(TENANT)
    .bind(BUCKET)
    .bind(&code[..])
    .fetch_all(tx)
    .await?;
    Ok(rows.iter().map(|row| row.try_get("entitlement")).collect::<Result<_, sqlx::Error>>()?)
}

/// The entitlement, and if it is a membership what belongs to it.
async fn with_coupons(tx: &mut Conn, held: Held) -> Result<Found, StoreError> {
    let entitlement = held.entitlement;
    let coupons = match entitlement.kind {
        Kind::Member { .. } => entitlements::belonging_to(tx, &entitlement.id).await?,
        Kind::Order
        | Kind::AmountOff { .. }
        | Kind::PercentOff { .. }
        | Kind::Exchange { .. }
        | Kind::TimesCard => Vec::new(),
    };
    Ok(Found { entitlement, coupons })
}

/// The first and the last moment of that moment's day.
fn day_of(ms: i64) -> (i64, i64) {
    let first = (ms + CHINA_MS).div_euclid(DAY_MS) * DAY_MS - CHINA_MS;
    (first, first + DAY_MS - 1)
}

/// The code of an entitlement. Of a mall's code, `tail` and `ambiguous` are what its profile says.
pub(super) struct NewRow<'a> {
    pub(super) id: &'a str,
    pub(super) code: &'a HeldCode,
    pub(super) tail: &'a str,
    pub(super) ambiguous: bool,
}

/// Writes codes down.
pub(super) async fn insert(tx: &mut Conn, all: &[NewRow<'_>]) -> Result<(), StoreError> {
    let statement = "INSERT INTO codes
         (tenant, bucket, entitlement, form, code, tail, profile, order_ref, ambiguous, stretched)
         VALUES ROWS";
    run(tx, statement, (2, 8), all, of_bucket, |query, row| {
        let (profile, order, stretched) = match row.code {
            HeldCode::Own(_) | HeldCode::Signed(_) => ("", "", &[][..]),
            HeldCode::Opaque(opaque) => (&*opaque.profile, &*opaque.order, &opaque.stretched[..]),
        };
        let query = query.bind(row.id).bind(row.code.form()).bind(row.code.secret()).bind(row.tail);
        Ok(query.bind(profile).bind(order).bind(i64::from(row.ambiguous)).bind(stretched))
    })
    .await?;
    Ok(())
}

/// The code of a row that was joined with `codes`.
pub(super) fn held(row: &DbRow) -> Result<HeldCode, StoreError> {
    let code: String = row.try_get("code")?;
    match row.try_get("form")? {
        "own" => Ok(HeldCode::Own(
            Code::read(&code).map_err(|_| StoreError::Data("a code that cannot be read".to_owned()))?,
        )),
        "opaque" => Ok(HeldCode::Opaque(HeldOpaque {
            profile: row.try_get("profile")?,
            code,
            order: row.try_get("order_ref")?,
            stretched: row
                .try_get::<Vec<u8>, _>("stretched")?
                .try_into()
                .map_err(|_| StoreError::Data("a stretched code that is not 16 bytes".to_owned()))?,
        })),
        "signed" => Ok(HeldCode::Signed(signed::held(row, SignedForm::Fixed)?)),
        "rotating" => Ok(HeldCode::Signed(signed::held(row, SignedForm::Rotating)?)),
        form => Err(StoreError::Data(format!("a code of the form {form:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_chinas() {
        let midnight = 1_800_028_800_000; // 2027-01-16 00:00 in China
        assert_eq!(day_of(midnight), (midnight, midnight + DAY_MS - 1), "it begins at midnight");
        assert_eq!(day_of(midnight - 1).1, midnight - 1, "and ends before the next one");
    }
}
