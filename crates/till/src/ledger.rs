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
use wire::line::{Act, Begun, Decided, Line, Outcome};

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
    /// The undo that took it back, or the last of it, unless the server refused that.
    pub undone_by: Option<Number>,
    /// Undos that took back a part while the rest stayed out, unless the server refused them.
    pub partly_undone: BTreeMap<Number, Vec<Take>>,
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
    /// Taken back.
    Undone,
}

/// Everything that the journal tells.
#[derive(Debug, Default)]
pub struct Ledger {
    redemptions: BTreeMap<Number, Redemption>,
    undos: BTreeMap<Number, Undo>,
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
        if self.undone_by.is_some() {
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
        matches!(&self.decided, Some((Decided { basis: wire::line::Basis::Server, .. }, _)))
    }

    /// What it risks, if it was accepted without the server.
    fn at_risk(&self) -> Option<AtRisk> {
        let (decided, _) = self.decided.as_ref()?;
        let accepted = decided.outcome == Outcome::Accepted && !self.by_server();
        accepted.then(|| AtRisk::of(&self.begun, decided))
    }

    /// What was taken, without the names and without what came back while the rest stayed out.
    pub fn takes(&self) -> Vec<Take> {
        let mut takes = unnamed(&self.begun.takes);
        for back in self.partly_undone.values().flatten() {
            if let Some(take) = takes.iter_mut().find(|take| take.sku == back.sku) {
                take.quantity = take.quantity.saturating_sub(back.quantity);
            }
        }
        takes.retain(|take| take.quantity > 0);
        takes
    }

    /// An undo takes so many back; nothing: all. What is more than there is out, the server will refuse.
    fn take_back(&mut self, undo: Number, back: &[wire::line::NamedTake]) {
        let back = unnamed(back);
        let mut left = self.takes();
        for take in &back {
            match left.iter_mut().find(|out| out.sku == take.sku) {
                Some(out) if out.quantity >= take.quantity => out.quantity -= take.quantity,
                _ => return,
            }
        }
        if back.is_empty() || left.iter().all(|take| take.quantity == 0) {
            self.undone_by = Some(undo);
        } else {
            self.partly_undone.insert(undo, back);
        }
    }

    /// The server has refused that undo.
    fn refuse_undo(&mut self, undo: Number) {
        self.undone_by = self.undone_by.filter(|by| *by != undo);
        self.partly_undone.remove(&undo);
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
            Act::Opened { .. } | Act::Resolved { .. } => {}
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
                if let Some(redemption) = self.redemptions.get_mut(&of) {
                    redemption.take_back(number, takes);
                }
                let clerk = clerk.name.clone();
                self.undos.insert(number, Undo { number, of, at, clerk, settlement: None });
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
        let redemption = Redemption {
            number,
            begun,
            begun_at: at,
            decided: None,
            settlement: None,
            undone_by: None,
            partly_undone: BTreeMap::new(),
        };
        self.redemptions.insert(number, redemption);
    }

    fn settle(&mut self, number: Number, settlement: Settlement) {
        if let Some(redemption) = self.redemptions.get_mut(&number) {
            redemption.settlement = Some(settlement);
            self.follow_risk(number);
        } else if let Some(undo) = self.undos.get_mut(&number) {
            let of = undo.of;
            // An undo that the server refuses did not happen: the redemption counts again, and a case says so.
            if settlement.case().is_some()
                && let Some(redemption) = self.redemptions.get_mut(&of)
            {
                redemption.refuse_undo(number);
            }
            undo.settlement = Some(settlement);
            self.follow_risk(of);
        }
        self.count_waiting(number);
    }

