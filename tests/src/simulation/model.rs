//! What has truly happened, told by the tills' journal lines alone: a second reading of them, written for the checks and
//! not for a counter. It knows nothing of databases, screens or time.

use std::collections::{BTreeMap, BTreeSet};

use wire::api::Settlement;
use wire::line::{Act, Basis, Begun, Decision, Line, Outcome};

/// A line as it lies on a disk.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) bytes: Vec<u8>,
    pub(super) line: Line,
    /// The true time at which it was first seen, and of the look before that: it was written in between (ms).
    pub(super) written: (i64, i64),
}

/// A redemption, as one till's lines tell it.
#[derive(Clone, Debug)]
pub(super) struct Deed {
    pub(super) entitlement: String,
    /// The version of the entitlement that was relied on.
    pub(super) version: u64,
    /// Article number and quantity.
    pub(super) takes: BTreeMap<String, u32>,
    pub(super) accepted: Option<Accepted>,
    /// What took it back, all or in part, in the order of the lines.
    pub(super) undos: Vec<Back>,
    pub(super) settled: Option<Settlement>,
}

/// An undo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Back {
    pub(super) undo: String,
    /// Article number and quantity; nothing: all that was still out.
    pub(super) takes: BTreeMap<String, u32>,
    /// The server does not take it.
    pub(super) refused: bool,
}

/// A decision on a case, as one till's lines tell it.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    pub(super) case: String,
    pub(super) decision: Decision,
    pub(super) clerk: String,
    /// By the till's clock (ms).
    pub(super) at: i64,
    pub(super) seq: u64,
    pub(super) told: Option<Settlement>,
}

/// That the goods were handed over.
#[derive(Clone, Debug)]
pub(super) struct Accepted {
    pub(super) basis: Basis,
    pub(super) seq: u64,
    /// By the till's clock (ms).
    pub(super) at: i64,
}

impl Deed {
    /// Whether goods are out of the house for it, as far as this till knows and nobody has said otherwise.
    pub(super) fn stands(&self) -> bool {
        self.accepted.is_some() && !self.is_back() && !self.settled.as_ref().is_some_and(is_case)
    }

    /// What took it back, without what the server refused.
    pub(super) fn backs(&self) -> impl Iterator<Item = &Back> {
        self.undos.iter().filter(|back| !back.refused)
    }

    /// What of it was not taken back, by article.
    pub(super) fn left(&self) -> BTreeMap<&str, u32> {
        if self.backs().any(|back| back.takes.is_empty()) {
            return BTreeMap::new();
        }
        let mut left: BTreeMap<&str, u32> =
            self.takes.iter().map(|(sku, quantity)| (sku.as_str(), *quantity)).collect();
        for (sku, quantity) in self.backs().flat_map(|back| &back.takes) {
            if let Some(left) = left.get_mut(sku.as_str()) {
                *left = left.saturating_sub(*quantity);
            }
        }
        left.retain(|_, quantity| *quantity > 0);
        left
    }

    /// Whether all of it was taken back.
    pub(super) fn is_back(&self) -> bool {
        self.backs().next().is_some() && self.left().is_empty()
    }

    pub(super) fn green(&self) -> bool {
        matches!(self.accepted, Some(Accepted { basis: Basis::Server, .. }))
    }
}

/// Everything that one till's lines tell.
#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    /// By epoch and number.
    pub(super) lines: BTreeMap<(u64, u64), Kept>,
    /// By redemption number.
    pub(super) deeds: BTreeMap<String, Deed>,
    /// By undo number: of what, and what the server said.
    pub(super) undos: BTreeMap<String, (String, Option<Settlement>)>,
    /// By the decision's number.
    pub(super) verdicts: BTreeMap<String, Verdict>,
    /// The numbers that a clerk was shown as accepted.
    pub(super) shown: BTreeSet<String>,
}

impl Book {
    /// Takes in the next line.
    pub(super) fn take_in(&mut self, kept: Kept) {
        let Line { epoch, seq, at, act, .. } = kept.line.clone();
        match act {
            Act::Begun(begun) => self.begin(&begun),
            Act::Decided(decided) => {
                if let Some(begun) = &decided.begun {
                    self.begin(begun);
                }
                let accepted = Accepted { basis: decided.basis, seq, at };
                if let Some(deed) = self.deeds.get_mut(&decided.number)
                    && decided.outcome == Outcome::Accepted
                {
                    deed.accepted = Some(accepted);
                }
            }
            Act::Opened { .. } | Act::Refused(_) => {}
            Act::Resolved { number, case, decision, clerk, .. } => {
                let clerk = clerk.name;
                self.verdicts.insert(number, Verdict { case, decision, clerk, at, seq, told: None });
            }
            Act::Settled { settled } => {
                settled.into_iter().for_each(|told| self.settle(&told.number, told.settlement));
            }
            Act::Undone { number, of, takes, .. } => {
                if let Some(deed) = self.deeds.get_mut(&of) {
                    let takes = takes.into_iter().map(|take| (take.sku, take.quantity)).collect();
                    deed.undos.push(Back { undo: number.clone(), takes, refused: false });
                }
                self.undos.insert(number, (of, None));
            }
        }
        self.lines.insert((epoch, seq), kept);
    }

    fn begin(&mut self, begun: &Begun) {
        let takes = begun.takes.iter().map(|take| (take.sku.clone(), take.quantity)).collect();
        let entitlement = begun.entitlement.clone();
        let version = begun.version;
        let deed = Deed { entitlement, version, takes, accepted: None, undos: vec![], settled: None };
        self.deeds.insert(begun.number.clone(), deed);
    }

    fn settle(&mut self, number: &str, settlement: Settlement) {
        if let Some(deed) = self.deeds.get_mut(number) {
            deed.settled = Some(settlement);
        } else if let Some((of, told)) = self.undos.get_mut(number) {
            let undos = self.deeds.get_mut(of).into_iter().flat_map(|deed| &mut deed.undos);
            for back in undos.filter(|back| back.undo == number) {
                back.refused = is_case(&settlement);
            }
            *told = Some(settlement);
        } else if let Some(verdict) = self.verdicts.get_mut(number) {
            verdict.told = Some(settlement);
        }
    }

    /// The last line's number in that epoch.
    pub(super) fn last(&self, epoch: u64) -> u64 {
        self.lines.range((epoch, 0)..=(epoch, u64::MAX)).next_back().map_or(0, |((_, seq), _)| *seq)
    }

    /// What this till has out of an entitlement, by article.
    pub(super) fn standing(&self, entitlement: &str) -> BTreeMap<&str, u32> {
        let deeds = self.deeds.values().filter(|deed| deed.entitlement == entitlement && deed.stands());
        sum(deeds)
    }
}

/// How much of each article is out by these.
pub(super) fn sum<'a>(deeds: impl Iterator<Item = &'a Deed>) -> BTreeMap<&'a str, u32> {
    let mut sum = BTreeMap::new();
    for (sku, quantity) in deeds.flat_map(Deed::left) {
        *sum.entry(sku).or_default() += quantity;
    }
    sum
}

/// Whether somebody has to look at it.
pub(super) fn is_case(settlement: &Settlement) -> bool {
    matches!(settlement, Settlement::Disputed { .. } | Settlement::Refused { .. })
}
