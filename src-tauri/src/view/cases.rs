//! What the page draws of the store's cases.

use serde::Serialize;
use ts_rs::TS;

use super::{Basis, Clerk, Taken};

/// The store's cases, and who may decide on them.
#[derive(Clone, Debug, Serialize, TS)]
pub struct Cases {
    /// The managers of the store.
    pub managers: Vec<Clerk>,
    /// Open ones first, among them those in which this till has a part; then the latest.
    pub cases: Vec<Case>,
}

/// A case of the store.
#[derive(Clone, Debug, Serialize, TS)]
pub struct Case {
    /// Its name at the server.
    pub id: String,
    /// What is wrong, as a code ("duplicate", "stale" …).
    pub class: String,
    /// What was found, as a reason code or a code of its own ("ahead", "forged" …).
    pub reason: String,
    /// What it is about, in the merchant's words; may be empty.
    pub title: String,
    /// What is at stake (fen).
    #[ts(type = "number")]
    pub value: i64,
    /// Whether somebody still has to decide.
    pub open: bool,
    /// Whether this till has a part in it.
    pub concerns: bool,
    /// When it was opened.
    #[ts(type = "number")]
    pub opened_at: i64,
    /// Everybody who has a part in it.
    pub sides: Vec<CaseSide>,
    /// What was decided, as the server tells it, in the order in which it came.
    pub decisions: Vec<CaseDecision>,
    /// What was decided at this till.
    pub here: Option<DecidedHere>,
}

/// One side of a case: what one till did.
#[derive(Clone, Debug, Serialize, TS)]
pub struct CaseSide {
    /// Whether that is this till.
    pub mine: bool,
    /// How it stands, as a code ("counted", "not_counted", "taken_back", "noted").
    pub standing: String,
    /// Its number; empty for a record that cannot be read.
    pub number: String,
    /// What was taken, where it has a name.
    pub taken: Vec<Taken>,
    /// When, by the till's clock.
    #[ts(type = "number")]
    pub at: i64,
    /// At which store.
    pub store: String,
    /// At which till.
    pub till: String,
    /// By whom.
    pub clerk: String,
    /// The earliest moment at which it can have happened; nothing if that is not proved.
    #[ts(type = "number | null")]
    pub not_before: Option<i64>,
    /// When the server heard of it; nothing while it has not said so.
    #[ts(type = "number | null")]
    pub received_at: Option<i64>,
    /// On what the till relied, and how old that was then.
    pub basis: Option<Basis>,
    /// Who let it pass, if a manager did.
    pub approved_by: Option<String>,
    /// The record that proves it.
    pub record: Option<CaseRecord>,
}

/// A record that proves a side: anybody can check it who has its bytes.
#[derive(Clone, Debug, Serialize, TS)]
pub struct CaseRecord {
    /// The journal's epoch.
    #[ts(type = "number")]
    pub epoch: u64,
    /// The record's number in it.
    #[ts(type = "number")]
    pub seq: u64,
    /// The first digits of its hash.
    pub hash: String,
}

/// A decision on a case.
#[derive(Clone, Debug, Serialize, TS)]
pub struct CaseDecision {
    /// What, as a code ("recovered", "written_off" …).
    pub decision: String,
    /// Why; may be empty.
    pub note: String,
    /// By whom; may be empty.
    pub clerk: String,
    /// At which till; may be empty.
    pub till: String,
    /// When.
    #[ts(type = "number")]
    pub at: i64,
    /// Whether it is the one that stands.
    pub stands: bool,
}

/// A decision that was made at this till.
#[derive(Clone, Debug, Serialize, TS)]
pub struct DecidedHere {
    /// The decision.
    pub decided: CaseDecision,
    /// What became of it, as a code ("waiting", "stands", "before", "unknown").
    pub heard: String,
}
