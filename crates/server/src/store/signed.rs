//! Signed codes: their serials, what became of each, and the moments of those that rotate.

use std::fmt;

use model::entitlement::{EntitlementId, Fen};
use model::place::StoreId;
use model::signed::text;
use model::signed::token::{self, Claims, Serial, SignedKind, SigningKey};
use model::time::UnixMs;
use sqlx::Row;
use wire::campaign::State as CampaignRow;
use wire::entitlement::{Kind, Line};

use super::campaigns;
use super::codes::{self, HeldCode, NewRow};
use super::db::{Conn, DbRow, Grown};
use super::entitlements::{FOR_EVER, NewEntitlement};
use super::feeds::Touched;
use super::issue::{self, Insert, IssueRefused};
use super::{BUCKET, Store, StoreError, TENANT, status};

/// How long a code is good whose entitlement has no end (seconds): 400 days.
const CODE_SECONDS_MAX: i64 = 400 * 24 * 3600;
/// The last second that a code can name.
const LAST_SECOND: i64 = u32::MAX as i64;
/// The most codes that are issued in one transaction: a till that redeems meanwhile waits for its end.
pub const BATCH_MAX: usize = 1_000;

/// Whether a code stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedForm {
    /// One text for its whole life.
    Fixed,
    /// A text of its moment, which the customer's phone makes.
    Rotating,
}

/// A signed code, as it was issued.
#[derive(Clone, PartialEq, Eq)]
pub struct HeldSigned {
    /// Its unique name.
    pub serial: Serial,
    /// Whether it rotates.
    pub form: SignedForm,
    /// Its text, which opens the entitlement; empty if it rotates.
    pub text: String,
}

/// Codes of one campaign that are to be issued.
pub struct SignedIssue<'a> {
    /// The campaign.
    pub campaign: u16,
    /// Fixed or rotating.
    pub form: SignedForm,
    /// What each stands for, at most [`BATCH_MAX`].
    pub items: &'a [SignedItem],
    /// Who signs them.
    pub key: &'a SigningKey,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct SignedItem {
    /// What it stands for. In a complete campaign all but holder and membership is the campaign's.
    pub new: NewEntitlement,
    /// The merchant's own number; empty for none.
    pub reference: String,
    /// A hash of what was asked under that number; empty: nobody asks again.
    pub request: Vec<u8>,
}

/// A signed code that was issued.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuedSigned {
    /// The entitlement's id, which is also the code's unique name.
    pub id: String,
    /// The code's text; empty if it rotates.
    pub text: String,
}

impl fmt::Debug for IssuedSigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IssuedSigned({})", self.id)
    }
}

impl fmt::Debug for HeldSigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeldSigned({:?}, {:?})", self.serial, self.form)
    }
}

impl Store {
    /// Issues signed codes with the campaign's next serials. What was issued under a merchant's number before is given
    /// again if the request is the same.
    pub async fn issue_signed(
        &self,
        asked: &SignedIssue<'_>,
    ) -> Result<Result<Vec<IssuedSigned>, IssueRefused>, StoreError> {
        let now = self.hands.now();
        self.write(|mut tx| async move {
            let Some(campaign) = campaigns::one(&mut tx, asked.campaign).await? else {
                return Ok(Err(IssueRefused::NoCampaign(asked.campaign)));
            };
            let mut issued = Vec::with_capacity(asked.items.len());
            let mut fresh = Vec::new();
            for item in asked.items {
                match issue::before(&mut tx, &item.reference, &item.request).await? {
                    Some(Ok(held)) => issued
                        .push(IssuedSigned { text: held.code.secret().to_owned(), id: held.entitlement.id }),
                    Some(Err(refused)) => return Ok(Err(refused)),
                    None => fresh.push(item),
                }
            }
            let mut touched = Touched::default();
            let first = allot(&mut tx, asked.campaign, fresh.len()).await?;
            status::issued(&mut tx, asked.campaign, first, fresh.len()).await?;
            for (place, item) in fresh.into_iter().enumerate() {
                let number = u32::try_from(first + place as i64)
                    .map_err(|_| StoreError::Data(format!("campaign {} is full", asked.campaign)))?;
                let serial = Serial { campaign: asked.campaign, number };
                match write(&mut tx, asked, &campaign, item, serial, now).await? {
                    Ok(one) => issued.push(one),
                    Err(refused) => return Ok(Err(refused)),
                }
                if !campaign.campaign.complete {
                    touched.add(&EntitlementId::of(serial).0);
                }
            }
            touched.tell(&mut tx).await?;
            tx.commit().await?;
            self.db.grew(Grown::Issued, issued.len());
            self.tell_of_change();
            Ok(Ok(issued))
        })
        .await
    }

