//! Who asks: the till that has signed, or the merchant's program of the key, unless the chain has barred it.

use axum::extract::FromRequestParts;
use axum::http::{StatusCode, header, request::Parts};

use super::State;
use super::problem::Answer;
use super::signed::Epoch;
use crate::store::{self, Device, Scope};

/// A till that may ask. Only behind [`super::signed::tills`] is there one.
pub(super) struct Till(pub(super) Device);

impl FromRequestParts<State> for Till {
    type Rejection = Answer;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Till, Answer> {
        parts.extensions.get().cloned().map(Till).ok_or_else(|| {
            tracing::error!(path = parts.uri.path(), "an endpoint for tills stands where nobody is let in");
            Answer::internal()
        })
    }
}

/// A till that may have something counted: its journal is the one that is held here.
pub(super) struct Acting(pub(super) Device);

impl FromRequestParts<State> for Acting {
    type Rejection = Answer;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Acting, Answer> {
        let Till(device) = Till::from_request_parts(parts, state).await?;
        let epoch = parts.extensions.get::<Epoch>().map(|Epoch(epoch)| *epoch);
        if epoch == Some(device.epoch) {
            return Ok(Acting(device));
        }
        let message = "this till's journal goes on in another epoch: an older one may not redeem";
        Err(Answer::new(StatusCode::FORBIDDEN, "quarantined", message))
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
