//! `POST /v1/candidates`: what a mall's code may stand for at the till's store. The code itself does not travel.

use axum::Json;
use axum::extract;
use wire::api::{Candidates, Wanted};
use wire::codes::{Stretched, unhex};

use super::State;
use super::auth::Till;
use super::body::Body;
use super::problem::Answer;

/// A text fits a few profiles at most; whoever asks for more is trying codes out.
const STRETCHED_MAX: usize = 16;

pub(super) async fn candidates(
    extract::State(state): extract::State<State>,
    Till(device): Till,
    Body(wanted): Body<Wanted>,
) -> Result<Json<Candidates>, Answer> {
    if wanted.stretched.len() > STRETCHED_MAX {
        return Err(Answer::bad_request(format!("one request asks for at most {STRETCHED_MAX} codes")));
    }
    let codes = wanted
        .stretched
        .iter()
        .map(|code| unhex(code))
        .collect::<Option<Vec<Stretched>>>()
        .ok_or_else(|| Answer::bad_request("a stretched code is 32 hexadecimal digits"))?;
    Ok(Json(Candidates { candidates: state.store.candidates(&device, &codes).await? }))
}
