//! `GET /v1/entitlements/{reference}/code`: the code that was issued, as a text or as a picture.

use axum::extract::rejection::QueryRejection;
use axum::extract::{self, Query};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::State;
use super::auth::Merchant;
use super::entitlements::{Reference, find};
use super::problem::Answer;
use crate::picture::{Form, Level, Picture, text_of};
use crate::store::Scope;

/// Dots per inch of a PNG if nobody says.
const DPI: u32 = 300;

#[derive(Deserialize)]
pub(super) struct Asked {
    form: Option<String>,
    #[serde(rename = "as")]
    kind: Option<String>,
    size_mm: Option<f64>,
    dpi: Option<u32>,
    level: Option<String>,
}

pub(super) async fn code(
    extract::State(state): extract::State<State>,
    merchant: Merchant,
    Reference(reference): Reference,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Answer> {
    merchant.may(Scope::Issue)?;
    let Query(asked) = query.map_err(|rejection| Answer::bad_request(rejection.body_text()))?;
    let form: Form = asked
        .form
        .as_deref()
        .unwrap_or("text")
        .parse()
        .map_err(|said: String| Answer::invalid("form", &said))?;
    let level: Level = asked
        .level
        .as_deref()
        .unwrap_or("auto")
        .parse()
        .map_err(|said: String| Answer::invalid("level", &said))?;
    let held = find(&state, &reference).await?;
    let text = text_of(&held.code, form)
        .map_err(|why| Answer::new(StatusCode::CONFLICT, "not_offered", why.to_string()))?;
    let not_drawn = |why: crate::picture::NotDrawn| {
        Answer::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", why.to_string())
    };
    let kind = asked.kind.as_deref().unwrap_or("text");
    if kind == "text" {
        return Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response());
    }
    let picture = Picture::of(&text, level, asked.size_mm).map_err(not_drawn)?;
    match kind {
        "svg" => Ok(([(header::CONTENT_TYPE, "image/svg+xml")], picture.svg()).into_response()),
        "png" => {
            let png = picture.png(asked.dpi.unwrap_or(DPI)).map_err(not_drawn)?;
            Ok(([(header::CONTENT_TYPE, "image/png")], png).into_response())
        }
        _ => Err(Answer::invalid("as", "it is text, svg or png")),
    }
}
