//! Campaigns: what all codes of one issue have in common, so that a signed code alone says what it is for.

use serde::{Deserialize, Serialize};

use crate::entitlement::{Kind, Line, Store};

/// What the codes of one campaign stand for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaign {
    /// Its number, as it stands in each signed code.
    pub campaign: u16,
    /// In the merchant's words.
    pub title: String,
    /// Which of the four kinds.
    #[serde(flatten)]
    pub kind: Kind,
    /// Goods or uses; none where each code has its own (orders).
    pub lines: Vec<Line>,
    /// First moment of validity (ms since 1970).
    #[serde(default)]
    pub valid_from: Option<i64>,
    /// Last moment of validity (ms since 1970).
    #[serde(default)]
    pub valid_until: Option<i64>,
    /// The stores it is for; nothing for every store of the chain.
    #[serde(default)]
    pub stores: Option<Vec<Store>>,
    /// The bill it needs (fen).
    #[serde(default)]
    pub spend_min: i64,
    /// Conditions and notes, one sentence each.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Whether a code of it says everything about what it stands for. If not, each one is told in the feed.
    pub complete: bool,
}

/// What a merchant's program says of a campaign, `PUT /v1/campaigns/{number}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Put {
    /// In the merchant's words.
    pub title: String,
    /// Which of the four kinds.
    #[serde(flatten)]
    pub kind: Kind,
    /// Goods or uses; none where each code has its own (orders). A coupon has one with the quantity 1, which may be
    /// left out.
    #[serde(default)]
    pub lines: Vec<Line>,
    /// First moment of validity (ms since 1970).
    #[serde(default)]
    pub valid_from: Option<i64>,
    /// Last moment of validity (ms since 1970).
    #[serde(default)]
    pub valid_until: Option<i64>,
    /// The stores it is for, each by its id or name; nothing for every store of the chain.
    #[serde(default)]
    pub stores: Option<Vec<String>>,
    /// The bill it needs (fen).
    #[serde(default)]
    pub spend_min: i64,
    /// What one code is worth (fen).
    #[serde(default)]
    pub value: i64,
    /// Conditions and notes, one sentence each.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Whether a code says everything about what it stands for: only coupons for one use.
    #[serde(default)]
    pub complete: bool,
}

impl Put {
    /// Every field that a campaign may have, those of the kinds included.
    pub const FIELDS: [&str; 16] = [
        "kind",
        "fen",
        "percent",
        "goods",
        "tier",
        "points",
        "balance",
        "title",
        "lines",
        "valid_from",
        "valid_until",
        "stores",
        "spend_min",
        "value",
        "notes",
        "complete",
    ];
}

/// A campaign as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// What tills are told of it.
    #[serde(flatten)]
    pub campaign: Campaign,
    /// What one code is worth (fen).
    pub value: i64,
    /// How many codes it has.
    pub issued: u64,
}
