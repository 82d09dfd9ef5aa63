//! `/v1/entitlements/{reference}`: what a merchant's program issues, looks at, and takes back, under its own number.

use axum::Json;
use axum::extract::{self, FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde_json::Value;
use wire::entitlement::Standing;
use wire::merchant::{self, CodeWanted, Issue, IssuedCode, Left};

use super::State;
use super::auth::Merchant;
use super::body::Body;
use super::problem::Answer;
use crate::asked;
use crate::keys::KeysError;
use crate::signing::{self, NotSigned};
use crate::store::{Held, IssueRefused, Issuing, NewCode, Scope, SignedForm, SignedItem};

/// The longest body of a request to issue (bytes).
pub(super) const BODY_LENGTH_MAX: usize = 64 * 1024;
/// The longest reference (characters).
const REFERENCE_LENGTH_MAX: usize = 64;

pub(super) async fn issue(
    extract::State(state): extract::State<State>,
    merchant: Merchant,
    Reference(reference): Reference,
    Body(body): Body<Value>,
) -> Result<Json<merchant::Issued>, Answer> {
    merchant.may(Scope::Issue)?;
    let asked = read(body)?;
    let code = match &asked.code {
        CodeWanted::Own => NewCode::Own,
        CodeWanted::Opaque { profile, code, order } => {
            NewCode::Opaque { profile: profile.clone(), code: code.clone(), order: order.clone() }
        }
        CodeWanted::Signed { campaign } => {
            let item = item(&state, reference, &asked).await?;
            return sign(&state, *campaign, SignedForm::Fixed, item).await;
        }
        CodeWanted::Rotating { campaign } => {
            let item = item(&state, reference, &asked).await?;
            return sign(&state, *campaign, SignedForm::Rotating, item).await;
        }
    };
    let SignedItem { new, reference, request } = item(&state, reference, &asked).await?;
    let issuing = Issuing { new, reference, request, code };
    match state.store.issue_as(&issuing).await? {
        Ok(held) => Ok(Json(issued(held))),
        Err(refused) => Err(not_issued(&refused)),
    }
}

/// What is to be issued, checked, with a hash of what was asked.
async fn item(state: &State, reference: String, asked: &Issue) -> Result<SignedItem, Answer> {
    let new = asked::entitlement(&state.store, asked).await?;
    Ok(SignedItem { new, reference, request: asked::hash(asked)? })
}

/// Issues a signed code.
async fn sign(
    state: &State,
    campaign: u16,
    form: SignedForm,
    item: SignedItem,
) -> Result<Json<merchant::Issued>, Answer> {
    let signed = signing::issue(&state.store, campaign, form, &[item]).await.map_err(not_signed)?;
    let id = &signed.first().ok_or_else(Answer::internal)?.id;
    let held = state.store.by_id(id).await?.ok_or_else(Answer::internal)?;
    Ok(Json(issued(held)))
}

fn not_issued(refused: &IssueRefused) -> Answer {
    let said = refused.to_string();
    match refused {
        IssueRefused::OtherContent(_) => Answer::new(StatusCode::CONFLICT, "exists_with_other_content", said),
        IssueRefused::NoProfile(_) => Answer::invalid("code.profile", &said),
        IssueRefused::CodeDoesNotFit(_) => Answer::invalid("code.code", &said),
        IssueRefused::NoCampaign(_) => Answer::invalid("code.campaign", &said),
        IssueRefused::NotOfCampaign(_, field) => Answer::invalid(field, &said),
        IssueRefused::NotSigned(_) => Answer::invalid("code", &said),
    }
}

/// Why nothing was signed. What somebody has to do on the server is not the merchant's to read.
pub(super) fn not_signed(why: NotSigned) -> Answer {
    match why {
        NotSigned::Refused(refused) => not_issued(&refused),
        NotSigned::NotRotating | NotSigned::Over => {
            Answer::new(StatusCode::CONFLICT, "not_offered", why.to_string())
        }
        NotSigned::Store(error) | NotSigned::Keys(KeysError::Store(error)) => error.into(),
        NotSigned::Keys(error) => {
            tracing::error!(%error, "no code was signed");
            let message =
                "code: this server has no key that may sign this; whoever runs it finds more in its log";
            Answer::new(StatusCode::SERVICE_UNAVAILABLE, "not_offered", message)
        }
    }
}

pub(super) async fn look(
    extract::State(state): extract::State<State>,
    merchant: Merchant,
    Reference(reference): Reference,
) -> Result<Json<merchant::State>, Answer> {
    merchant.may(Scope::Read)?;
    Ok(Json(stands(find(&state, &reference).await?)))
}

pub(super) async fn refund(
    extract::State(state): extract::State<State>,
    merchant: Merchant,
    Reference(reference): Reference,
) -> Result<Json<merchant::State>, Answer> {
    merchant.may(Scope::Refund)?;
    set(&state, &reference, Standing::Refunded).await
}

pub(super) async fn revoke(
    extract::State(state): extract::State<State>,
    merchant: Merchant,
    Reference(reference): Reference,
) -> Result<Json<merchant::State>, Answer> {
    merchant.may(Scope::Revoke)?;
    set(&state, &reference, Standing::Cancelled).await
}

/// The merchant's number in the path.
pub(super) struct Reference(pub(super) String);

impl FromRequestParts<State> for Reference {
    type Rejection = Answer;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Reference, Answer> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Answer::bad_request(rejection.body_text()))?;
        let fits = text.len() <= REFERENCE_LENGTH_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.is_empty() || !fits {
            return Err(Answer::invalid("reference", "it has 1 to 64 visible ASCII characters"));
        }
        Ok(Reference(text))
    }
}

/// The request, if it has the fields that there are.
fn read(body: Value) -> Result<Issue, Answer> {
    asked::known_fields(&body)?;
    // What serde says names the field or the case; it goes back to whoever sent the body, and into no log.
    serde_json::from_value(body).map_err(|error| Answer::bad_request(error.to_string()))
}

async fn set(state: &State, reference: &str, standing: Standing) -> Result<Json<merchant::State>, Answer> {
    let id = find(state, reference).await?.entitlement.id;
    state.store.set_standing(&id, standing).await?;
    // Looked at afterwards: what was counted in between is told.
    Ok(Json(stands(find(state, reference).await?)))
}

pub(super) async fn find(state: &State, reference: &str) -> Result<Held, Answer> {
    state.store.by_reference(reference).await?.ok_or_else(|| {
        Answer::new(StatusCode::NOT_FOUND, "never_issued", "nothing was issued under this reference")
    })
}

fn issued(held: Held) -> merchant::Issued {
    merchant::Issued {
        code: IssuedCode {
            form: held.code.form().to_owned(),
            text: held.code.secret().to_owned(),
            code_tail: held.entitlement.code_tail,
        },
        id: held.entitlement.id,
        reference: held.reference,
        version: held.entitlement.version,
    }
}

fn stands(held: Held) -> merchant::State {
    let entitlement = held.entitlement;
    let taken = |sku: &str| -> u32 {
        let takes = entitlement.uses.iter().flat_map(|use_| &use_.takes);
        takes.filter(|take| take.sku == sku).map(|take| take.quantity).sum()
    };
    let left = entitlement.lines.iter().map(|line| Left {
        sku: line.sku.clone(),
        quantity: line.quantity,
        left: line.quantity.saturating_sub(taken(&line.sku)),
    });
    merchant::State {
        left: left.collect(),
        id: entitlement.id,
        reference: held.reference,
        version: entitlement.version,
        standing: entitlement.standing,
        uses: entitlement.uses,
    }
}
