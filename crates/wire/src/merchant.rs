//! What a merchant's own program asks for: to issue under a number of its own, to look, and to take back.
//!
//! Every request carries a merchant's key (`Authorization: Bearer cfm_…`), which may do what it was made for. The
//! `reference` in the path is the merchant's number: 1 to 64 visible ASCII characters. What was issued under it is
//! issued once: the same request again gets the same answer, another one is refused.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::entitlement::{Kind, Line, Standing, Use};

/// Asks to issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// Which of the four kinds.
    #[serde(flatten)]
    pub kind: Kind,
    /// In the merchant's words.
    pub title: String,
    /// Its goods or uses: at least one for an order, one for a card, none for a membership. A coupon has one with
    /// the quantity 1, which may be left out.
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
    /// What it is worth (fen).
    #[serde(default)]
    pub value: i64,
    /// Whose it is, masked.
    #[serde(default)]
    pub holder: String,
    /// Conditions and notes, one sentence each.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The membership it belongs to, by its reference or id.
    #[serde(default)]
    pub member: Option<String>,
    /// What the customer will show.
    pub code: CodeWanted,
}

impl Issue {
    /// Every field that a request may have, those of the kinds included. Another one is a slip of the pen and refused.
    pub const FIELDS: [&str; 18] = [
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
        "holder",
        "notes",
        "member",
        "code",
    ];
}

/// Every field that a line may have.
pub const LINE_FIELDS: [&str; 5] = ["sku", "name", "variant", "shelf", "quantity"];

/// What the customer will show.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "form", rename_all = "snake_case", deny_unknown_fields)]
pub enum CodeWanted {
    /// A code of the backend's own, made by it.
    Own,
    /// A code that the merchant's mall has made.
    Opaque {
        /// The profile that describes it.
        profile: String,
        /// The code.
        code: String,
        /// The order without which the code means nothing, if the profile has such codes.
        #[serde(default)]
        order: String,
    },
    /// A signed code of a campaign.
    Signed {
        /// The campaign.
        campaign: u16,
    },
    /// A signed code that changes every 30 seconds.
    Rotating {
        /// The campaign.
        campaign: u16,
    },
}

impl CodeWanted {
    /// Every field that a code of that form may have.
    pub fn fields(form: &str) -> &'static [&'static str] {
        match form {
            "own" => &["form"],
            "signed" | "rotating" => &["form", "campaign"],
            _ => &["form", "profile", "code", "order"],
        }
    }
}

/// A mall's code may have the shape of a payment code, so that no log shows it.
impl fmt::Debug for CodeWanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CodeWanted::Own => write!(f, "Own"),
            CodeWanted::Opaque { profile, .. } => write!(f, "Opaque({profile})"),
            CodeWanted::Signed { campaign } => write!(f, "Signed({campaign})"),
            CodeWanted::Rotating { campaign } => write!(f, "Rotating({campaign})"),
        }
    }
}

/// It is issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    /// Its name at the backend.
    pub id: String,
    /// The merchant's number.
    pub reference: String,
    /// Grows with every change.
    pub version: u64,
    /// What the customer shows.
    pub code: IssuedCode,
}

/// What the customer shows. It opens the entitlement: a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedCode {
    /// "own", "opaque", "signed" or "rotating".
    pub form: String,
    /// The code. Of a mall's code, the code as the profile reads it; empty if it has the shape of a payment code, which
    /// is not kept.
    pub text: String,
    /// Its last four characters, or of a signed code the last four digits of its serial: what a clerk asks for. Empty
    /// if it has the shape of a payment code.
    #[serde(default)]
    pub code_tail: String,
}

impl fmt::Debug for IssuedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IssuedCode({})", self.form)
    }
}

/// What a phone needs to show a rotating code until `expires_at`. Whoever has it can show the code: a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Which code.
    pub serial: CardSerial,
    /// The last four digits of its serial, to be shown below the code.
    #[serde(default)]
    pub code_tail: String,
    /// When the first step begins (ms since 1970, whole seconds).
    pub issued_at: i64,
    /// When the card ends (ms since 1970, whole seconds).
    pub expires_at: i64,
    /// The server's clock (ms since 1970), by which a phone sets its own right.
    pub now: i64,
    /// How long each text is shown (seconds).
    pub step_seconds: u32,
    /// How many steps there are.
    pub steps: u32,
    /// The last link of the chain, in base64: 16 bytes.
    pub seed: String,
    /// The token's bytes before the step's number and link, in base64.
    pub head: String,
    /// The token's bytes behind them, in base64.
    pub tail: String,
    /// What stands before the token in base45.
    pub prefix: String,
    /// What stands behind it.
    pub sentinel: String,
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Card({:?})", self.serial)
    }
}

/// The unique name of a signed code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardSerial {
    /// The campaign.
    pub campaign: u16,
    /// The number within the campaign, from 0.
    pub number: u32,
}

/// How it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Its name at the backend.
    pub id: String,
    /// The merchant's number.
    pub reference: String,
    /// Grows with every change.
    pub version: u64,
    /// Whether it may be used at all.
    pub standing: Standing,
    /// Each line, with what is left of it.
    pub left: Vec<Left>,
    /// What was counted against it.
    pub uses: Vec<Use>,
}

/// What is left of one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// Article number.
    pub sku: String,
    /// How many in all.
    pub quantity: u32,
    /// How many are left.
    pub left: u32,
}
