//! Issuing: an entitlement gets its name, its code, and its place in the feeds of its stores.

use std::fmt;

use model::code::{Code, CodeKind};
use model::reading::Opaque;
use model::signed::token::NotIssuable;
use wire::entitlement::Kind;

use super::codes::{self, HeldCode, HeldOpaque, NewRow};
use super::db::{Conn, Grown};
use super::entitlements::{self, FOR_EVER, Held, NewEntitlement, standing_code};
use super::feeds::Touched;
use super::many::{Statement, of_bucket, run};
use super::{Store, StoreError};

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
        let (code, tail, ambiguous) = &match &issuing.code {
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
        self.write(|mut tx| async move {
            if let Some(before) = before(&mut tx, &issuing.reference, &issuing.request).await? {
                return Ok(before);
            }
            let id = self.hands.name(prefix);
            let Issuing { new, reference, request, .. } = issuing;
            insert(&mut tx, &[Insert { id: &id, new, reference, request }]).await?;
            codes::insert(&mut tx, &[NewRow { id: &id, code, tail, ambiguous: *ambiguous }]).await?;
            let mut touched = Touched::default();
            touched.add(&id);
            touched.tell(&mut tx).await?;
            let held = entitlements::one(&mut tx, &id).await?;
            tx.commit().await?;
            self.tell_of_change();
            held.map(Ok)
                .ok_or_else(|| StoreError::Data(format!("{id} is not there, though it was just written")))
        })
        .await
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
        self.write(|mut tx| async move {
            let issued: Vec<Issued> = new
                .iter()
                .map(|new| {
                    let (code_kind, prefix) = code_kind(&new.kind);
                    Issued { id: self.hands.name(prefix), code: self.hands.code(code_kind) }
                })
                .collect();
            let rows: Vec<Insert<'_>> = new
                .iter()
                .zip(&issued)
                .map(|(new, one)| Insert { id: &one.id, new, reference: "", request: &[] })
                .collect();
            insert(&mut tx, &rows).await?;
            let held: Vec<HeldCode> = issued.iter().map(|one| HeldCode::Own(one.code.clone())).collect();
            let rows: Vec<NewRow<'_>> = issued
                .iter()
                .zip(&held)
                .map(|(one, code)| NewRow { id: &one.id, code, tail: one.code.tail(), ambiguous: false })
                .collect();
            codes::insert(&mut tx, &rows).await?;
            let mut touched = Touched::default();
            issued.iter().for_each(|one| touched.add(&one.id));
            touched.tell(&mut tx).await?;
            tx.commit().await?;
            self.db.grew(Grown::Issued, new.len());
            self.tell_of_change();
            Ok(issued)
        })
        .await
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
    pub(super) id: &'a str,
    pub(super) new: &'a NewEntitlement,
    pub(super) reference: &'a str,
    pub(super) request: &'a [u8],
}

pub(super) async fn insert(tx: &mut Conn, all: &[Insert<'_>]) -> Result<(), StoreError> {
    let statement = "INSERT INTO entitlements
         (tenant, bucket, version, entitlement, reference, request, title, kind, standing, valid_from, valid_until,
          any_store, spend_min, value, holder, notes, member)
         VALUES ROWS";
    run(tx, statement, (3, 14), all, |query| of_bucket(query).bind(1_i64), bind).await?;

    let lines: Vec<_> = all
        .iter()
        .flat_map(|one| one.new.lines.iter().enumerate().map(move |(place, line)| (one.id, place, line)))
        .collect();
    let statement = "INSERT INTO entitlement_lines
         (tenant, bucket, taken, entitlement, sku, place, name, variant, shelf, quantity)
         VALUES ROWS";
    run(
        tx,
        statement,
        (3, 7),
        &lines,
        |query| of_bucket(query).bind(0_i64),
        |query, (id, place, line)| {
            let query = query.bind(*id).bind(&line.sku).bind(*place as i64).bind(&line.name);
            Ok(query.bind(&line.variant).bind(&line.shelf).bind(i64::from(line.quantity)))
        },
    )
    .await?;

    let stores: Vec<_> = all
        .iter()
        .flat_map(|one| one.new.stores.iter().flatten().map(move |store| (one.id, store)))
        .collect();
    let statement = "INSERT INTO entitlement_stores (tenant, bucket, entitlement, store) VALUES ROWS";
    run(tx, statement, (2, 2), &stores, of_bucket, |query, (id, store)| Ok(query.bind(*id).bind(*store)))
        .await?;
    Ok(())
}

fn bind<'q>(query: Statement<'q>, one: &'q Insert<'_>) -> Result<Statement<'q>, StoreError> {
    let new = one.new;
    Ok(query
        .bind(one.id)
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
        .bind(new.member.as_deref().unwrap_or("")))
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
