//! `GET /v1/cases?after=`: the cases in which the till's store has a part, each as it is now.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{self, Query};
use serde::Deserialize;
use wire::case::CasesPage;

use super::State;
use super::auth::Till;
use super::problem::Answer;

#[derive(Deserialize)]
pub(super) struct From {
    #[serde(default)]
    after: u64,
}

pub(super) async fn page(
    extract::State(state): extract::State<State>,
    Till(device): Till,
    query: Result<Query<From>, QueryRejection>,
) -> Result<Json<CasesPage>, Answer> {
    let Query(from) = query.map_err(|rejection| Answer::bad_request(rejection.body_text()))?;
    Ok(Json(state.store.cases_page(&device, from.after).await?))
}
