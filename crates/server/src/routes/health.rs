//! `GET /healthz`: the process runs. `GET /readyz`: the database answers, too.

use axum::extract;
use axum::http::StatusCode;

use super::State;
use super::problem::Answer;

pub(super) async fn process() -> &'static str {
    "ok\n"
}

pub(super) async fn database(extract::State(state): extract::State<State>) -> Result<&'static str, Answer> {
    if state.store.answers().await {
        Ok("ok\n")
    } else {
        Err(Answer::new(StatusCode::SERVICE_UNAVAILABLE, "internal", "the database does not answer"))
    }
}
