//! `/v1/campaigns`: what all signed codes of one issue have in common, as merchants' programs say it.

use axum::Json;
use axum::extract::{self, Path};
use axum::http::StatusCode;
use serde_json::Value;
use wire::campaign::{Put, State as CampaignState};

use super::State;
use super::auth::Merchant;
use super::body::Body;
use super::problem::Answer;
use crate::asked;
use crate::store::{CampaignRefused, Scope};

pub(super) async fn list(
    extract::State(state): extract::State<State>,
    merchant: Merchant,
) -> Result<Json<Vec<CampaignState>>, Answer> {
    merchant.may(Scope::Read)?;
    Ok(Json(state.store.campaigns().await?))
}

pub(super) async fn put(
    extract::State(state): extract::State<State>,
    merchant: Merchant,
    Path(number): Path<String>,
    Body(body): Body<Value>,
) -> Result<Json<CampaignState>, Answer> {
    merchant.may(Scope::Issue)?;
    asked::known_campaign_fields(&body)?;
    // What serde says names the field; it goes back to whoever sent the body, and into no log.
    let put: Put = serde_json::from_value(body).map_err(|error| Answer::bad_request(error.to_string()))?;
    let number = number
        .parse::<u16>()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| Answer::invalid("campaign", "its number is from 1 to 65535"))?;
    let new = asked::campaign(&state.store, Some(number), &put).await?;
    match state.store.put_campaign(&new).await? {
        Ok(row) => Ok(Json(row)),
        Err(refused @ CampaignRefused::CodesAreOut(_)) => {
            Err(Answer::new(StatusCode::CONFLICT, "exists_with_other_content", refused.to_string()))
        }
        Err(refused @ CampaignRefused::NotComplete) => Err(Answer::invalid("complete", &refused.to_string())),
        Err(refused @ CampaignRefused::NoneFree) => Err(Answer::invalid("campaign", &refused.to_string())),
    }
}
