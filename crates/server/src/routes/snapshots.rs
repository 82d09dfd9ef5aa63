//! `GET /v1/snapshots/{feed}` and `GET /v1/snapshots/{feed}/{name}`: all that the till's feed told, in chunks.

use axum::Json;
use axum::extract::{self, Path};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use wire::api::Snapshot;

use super::State;
use super::auth::Till;
use super::problem::Answer;
use crate::store::Device;

pub(super) async fn manifest(
    extract::State(state): extract::State<State>,
    Till(device): Till,
    Path(feed): Path<String>,
) -> Result<Json<Snapshot>, Answer> {
    own(&device, &feed)?;
    // A task of its own: a till that does not wait so long finds it done when it asks again.
    let taken = tokio::spawn(async move { state.store.snapshot(&device).await }).await;
    let taken = taken.map_err(|error| {
        tracing::error!(%error, "no snapshot was taken");
        Answer::internal()
    })?;
    Ok(Json((*taken?).clone()))
}

/// A chunk never changes under its name, so that whoever has it need not be sent it again.
pub(super) async fn chunk(
    extract::State(state): extract::State<State>,
    Till(device): Till,
    Path((feed, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Answer> {
    own(&device, &feed)?;
    let tag = format!("\"{name}\"");
    let asked = headers.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    let Some(bytes) = state.store.snapshot_chunk(&device, &name).await? else {
        return Err(Answer::not_found("there is no such chunk any more: ask for the snapshot again"));
    };
    let tag_value = HeaderValue::from_str(&tag).map_err(|_| Answer::not_found("no name of a chunk"))?;
    if asked.is_some_and(|asked| asked.split(',').any(|one| one.trim() == tag)) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag_value)]).into_response());
    }
    let kind = HeaderValue::from_static("application/octet-stream");
    Ok(([(header::ETAG, tag_value), (header::CONTENT_TYPE, kind)], bytes).into_response())
}

fn own(device: &Device, feed: &str) -> Result<(), Answer> {
    if feed == device.store.id {
        return Ok(());
    }
    Err(Answer::new(StatusCode::FORBIDDEN, "not_found", "a till follows the feed of its own store only"))
}
