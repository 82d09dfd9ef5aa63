//! What the journal says, kept in memory: derived from its lines at start, line by line afterwards.
//!
//! Invariant: nothing here is known from anywhere but the journal. Dropping the ledger and reading the journal again
//! gives the same ledger.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::entitlement::Use;
use model::place::{Circumstance, DeviceId};
use model::redemption::{Number, Take};
use model::settlement::Settlement;
use model::time::UnixMs;
use wire::line::{self, Act, Begun, Decided, Line, NamedTake, Outcome};

mod outage;

use outage::AtRisk;
pub use outage::Outage;

/// One redemption, as far as the journal tells.
#[derive(Clone, Debug)]
pub struct Redemption {
    /// Its number.
    pub number: Number,
    /// What was asked for.
    pub begun: Begun,
    /// When it was begun.
    pub begun_at: UnixMs,
    /// How and when it was decided.
    pub decided: Option<(Decided, UnixMs)>,
    /// The server's last word.
    pub settlement: Option<Settlement>,
    /// What took it back, or part of it, oldest first, without what the server refused.
    pub undos: Vec<TakenBack>,
}

/// What one undo takes back of a redemption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenBack {
    /// The undo's number.
    pub undo: Number,
    /// So much; nothing: all that was still taken.
    pub takes: Vec<NamedTake>,
}

/// An undo, as far as the journal tells.
#[derive(Clone, Debug)]
pub struct Undo {
    /// Its own number.
    pub number: Number,
    /// The redemption that it takes back.
    pub of: Number,
    /// When.
    pub at: UnixMs,
    /// By whom.
    pub clerk: String,
    /// What it takes back.
    pub takes: Vec<NamedTake>,
    /// The server's last word.
    pub settlement: Option<Settlement>,
}

/// A decision on a case that was made at this till, as far as the journal tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The decision's own number.
    pub number: Number,
    /// The case.
    pub case: String,
    /// What was decided.
    pub decision: line::Decision,
    /// Why; may be empty.
    pub note: String,
    /// When.
    pub at: UnixMs,
    /// By whom.
    pub clerk: String,
    /// The server's last word.
    pub settlement: Option<Settlement>,
}

/// How a redemption stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Begun, and nobody knows yet what became of it: the program stopped in between, or is in between.
    InDoubt,
    /// The server counted it, but nothing was shown and nothing handed over.
    CountedUnseen,
    /// Not accepted, or voided.
    Closed,
    /// Accepted; the server has not spoken yet.
    Waiting,
    /// Accepted and counted.
    Counted,
    /// Accepted here, but the server does not count it.
    Case,
    /// Taken back, all of it.
    Undone,
}

/// Everything that the journal tells.
#[derive(Debug, Default)]
pub struct Ledger {
    redemptions: BTreeMap<Number, Redemption>,
    undos: BTreeMap<Number, Undo>,
    resolved: BTreeMap<Number, Resolved>,
    of_entitlement: HashMap<String, Vec<Number>>,
    /// Redemptions and undos in the order of the journal.
    order: Vec<Number>,
    waiting: BTreeSet<Number>,
    outage: Outage,
    /// When a scan was turned away, and why.
    refusals: Vec<(UnixMs, String)>,
    latest: Option<UnixMs>,
}

impl Redemption {
    /// How it stands.
    pub fn state(&self) -> State {
        if self.is_taken_back() {
            return State::Undone;
        }
        let accepted = self.decided.as_ref().map(|(decided, _)| decided.outcome == Outcome::Accepted);
        match (&self.settlement, accepted) {
            (Some(settlement), Some(true)) if settlement.case().is_some() => State::Case,
            (Some(Settlement::Undone), _) => State::Undone,
            (Some(Settlement::Voided), _) | (_, Some(false)) => State::Closed,
            (Some(_), Some(true)) => State::Counted,
            (None, Some(true)) if self.by_server() => State::Counted,
            (None, Some(true)) => State::Waiting,
            (Some(settlement), None) if settlement.counts() => State::CountedUnseen,
            (Some(_), None) => State::Closed,
            (None, None) => State::InDoubt,
        }
    }

