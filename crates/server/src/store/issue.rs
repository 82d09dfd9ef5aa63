//! Issuing: an entitlement gets its name, its code, and its place in the feeds of its stores.

use std::fmt;

use model::code::{Code, CodeKind};
use model::reading::Opaque;
use model::signed::token::NotIssuable;
use wire::entitlement::Kind;

use super::codes::{self, HeldCode, HeldOpaque, NewRow};
use super::db::Conn;
use super::entitlements::{self, FOR_EVER, Held, NewEntitlement, standing_code};
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

/// What is to be issued under a merchant's own number, or with a code of another form.
#[derive(Clone, Debug)]
pub struct Issuing {
    /// The entitlement.
    pub new: NewEntitlement,
    /// The merchant's own number; empty for none.
    pub reference: String,
    /// A hash of what was asked under that number: whoever asks for the same again gets what was issued. Empty: nobody
    /// asks again.
    pub request: Vec<u8>,
    /// What the customer will show.
    pub code: NewCode,
}

/// What the customer will show.
#[derive(Clone, PartialEq, Eq)]
pub enum NewCode {
    /// A code of this backend's own.
    Own,
    /// One that a mall has made.
    Opaque {
        /// The profile that describes it.
        profile: String,
        /// The code.
        code: String,
        /// The order without which it means nothing, or empty.
        order: String,
    },
}

impl fmt::Debug for NewCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NewCode::Own => write!(f, "Own"),
            NewCode::Opaque { profile, .. } => write!(f, "Opaque({profile})"),
        }
    }
}

/// Why nothing was issued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueRefused {
    /// The merchant's number stands for something else.
    #[error("the reference {0} stands for something that was issued with other content")]
    OtherContent(String),
    /// The chain has no such profile, or tills do not read its codes.
    #[error("the chain uses no profile {0}: tills would not know the code")]
    NoProfile(String),
    /// The code is not of the profile's forms.
    #[error("the code is none that the profile {0} describes: tills would not know it")]
    CodeDoesNotFit(String),
    /// There is no such campaign.
    #[error("there is no campaign {0}")]
    NoCampaign(u16),
    /// All codes of a complete campaign stand for the same, and this is something else.
    #[error("campaign {0} says something else there; leave it out or write what the campaign says")]
    NotOfCampaign(u16, &'static str),
    /// A code cannot say that.
    #[error("no code can be signed for it: {0}")]
    NotSigned(NotIssuable),
}

impl Store {
    /// Issues an entitlement under a merchant's own number or with a mall's code. What was issued under the number
    /// before is given again if the request is the same.
    pub async fn issue_as(&self, issuing: &Issuing) -> Result<Result<Held, IssueRefused>, StoreError> {
        // A repeat is answered even if the profile is not used any more.
        let mut tx = self.reading().await?;
        if let Some(before) = before(&mut tx, &issuing.reference, &issuing.request).await? {
            return Ok(before);
        }
        drop(tx);
        let (code_kind, prefix) = code_kind(&issuing.new.kind);
        let (code, tail, ambiguous) = match &issuing.code {
            NewCode::Own => {
                let code = self.hands.code(code_kind);
                let tail = code.tail().to_owned();
                (HeldCode::Own(code), tail, false)
            }
            NewCode::Opaque { profile, code, order } => match self.described(profile, code, order).await? {
                Ok(code) => self.opaque(code).await?,
                Err(refused) => return Ok(Err(refused)),
            },
        };
        let mut tx = self.writing().await?;
        if let Some(before) = before(&mut tx, &issuing.reference, &issuing.request).await? {
            return Ok(before);
        }
        let id = self.hands.name(prefix);
        let Issuing { new, reference, request, .. } = issuing;
        insert(&mut tx, &id, &Insert { new, reference, request }).await?;
        codes::insert(&mut tx, &id, &NewRow { code: &code, tail: &tail, ambiguous }).await?;
        let mut touched = Touched::default();
        touched.add(&id);
        touched.tell(&mut tx).await?;
        let held = entitlements::one(&mut tx, &id).await?;
        tx.commit().await?;
        self.tell_of_change();
        held.map(Ok).ok_or_else(|| StoreError::Data(format!("{id} is not there, though it was just written")))
    }

    /// The code as a profile that tills use reads it.
    async fn described(
        &self,
        profile: &str,
        code: &str,
        order: &str,
    ) -> Result<Result<Opaque, IssueRefused>, StoreError> {
        let Some(row) = self.profile(profile).await?.filter(|row| row.active) else {
            return Ok(Err(IssueRefused::NoProfile(profile.to_owned())));
        };
        let described = row.compiled()?.issued(code, order, self.hands.now());
        Ok(described.ok_or_else(|| IssueRefused::CodeDoesNotFit(profile.to_owned())))
    }

    /// The row of a mall's code: the code, what a clerk may see of it, and whether others may have it too.
    async fn opaque(&self, code: Opaque) -> Result<(HeldCode, String, bool), StoreError> {
        let tail = code.tail().unwrap_or_default().to_owned();
        let ambiguous = code.is_ambiguous();
        let held = HeldOpaque {
            profile: code.profile().to_owned(),
            code: code.text().unwrap_or_default().to_owned(),
            order: code.order().unwrap_or_default().to_owned(),
            stretched: self.stretch(code).await?,
        };
        Ok((HeldCode::Opaque(held), tail, ambiguous))
    }

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

/// What was issued under the merchant's number before, if anything was.
pub(super) async fn before(
    tx: &mut Conn,
    reference: &str,
    asked: &[u8],
) -> Result<Option<Result<Held, IssueRefused>>, StoreError> {
    let Some((id, request)) = entitlements::of_reference(tx, reference).await? else {
        return Ok(None);
    };
    if request.is_empty() || request != asked {
        return Ok(Some(Err(IssueRefused::OtherContent(reference.to_owned()))));
    }
    Ok(entitlements::one(tx, &id).await?.map(Ok))
}

/// A new row of `entitlements`, with what belongs to it.
pub(super) struct Insert<'a> {
    pub(super) new: &'a NewEntitlement,
    pub(super) reference: &'a str,
    pub(super) request: &'a [u8],
}

pub(super) async fn insert(tx: &mut Conn, id: &str, one: &Insert<'_>) -> Result<(), StoreError> {
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
