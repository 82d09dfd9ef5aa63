//! Entitlements: issued, read, and what the merchant says of them.

use std::collections::HashMap;

use model::code::{Code, CodeKind};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Row, Sqlite, SqliteConnection};
use wire::entitlement::{Circumstance, Entitlement, Kind, Line, Standing, Store as Shop, Use};

use super::chain::unsigned;
use super::feeds::Touched;
use super::{BUCKET, Store, StoreError, TENANT};

/// "For ever" in `valid_until`.
const FOR_EVER: i64 = i64::MAX;

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

/// What was issued.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The entitlement's id.
    pub id: String,
    /// Its code.
    pub code: Code,
}

/// An entitlement with its code, as the database holds it.
pub struct Held {
    /// The entitlement.
    pub entitlement: Entitlement,
    /// The whole code: a secret.
    pub code: Code,
}

impl Store {
    /// Issues entitlements: each gets a name, a code, and its place in the feeds of its stores.
    pub async fn issue(&self, new: &[NewEntitlement]) -> Result<Vec<Issued>, StoreError> {
        let mut tx = self.writing().await?;
        let mut issued = Vec::with_capacity(new.len());
        let mut touched = Touched::default();
        for entitlement in new {
            let (code_kind, prefix) = code_kind(&entitlement.kind);
            let one = Issued { id: self.hands.name(prefix), code: self.hands.code(code_kind) };
            insert(&mut tx, &one, entitlement).await?;
            touched.add(&one.id);
            issued.push(one);
        }
        touched.tell(&mut tx).await?;
        tx.commit().await?;
        self.tell_of_change();
        Ok(issued)
    }