    /// Whether the server itself decided it, so that nothing remains to be settled.
    fn by_server(&self) -> bool {
        matches!(&self.decided, Some((Decided { basis: line::Basis::Server, .. }, _)))
    }

    /// What it risks, if it was accepted without the server.
    fn at_risk(&self) -> Option<AtRisk> {
        let (decided, _) = self.decided.as_ref()?;
        let accepted = decided.outcome == Outcome::Accepted && !self.by_server();
        accepted.then(|| AtRisk::of(&self.begun, decided))
    }

    /// What was taken, without the names.
    pub fn takes(&self) -> Vec<Take> {
        self.begun.takes.iter().map(unnamed).collect()
    }

    /// What of it was not taken back.
    pub fn still_taken(&self) -> Vec<NamedTake> {
        if self.undos.iter().any(|back| back.takes.is_empty()) {
            return vec![];
        }
        let back = |sku: &str| -> u32 {
            let of_line = |take: &&NamedTake| take.sku == sku;
            self.undos.iter().flat_map(|back| &back.takes).filter(of_line).map(|take| take.quantity).sum()
        };
        let left = |take: &NamedTake| NamedTake {
            quantity: take.quantity.saturating_sub(back(&take.sku)),
            ..take.clone()
        };
        self.begun.takes.iter().map(left).filter(|take| take.quantity > 0).collect()
    }

    /// Whether so many are still taken.
    fn has_out(&self, takes: &[NamedTake]) -> bool {
        let still = self.still_taken();
        takes.iter().all(|take| still.iter().any(|out| out.sku == take.sku && out.quantity >= take.quantity))
    }

    /// Whether nothing of it is still taken.
    fn is_taken_back(&self) -> bool {
        !self.undos.is_empty() && self.still_taken().is_empty()
    }

    /// When it was decided, or else begun.
    pub fn at(&self) -> UnixMs {
        self.decided.as_ref().map_or(self.begun_at, |(_, at)| *at)
    }
}

impl Ledger {
    /// Takes in the next line. A line that says nothing new changes nothing.
    pub fn take_in(&mut self, line: &Line) {
        let at = UnixMs(line.at);
        self.latest = self.latest.max(Some(at));
        match &line.act {
            Act::Begun(begun) => self.begin(begun, at),
            Act::Decided(decided) => {
                let Ok(number) = decided.number.parse() else { return };
                if let Some(begun) = &decided.begun {
                    self.begin(begun, at);
                }
                if let Some(redemption) = self.redemptions.get_mut(&number) {
                    redemption.decided = Some((decided.clone(), at));
                }
                self.follow_risk(number);
                self.count_waiting(number);
            }
            Act::Refused(refused) => self.refusals.push((at, refused.reason.clone())),
            Act::Opened { .. } => {}
            Act::Resolved { number, case, decision, note, clerk, .. } => {
                let Ok(number) = number.parse() else { return };
                let (case, note, clerk) = (case.clone(), note.clone(), clerk.name.clone());
                let resolved =
                    Resolved { number, case, decision: *decision, note, at, clerk, settlement: None };
                self.resolved.insert(number, resolved);
                self.count_waiting(number);
            }
            Act::Settled { settled } => {
                for told in settled {
                    let (Ok(number), Ok(settlement)) =
                        (told.number.parse(), Settlement::try_from(&told.settlement))
                    else {
                        continue;
                    };
                    self.settle(number, settlement);
                }
            }
            Act::Undone { number, of, clerk, takes, .. } => {
                let (Ok(number), Ok(of)) = (number.parse(), of.parse()) else { return };
                self.order.push(number);
                let mut taken = takes.clone();
                if let Some(redemption) = self.redemptions.get_mut(&of) {
                    if takes.is_empty() {
                        taken = redemption.still_taken();
                    }
                    // What is more than there is out, the server will refuse.
                    if redemption.has_out(takes) {
                        redemption.undos.push(TakenBack { undo: number, takes: takes.clone() });
                    }
                }
                let clerk = clerk.name.clone();
                self.undos.insert(number, Undo { number, of, at, clerk, takes: taken, settlement: None });
                self.follow_risk(of);
                self.count_waiting(number);
            }
        }
    }

