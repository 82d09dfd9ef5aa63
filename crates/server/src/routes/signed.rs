//! Tills' requests are signed, and what they are answered is signed too (see [`wire::signature`]).
//!
//! [`answers`] signs every answer to a request that bears the fields of a signature, whether it was good or not:
//! the signature of the answer covers those very fields, so that it can be shown to nobody else. [`tills`] lets only
//! what a till of this chain has signed pass to an endpoint.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State as Shared};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use model::signed::token::PublicKey;
use wire::signature::{
    Answered, Asked, Claim, DIGEST_HEADER, Digest, EPOCH_HEADER, Fields, INPUT_HEADER, SIGNATURE_HEADER,
};

use super::problem::Answer;
use super::{BODY_LENGTH_MAX, State};
use crate::nonces::NotNew;
use crate::store::Device;

/// Which epoch of its journal the till believes to be in.
#[derive(Clone, Copy)]
pub(super) struct Epoch(pub(super) u64);

/// A request with its whole body, and what it says of its signature.
pub(super) struct Arrived {
    parts: Parts,
    pub(super) body: Bytes,
    asked: Asked,
    claim: Claim,
}

impl Arrived {
    /// Reads it; the body must be the one whose digest is signed.
    pub(super) async fn read(request: Request) -> Result<Arrived, Answer> {
        let (parts, body) = request.into_parts();
        let fields = fields(&parts.headers).ok_or_else(|| bad_signature("the request is not signed"))?;
        let claim = Claim::parse(&fields)
            .map_err(|_| bad_signature("Signature-Input and Signature are not as tills write them"))?;
        let asked = asked(&parts)
            .ok_or_else(|| bad_signature("Content-Digest or Counterfoil-Epoch is missing or unreadable"))?;
        let body = to_bytes(body, BODY_LENGTH_MAX).await.map_err(|_| {
            let message = format!("the body did not arrive whole, or is longer than {BODY_LENGTH_MAX} bytes");
            Answer::new(StatusCode::PAYLOAD_TOO_LARGE, "bad_request", message)
        })?;
        if Digest::of(&body) != asked.digest {
            let message = "the body is not the one that Content-Digest names: it was changed on its way";
            return Err(Answer::new(StatusCode::BAD_REQUEST, "bad_digest", message));
        }
        Ok(Arrived { parts, body, asked, claim })
    }

    /// That `key` has signed it.
    pub(super) fn signed_by(&self, key: PublicKey) -> Result<(), Answer> {
        if self.claim.is_of(key, &self.asked) {
            Ok(())
        } else {
            Err(bad_signature("the signature is not that of this request by this key"))
        }
    }
}

/// Lets pass what a till of this chain has signed just now, for the first time.
pub(super) async fn tills(Shared(state): Shared<State>, request: Request, next: Next) -> Response {
    match admit(&state, request).await {
        Ok(request) => next.run(request).await,
        Err(answer) => answer.into_response(),
    }
}

async fn admit(state: &State, request: Request) -> Result<Request, Answer> {
    let arrived = Arrived::read(request).await?;
    let claim = &arrived.claim;
    let device = state.store.device_of_key(claim.key).await?;
    let (device, key) = device.ok_or_else(|| {
        Answer::new(StatusCode::UNAUTHORIZED, "unknown_key", "no till of this chain has this key")
    })?;
    arrived.signed_by(key)?;
    let now = seconds(state);
    if !claim.is_timely(now) {
        let message = format!("the request is of {}, and it is {now} (seconds since 1970)", claim.created);
        return Err(Answer::new(StatusCode::UNAUTHORIZED, "clock", message));
    }
    state.remember(claim.key, claim.nonce, now).map_err(|not_new| match not_new {
        NotNew::Replayed => {
            Answer::new(StatusCode::UNAUTHORIZED, "replayed", "this very request was here before")
        }
        NotNew::TooMany => Answer::too_many(),
    })?;
    if device.revoked {
        return Err(Answer::new(StatusCode::FORBIDDEN, "revoked", "the chain has barred this till"));
    }
    let Arrived { mut parts, body, asked, .. } = arrived;
    parts.extensions.insert(Epoch(asked.epoch));
    parts.extensions.insert::<Device>(device);
    Ok(Request::from_parts(parts, Body::from(body)))
}

/// Signs the answer to whatever bears a signature.
pub(super) async fn answers(Shared(state): Shared<State>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let to = asked(&parts).zip(fields(&parts.headers).filter(|fields| Claim::parse(fields).is_ok()));
    let response = next.run(Request::from_parts(parts, body)).await;
    let Some((asked, fields)) = to else { return response };
    match sign(&state, response, &asked, &fields).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, "an answer was not signed");
            Answer::internal().into_response()
        }
    }
}

async fn sign(state: &State, response: Response, to: &Asked, to_fields: &Fields) -> anyhow::Result<Response> {
    let key = state.answer_key().await?;
    let (mut parts, body) = response.into_parts();
    // Every answer of ours lies in memory already.
    let body = to_bytes(body, usize::MAX).await?;
    let digest = Digest::of(&body);
    let answered = Answered { status: parts.status.as_u16(), digest, to, to_fields };
    let signed = answered.sign(key, seconds(state));
    for (name, value) in [
        (DIGEST_HEADER, digest.to_field()),
        (INPUT_HEADER, signed.input),
        (SIGNATURE_HEADER, signed.signature),
    ] {
        parts.headers.insert(name, HeaderValue::try_from(value)?);
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn seconds(state: &State) -> i64 {
    state.store.hands().now().0.div_euclid(1000)
}

fn bad_signature(message: &str) -> Answer {
    Answer::new(StatusCode::UNAUTHORIZED, "bad_signature", message)
}

/// What of a request is signed.
fn asked(parts: &Parts) -> Option<Asked> {
    Some(Asked {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        digest: Digest::parse(only(&parts.headers, DIGEST_HEADER)?).ok()?,
        epoch: only(&parts.headers, EPOCH_HEADER).filter(|text| !text.starts_with('+'))?.parse().ok()?,
    })
}

fn fields(headers: &HeaderMap) -> Option<Fields> {
    let field = |name| only(headers, name).map(str::to_owned);
    Some(Fields { input: field(INPUT_HEADER)?, signature: field(SIGNATURE_HEADER)? })
}

/// The field, if it is there once: of two, one could be signed and the other read.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}
