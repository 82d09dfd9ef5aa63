//! `POST /v1/entitlements/{reference}/card?hours=`: what a phone needs to show a rotating code for a while.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{self, Query};
use serde::Deserialize;
use wire::merchant::Card;

use super::State;
use super::auth::Merchant;
use super::entitlements::{Reference, find, not_signed};
use super::problem::Answer;
use crate::signing::{self, CARD_HOURS, CARD_HOURS_MAX};
use crate::store::Scope;

#[derive(Deserialize)]
pub(super) struct Lasting {
    hours: Option<u32>,
}

pub(super) async fn card(
    extract::State(state): extract::State<State>,
    merchant: Merchant,
    Reference(reference): Reference,
    query: Result<Query<Lasting>, QueryRejection>,
) -> Result<Json<Card>, Answer> {
    merchant.may(Scope::Issue)?;
    let Query(lasting) = query.map_err(|rejection| Answer::bad_request(rejection.body_text()))?;
    let hours = lasting.hours.unwrap_or(CARD_HOURS);
    if !(1..=CARD_HOURS_MAX).contains(&hours) {
        return Err(Answer::invalid("hours", &format!("a card lasts 1 to {CARD_HOURS_MAX} hours")));
    }
    let held = find(&state, &reference).await?;
    signing::card(&state.store, &held, hours).await.map(Json).map_err(not_signed)
}
