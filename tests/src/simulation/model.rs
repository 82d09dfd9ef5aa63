//! What has truly happened, told by the tills' journal lines alone: a second reading of them, written for the checks and
//! not for a counter. It knows nothing of databases, screens or time.

use std::collections::{BTreeMap, BTreeSet};

use wire::api::Settlement;
use wire::line::{Act, Basis, Begun, Line, Outcome};

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
    /// The undo that took it back, unless the server refused that.
    pub(super) undone: Option<String>,
    pub(super) settled: Option<Settlement>,
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
        self.accepted.is_some() && self.undone.is_none() && !self.settled.as_ref().is_some_and(is_case)
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
            Act::Opened { .. } | Act::Refused(_) | Act::Resolved { .. } => {}
            Act::Settled { settled } => {
                settled.into_iter().for_each(|told| self.settle(&told.number, told.settlement));
            }
            Act::Undone { number, of, .. } => {
                if let Some(deed) = self.deeds.get_mut(&of) {
                    deed.undone = Some(number.clone());
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
        let deed = Deed { entitlement, version, takes, accepted: None, undone: None, settled: None };
        self.deeds.insert(begun.number.clone(), deed);
    }

    fn settle(&mut self, number: &str, settlement: Settlement) {
        if let Some(deed) = self.deeds.get_mut(number) {
            deed.settled = Some(settlement);
        } else if let Some((of, told)) = self.undos.get_mut(number) {
            if is_case(&settlement)
                && let Some(deed) = self.deeds.get_mut(of)
            {
                deed.undone = None;
            }
            *told = Some(settlement);
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

/// How much of each article these took.
pub(super) fn sum<'a>(deeds: impl Iterator<Item = &'a Deed>) -> BTreeMap<&'a str, u32> {
    let mut sum = BTreeMap::new();
    for (sku, quantity) in deeds.flat_map(|deed| &deed.takes) {
        *sum.entry(sku.as_str()).or_default() += quantity;
    }
    sum
}

/// Whether somebody has to look at it.
pub(super) fn is_case(settlement: &Settlement) -> bool {
    matches!(settlement, Settlement::Disputed { .. } | Settlement::Refused { .. })
}
