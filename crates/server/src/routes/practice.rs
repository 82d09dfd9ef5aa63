//! `GET /v1/practice`: the codes of a demo chain for the till's store, each with its picture.

use axum::Json;
use axum::extract;
use wire::api::Practice;

use super::State;
use super::auth::Till;
use super::problem::Answer;
use crate::sheet;

pub(super) async fn practice(
    extract::State(state): extract::State<State>,
    Till(device): Till,
) -> Result<Json<Vec<Practice>>, Answer> {
    let codes = state.store.practice(&device.store.id).await?;
    let practice = codes
        .into_iter()
        .map(|code| {
            let svg = sheet::svg(&code.code).map_err(|error| {
                tracing::error!(%error, "a practice code cannot be drawn");
                Answer::internal()
            })?;
            Ok(Practice {
                text: code.code,
                svg,
                group: code.group,
                caption: code.caption,
                expect: code.expect,
            })
        })
        .collect::<Result<Vec<_>, Answer>>()?;
    Ok(Json(practice))
}