    /// Until when a code of that serial may be shown, and the moment of the last one that was accepted if it rotates.
    pub async fn signed_state(&self, serial: Serial) -> Result<Option<SignedState>, StoreError> {
        let row = sqlx::query(
            "SELECT expires_at, last_moment FROM signed_codes
             WHERE tenant = $1 AND campaign = $2 AND serial = $3",
        )
        .bind(TENANT)
        .bind(i64::from(serial.campaign))
        .bind(i64::from(serial.number))
        .fetch_optional(&self.db.read)
        .await?;
        row.map(|row| {
            Ok(SignedState {
                expires_at: UnixMs(row.try_get("expires_at")?),
                last_moment: Some(row.try_get("last_moment")?).filter(|moment| *moment != 0),
            })
        })
        .transpose()
    }
}

/// What a signed code's row says beside its entitlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedState {
    /// Until when it may be shown.
    pub expires_at: UnixMs,
    /// Of a rotating one, the moment of the last that was accepted (ms since 1970).
    pub last_moment: Option<i64>,
}

/// What a code for that entitlement says of itself, issued now.
pub fn claims(new: &NewEntitlement, serial: Serial, now: UnixMs) -> Claims {
    let issued_at = now.0.div_euclid(1000);
    let until = new.valid_until.map_or(issued_at + CODE_SECONDS_MAX, |until| until.div_euclid(1000));
    let from = new.valid_from.map(|from| (from + 999).div_euclid(1000)).filter(|from| *from > issued_at);
    let second = |second: i64| UnixMs(second.min(LAST_SECOND) * 1000);
    let store = match new.stores.as_deref() {
        Some([only]) => Some(StoreId(only.clone())),
        Some(_) | None => None,
    };
    Claims {
        issuer: None,
        issued_at: second(issued_at),
        not_before: from.map(second),
        expires_at: second(until),
        kind: kind_of(&new.kind),
        serial,
        value: Fen(new.value),
        store,
        anchor: None,
    }
}

/// What a code of that kind is in claims.
pub fn kind_of(kind: &Kind) -> SignedKind {
    match kind {
        Kind::Order => SignedKind::Order,
        Kind::AmountOff { .. } | Kind::PercentOff { .. } | Kind::Exchange { .. } => SignedKind::Coupon,
        Kind::TimesCard => SignedKind::TimesCard,
        Kind::Member { .. } => SignedKind::Member,
    }
}

/// What a code of that campaign stands for: the campaign's content where that is complete, else its own.
pub fn content(campaign: &CampaignRow, new: &NewEntitlement) -> Result<NewEntitlement, IssueRefused> {
    let number = campaign.campaign.campaign;
    if kind_of(&campaign.campaign.kind) != kind_of(&new.kind) {
        return Err(IssueRefused::NotOfCampaign(number, "kind"));
    }
    if !campaign.campaign.complete {
        return Ok(new.clone());
    }
    let whole = of_campaign(campaign);
    let same_lines = |lines: &[Line]| lines.is_empty() || lines == whole.lines;
    let differs = [
        ("kind", new.kind != whole.kind),
        ("title", new.title != whole.title),
        ("lines", !same_lines(&new.lines)),
        ("valid_from", new.valid_from.is_some() && new.valid_from != whole.valid_from),
        ("valid_until", new.valid_until.is_some() && new.valid_until != whole.valid_until),
        ("stores", new.stores.is_some() && new.stores != whole.stores),
        ("spend_min", new.spend_min != 0 && new.spend_min != whole.spend_min),
        ("value", new.value != 0 && new.value != whole.value),
        ("notes", !new.notes.is_empty() && new.notes != whole.notes),
    ];
    match differs.into_iter().find(|(_, differs)| *differs) {
        Some((field, _)) => Err(IssueRefused::NotOfCampaign(number, field)),
        None => Ok(NewEntitlement { holder: new.holder.clone(), member: new.member.clone(), ..whole }),
    }
}

