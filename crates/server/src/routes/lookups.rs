//! `POST /v1/lookups`: an entitlement by its code or id, fresh; with a membership come its coupons.

use axum::Json;
use axum::extract;
use axum::http::StatusCode;
use model::code::Code;
use wire::api::{Found, Lookup};
use wire::entitlement::Kind;

use super::State;
use super::auth::Till;
use super::body::Body;
use super::problem::Answer;

pub(super) async fn look_up(
    extract::State(state): extract::State<State>,
    Till(_): Till,
    Body(lookup): Body<Lookup>,
) -> Result<Json<Found>, Answer> {
    let held = match &lookup {
        Lookup::Code { code } => {
            let code =
                Code::read(code).map_err(|_| Answer::bad_request("this text is no whole code of ours"))?;
            state.store.by_code(&code).await?
        }
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
