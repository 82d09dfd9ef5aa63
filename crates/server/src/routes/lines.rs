//! `POST /v1/devices/{device}/lines?epoch=&after=`: takes in a till's journal, byte for byte, and says what became of
//! each line. `GET`: gives it back, to a till that has lost it.
//!
//! A till may also hand in what another one has exported: the lines prove themselves.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{self, Path, Query};
use axum::http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use wire::{api, lines};

use super::State;
use super::auth::Till;
use super::problem::Answer;
use crate::store::{Device, Hand, HandedIn, Intake, Kept};

/// Where the lines belong.
#[derive(Deserialize)]
pub(super) struct Place {
    epoch: u64,
    after: u64,
}

pub(super) async fn take_in(
    extract::State(state): extract::State<State>,
    Till(device): Till,
    Path(of): Path<String>,
    place: Result<Query<Place>, QueryRejection>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Kept>, Answer> {
    let Query(place) = place.map_err(|rejection| Answer::bad_request(rejection.body_text()))?;
    let (hand, device) = match of == device.id {
        true => (Hand::Itself, device),
        false => (Hand::Carrier, carried(&state, &of).await?),
    };
    let encoding = headers.get(header::CONTENT_ENCODING).map(|encoding| encoding.as_bytes());
    if encoding != Some(lines::ENCODING.as_bytes()) {
        let message = format!("journal lines come as {}, packed with {}", lines::MEDIA_TYPE, lines::ENCODING);
        return Err(Answer::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "bad_request", message));
    }
    let lines = lines::unpack(&body).map_err(|error| Answer::bad_request(error.to_string()))?;
    let handed_in = HandedIn { epoch: place.epoch, after: place.after, lines };
    match state.store.take_in_from(hand, &device, handed_in).await? {
        Intake::Kept(kept) => Ok(Json(kept)),
        Intake::Gap { head } => Err(Answer::new(
            StatusCode::CONFLICT,
            "gap",
            "lines are missing between the last one held here and the first of these",
        )
        .with_head(head)),
        Intake::Fork { head } => Err(Answer::new(
            StatusCode::CONFLICT,
            "fork",
            "these lines do not continue the journal that is held here",
        )
        .with_head(head)),
        Intake::NotSigned { seq } => Err(Answer::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "not_signed",
            format!("line {seq} is not signed by the till that it is said to be of; nothing was taken"),
        )),
    }
}

/// The till whose lines are carried by another one. What a barred till has left takes a manager.
async fn carried(state: &State, of: &str) -> Result<Device, Answer> {
    match state.store.device(of).await? {
        Some(device) if device.revoked => Err(Answer::new(
            StatusCode::FORBIDDEN,
            "carried_revoked",
            "that till is barred: a manager loads its lines at the server (counterfoil-server journals load)",
        )),
        Some(device) => Ok(device),
        None => Err(Answer::not_found("no till of this chain has that id")),
    }
}

/// Which lines.
#[derive(Deserialize)]
pub(super) struct Behind {
    epoch: u64,
    #[serde(default)]
    after: u64,
}

pub(super) async fn give_back(
    extract::State(state): extract::State<State>,
    Till(device): Till,
    Path(of): Path<String>,
    query: Result<Query<Behind>, QueryRejection>,
) -> Result<Json<api::OwnLines>, Answer> {
    let Query(behind) = query.map_err(|rejection| Answer::bad_request(rejection.body_text()))?;
    if of != device.id {
        let message = "a till is given the lines of its own journal only";
        return Err(Answer::new(StatusCode::FORBIDDEN, "out_of_scope", message));
    }
    Ok(Json(state.store.lines_of(&device, behind.epoch, behind.after).await?))
}