/// What a code of a campaign stands for if nothing more is said.
pub fn of_campaign(row: &CampaignRow) -> NewEntitlement {
    let campaign = &row.campaign;
    NewEntitlement {
        kind: campaign.kind.clone(),
        title: campaign.title.clone(),
        lines: campaign.lines.clone(),
        standing: wire::entitlement::Standing::Good,
        valid_from: campaign.valid_from,
        valid_until: campaign.valid_until,
        stores: campaign.stores.as_ref().map(|stores| stores.iter().map(|store| store.id.clone()).collect()),
        spend_min: campaign.spend_min,
        value: row.value,
        holder: String::new(),
        notes: campaign.notes.clone(),
        member: None,
    }
}

/// The first of so many serials that are the campaign's next ones.
async fn allot(tx: &mut Conn, campaign: u16, count: usize) -> Result<i64, StoreError> {
    let count = count as i64;
    let row = sqlx::query(
        "UPDATE campaigns SET next_serial = next_serial + $3 WHERE tenant = $1 AND campaign = $2
         RETURNING next_serial",
    )
    .bind(TENANT)
    .bind(i64::from(campaign))
    .bind(count)
    .fetch_one(tx)
    .await?;
    Ok(row.try_get::<i64, _>("next_serial")? - count)
}

async fn write(
    tx: &mut Conn,
    asked: &SignedIssue<'_>,
    campaign: &CampaignRow,
    item: &SignedItem,
    serial: Serial,
    now: UnixMs,
) -> Result<Result<IssuedSigned, IssueRefused>, StoreError> {
    let new = match content(campaign, &item.new) {
        Ok(new) => new,
        Err(refused) => return Ok(Err(refused)),
    };
    let claims = claims(&new, serial, now);
    let token = match asked.form {
        SignedForm::Fixed => token::issue(&claims, asked.key),
        // It has none yet, but what could never be signed must not be issued.
        SignedForm::Rotating => token::issue(&claims, asked.key).map(|_| Vec::new()),
    };
    let token = match token {
        Ok(token) => token,
        Err(why) => return Ok(Err(IssueRefused::NotSigned(why))),
    };
    let id = EntitlementId::of(serial).0;
    let kid = if token.is_empty() { Vec::new() } else { asked.key.kid().0.to_vec() };
    let insert = Insert { id: &id, new: &new, reference: &item.reference, request: &item.request };
    issue::insert(tx, &[insert]).await?;
    // Its token stands in its own table.
    let code = HeldCode::Signed(HeldSigned { serial, form: asked.form, text: String::new() });
    codes::insert(tx, &[NewRow { id: &id, code: &code, tail: &serial.tail(), ambiguous: false }]).await?;
    sqlx::query(
        "INSERT INTO signed_codes (tenant, campaign, serial, bucket, entitlement, status, told, last_moment, token,
                                   kid, issued_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, 0, $6, 0, $7, $8, $9, $10)",
    )
    .bind(TENANT)
    .bind(i64::from(serial.campaign))
    .bind(i64::from(serial.number))
    .bind(BUCKET)
    .bind(&id)
    .bind(i64::from(!campaign.campaign.complete))
    .bind(&token)
    .bind(kid)
    .bind(claims.issued_at.0)
    .bind(match asked.form {
        SignedForm::Fixed => claims.expires_at.0,
        SignedForm::Rotating => new.valid_until.unwrap_or(FOR_EVER),
    })
    .execute(tx)
    .await?;
    Ok(Ok(IssuedSigned { id, text: text_of(&token) }))
}

/// The text of a token; none of a code that rotates.
fn text_of(token: &[u8]) -> String {
    if token.is_empty() { String::new() } else { text::write_cf1(token) }
}

/// The signed code of a row that was joined with `signed_codes`.
pub(super) fn held(row: &DbRow, form: SignedForm) -> Result<HeldSigned, StoreError> {
    let missing = || StoreError::Data("a signed code without its serial".to_owned());
    let number = |column: &str| -> Result<i64, StoreError> {
        row.try_get::<Option<i64>, _>(column)?.ok_or_else(missing)
    };
    let serial = Serial {
        campaign: u16::try_from(number("campaign")?).map_err(|_| missing())?,
        number: u32::try_from(number("serial")?).map_err(|_| missing())?,
    };
    let token: Vec<u8> = row.try_get::<Option<Vec<u8>>, _>("token")?.ok_or_else(missing)?;
    Ok(HeldSigned { serial, form, text: text_of(&token) })
}