    /// The entitlement of that code.
    pub async fn by_code(&self, code: &Code) -> Result<Option<Held>, StoreError> {
        let mut tx = self.reading().await?;
        let row = sqlx::query(
            "SELECT entitlement FROM entitlements WHERE tenant = $1 AND bucket = $2 AND code = $3",
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

    /// What belongs to a membership: its coupons and cards.
    pub async fn of_member(&self, member: &str) -> Result<Vec<Entitlement>, StoreError> {
        let mut tx = self.reading().await?;
        let mut held = gather(&mut tx, &OF_MEMBER, &Key::Member(member)).await?;
        held.sort_by(|a, b| {
            let key = |e: &Entitlement| (e.valid_until.unwrap_or(FOR_EVER), e.title.clone(), e.id.clone());
            key(&a.entitlement).cmp(&key(&b.entitlement))
        });
        Ok(held.into_iter().map(|held| held.entitlement).collect())
    }

    /// Writes down what the merchant says of it. Nothing if there is no such entitlement.
    pub async fn set_standing(&self, id: &str, standing: Standing) -> Result<Option<()>, StoreError> {
        let mut tx = self.writing().await?;
        let changed = sqlx::query(
            "UPDATE entitlements SET standing = $4, version = version + 1
             WHERE tenant = $1 AND bucket = $2 AND entitlement = $3",
        )
        .bind(TENANT)
        .bind(BUCKET)
        .bind(id)
        .bind(standing_code(standing))
        .execute(&mut *tx)
        .await?;
        if changed.rows_affected() == 0 {
            return Ok(None);
        }
        let mut touched = Touched::default();
        touched.add(id);
        touched.tell(&mut tx).await?;
        tx.commit().await?;
        self.tell_of_change();
        Ok(Some(()))
    }
}

/// One entitlement, as this transaction sees it.
pub(super) async fn one(tx: &mut SqliteConnection, id: &str) -> Result<Option<Held>, StoreError> {
    Ok(gather(tx, &ONE, &Key::Id(id)).await?.pop())
}

/// The entitlements whose numbers in a feed lie in `after < seq <= upto`, by id.
pub(super) async fn of_feed(
    tx: &mut SqliteConnection,
    feed: &str,
    after: i64,
    upto: i64,
) -> Result<HashMap<String, Held>, StoreError> {
    let held = gather(tx, &OF_FEED, &Key::Feed { feed, after, upto }).await?;
    Ok(held.into_iter().map(|held| (held.entitlement.id.clone(), held)).collect())
}

/// The four statements that read entitlements with all that belongs to them.
struct Select {
    heads: &'static str,
    lines: &'static str,
    stores: &'static str,
    uses: &'static str,
}

/// The four statements for one way of choosing. `$1` is the tenant and `$2` the bucket; the rest is the chooser's.
macro_rules! select {
    ($chosen:literal) => {
        Select {
            heads: concat!(
                "SELECT e.entitlement, e.version, e.code, e.title, e.kind, e.standing, e.valid_from, e.valid_until,
                        e.any_store, e.spend_min, e.value, e.holder, e.notes, e.member
                 FROM entitlements e ",
                $chosen
            ),
            lines: concat!(
                "SELECT e.entitlement, l.sku, l.name, l.variant, l.shelf, l.quantity
                 FROM entitlements e JOIN entitlement_lines l
                   ON l.tenant = e.tenant AND l.bucket = e.bucket AND l.entitlement = e.entitlement ",
                $chosen,
                " ORDER BY l.entitlement, l.place"
            ),
            stores: concat!(
                "SELECT e.entitlement, s.store, s.name
                 FROM entitlements e JOIN entitlement_stores es
                   ON es.tenant = e.tenant AND es.bucket = e.bucket AND es.entitlement = e.entitlement
                 JOIN stores s ON s.tenant = es.tenant AND s.store = es.store ",
                $chosen
            ),
            uses: concat!(
                "SELECT e.entitlement, r.number, r.takes, r.at, r.device, r.till, r.store_name, r.clerk
                 FROM entitlements e JOIN redemptions r
                   ON r.tenant = e.tenant AND r.bucket = e.bucket AND r.entitlement = e.entitlement
                   AND r.state = 'counted' ",
                $chosen,
                " ORDER BY r.entitlement, r.at, r.number"
            ),
        }
    };
}

const ONE: Select = select!("WHERE e.tenant = $1 AND e.bucket = $2 AND e.entitlement = $3");
const OF_MEMBER: Select = select!("WHERE e.tenant = $1 AND e.bucket = $2 AND e.member = $3");
const OF_FEED: Select = select!(
    "JOIN feed_entries f ON f.tenant = e.tenant AND f.bucket = e.bucket AND f.entitlement = e.entitlement
     WHERE f.tenant = $1 AND f.bucket = $2 AND f.feed = $3 AND f.seq > $4 AND f.seq <= $5"
);

enum Key<'a> {
    Id(&'a str),
    Member(&'a str),
    Feed { feed: &'a str, after: i64, upto: i64 },
}

async fn gather(tx: &mut SqliteConnection, select: &Select, key: &Key<'_>) -> Result<Vec<Held>, StoreError> {
    let heads = chosen(select.heads, key).fetch_all(&mut *tx).await?;
    let mut held = heads.iter().map(head).collect::<Result<Vec<Held>, StoreError>>()?;
    let places: HashMap<String, usize> =
        held.iter().enumerate().map(|(place, held)| (held.entitlement.id.clone(), place)).collect();
    for row in chosen(select.lines, key).fetch_all(&mut *tx).await? {
        owner(&mut held, &places, &row)?.lines.push(line(&row)?);
    }
    for row in chosen(select.stores, key).fetch_all(&mut *tx).await? {
        let shop = Shop { id: row.try_get("store")?, name: row.try_get("name")? };
        owner(&mut held, &places, &row)?.stores.get_or_insert_default().push(shop);
    }
    // Sorted here: asked to sort them, the database would begin with all stores of all entitlements.
    for stores in held.iter_mut().filter_map(|held| held.entitlement.stores.as_mut()) {
        stores.sort_by(|a, b| a.id.cmp(&b.id));
    }
    for row in chosen(select.uses, key).fetch_all(&mut *tx).await? {
        owner(&mut held, &places, &row)?.uses.push(use_of(&row)?);
    }
    Ok(held)
}

fn chosen<'q>(sql: &'static str, key: &Key<'q>) -> sqlx::query::Query<'q, Sqlite, SqliteArguments> {
    let query = sqlx::query(sql).bind(TENANT).bind(BUCKET);
    match *key {
        Key::Id(id) => query.bind(id),
        Key::Member(member) => query.bind(member),
        Key::Feed { feed, after, upto } => query.bind(feed).bind(after).bind(upto),
    }
}

fn owner<'h>(
    held: &'h mut [Held],
    places: &HashMap<String, usize>,
    row: &SqliteRow,
) -> Result<&'h mut Entitlement, StoreError> {
    let id: &str = row.try_get("entitlement")?;
    let found = places.get(id).and_then(|place| held.get_mut(*place));
    Ok(&mut found.ok_or_else(|| StoreError::Data(format!("a row of {id} without {id}")))?.entitlement)
}

/// The code of a row of `entitlements`.
pub(super) fn stored_code(row: &SqliteRow) -> Result<Code, StoreError> {
    let code: &str = row.try_get("code")?;
    Code::read(code).map_err(|_| StoreError::Data("a code that cannot be read".to_owned()))
}

fn head(row: &SqliteRow) -> Result<Held, StoreError> {
    let code = stored_code(row)?;
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
        code_tail: code.tail().to_owned(),
        notes: serde_json::from_str(row.try_get("notes")?)?,
        uses: Vec::new(),
        member: Some(member).filter(|member| !member.is_empty()),
    };
    Ok(Held { entitlement, code })
}

fn line(row: &SqliteRow) -> Result<Line, StoreError> {
    Ok(Line {
        sku: row.try_get("sku")?,
        name: row.try_get("name")?,
        variant: row.try_get("variant")?,
        shelf: row.try_get("shelf")?,
        quantity: u32::try_from(row.try_get::<i64, _>("quantity")?).unwrap_or(0),
    })
}

/// A redemption that counts, from a row of `redemptions`.
pub(super) fn use_of(row: &SqliteRow) -> Result<Use, StoreError> {
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

async fn insert(tx: &mut SqliteConnection, issued: &Issued, new: &NewEntitlement) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO entitlements (tenant, bucket, entitlement, version, code, title, kind, standing, valid_from,
                                   valid_until, any_store, spend_min, value, holder, notes, member)
         VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
    )
    .bind(TENANT)
    .bind(BUCKET)
    .bind(&issued.id)
    .bind(issued.code.secret())
    .bind(&new.title)
    .bind(serde_json::to_string(&new.kind)?)
    .bind(standing_code(new.standing))
    .bind(new.valid_from.unwrap_or(0))
    .bind(new.valid_until.unwrap_or(FOR_EVER))
    .bind(i64::from(new.stores.is_none()))
    .bind(new.spend_min)
    .bind(new.value)
    .bind(&new.holder)
    .bind(serde_json::to_string(&new.notes)?)
    .bind(new.member.as_deref().unwrap_or(""))
    .execute(&mut *tx)
    .await?;
    for (place, line) in new.lines.iter().enumerate() {
        sqlx::query(
            "INSERT INTO entitlement_lines
                 (tenant, bucket, entitlement, sku, place, name, variant, shelf, quantity, taken)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)",
        )
        .bind(TENANT)
        .bind(BUCKET)
        .bind(&issued.id)
        .bind(&line.sku)
        .bind(place as i64)
        .bind(&line.name)
        .bind(&line.variant)
        .bind(&line.shelf)
        .bind(i64::from(line.quantity))
        .execute(&mut *tx)
        .await?;
    }
    for store in new.stores.iter().flatten() {
        sqlx::query(
            "INSERT INTO entitlement_stores (tenant, bucket, entitlement, store) VALUES ($1, $2, $3, $4)",
        )
        .bind(TENANT)
        .bind(BUCKET)
        .bind(&issued.id)
        .bind(store)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

fn code_kind(kind: &Kind) -> (CodeKind, &'static str) {
    match kind {
        Kind::Order => (CodeKind::Order, "order"),
        Kind::AmountOff { .. } | Kind::PercentOff { .. } | Kind::Exchange { .. } => {
            (CodeKind::Coupon, "coupon")
        }
        Kind::TimesCard => (CodeKind::TimesCard, "card"),
        Kind::Member { .. } => (CodeKind::Member, "member"),
    }
}

fn standing_code(standing: Standing) -> &'static str {
    match standing {
        Standing::Good => "good",
        Standing::Refunded => "refunded",
        Standing::RefundPending => "refund_pending",
        Standing::Cancelled => "cancelled",
        Standing::Frozen => "frozen",
    }
}

fn standing(code: &str) -> Result<Standing, StoreError> {
    use Standing::*;
    [Good, Refunded, RefundPending, Cancelled, Frozen]
        .into_iter()
        .find(|standing| standing_code(*standing) == code)
        .ok_or_else(|| StoreError::Data(format!("a standing called {code:?}")))
}
