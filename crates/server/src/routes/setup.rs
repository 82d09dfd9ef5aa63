//! `GET /v1/setup`: what a till must know of itself.

use axum::Json;
use axum::extract;
use wire::api::Setup;

use super::State;
use super::auth::Till;
use super::problem::Answer;

pub(super) async fn setup(
    extract::State(state): extract::State<State>,
    Till(device): Till,
) -> Result<Json<Setup>, Answer> {
    Ok(Json(state.store.setup(&device).await?))
}
