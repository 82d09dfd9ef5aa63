//! JSON bodies and numbers in paths; what cannot be read is refused as a problem in the contract's form.

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use model::redemption::Number;
use serde::de::DeserializeOwned;

use super::State;
use super::problem::Answer;

/// The body, read as JSON whatever its content type says.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<State> for Body<T> {
    type Rejection = Answer;

    async fn from_request(request: Request, state: &State) -> Result<Body<T>, Answer> {
        let bytes = axum::body::Bytes::from_request(request, state)
            .await
            .map_err(|rejection| Answer::new(rejection.status(), "bad_request", rejection.body_text()))?;
        read(&bytes).map(Body)
    }
}

/// Reads a body as JSON.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Answer> {
    // The error names a place in the text, never the text: it may hold a code.
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Answer::bad_request(format!(
            "the body is not what this endpoint takes (line {line}, column {column})"
        ))
    })
}

/// The redemption number in the path.
pub(super) struct InPath(pub(super) Number);

impl FromRequestParts<State> for InPath {
    type Rejection = Answer;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<InPath, Answer> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Answer::bad_request(rejection.body_text()))?;
        wire::convert::number(&text).map(InPath).map_err(|error| Answer::bad_request(error.to_string()))
    }
}
