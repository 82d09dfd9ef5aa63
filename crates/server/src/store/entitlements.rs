//! Entitlements: issued, read, and what the merchant says of them.

use std::collections::HashMap;

use model::code::Code;
use sqlx::{AssertSqlSafe, Row};
use wire::entitlement::{Circumstance, Entitlement, Kind, Line, Standing, Store as Shop, Use};

use super::chain::unsigned;
use super::codes::{self, HeldCode};
use super::db::{Conn, DbRow, Query};
use super::feeds::Touched;
use super::{BUCKET, Store, StoreError, TENANT, many};

/// "For ever" in `valid_until`.
pub(super) const FOR_EVER: i64 = i64::MAX;

/// What a customer bought or won, before it has a name and a code.
#[derive(Clone, Debug)]
pub struct NewEntitlement {
    /// Which of the four kinds.
    pub kind: Kind,
    /// In the merchant's words.
    pub title: String,
    /// Its goods or uses.
    pub lines: Vec<Line>,
    /// Whether it stands.
    pub standing: Standing,
    /// First moment of validity (ms since 1970).
    pub valid_from: Option<i64>,
    /// Last moment of validity (ms since 1970).
    pub valid_until: Option<i64>,
    /// The ids of its stores; nothing for every store.
    pub stores: Option<Vec<String>>,
    /// The bill it needs (fen).
    pub spend_min: i64,
    /// What it is worth (fen).
    pub value: i64,
    /// Whose it is, masked.
    pub holder: String,
    /// One sentence each.
    pub notes: Vec<String>,
    /// The id of the membership it belongs to.
    pub member: Option<String>,
}

/// An entitlement with its code, as the database holds it.
pub struct Held {
    /// The entitlement.
    pub entitlement: Entitlement,
    /// The merchant's own number; empty if there is none.
    pub reference: String,
    /// The whole code: a secret.
    pub code: HeldCode,
}

impl Store {
    /// The entitlement of that code.
    pub async fn by_code(&self, code: &Code) -> Result<Option<Held>, StoreError> {
        let mut tx = self.reading().await?;
        let row = sqlx::query(
            "SELECT entitlement FROM codes WHERE tenant = $1 AND bucket = $2 AND form = 'own' AND code = $3",
        )
        .bind(TENANT)
        .bind(BUCKET)
        .bind(code.secret())
        .fetch_optional(&mut *tx)
        .await?;
        match row {
            Some(row) => one(&mut tx, row.try_get("entitlement")?).await,
            None => Ok(None),
        }
    }

    /// The entitlement of that id.
    pub async fn by_id(&self, id: &str) -> Result<Option<Held>, StoreError> {
        let mut tx = self.reading().await?;
        one(&mut tx, id).await
    }

    /// The entitlement of the merchant's own number.
    pub async fn by_reference(&self, reference: &str) -> Result<Option<Held>, StoreError> {
        let mut tx = self.reading().await?;
        match of_reference(&mut tx, reference).await? {
            Some((id, _)) => one(&mut tx, &id).await,
            None => Ok(None),
        }
    }

    /// What belongs to a membership: its coupons and cards.
    pub async fn of_member(&self, member: &str) -> Result<Vec<Entitlement>, StoreError> {
        let mut tx = self.reading().await?;
        belonging_to(&mut tx, member).await
    }

    /// Writes down what the merchant says of it, which changes nothing if it said so before. What was refunded is not
    /// cancelled any more: a clerk shall hear that the money went back. Nothing if there is no such entitlement; else how it stands now.
    pub async fn set_standing(&self, id: &str, standing: Standing) -> Result<Option<Standing>, StoreError> {
        self.write(|mut tx| async move {
            let changed = sqlx::query(
                "UPDATE entitlements SET standing = $4, version = version + 1
                 WHERE tenant = $1 AND bucket = $2 AND entitlement = $3 AND standing <> $4
                   AND NOT ($4 = 'cancelled' AND standing = 'refunded')",
            )
            .bind(TENANT)
            .bind(BUCKET)
            .bind(id)
            .bind(standing_code(standing))
            .execute(&mut *tx)
            .await?;
            if changed.rows_affected() == 0 {
                return Ok(one(&mut tx, id).await?.map(|held| held.entitlement.standing));
            }
            let mut touched = Touched::default();
            touched.add(id);
            touched.tell(&mut tx).await?;
            tx.commit().await?;
            self.tell_of_change();
            Ok(Some(standing))
        })
        .await
    }
}

