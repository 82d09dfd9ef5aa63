//! An entitlement as the server tells it.

use serde::{Deserialize, Serialize};

/// See [`model::entitlement::Entitlement`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entitlement {
    /// Its name at the backend.
    pub id: String,
    /// Grows with every change.
    pub version: u64,
    /// In the merchant's words.
    pub title: String,
    /// Which of the four kinds.
    #[serde(flatten)]
    pub kind: Kind,
    /// Its goods or uses.
    pub lines: Vec<Line>,
    /// "good", "refunded", "refund_pending", "cancelled", "frozen".
    pub standing: Standing,
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
    /// What it is worth (fen).
    #[serde(default)]
    pub value: i64,
    /// Whose it is, masked.
    #[serde(default)]
    pub holder: String,
    /// The last four characters of its code.
    pub code_tail: String,
    /// Conditions and notes, one sentence each.
    #[serde(default)]
    pub notes: Vec<String>,
    /// What was counted against it.
    #[serde(default)]
    pub uses: Vec<Use>,
    /// The membership it belongs to, by entitlement id, so that a member card can list it.
    #[serde(default)]
    pub member: Option<String>,
}

/// The four kinds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// Goods to be picked up.
    Order,
    /// So many fen off.
    AmountOff {
        /// Amount (fen).
        fen: i64,
    },
    /// So many percent off.
    PercentOff {
        /// Percent, 1 to 99.
        percent: u8,
    },
    /// Goods in exchange.
    Exchange {
        /// The goods.
        goods: String,
    },
    /// A number of uses.
    TimesCard,
    /// A membership.
    Member {
        /// Tier.
        tier: String,
        /// Points.
        points: i64,
        /// Stored value (fen).
        balance: i64,
    },
}

/// Whether it stands at the merchant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It may be used.
    Good,
    /// The money went back.
    Refunded,
    /// A refund is being looked at.
    RefundPending,
    /// Cancelled.
    Cancelled,
    /// Lost or blocked.
    Frozen,
}

/// A store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    /// Its id.
    pub id: String,
    /// The name a clerk reads.
    pub name: String,
}

/// A line of goods or uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Article number.
    pub sku: String,
    /// Name.
    pub name: String,
    /// Size, colour, temperature.
    #[serde(default)]
    pub variant: String,
    /// Where it stands.
    #[serde(default)]
    pub shelf: String,
    /// How many in all.
    pub quantity: u32,
}

/// So many of one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Take {
    /// Article number.
    pub sku: String,
    /// How many.
    pub quantity: u32,
}

/// A redemption that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// Its number, 32 hexadecimal digits.
    pub number: String,
    /// What was taken.
    pub takes: Vec<Take>,
    /// When, where, by whom.
    #[serde(flatten)]
    pub done: Circumstance,
}

/// When, where, by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circumstance {
    /// By the till's clock (ms since 1970).
    pub at: i64,
    /// The till's id.
    pub device: String,
    /// The till's name.
    pub till: String,
    /// The store's name.
    pub store: String,
    /// The clerk's name.
    pub clerk: String,
}
