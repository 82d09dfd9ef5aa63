//! What a customer bought or won: a pick-up order, a coupon, a times card, a membership.
//!
//! All four are *lines* of goods or uses with a quantity: an order has one per article, a coupon has one with
//! quantity 1, a times card has one with as many as it has uses, a membership has none. What has been taken is never
//! a counter but the set of [`Use`]s, so that the server's uses and the till's own can be united by number without
//! counting one twice.

use crate::place::{Circumstance, StoreId};
use crate::redemption::{Number, Take};
use crate::time::Window;

/// The entitlement's name at the backend: opaque, not a secret, opens nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntitlementId(pub String);

/// An amount of money in fen (1/100 yuan).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fen(pub i64);

/// The four kinds that a code can open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Paid goods waiting to be picked up.
    Order,
    /// A benefit for one use.
    Coupon(Benefit),
    /// A number of uses of the same goods.
    TimesCard,
    /// A customer's membership.
    Member(Membership),
}

/// What a coupon gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Benefit {
    /// So much off the bill.
    AmountOff(Fen),
    /// So many percent off the bill, 1 to 99: 15 is 8.5 折.
    PercentOff(u8),
    /// Goods in exchange for the coupon.
    Exchange {
        /// The goods, as the merchant calls them.
        goods: String,
    },
}

/// A membership as the till may know it: no telephone number, no full name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The tier's name, as the merchant calls it.
    pub tier: String,
    /// Points, when last heard of.
    pub points: i64,
    /// Stored value, when last heard of. It is shown; this program does not spend it.
    pub balance: Fen,
}

/// Whether the entitlement still stands at the merchant, whatever was used of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may be used.
    Good,
    /// The money went back to the customer.
    Refunded,
    /// A refund is being looked at.
    RefundPending,
    /// The merchant or the customer cancelled it.
    Cancelled,
    /// A lost or blocked card.
    Frozen,
}

/// At which stores it may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stores {
    /// At every store of the chain.
    Any,
    /// At these only, with the name a clerk reads.
    Only(Vec<(StoreId, String)>),
}

impl Stores {
    /// Whether `store` is among them.
    pub fn allow(&self, store: &StoreId) -> bool {
        match self {
            Stores::Any => true,
            Stores::Only(stores) => stores.iter().any(|(id, _)| id == store),
        }
    }
}

/// Goods or uses of one kind within an entitlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Article number; unique within the entitlement.
    pub sku: String,
    /// What it is, as the merchant calls it.
    pub name: String,
    /// Size, colour, temperature …; may be empty.
    pub variant: String,
    /// Where it stands in the store; may be empty.
    pub shelf: String,
    /// How many there are in all.
    pub quantity: u32,
}

/// One redemption that counts (or, at the till, is meant to count) against an entitlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The redemption's number.
    pub number: Number,
    /// What was taken.
    pub takes: Vec<Take>,
    /// When, where, by whom.
    pub done: Circumstance,
}

/// Everything a till needs to know of one entitlement, as the backend tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entitlement {
    /// Its name at the backend.
    pub id: EntitlementId,
    /// Grows with every change at the backend.
    pub version: u64,
    /// What it is, in the merchant's words: "满100减20券".
    pub title: String,
    /// Which of the four it is.
    pub kind: Kind,
    /// Its goods or uses.
    pub lines: Vec<Line>,
    /// Whether it still stands.
    pub standing: Standing,
    /// When it may be used.
    pub window: Window,
    /// Where it may be used.
    pub stores: Stores,
    /// The bill it needs, 0 for none. The till cannot see the bill: the clerk is asked to look.
    pub spend_min: Fen,
    /// What it is worth, for the figure at risk.
    pub value: Fen,
    /// Whose it is, masked at the backend ("王*").
    pub holder: String,
    /// The last four characters of its code.
    pub code_tail: String,
    /// The merchant's conditions or the customer's note, one sentence each.
    pub notes: Vec<String>,
    /// What the backend has counted against it.
    pub uses: Vec<Use>,
    /// The membership that it belongs to.
    pub member: Option<EntitlementId>,
}

impl Entitlement {
    /// The line of that article, if it has one.
    pub fn line(&self, sku: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.sku == sku)
    }
}
