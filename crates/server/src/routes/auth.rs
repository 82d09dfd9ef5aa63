//! Who asks: the till of the token, or the merchant's program of the key, unless the chain has barred it.

use axum::extract::FromRequestParts;
use axum::http::{StatusCode, header, request::Parts};

use super::State;
use super::problem::Answer;
use crate::store::{self, Device, Scope};

/// A till that may ask.
pub(super) struct Till(pub(super) Device);

impl FromRequestParts<State> for Till {
    type Rejection = Answer;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Till, Answer> {
        let bad = || Answer::new(StatusCode::UNAUTHORIZED, "bad_token", "no till has this token");
        let token = shown(parts).ok_or_else(bad)?;
        let device = state.store.device_of_token(token).await?.ok_or_else(bad)?;
        if device.revoked {
            return Err(Answer::new(StatusCode::FORBIDDEN, "revoked", "the chain has barred this till"));
        }
        Ok(Till(device))
    }
}

/// A merchant's program that may ask, each for what its key was made for.
pub(super) struct Merchant(store::Merchant);

impl Merchant {
    /// Whether its key was made for that.
    pub(super) fn may(&self, scope: Scope) -> Result<(), Answer> {
        if self.0.scopes.contains(&scope) {
            return Ok(());
        }
        let message = format!("the key of {} was not made for {}", self.0.name, scope.name());
        Err(Answer::new(StatusCode::FORBIDDEN, "out_of_scope", message))
    }
}

impl FromRequestParts<State> for Merchant {
    type Rejection = Answer;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Merchant, Answer> {
        let bad = || Answer::new(StatusCode::UNAUTHORIZED, "bad_token", "no merchant has this key");
        let key = shown(parts).ok_or_else(bad)?;
        let merchant = state.store.merchant_of_key(key).await?.ok_or_else(bad)?;
        if merchant.revoked {
            return Err(Answer::new(StatusCode::FORBIDDEN, "revoked", "this key was taken back"));
        }
        Ok(Merchant(merchant))
    }
}

/// The token or key that was shown.
fn shown(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    // The scheme's case means nothing (RFC 9110, 11.1).
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}