/// The id of the merchant's own number, with the hash of what was asked under it.
pub(super) async fn of_reference(
    tx: &mut Conn,
    reference: &str,
) -> Result<Option<(String, Vec<u8>)>, StoreError> {
    let row = sqlx::query(
        "SELECT entitlement, request FROM entitlements
         WHERE tenant = $1 AND reference = $2 AND reference <> ''",
    )
    .bind(TENANT)
    .bind(reference)
    .fetch_optional(tx)
    .await?;
    row.map(|row| Ok((row.try_get("entitlement")?, row.try_get("request")?))).transpose()
}

/// What belongs to a membership, as this transaction sees it: what ends first comes first.
pub(super) async fn belonging_to(tx: &mut Conn, member: &str) -> Result<Vec<Entitlement>, StoreError> {
    // Found first and read one by one: joined with their lines, a database that guesses wrong begins with all lines
    // of all entitlements.
    let rows = sqlx::query(
        "SELECT entitlement FROM entitlements WHERE tenant = $1 AND bucket = $2 AND member = $3
         ORDER BY valid_until, title, entitlement",
    )
    .bind(TENANT)
    .bind(BUCKET)
    .bind(member)
    .fetch_all(&mut *tx)
    .await?;
    let mut theirs = Vec::with_capacity(rows.len());
    for row in &rows {
        theirs.extend(one(tx, row.try_get("entitlement")?).await?.map(|held| held.entitlement));
    }
    Ok(theirs)
}

/// One entitlement, as this transaction sees it.
pub(super) async fn one(tx: &mut Conn, id: &str) -> Result<Option<Held>, StoreError> {
    Ok(of_ids(tx, &[id]).await?.pop())
}

/// The entitlements of these ids, those that there are. As many as one statement takes, see [`super::many`].
pub(super) async fn of_ids(tx: &mut Conn, ids: &[&str]) -> Result<Vec<Held>, StoreError> {
    let chosen =
        format!("WHERE e.tenant = $1 AND e.bucket = $2 AND e.entitlement IN ({})", many::list(3, ids.len()));
    let heads = chosen_by(HEADS, &chosen, "", ids).fetch_all(&mut *tx).await?;
    let mut held = heads.iter().map(head).collect::<Result<Vec<Held>, StoreError>>()?;
    let places: HashMap<String, usize> =
        held.iter().enumerate().map(|(place, held)| (held.entitlement.id.clone(), place)).collect();
    let order = " ORDER BY e.entitlement, e.place";
    for row in chosen_by(LINES, &chosen, order, ids).fetch_all(&mut *tx).await? {
        owner(&mut held, &places, &row)?.lines.push(line(&row)?);
    }
    if held.iter().any(|held| held.entitlement.stores.is_some()) {
        for row in chosen_by(STORES, &chosen, "", ids).fetch_all(&mut *tx).await? {
            let shop = Shop { id: row.try_get("store")?, name: row.try_get("name")? };
            owner(&mut held, &places, &row)?.stores.get_or_insert_default().push(shop);
        }
    }
    // Sorted here: asked to sort them, the database would begin with all stores of all entitlements.
    for stores in held.iter_mut().filter_map(|held| held.entitlement.stores.as_mut()) {
        stores.sort_by(|a, b| a.id.cmp(&b.id));
    }
    let counted = " AND e.state = 'counted' ORDER BY e.entitlement, e.at, e.number";
    for row in chosen_by(USES, &chosen, counted, ids).fetch_all(&mut *tx).await? {
        owner(&mut held, &places, &row)?.uses.push(use_of(&row)?);
    }
    Ok(held)
}

/// The four statements that read entitlements with all that belongs to them, each from the rows of its own table: a
/// database that has not counted its rows yet guesses joins wrong. `$1` is the tenant and `$2` the bucket.
const HEADS: &str = "
    SELECT e.entitlement, e.version, e.reference, e.title, e.kind, e.standing, e.valid_from,
           e.valid_until, e.any_store, e.spend_min, e.value, e.holder, e.notes, e.member,
           c.form, c.code, c.tail, c.profile, c.order_ref, c.stretched, sc.campaign, sc.serial, sc.token
    FROM entitlements e
    JOIN codes c ON c.tenant = e.tenant AND c.bucket = e.bucket AND c.entitlement = e.entitlement
    LEFT JOIN signed_codes sc
      ON sc.tenant = e.tenant AND sc.bucket = e.bucket AND sc.entitlement = e.entitlement ";
