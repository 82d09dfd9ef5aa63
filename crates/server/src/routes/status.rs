//! `GET /v1/status?after=`: what became of signed codes since that number, signed by the chain's role key.

use axum::extract::rejection::QueryRejection;
use axum::extract::{self, Query};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::signed::status::sign_update;
use serde::Deserialize;

use super::State;
use super::auth::Till;
use super::problem::Answer;
use crate::keys::{Keys, KeysError};

#[derive(Deserialize)]
pub(super) struct From {
    #[serde(default)]
    after: u64,
}

pub(super) async fn update(
    extract::State(state): extract::State<State>,
    Till(_): Till,
    query: Result<Query<From>, QueryRejection>,
) -> Result<Response, Answer> {
    let Query(from) = query.map_err(|rejection| Answer::bad_request(rejection.body_text()))?;
    let (_, key) = Keys::of(&state.store).role_key().await.map_err(|error| match error {
        KeysError::NoKeys => Answer::new(StatusCode::NOT_FOUND, "not_found", "this chain signs no codes"),
        error => {
            tracing::error!(%error, "a status list cannot be signed");
            Answer::internal()
        }
    })?;
    let update = state.store.status_update(from.after).await?;
    let bytes = sign_update(&update, &key).map_err(|error| {
        tracing::error!(%error, "a status list cannot be signed");
        Answer::internal()
    })?;
    Ok(([(header::CONTENT_TYPE, wire::api::COSE)], bytes).into_response())
}
