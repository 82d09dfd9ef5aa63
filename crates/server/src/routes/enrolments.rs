//! `POST /v1/enrolments`: joins a till to a store with a one-time code.

use axum::Json;
use axum::extract;
use axum::http::StatusCode;
use model::code::{Code, CodeKind};
use wire::api::{Enrol, Enrolled};

use super::State;
use super::body::Body;
use super::problem::Answer;
use crate::store::EnrolmentRefused;

/// The longest name that a till may give itself (characters).
const NAME_LENGTH_MAX: usize = 40;

pub(super) async fn enrol(
    extract::State(state): extract::State<State>,
    Body(enrol): Body<Enrol>,
) -> Result<Json<Enrolled>, Answer> {
    let unknown = || Answer::new(StatusCode::FORBIDDEN, "code_unknown", "no enrolment code of this chain");
    let code = Code::read(&enrol.code).map_err(|_| unknown())?;
    if code.kind() != CodeKind::Enrolment {
        return Err(unknown());
    }
    if enrol.till.chars().count() > NAME_LENGTH_MAX {
        return Err(Answer::bad_request(format!("a till's name has at most {NAME_LENGTH_MAX} characters")));
    }
    let enrolled = state.store.enrol(&code, &enrol.till).await?.map_err(|refused| match refused {
        EnrolmentRefused::Unknown => unknown(),
        EnrolmentRefused::UsedUp => {
            Answer::new(StatusCode::GONE, "code_used_up", "this enrolment code has enrolled a till")
        }
        EnrolmentRefused::Expired => {
            Answer::new(StatusCode::GONE, "code_expired", "this enrolment code is too old: make a new one")
        }
    })?;
    tracing::info!(device = enrolled.device, store = enrolled.store.id, "a till was enrolled");
    Ok(Json(enrolled))
}
