//! `POST /v1/redemptions/{number}/ask`: what became of a number; if it was not counted, it never will be.

use axum::Json;
use axum::extract;
use wire::api::Fate;

use super::State;
use super::auth::Till;
use super::body::InPath;
use super::problem::Answer;

pub(super) async fn ask(
    extract::State(state): extract::State<State>,
    Till(device): Till,
    InPath(number): InPath,
) -> Result<Json<Fate>, Answer> {
    Ok(Json(state.store.ask(&device, number).await?))
}
