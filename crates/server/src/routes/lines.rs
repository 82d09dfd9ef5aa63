//! `POST /v1/devices/{device}/lines`: takes in a till's journal, byte for byte, and says what became of each line.

use axum::Json;
use axum::extract::{self, Path};
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wire::api::Lines;

use super::State;
use super::auth::Till;
use super::body::Body;
use super::problem::Answer;
use crate::store::{HandedIn, Intake, Kept};

pub(super) async fn take_in(
    extract::State(state): extract::State<State>,
    Till(device): Till,
    Path(of): Path<String>,
    Body(lines): Body<Lines>,
) -> Result<Json<Kept>, Answer> {
    if of != device.id {
        return Err(Answer::new(
            StatusCode::FORBIDDEN,
            "bad_token",
            "a till hands in the lines of its own journal only",
        ));
    }
    let bytes = lines
        .lines
        .iter()
        .map(|line| STANDARD.decode(line))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Answer::bad_request(format!("a line is not base64: {error}")))?;
    let handed_in = HandedIn { epoch: lines.epoch, after: lines.after, lines: bytes };
    match state.store.take_in(&device, handed_in).await? {
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
    }
}
