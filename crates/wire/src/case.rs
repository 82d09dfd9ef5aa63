//! A case as the server tells it: see [`model::case`].

use serde::{Deserialize, Serialize};

use crate::entitlement::{Circumstance, Take};
use crate::line::{Basis, Proof};

/// The cases that changed, each as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CasesPage {
    /// The last number of this page; equal to `after` when nothing changed, smaller when the server was set back.
    pub last: u64,
    /// Whether there is more behind it.
    pub more: bool,
    /// In the order of their numbers.
    pub cases: Vec<Entry>,
}

/// A case with its number in the store's feed of cases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The number: it grows with every change of the case.
    pub seq: u64,
    /// The case as it is now.
    #[serde(flatten)]
    pub case: Case,
}

/// A case with everybody who has a part in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Its name.
    pub case: String,
    /// A code of [`model::case::CaseClass`].
    pub class: String,
    /// What was found: a reason code where a redemption or an undo did not count; "ahead" or "behind" of a clock;
    /// "malformed", "forged", "newer" or "unsigned" of a line that cannot be read; "over_limit" where a till took more upon
    /// itself than it may; "quarantined" of a till with two histories; "written_off" or "reported" of a till that was given up; of a till that was
    /// let in again, "lost" where it had written lines that never came, "arrived" once they have, and "set_back" where it had
    /// lost lines that are held, so that nobody can tell whether there were more. `title` then names epoch and numbers.
    pub reason: String,
    /// "open" or "resolved".
    pub state: String,
    /// By the server's clock (ms since 1970).
    pub opened_at: i64,
    /// When it last changed (ms since 1970).
    pub changed_at: i64,
    /// The entitlement's id; empty if it is not about one.
    #[serde(default)]
    pub entitlement: String,
    /// In the merchant's words; may be empty.
    #[serde(default)]
    pub title: String,
    /// What is at stake (fen): the value of what was handed over and does not count.
    pub value: i64,
    /// Every act that has a part in it, in the order in which the server met them.
    pub sides: Vec<Side>,
    /// Every decision, in the order in which they came. The first since the case was last opened stands.
    #[serde(default)]
    pub decisions: Vec<Decided>,
    /// The one that stands, as a code; empty while the case is open.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stands: String,
}

impl Case {
    /// Whether nobody has decided on it yet.
    pub fn is_open(&self) -> bool {
        self.state == "open"
    }

    /// The acts that stand like that.
    pub fn standing<'c>(&'c self, standing: &'c str) -> impl Iterator<Item = &'c Side> {
        self.sides.iter().filter(move |side| side.standing == standing)
    }
}

/// One act of one till.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// The redemption's or the undo's number; empty for a line that cannot be read.
    pub number: String,
    /// "counted"; "not_counted": accepted by the till, and the server does not count it; "taken_back"; "noted": no
    /// acceptance, or one that this case does not put in doubt.
    pub standing: String,
    /// So much of it, as far as it was not taken back.
    pub takes: Vec<Take>,
    /// When by the till's clock, where, by whom.
    #[serde(flatten)]
    pub done: Circumstance,
    /// The store's id.
    pub store_id: String,
    /// The earliest moment at which it can have happened, as far as the server can prove it (ms since 1970); 0 if
    /// nothing is proved.
    #[serde(default)]
    pub not_before: i64,
    /// When the server heard of it, which is the latest moment at which it can have happened (ms since 1970).
    pub received_at: i64,
    /// The line that tells of it, once it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<LineRef>,
    /// On what the till relied, where its line says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relied: Option<Relied>,
}

/// A line of a journal: evidence that anybody can check who has the bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineRef {
    /// Whose journal.
    pub device: String,
    /// Its epoch.
    pub epoch: u64,
    /// The line's number within it.
    pub seq: u64,
    /// BLAKE3 of the line's bytes (64 hexadecimal digits).
    pub hash: String,
}

/// The facts on which a till decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relied {
    /// Whom or what the till asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    /// The entitlement's version.
    pub version: u64,
    /// When the server last vouched for it (ms since 1970).
    pub heard_at: i64,
    /// How the code came in.
    pub source: String,
    /// The last four characters of the code.
    pub code_tail: String,
    /// What was wrong with the computer's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<String>,
    /// What a signed code proved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
}

/// A decision on a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// A code of [`model::case::Decision`].
    pub decision: String,
    /// Why; may be empty.
    pub note: String,
    /// By whom; empty if nobody had to decide.
    pub clerk: String,
    /// At which till; empty if it was decided at the server.
    pub till: String,
    /// By the clock of whoever decided (ms since 1970).
    pub at: i64,
}
