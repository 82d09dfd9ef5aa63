//! `PUT /v1/redemptions/{number}`: counts a redemption, once, whatever is lost or repeated on the way.

use axum::extract;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use wire::api::Redeem;

use super::State;
use super::auth::Acting;
use super::body::{Body, InPath};
use super::problem::Answer;
use crate::store::Online;

pub(super) async fn redeem(
    extract::State(state): extract::State<State>,
    Acting(device): Acting,
    InPath(number): InPath,
    Body(asked): Body<Redeem>,
) -> Result<Response, Answer> {
    if state.store.is_quarantined(&device).await? {
        return Err(Answer::new(
            StatusCode::FORBIDDEN,
            "quarantined",
            "this till's journal has two histories; a manager has to let it in again",
        ));
    }
    match state.store.redeem(&device, number, &asked).await? {
        Online::Answer(json) => Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response()),
        Online::Voided => Err(Answer::new(
            StatusCode::CONFLICT,
            "voided",
            "this number was voided: it never happened and never will",
        )),
        Online::NumberReused => Err(Answer::new(
            StatusCode::CONFLICT,
            "number_reused",
            "this number stands for another redemption",
        )),
    }
}
