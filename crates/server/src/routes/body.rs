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
    if holds_nul(bytes) {
        return Err(Answer::bad_request("no text may hold U+0000"));
    }
    // The error names a place in the text, never the text: it may hold a code.
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Answer::bad_request(format!(
            "the body is not what this endpoint takes (line {line}, column {column})"
        ))
    })
}

/// Whether a text in that JSON holds U+0000, which can stand there only as an escape. Not every database could hold it.
fn holds_nul(json: &[u8]) -> bool {
    let mut rest = json;
    while let Some(place) = rest.iter().position(|byte| *byte == b'\\') {
        let escape = &rest[place + 1..];
        if escape.starts_with(b"u0000") {
            return true;
        }
        rest = escape.get(1..).unwrap_or_default();
    }
    false
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_escaped_nul_is_one() {
        assert!(holds_nul(br#"{"clerk": "a\u0000"}"#), "an escape");
        assert!(holds_nul(br#"["\n\\\u0000"]"#), "behind others");
        assert!(!holds_nul(br#"["\\u0000", "u0000"]"#), "a backslash and five characters");
        assert!(!holds_nul(br#"["\"#), "nor half of one");
    }
}
