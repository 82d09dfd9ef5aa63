//! `POST /v1/lookups`: an entitlement by its code or id, fresh; with a membership come its coupons.
//!
//! A signed code is verified with this server's own trust list, and one that rotates must be of this moment.

use axum::Json;
use axum::extract;
use axum::http::StatusCode;
use model::code::Code;
use model::entitlement::EntitlementId;
use model::signed::text::{self, Recognised};
use model::verdict::Reason;
use wire::api::{Found, Lookup};
use wire::entitlement::Kind;

use super::State;
use super::auth::Till;
use super::body::Body;
use super::problem::Answer;
use crate::signing;

pub(super) async fn look_up(
    extract::State(state): extract::State<State>,
    Till(_): Till,
    Body(lookup): Body<Lookup>,
) -> Result<Json<Found>, Answer> {
    let held = match &lookup {
        Lookup::Code { code } => match text::recognise(code) {
            Recognised::Token(token) => {
                let serial = signing::read(&state.store, &token).await?.map_err(not_taken)?;
                state.store.by_id(&EntitlementId::of(serial).0).await?
            }
            Recognised::Damaged => return Err(not_ours()),
            Recognised::OtherShape => {
                let code = Code::read(code).map_err(|_| not_ours())?;
                state.store.by_code(&code).await?
            }
        },
        Lookup::Id { id } => state.store.by_id(id).await?,
    };
    let held = held.ok_or_else(|| {
        Answer::new(StatusCode::NOT_FOUND, "never_issued", "the chain has never issued this")
    })?;
    let entitlement = held.entitlement;
    let coupons = match entitlement.kind {
        Kind::Member { .. } => state.store.of_member(&entitlement.id).await?,
        Kind::Order
        | Kind::AmountOff { .. }
        | Kind::PercentOff { .. }
        | Kind::Exchange { .. }
        | Kind::TimesCard => Vec::new(),
    };
    Ok(Json(Found { entitlement, coupons }))
}

fn not_ours() -> Answer {
    Answer::bad_request("this text is no whole code of ours")
}

/// A signed code that is not taken, by the clerk's reason.
fn not_taken(why: Reason) -> Answer {
    let (status, message) = match why {
        Reason::CodeStale => (StatusCode::CONFLICT, "this code was of another moment"),
        Reason::CodeSeen => {
            (StatusCode::CONFLICT, "a code of this moment or a later one was accepted before")
        }
        _ => (StatusCode::UNPROCESSABLE_ENTITY, "this signed code is not taken"),
    };
    Answer::new(status, why.code(), message)
}
