//! `GET /v1/feeds/{feed}?after=&wait=&setup=&status=&cases=&epoch=&receipt=`: what changed at the till's own store, at once or as soon as something does.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{self, Path, Query};
use axum::http::StatusCode;
use serde::Deserialize;
use wire::api::Page;

use super::State;
use super::auth::Till;
use super::problem::Answer;
use crate::store::Device;

/// The longest that a poll waits (seconds).
const WAIT_SECONDS_MAX: u64 = 30;
/// How often a poll looks for what another process (the command line) has changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
pub(super) struct From {
    #[serde(default)]
    after: u64,
    #[serde(default)]
    wait: u64,
    /// The version of the setup that the till has; nothing if it does not say.
    setup: Option<u64>,
    /// The number of the status list that the till has; nothing if it does not say.
    status: Option<u64>,
    /// The number of the cases that the till has; nothing if it does not say.
    cases: Option<u64>,
    /// The epoch of the till's feed; nothing if it does not say.
    epoch: Option<String>,
    /// What the till was last told, in the server's own words; nothing before the first page.
    receipt: Option<String>,
}

pub(super) async fn page(
    extract::State(state): extract::State<State>,
    Till(device): Till,
    Path(feed): Path<String>,
    query: Result<Query<From>, QueryRejection>,
) -> Result<Json<Page>, Answer> {
    let Query(from) = query.map_err(|rejection| Answer::bad_request(rejection.body_text()))?;
    if feed != device.store.id {
        return Err(Answer::new(
            StatusCode::FORBIDDEN,
            "not_found",
            "a till follows the feed of its own store only",
        ));
    }
    state.store.note_contact(&device).await?;
    let anew = match &from.receipt {
        Some(receipt) => state.store.heed_receipt(&device, receipt).await?,
        None => false,
    };
    if from.wait > 0 && !anew {
        wait_for_news(&state, &device, &from).await?;
    }
    Ok(Json(state.store.page(&device, from.after).await?))
}

/// Ends when epoch, feed, setup, status list or cases are not what the till has, when the time is over, or when the
/// server stops.
async fn wait_for_news(state: &State, device: &Device, from: &From) -> Result<(), Answer> {
    let wait = Duration::from_secs(from.wait.min(WAIT_SECONDS_MAX));
    let deadline = tokio::time::Instant::now() + wait;
    let mut changes = state.store.changes();
    let mut stopped = std::pin::pin!(state.stopped());
    let before = state.store.feed_position(device).await?;
    let (setup, status) = (from.setup.unwrap_or(before.setup), from.status.unwrap_or(before.status));
    let cases = from.cases.unwrap_or(before.cases);
    let epoch = from.epoch.as_ref().filter(|epoch| !epoch.is_empty()).unwrap_or(&before.epoch);
    loop {
        changes.borrow_and_update();
        let now = state.store.feed_position(device).await?;
        let here = (now.seq, now.setup, now.status, now.cases, &now.epoch);
        if here != (from.after, setup, status, cases, epoch) {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep_until(deadline) => return Ok(()),
            () = &mut stopped => return Ok(()),
            _ = tokio::time::timeout(LOOK_EVERY, changes.changed()) => {}
        }
    }
}
