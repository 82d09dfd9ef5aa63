//! Issuing: an entitlement gets its name, its code, and its place in the feeds of its stores.

use model::code::{Code, CodeKind};
use sqlx::SqliteConnection;
use wire::entitlement::Kind;

use super::codes::{self, HeldCode, NewRow};
use super::entitlements::{FOR_EVER, NewEntitlement, standing_code};
use super::feeds::Touched;
use super::{BUCKET, Store, StoreError, TENANT};

/// What was issued with a code of this backend's own.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The entitlement's id.
    pub id: String,
    /// Its code.
    pub code: Code,
}

impl Store {
    /// Issues entitlements, each with a code of this backend's own.
    pub async fn issue(&self, new: &[NewEntitlement]) -> Result<Vec<Issued>, StoreError> {
        let mut tx = self.writing().await?;
        let mut issued = Vec::with_capacity(new.len());
        let mut touched = Touched::default();
        for entitlement in new {
            let (code_kind, prefix) = code_kind(&entitlement.kind);
            let one = Issued { id: self.hands.name(prefix), code: self.hands.code(code_kind) };
            insert(&mut tx, &one.id, &Insert { new: entitlement, reference: "", request: &[] }).await?;
            let code = HeldCode::Own(one.code.clone());
            codes::insert(&mut tx, &one.id, &NewRow { code: &code, tail: one.code.tail(), ambiguous: false })
                .await?;
            touched.add(&one.id);
            issued.push(one);
        }
        touched.tell(&mut tx).await?;
        tx.commit().await?;
        self.tell_of_change();
        Ok(issued)
    }
}

/// A new row of `entitlements`, with what belongs to it.
struct Insert<'a> {
    new: &'a NewEntitlement,
    reference: &'a str,
    request: &'a [u8],
}

async fn insert(tx: &mut SqliteConnection, id: &str, one: &Insert<'_>) -> Result<(), StoreError> {
    let new = one.new;
    sqlx::query(
        "INSERT INTO entitlements (tenant, bucket, entitlement, version, reference, request, title, kind, standing,
                                   valid_from, valid_until, any_store, spend_min, value, holder, notes, member)
         VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind(TENANT)
    .bind(BUCKET)
    .bind(id)
    .bind(one.reference)
    .bind(one.request)
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
        .bind(id)
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
        .bind(id)
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
