//! Who asks: the till of the token, unless the chain has barred it.

use axum::extract::FromRequestParts;
use axum::http::{StatusCode, header, request::Parts};

use super::State;
use super::problem::Answer;
use crate::store::Device;

/// A till that may ask.
pub(super) struct Till(pub(super) Device);

impl FromRequestParts<State> for Till {
    type Rejection = Answer;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Till, Answer> {
        let bad = || Answer::new(StatusCode::UNAUTHORIZED, "bad_token", "no till has this token");
        let token = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or_else(bad)?;
        let device = state.store.device_of_token(token.trim()).await?.ok_or_else(bad)?;
        if device.revoked {
            return Err(Answer::new(StatusCode::FORBIDDEN, "revoked", "the chain has barred this till"));
        }
        Ok(Till(device))
    }
}