const LINES: &str = "
    SELECT e.entitlement, e.sku, e.name, e.variant, e.shelf, e.quantity
    FROM entitlement_lines e ";
const STORES: &str = "
    SELECT e.entitlement, s.store, s.name
    FROM entitlement_stores e JOIN stores s ON s.tenant = e.tenant AND s.store = e.store ";
const USES: &str = "
    SELECT e.entitlement, e.number, e.takes, e.at, e.device, e.till, e.store_name, e.clerk
    FROM redemptions e ";

fn chosen_by<'q>(what: &str, chosen: &str, order: &str, ids: &[&'q str]) -> Query<'q> {
    let query = sqlx::query(AssertSqlSafe([what, chosen, order].concat())).bind(TENANT).bind(BUCKET);
    ids.iter().fold(query, |query, id| query.bind(*id))
}

fn owner<'h>(
    held: &'h mut [Held],
    places: &HashMap<String, usize>,
    row: &DbRow,
) -> Result<&'h mut Entitlement, StoreError> {
    let id: &str = row.try_get("entitlement")?;
    let found = places.get(id).and_then(|place| held.get_mut(*place));
    Ok(&mut found.ok_or_else(|| StoreError::Data(format!("a row of {id} without {id}")))?.entitlement)
}

fn head(row: &DbRow) -> Result<Held, StoreError> {
    let member: String = row.try_get("member")?;
    let any_store = row.try_get::<i64, _>("any_store")? == 1;
    let entitlement = Entitlement {
        id: row.try_get("entitlement")?,
        version: unsigned(row.try_get("version")?),
        title: row.try_get("title")?,
        kind: serde_json::from_str(row.try_get("kind")?)?,
        lines: Vec::new(),
        standing: standing(row.try_get("standing")?)?,
        valid_from: Some(row.try_get::<i64, _>("valid_from")?).filter(|from| *from > 0),
        valid_until: Some(row.try_get::<i64, _>("valid_until")?).filter(|until| *until < FOR_EVER),
        stores: if any_store { None } else { Some(Vec::new()) },
        spend_min: row.try_get("spend_min")?,
        value: row.try_get("value")?,
        holder: row.try_get("holder")?,
        code_tail: row.try_get("tail")?,
        notes: serde_json::from_str(row.try_get("notes")?)?,
        uses: Vec::new(),
        member: Some(member).filter(|member| !member.is_empty()),
    };
    Ok(Held { entitlement, reference: row.try_get("reference")?, code: codes::held(row)? })
}

fn line(row: &DbRow) -> Result<Line, StoreError> {
    Ok(Line {
        sku: row.try_get("sku")?,
        name: row.try_get("name")?,
        variant: row.try_get("variant")?,
        shelf: row.try_get("shelf")?,
        quantity: u32::try_from(row.try_get::<i64, _>("quantity")?).unwrap_or(0),
    })
}

/// A redemption that counts, from a row of `redemptions`.
pub(super) fn use_of(row: &DbRow) -> Result<Use, StoreError> {
    Ok(Use {
        number: row.try_get("number")?,
        takes: serde_json::from_str(row.try_get("takes")?)?,
        done: Circumstance {
            at: row.try_get("at")?,
            device: row.try_get("device")?,
            till: row.try_get("till")?,
            store: row.try_get("store_name")?,
            clerk: row.try_get("clerk")?,
        },
    })
}

pub(super) fn standing_code(standing: Standing) -> &'static str {
    match standing {
        Standing::Good => "good",
        Standing::Refunded => "refunded",
        Standing::RefundPending => "refund_pending",
        Standing::Cancelled => "cancelled",
        Standing::Frozen => "frozen",
    }
}

pub(super) fn standing(code: &str) -> Result<Standing, StoreError> {
    use Standing::*;
    [Good, Refunded, RefundPending, Cancelled, Frozen]
        .into_iter()
        .find(|standing| standing_code(*standing) == code)
        .ok_or_else(|| StoreError::Data(format!("a standing called {code:?}")))
}