    /// Keeps the outage's books about one redemption, after anything was told of it. What came back in part stays at
    /// risk whole: which pieces are the dear ones nobody knows.
    fn follow_risk(&mut self, number: Number) {
        let Some(redemption) = self.redemptions.get(&number) else { return };
        let taken_back =
            redemption.undone_by.is_some() || matches!(redemption.settlement, Some(Settlement::Undone));
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
            (None, None) => false,
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

    /// Whether that number has its settlement already.
    pub fn is_settled(&self, number: Number) -> bool {
        let redemption = self.redemptions.get(&number).is_some_and(|known| known.settlement.is_some());
        redemption || self.undos.get(&number).is_some_and(|undo| undo.settlement.is_some())
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

    /// How many redemptions and undos the server has not settled yet.
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
                takes: known.takes(),
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
            .filter(|known| known.state() == State::Undone || !known.partly_undone.is_empty())
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

fn unnamed(takes: &[wire::line::NamedTake]) -> Vec<Take> {
    takes.iter().map(|take| Take { sku: take.sku.clone(), quantity: take.quantity }).collect()
}

#[cfg(test)]
mod tests {
    use wire::line::{Basis, Person};

    use super::*;

    fn line(act: Act) -> Line {
        Line {
            version: wire::line::LINE_VERSION,
            device: "till-1".into(),
            epoch: 1,
            seq: 1,
            prev: [0; 32],
            at: 5_000,
            clock: None,
            act,
        }
    }

    fn number(n: u8) -> String {
        Number::new(UnixMs(1), [n; 10]).to_string()
    }

    fn begun(n: u8) -> Act {
        Act::Begun(Begun {
            number: number(n),
            entitlement: "e1".into(),
            version: 1,
            kind: "coupon".into(),
            title: "t".into(),
            code_tail: "P9TD".into(),
            takes: vec![],
            value: 2_000,
            clerk: person(),
            source: "wedge".into(),
            heard_at: 1,
            copy: None,
            asking: true,
            clock: None,
            proof: None,
            policy: None,
        })
    }

    fn person() -> Person {
        Person { id: "c1".into(), name: "李娜".into() }
    }

    fn accepted(n: u8, basis: Basis) -> Act {
        let reason = "redeemed".into();
        let outcome = Outcome::Accepted;
        Act::Decided(Decided {
            number: number(n),
            begun: None,
            outcome,
            reason,
            basis,
            left: 0,
            quantity: 1,
            earlier: None,
            risk: None,
        })
    }

    fn settled(n: u8, settlement: wire::api::Settlement) -> Act {
        Act::Settled { settled: vec![wire::line::Settled { number: number(n), settlement }] }
    }

    fn ledger(acts: Vec<Act>) -> Ledger {
        let mut ledger = Ledger::default();
        acts.into_iter().for_each(|act| ledger.take_in(&line(act)));
        ledger
    }

    fn offline() -> Basis {
        Basis::Copy { as_of: 1, silence: "timed_out".into() }
    }

    fn state(ledger: &Ledger, n: u8) -> State {
        ledger.redemption(number(n).parse().unwrap()).unwrap().state()
    }

    #[test]
    fn a_redemption_waits_until_the_server_has_spoken() {
        let mut offline_one = ledger(vec![begun(1), accepted(1, offline())]);
        assert_eq!((state(&offline_one, 1), offline_one.waiting()), (State::Waiting, 1), "accepted offline");
        offline_one.take_in(&line(settled(1, wire::api::Settlement::Confirmed)));
        assert_eq!((state(&offline_one, 1), offline_one.waiting()), (State::Counted, 0), "and settled");
        let online = ledger(vec![begun(1), accepted(1, Basis::Server)]);
        assert_eq!(
            (state(&online, 1), online.waiting()),
            (State::Counted, 0),
            "the server decided it itself"
        );
    }

    #[test]
    fn begun_alone_is_in_doubt_and_the_answer_ends_the_doubt() {
        let mut ledger = ledger(vec![begun(1), begun(2)]);
        assert_eq!(ledger.in_doubt().len(), 2, "two in doubt");
        ledger.take_in(&line(settled(1, wire::api::Settlement::Voided)));
        ledger.take_in(&line(settled(2, wire::api::Settlement::Confirmed)));
        assert_eq!(state(&ledger, 1), State::Closed, "voided: it never happened");
        assert_eq!(state(&ledger, 2), State::CountedUnseen, "counted, though nothing was shown");
    }

    #[test]
    fn a_refused_undo_leaves_the_redemption_counted_and_makes_a_case() {
        let undo = Act::Undone {
            number: number(2),
            of: number(1),
            clerk: person(),
            takes: vec![],
            reason: String::new(),
        };
        let mut ledger = ledger(vec![begun(1), accepted(1, Basis::Server), undo]);
        assert_eq!((state(&ledger, 1), ledger.waiting()), (State::Undone, 1), "taken back, not yet sent");
        let refused = wire::api::Settlement::Refused { case: "k1".into(), reason: "undo_too_late".into() };
        ledger.take_in(&line(settled(2, refused)));
        assert_eq!((state(&ledger, 1), ledger.waiting()), (State::Counted, 0), "it counts again");
        assert_eq!(ledger.cases().len(), 1, "and somebody must look at it");
    }

    #[test]
    fn an_undo_of_some_pieces_gives_back_those_and_a_refused_one_gives_back_nothing() {
        let pieces = |quantity| vec![wire::line::NamedTake { sku: "a".into(), name: "A".into(), quantity }];
        let undo = |n, of, back| Act::Undone {
            number: number(n),
            of: number(of),
            clerk: person(),
            takes: pieces(back),
            reason: String::new(),
        };
        let Act::Begun(mut three) = begun(1) else { panic!("it begins one") };
        three.takes = pieces(3);
        let mut ledger = ledger(vec![Act::Begun(three), accepted(1, offline()), undo(2, 1, 1)]);
        let left = |ledger: &Ledger| -> Vec<u32> {
            let uses = ledger.uses("e1", &DeviceId("till-1".into()), "t", "s");
            uses.iter().flat_map(|use_| &use_.takes).map(|take| take.quantity).collect()
        };
        assert_eq!((state(&ledger, 1), left(&ledger)), (State::Waiting, vec![2]), "one of three came back");
        ledger.take_in(&line(undo(3, 1, 3)));
        assert_eq!(left(&ledger), [2], "three of two cannot come back: the server will say so");
        ledger.take_in(&line(undo(4, 1, 2)));
        assert_eq!((state(&ledger, 1), left(&ledger)), (State::Undone, vec![]), "then the rest");
        assert_eq!(ledger.undone("e1").len(), 1, "whatever a copy tells");
        let refused = || wire::api::Settlement::Refused { case: "k".into(), reason: "undo_too_late".into() };
        ledger.take_in(&line(settled(2, refused())));
        assert_eq!(state(&ledger, 1), State::Undone, "an earlier one that is refused leaves the last");
        ledger.take_in(&line(settled(4, refused())));
        assert_eq!((state(&ledger, 1), left(&ledger)), (State::Waiting, vec![3]), "and all are out again");
        assert_eq!(ledger.undone("e1").len(), 0, "as every copy may tell");
    }
}