    fn begin(&mut self, begun: &Begun, at: UnixMs) {
        let Ok(number) = begun.number.parse::<Number>() else { return };
        self.order.push(number);
        self.of_entitlement.entry(begun.entitlement.clone()).or_default().push(number);
        let begun = begun.clone();
        let redemption =
            Redemption { number, begun, begun_at: at, decided: None, settlement: None, undos: vec![] };
        self.redemptions.insert(number, redemption);
    }

    fn settle(&mut self, number: Number, settlement: Settlement) {
        if let Some(redemption) = self.redemptions.get_mut(&number) {
            redemption.settlement = Some(settlement);
            self.follow_risk(number);
        } else if let Some(undo) = self.undos.get_mut(&number) {
            let of = undo.of;
            let was_refused = undo.settlement.as_ref().is_some_and(|told| told.case().is_some());
            match self.redemptions.get_mut(&of) {
                // An undo that the server refuses did not happen: the redemption counts again, and a case says so.
                Some(redemption) if settlement.case().is_some() => {
                    redemption.undos.retain(|back| back.undo != number);
                }
                // A server that was set back met the lines in another order, and takes it after all.
                Some(redemption) if was_refused && redemption.has_out(&undo.takes) => {
                    redemption.undos.push(TakenBack { undo: number, takes: undo.takes.clone() });
                }
                _ => {}
            }
            undo.settlement = Some(settlement);
            self.follow_risk(of);
        } else if let Some(resolved) = self.resolved.get_mut(&number) {
            resolved.settlement = Some(settlement);
        }
        self.count_waiting(number);
    }

    /// Keeps the outage's books about one redemption, after anything was told of it. What came back in part stays at
    /// risk whole: which pieces are the dear ones nobody knows.
    fn follow_risk(&mut self, number: Number) {
        let Some(redemption) = self.redemptions.get(&number) else { return };
        let taken_back =
            redemption.is_taken_back() || matches!(redemption.settlement, Some(Settlement::Undone));
        // Of what came back in part the whole stays in the books: they never show less than can be lost.
        match redemption.at_risk() {
            Some(_) | None if taken_back => self.outage.take_back(number),
            Some(_) if redemption.settlement.is_some() => self.outage.settle(number),
            Some(at_risk) => self.outage.accept(number, at_risk),
            None => {}
        }
    }

    fn count_waiting(&mut self, number: Number) {
        let waits = match (self.redemptions.get(&number), self.undos.get(&number)) {
            (Some(redemption), _) => {
                let accepted =
                    matches!(&redemption.decided, Some((decided, _)) if decided.outcome == Outcome::Accepted);
                accepted && redemption.settlement.is_none() && !redemption.by_server()
            }
            (None, Some(undo)) => undo.settlement.is_none(),
            (None, None) => self.resolved.get(&number).is_some_and(|known| known.settlement.is_none()),
        };
        if waits {
            self.waiting.insert(number);
        } else {
            self.waiting.remove(&number);
        }
    }

    /// The redemption of that number.
    pub fn redemption(&self, number: Number) -> Option<&Redemption> {
        self.redemptions.get(&number)
    }

    /// The undo of that number.
    pub fn undo(&self, number: Number) -> Option<&Undo> {
        self.undos.get(&number)
    }

    /// The latest decision on that case that was made at this till.
    pub fn resolved(&self, case: &str) -> Option<&Resolved> {
        // Numbers are in the order of their times, but for a clock that was put right.
        self.resolved.values().filter(|known| known.case == case).max_by_key(|known| (known.at, known.number))
    }

    /// The server's last word on a redemption, an undo or a decision.
    pub fn settlement(&self, number: Number) -> Option<&Settlement> {
        let redemption = self.redemptions.get(&number).and_then(|known| known.settlement.as_ref());
        let undo = || self.undos.get(&number).and_then(|undo| undo.settlement.as_ref());
        redemption.or_else(undo).or_else(|| self.resolved.get(&number)?.settlement.as_ref())
    }

    /// The latest moment that any line was written at.
    pub fn latest(&self) -> Option<UnixMs> {
        self.latest
    }

