//! Cases: what the books alone cannot put right, so that a person has to look at it.
//!
//! A case says what a till did and the server could not simply count, with everybody who had a part in it. It is
//! found on the server, in the act that shows it; it never stops a line from being taken in.

use crate::verdict::Reason;

/// What is wrong, from a closed list with stable codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CaseClass {
    /// C1: the same thing was handed over more than once.
    Duplicate,
    /// C2: handed over after it was refunded, cancelled, frozen or over: the till's copy was behind.
    Stale,
    /// C3: more was handed over than there was, with no single redemption that took it.
    Overspent,
    /// C4: handed over for something that the chain never issued.
    Unknown,
    /// C5: handed over against a rule: another store's, before its time, beyond what the policy allows.
    Rules,
    /// C6: two different lines under one number of one journal.
    Fork,
    /// C7: lines of a till that are known to be missing, on either side, or were given up.
    Gap,
    /// C8: a time that cannot be: outside of what can be proved. What it tells counts all the same.
    Clock,
    /// C9: an undo that came too late, took back too much, or crossed another redemption.
    UndoRace,
    /// C10: lines that came after their till had been written off.
    WrittenOff,
    /// A line that cannot be read, or whose signature does not hold. It is kept as evidence and has no effect.
    Unreadable,
}

impl CaseClass {
    /// Each of them, in the order of their numbers.
    pub const ALL: [CaseClass; 11] = [
        CaseClass::Duplicate,
        CaseClass::Stale,
        CaseClass::Overspent,
        CaseClass::Unknown,
        CaseClass::Rules,
        CaseClass::Fork,
        CaseClass::Gap,
        CaseClass::Clock,
        CaseClass::UndoRace,
        CaseClass::WrittenOff,
        CaseClass::Unreadable,
    ];

    /// The stable code, as it stands in the database, on the wire and in the word lists.
    pub fn code(self) -> &'static str {
        match self {
            CaseClass::Duplicate => "duplicate",
            CaseClass::Stale => "stale",
            CaseClass::Overspent => "overspent",
            CaseClass::Unknown => "unknown",
            CaseClass::Rules => "rules",
            CaseClass::Fork => "fork",
            CaseClass::Gap => "gap",
            CaseClass::Clock => "clock",
            CaseClass::UndoRace => "undo_race",
            CaseClass::WrittenOff => "written_off",
            CaseClass::Unreadable => "unreadable",
        }
    }

    /// The class of that code.
    pub fn of_code(code: &str) -> Option<CaseClass> {
        CaseClass::ALL.into_iter().find(|class| class.code() == code)
    }
    /// What kind of conflict a refusal is where the goods are gone: so many `pieces` were taken.
    pub fn of_refusal(reason: Reason, pieces: i64) -> CaseClass {
        match reason {
            Reason::Used | Reason::UsedHereJustNow | Reason::NotEnoughLeft | Reason::CodeSeen
                if pieces > 1 =>
            {
                CaseClass::Overspent
            }
            Reason::Used | Reason::UsedHereJustNow | Reason::NotEnoughLeft | Reason::CodeSeen => {
                CaseClass::Duplicate
            }
            Reason::Refunded
            | Reason::RefundPending
            | Reason::Cancelled
            | Reason::Frozen
            | Reason::Revoked
            | Reason::Expired => CaseClass::Stale,
            Reason::NeverIssued => CaseClass::Unknown,
            Reason::UndoneBefore => CaseClass::UndoRace,
            _ => CaseClass::Rules,
        }
    }
}

/// What a person decided on a case, from a closed list with stable codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// The goods came back.
    Recovered,
    /// The loss stays with the chain.
    WrittenOff,
    /// Somebody of the chain has made it good.
    Paid,
    /// The customer has paid for it.
    CustomerCharged,
    /// Nothing was lost: only the books were wrong.
    NoFault,
    /// The till itself has taken it back; no person had to decide.
    TakenBack,
    /// The till, whose journal had two histories, may begin a new one.
    Readmitted,
    /// What was missing has come after all, and each line of it was settled; no person had to decide.
    Arrived,
}

impl Decision {
    /// Each of them.
    pub const ALL: [Decision; 8] = [
        Decision::Recovered,
        Decision::WrittenOff,
        Decision::Paid,
        Decision::CustomerCharged,
        Decision::NoFault,
        Decision::TakenBack,
        Decision::Readmitted,
        Decision::Arrived,
    ];

    /// The stable code, as it stands in journals, in the database and on the wire.
    pub fn code(self) -> &'static str {
        match self {
            Decision::Recovered => "recovered",
            Decision::WrittenOff => "written_off",
            Decision::Paid => "paid",
            Decision::CustomerCharged => "customer_charged",
            Decision::NoFault => "no_fault",
            Decision::TakenBack => "taken_back",
            Decision::Readmitted => "readmitted",
            Decision::Arrived => "arrived",
        }
    }

    /// The decision of that code.
    pub fn of_code(code: &str) -> Option<Decision> {
        Decision::ALL.into_iter().find(|decision| decision.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_leads_back_to_what_it_stands_for() {
        for class in CaseClass::ALL {
            assert_eq!(CaseClass::of_code(class.code()), Some(class), "{class:?}");
        }
        for decision in Decision::ALL {
            assert_eq!(Decision::of_code(decision.code()), Some(decision), "{decision:?}");
        }
        assert_eq!(
            (CaseClass::of_code("other"), Decision::of_code("")),
            (None, None),
            "and nothing else does"
        );
    }
}
