//! `POST /v1/enrolments`: joins a till to a store with a one-time code that both know and neither sends.

use axum::Json;
use axum::extract::{self, Request};
use axum::http::StatusCode;
use model::signed::token::PublicKey;
use wire::api::{Enrol, Enrolled};
use wire::codes::unhex;

use super::State;
use super::body;
use super::problem::Answer;
use super::signed::Arrived;
use crate::keys::KeysError;
use crate::store::{EnrolmentRefused, Joining};

/// The longest name that a till may give itself (characters).
const NAME_LENGTH_MAX: usize = 40;

/// Neither time nor nonce is looked at: a till that is not enrolled yet has nobody to ask for the time, and the same
/// request again gets the same answer, as long as its code is good.
pub(super) async fn enrol(
    extract::State(state): extract::State<State>,
    request: Request,
) -> Result<Json<Enrolled>, Answer> {
    let arrived = Arrived::read(request).await?;
    let enrol: Enrol = body::read(&arrived.body)?;
    let key = unhex(&enrol.key).and_then(|key| PublicKey::from_bytes(&key));
    let key =
        key.ok_or_else(|| Answer::bad_request("key: not an Ed25519 public key in hexadecimal digits"))?;
    arrived.signed_by(key)?;
    let (Some(code), Some(proof)) = (unhex(&enrol.code), unhex(&enrol.proof)) else {
        return Err(Answer::bad_request("code, proof: each has 64 hexadecimal digits"));
    };
    if enrol.till.chars().count() > NAME_LENGTH_MAX {
        return Err(Answer::bad_request(format!("a till's name has at most {NAME_LENGTH_MAX} characters")));
    }
    let answers = state.answer_key().await.map_err(no_answer_key)?.public();
    let joining = Joining { code, key, proof, till: &enrol.till, answers };
    let enrolled = state.store.enrol(&joining).await?.map_err(refused)?;
    tracing::info!(device = enrolled.device, store = enrolled.store.id, "a till was enrolled");
    Ok(Json(enrolled))
}

fn refused(why: EnrolmentRefused) -> Answer {
    let (status, error, message) = match why {
        EnrolmentRefused::Unknown => {
            (StatusCode::FORBIDDEN, "code_unknown", "no enrolment code of this chain")
        }
        EnrolmentRefused::UsedUp => {
            (StatusCode::GONE, "code_used_up", "this enrolment code has enrolled a till")
        }
        EnrolmentRefused::Expired => {
            (StatusCode::GONE, "code_expired", "this enrolment code is too old: make a new one")
        }
        EnrolmentRefused::KeyInUse => {
            (StatusCode::CONFLICT, "key_in_use", "another till of this chain has this key")
        }
    };
    Answer::new(status, error, message)
}

fn no_answer_key(error: KeysError) -> Answer {
    tracing::error!(%error, "nobody can be enrolled");
    Answer::internal()
}
