//! `GET /healthz`: the process runs. `GET /readyz`: the database answers, too, and whether it was ever set back.

use axum::extract;
use axum::http::StatusCode;

use super::State;
use super::problem::Answer;

pub(super) async fn process() -> &'static str {
    "ok\n"
}

pub(super) async fn database(extract::State(state): extract::State<State>) -> Result<String, Answer> {
    let silent = || Answer::new(StatusCode::SERVICE_UNAVAILABLE, "internal", "the database does not answer");
    if !state.store.answers().await {
        return Err(silent());
    }
    let set_backs = state.store.set_backs().await.map_err(|error| {
        tracing::error!(%error, "the database does not answer");
        silent()
    })?;
    Ok(match set_backs.first() {
        None => "ok\n".to_owned(),
        // Ready all the same; but whoever watches the server shall see it.
        Some(last) => {
            format!("ok\nset back to an older state, noticed at {} ms; epoch {}\n", last.at, last.epoch)
        }
    })
}
