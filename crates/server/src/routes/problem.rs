//! Refusals of the transport: a [`Problem`] with a 4xx or 5xx status. Faults of our own are logged here, once.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use wire::api::Problem;

use crate::asked::{NotAsked, Wrong};
use crate::store::StoreError;

/// When somebody whom we could not serve may ask again (seconds).
const RETRY_AFTER_SECONDS: &str = "5";

/// Why a request is not answered.
pub(super) struct Answer {
    status: StatusCode,
    problem: Problem,
}

impl Answer {
    pub(super) fn new(status: StatusCode, error: &str, message: impl Into<String>) -> Answer {
        Answer { status, problem: Problem { error: error.to_owned(), message: message.into(), head: None } }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Answer {
        Answer::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// A field of the request is not what it must be.
    pub(super) fn invalid(field: &str, problem: &str) -> Answer {
        Answer::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", format!("{field}: {problem}"))
    }

    pub(super) fn not_found(message: &str) -> Answer {
        Answer::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(super) fn bad_method() -> Answer {
        Answer::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "bad_request",
            "this endpoint is called with another method",
        )
    }

    pub(super) fn internal() -> Answer {
        Answer::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the server has a fault; its log says which",
        )
    }

    pub(super) fn too_slow() -> Answer {
        Answer::new(StatusCode::SERVICE_UNAVAILABLE, "internal", "the server did not finish in time")
    }

    pub(super) fn too_many() -> Answer {
        Answer::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many",
            "this till asks more often than any till has to",
        )
    }

    pub(super) fn with_head(self, head: u64) -> Answer {
        Answer { problem: Problem { head: Some(head), ..self.problem }, ..self }
    }
}

impl From<StoreError> for Answer {
    fn from(error: StoreError) -> Answer {
        tracing::error!(%error, "a request met a fault");
        Answer::internal()
    }
}

impl From<Wrong> for Answer {
    fn from(wrong: Wrong) -> Answer {
        Answer::invalid(&wrong.field, &wrong.problem)
    }
}

impl From<NotAsked> for Answer {
    fn from(why: NotAsked) -> Answer {
        match why {
            NotAsked::Wrong(wrong) => wrong.into(),
            NotAsked::Store(error) => error.into(),
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let answer = (self.status, Json(self.problem));
        match self.status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                ([(header::RETRY_AFTER, RETRY_AFTER_SECONDS)], answer).into_response()
            }
            _ => answer.into_response(),
        }
    }
}