    /// The latest moment of that entitlement's rotating code that was accepted.
    pub fn last_moment(&self, entitlement: &str) -> Option<UnixMs> {
        let accepted = |known: &&Redemption| {
            known.decided.as_ref().is_some_and(|(decided, _)| decided.outcome == Outcome::Accepted)
        };
        let moments =
            self.of(entitlement).filter(accepted).filter_map(|known| known.begun.proof.as_ref()?.moment);
        moments.max().map(UnixMs)
    }

    /// How many redemptions, undos and decisions the server has not settled yet.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// What is at risk: the outage that is under way, or the one that a till would begin now.
    pub fn outage(&self) -> &Outage {
        &self.outage
    }

    /// As if nothing were at risk, see [`crate::controls`].
    pub(crate) fn forget_outage(&mut self) {
        self.outage = Outage::default();
    }

    /// How many scans were turned away since `start`, by reason code: for whoever closes the day.
    pub fn refused_since(&self, start: UnixMs) -> BTreeMap<String, u32> {
        let mut counts = BTreeMap::new();
        // Times do not run backwards within a journal, but for a clock that was put right.
        for (_, reason) in self.refusals.iter().filter(|(at, _)| *at >= start) {
            *counts.entry(reason.clone()).or_insert(0) += 1;
        }
        counts
    }

    /// Redemptions that were begun and neither decided nor settled.
    pub fn in_doubt(&self) -> Vec<Number> {
        self.in_state(State::InDoubt)
    }

    /// Redemptions that count although nothing was handed over.
    pub fn counted_unseen(&self) -> Vec<Number> {
        self.in_state(State::CountedUnseen)
    }

    /// Redemptions and undos that became cases, oldest first.
    pub fn cases(&self) -> Vec<Number> {
        let is_case = |number: &&Number| match (self.redemptions.get(number), self.undos.get(number)) {
            (Some(redemption), _) => redemption.state() == State::Case,
            (None, Some(undo)) => undo.settlement.as_ref().is_some_and(|settled| settled.case().is_some()),
            (None, None) => false,
        };
        self.order.iter().filter(is_case).copied().collect()
    }

    fn in_state(&self, state: State) -> Vec<Number> {
        self.redemptions.values().filter(|known| known.state() == state).map(|known| known.number).collect()
    }

    /// The redemption of that entitlement which is in doubt, if there is one.
    pub fn in_doubt_of(&self, entitlement: &str) -> Option<&Redemption> {
        self.of(entitlement).find(|redemption| redemption.state() == State::InDoubt)
    }

    /// What this till has accepted of that entitlement and not taken back, unless the server does not count it.
    pub fn uses(&self, entitlement: &str, device: &DeviceId, till: &str, store: &str) -> Vec<Use> {
        self.of(entitlement)
            .filter(|known| matches!(known.state(), State::Waiting | State::Counted | State::CountedUnseen))
            .map(|known| Use {
                number: known.number,
                takes: known.still_taken().iter().map(unnamed).collect(),
                done: Circumstance {
                    at: known.at(),
                    device: device.clone(),
                    till: till.to_owned(),
                    store: store.to_owned(),
                    clerk: known.begun.clerk.name.clone(),
                },
            })
            .collect()
    }

    /// The redemptions of that entitlement that this till has taken back, all or in part.
    pub fn undone(&self, entitlement: &str) -> BTreeSet<Number> {
        self.of(entitlement)
            .filter(|known| known.state() == State::Undone || !known.undos.is_empty())
            .map(|known| known.number)
            .collect()
    }

    fn of(&self, entitlement: &str) -> impl Iterator<Item = &Redemption> {
        let numbers = self.of_entitlement.get(entitlement).map(Vec::as_slice).unwrap_or_default();
        numbers.iter().filter_map(|number| self.redemptions.get(number))
    }

    /// The numbers of all redemptions and undos, newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = Number> {
        self.order.iter().rev().copied()
    }
}

fn unnamed(take: &NamedTake) -> Take {
    Take { sku: take.sku.clone(), quantity: take.quantity }
}

#[cfg(test)]
mod tests;
