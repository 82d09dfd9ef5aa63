//! What became of an accepted redemption, or of an undo, once the server has spoken.

use crate::case::Decision;
use crate::entitlement::Use;
use crate::place::Circumstance;
use crate::verdict::Reason;

/// A case's name at the server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseId(pub String);

/// The server's last word on one number. Corrections are new records, never a second settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Counted, now.
    Confirmed,
    /// This very number had been counted before: an answer was lost, nothing else.
    AlreadyCounted,
    /// Another redemption had taken it first. Goods may have gone twice: somebody must look.
    Disputed {
        /// Where it is looked after.
        case: CaseId,
        /// The redemption that counts.
        winner: Use,
    },
    /// The server would not have allowed it (refunded meanwhile, wrong store …).
    Refused {
        /// Where it is looked after.
        case: CaseId,
        /// Why.
        reason: Reason,
    },
    /// It was taken back; or, for an undo's own number, the undo was done.
    Undone,
    /// It never happened and never will: a late copy of the request does nothing.
    Voided,
    /// A decision on a case stands.
    Resolved,
    /// Another decision on that case had come before, and stands.
    ResolvedBefore {
        /// The one that stands.
        decision: Decision,
    },
    /// The server knows no such case at the till's store; it keeps the decision.
    CaseUnknown,
}

impl Settlement {
    /// Whether somebody has to look at it.
    pub fn case(&self) -> Option<&CaseId> {
        match self {
            Settlement::Disputed { case, .. } | Settlement::Refused { case, .. } => Some(case),
            Settlement::Confirmed
            | Settlement::AlreadyCounted
            | Settlement::Undone
            | Settlement::Voided
            | Settlement::Resolved
            | Settlement::ResolvedBefore { .. }
            | Settlement::CaseUnknown => None,
        }
    }

    /// Whether the redemption counts at the server.
    pub fn counts(&self) -> bool {
        matches!(self, Settlement::Confirmed | Settlement::AlreadyCounted)
    }
}

/// The server's answer to "what became of this number?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It counts; the circumstances are as the server recorded them.
    Counted(Circumstance),
    /// It did not happen, and now never will.
    Voided,
}
