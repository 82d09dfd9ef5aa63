//! `POST /v1/devices/{device}/lines?epoch=&after=`: takes in a till's journal, byte for byte, and says what became of
//! each line.

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
use crate::store::{HandedIn, Intake};

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
) -> Result<Json<api::Intake>, Answer> {
    let Query(place) = place.map_err(|rejection| Answer::bad_request(rejection.body_text()))?;
    if of != device.id {
        return Err(Answer::new(
            StatusCode::FORBIDDEN,
            "out_of_scope",
            "a till hands in the lines of its own journal only",
        ));
    }
    let encoding = headers.get(header::CONTENT_ENCODING).map(|encoding| encoding.as_bytes());
    if encoding != Some(lines::ENCODING.as_bytes()) {
        let message = format!("journal lines come as {}, packed with {}", lines::MEDIA_TYPE, lines::ENCODING);
        return Err(Answer::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "bad_request", message));
    }
    let lines = lines::unpack(&body).map_err(|error| Answer::bad_request(error.to_string()))?;
    let handed_in = HandedIn { epoch: place.epoch, after: place.after, lines };
    match state.store.take_in(&device, &handed_in).await? {
        Intake::Kept(intake) => Ok(Json(intake)),
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
    }
}
