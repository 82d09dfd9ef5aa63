//! May it be taken, and what follows from the server's answer or its silence.
//!
//! [`offer`] and [`conclude`] are total: every case has an answer from the closed lists of [`crate::verdict`]. The
//! till asks them before it shows anything; the server asks [`refusal`] to name the reason when its conditional
//! write found nothing to write.

use std::collections::BTreeSet;

use crate::entitlement::{Entitlement, Kind, Line, Standing, Use};
use crate::place::Place;
use crate::policy::{self, Facts, Matter, Policy, Relation, Ruling, Tally};
use crate::redemption::{Number, Take};
use crate::time::UnixMs;
use crate::verdict::{Basis, JUST_NOW_SECONDS, Reason, Silence};

/// Where the facts about an entitlement came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The server, just now.
    Server,
    /// The local copy, because of that silence.
    Copy(Silence),
    /// The code's own signature, its campaign and the status list, because of that silence.
    Signature(Silence),
    /// The same of a code that is newer than the status list: whether it was used is not known.
    NotCovered(Silence),
}

/// Everything known about one entitlement at the moment of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// What the server said of it.
    pub entitlement: Entitlement,
    /// When the server last vouched for that.
    pub heard_at: UnixMs,
    /// Who is speaking.
    pub origin: Origin,
    /// What this till has accepted and not taken back, unless the server has ruled that it does not count.
    pub mine: Vec<Use>,
    /// Of which this till has taken back all or some, unless the server has ruled that it did not: of these, what is left
    /// is in `mine`, whatever has been told.
    pub undone: BTreeSet<Number>,
}

impl Known {
    /// What counts: the server's uses and the till's own, each number once, without what was taken back.
    pub fn uses(&self) -> Vec<&Use> {
        let told: BTreeSet<Number> = self.entitlement.uses.iter().map(|use_| use_.number).collect();
        let outranks = |number: &Number| self.undone.contains(number) || !told.contains(number);
        let own = self.mine.iter().filter(|use_| outranks(&use_.number));
        self.entitlement.uses.iter().filter(|use_| !self.undone.contains(&use_.number)).chain(own).collect()
    }

    /// How many of that line are taken.
    pub fn taken(&self, line: &Line) -> u32 {
        self.uses()
            .iter()
            .flat_map(|use_| &use_.takes)
            .filter(|take| take.sku == line.sku)
            .fold(0, |sum, take| sum.saturating_add(take.quantity))
    }

    /// How many of that line are left.
    pub fn left(&self, line: &Line) -> u32 {
        line.quantity.saturating_sub(self.taken(line))
    }

    /// How many of all lines are left.
    pub fn left_in_all(&self) -> u32 {
        self.entitlement.lines.iter().fold(0, |sum, line| sum.saturating_add(self.left(line)))
    }

    /// On what these facts rest.
    pub fn basis(&self) -> Basis {
        match self.origin {
            Origin::Server => Basis::Server,
            Origin::Copy(silence) => Basis::Copy { as_of: self.heard_at, silence },
            Origin::Signature(silence) | Origin::NotCovered(silence) => {
                Basis::Signature { as_of: self.heard_at, silence }
            }
        }
    }

    /// The latest of the uses that count.
    pub fn last_use(&self) -> Option<&Use> {
        self.uses().into_iter().max_by_key(|use_| use_.done.at)
    }
}

/// A line as the clerk sees it before confirming.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The line.
    pub line: Line,
    /// How many were taken before.
    pub taken: u32,
    /// How many may be taken now.
    pub left: u32,
}

/// What may be taken now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Each line with what is left of it; none for a membership.
    pub items: Vec<Item>,
}

impl Offer {
    /// What is left of each line, whether or not it may be taken.
    pub fn of(known: &Known) -> Offer {
        let item =
            |line: &Line| Item { line: line.clone(), taken: known.taken(line), left: known.left(line) };
        Offer { items: known.entitlement.lines.iter().map(item).collect() }
    }
}

/// A refusal with the facts that its sentence needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// The use that stands in the way, where there is one.
    pub earlier: Option<Use>,
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Refusal {
        Refusal { reason, earlier: None }
    }
}

/// What may be taken of it here and now, or why nothing may.
pub fn offer(known: &Known, place: &Place, now: UnixMs) -> Result<Offer, Refusal> {
    match standing_refusal(known, place, now) {
        Some(refusal) => Err(refusal),
        None => Ok(Offer::of(known)),
    }
}

/// Why exactly these may not be taken here and now; nothing if they may.
pub fn refusal(known: &Known, takes: &[Take], place: &Place, now: UnixMs) -> Option<Refusal> {
    if let Some(refusal) = standing_refusal(known, place, now) {
        return Some(refusal);
    }
    if takes.is_empty() || takes.iter().any(|take| take.quantity == 0) {
        return Some(Reason::NothingChosen.into());
    }
    let skus: BTreeSet<&str> = takes.iter().map(|take| take.sku.as_str()).collect();
    let enough = skus.len() == takes.len()
        && takes.iter().all(|take| {
            known.entitlement.line(&take.sku).is_some_and(|line| take.quantity <= known.left(line))
        });
    if enough {
        None
    } else {
        Some(Refusal { reason: Reason::NotEnoughLeft, earlier: known.last_use().cloned() })
    }
}

/// Why nothing is handed over any more, whatever was counted before; nothing while it is good.
pub fn withdrawn(standing: Standing) -> Option<Reason> {
    match standing {
        Standing::Good => None,
        Standing::Refunded => Some(Reason::Refunded),
        Standing::RefundPending => Some(Reason::RefundPending),
        Standing::Cancelled => Some(Reason::Cancelled),
        Standing::Frozen => Some(Reason::Frozen),
    }
}

/// The refusals that do not depend on what is taken, in order of precedence: a refund outranks a use, a use
/// outranks place and time.
fn standing_refusal(known: &Known, place: &Place, now: UnixMs) -> Option<Refusal> {
    let entitlement = &known.entitlement;
    if let Some(reason) = withdrawn(entitlement.standing) {
        return Some(reason.into());
    }
    if !entitlement.lines.is_empty() && known.left_in_all() == 0 {
        let earlier = known.last_use().cloned();
        let just_now = earlier.as_ref().is_some_and(|last| {
            last.done.device == place.device && now.seconds_since(last.done.at) < JUST_NOW_SECONDS
        });
        let reason = if just_now { Reason::UsedHereJustNow } else { Reason::Used };
        return Some(Refusal { reason, earlier });
    }
    if !entitlement.stores.allow(&place.store) {
        return Some(Reason::WrongStore.into());
    }
    if entitlement.window.is_early(now) {
        return Some(Reason::NotYet.into());
    }
    if entitlement.window.is_over(now) {
        return Some(Reason::Expired.into());
    }
    None
}

/// What came back when the server was asked to count a redemption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It counts.
    Counted,
    /// It does not.
    Refused(Refusal),
    /// Nothing came back that could be used: the outcome is unknown.
    Silent(Silence),
}

/// The end of a redemption, as it is written into the journal before it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether the goods are handed over.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// On what it rests.
    pub basis: Basis,
    /// The use that stands in the way, where there is one.
    pub earlier: Option<Use>,
    /// It was held, and a manager may let it pass.
    pub may_ask: bool,
    /// What was weighed, where the till decided alone.
    pub facts: Option<Box<Facts>>,
}

impl Decision {
    fn of(outcome: Outcome, reason: Reason, basis: Basis) -> Decision {
        Decision { outcome, reason, basis, earlier: None, may_ask: false, facts: None }
    }

    /// Whether goods are handed over on a basis that is not the server's word.
    pub fn accepts_alone(&self) -> bool {
        self.outcome == Outcome::Accepted && self.basis != Basis::Server
    }

    /// It counts at the server.
    pub fn counted(reason: Reason) -> Decision {
        Decision::of(Outcome::Accepted, reason, Basis::Server)
    }
}

/// Whether the goods are handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Yes.
    Accepted,
    /// No.
    Refused,
    /// The till may not decide this; nothing is handed over until somebody else has.
    Held,
}

/// What a till goes by that gets no answer.
#[derive(Clone, Copy, Debug)]
pub struct Alone<'a> {
    /// What the chain allows.
    pub policy: &'a Policy,
    /// For how long the server has not vouched for anything (seconds).
    pub unheard_seconds: i64,
    /// How far the computer's clock is off (milliseconds, either way).
    pub clock_off_ms: i64,
    /// The clock has jumped so far that no age can be relied on.
    pub clock_unsure: bool,
    /// What this till has at risk out of the same purse in this outage.
    pub till: Tally,
    /// What of it is this customer's.
    pub customer: Tally,
    /// A manager has said yes.
    pub manager: bool,
}

/// Everything that is weighed when a till decides alone.
pub fn facts(known: &Known, takes: &[Take], place: &Place, now: UnixMs, alone: &Alone<'_>) -> Facts {
    let entitlement = &known.entitlement;
    Facts {
        matter: Matter::of(&entitlement.kind),
        relation: Relation::of(&entitlement.stores, &place.store),
        amount: policy::amount(entitlement, takes),
        age_seconds: now.seconds_since(known.heard_at),
        by_signature: matches!(known.origin, Origin::Signature(_) | Origin::NotCovered(_)),
        not_covered: matches!(known.origin, Origin::NotCovered(_)),
        unheard_seconds: alone.unheard_seconds,
        clock_off_ms: alone.clock_off_ms,
        clock_unsure: alone.clock_unsure,
        till: alone.till,
        customer: alone.customer,
    }
}

/// Decides a confirmed redemption from the server's answer, or from what is known when there was none. Only the
/// server's word makes an acceptance that is not at risk.
pub fn conclude(
    known: &Known,
    takes: &[Take],
    place: &Place,
    now: UnixMs,
    answer: Answer,
    alone: &Alone<'_>,
) -> Decision {
    let silence = match answer {
        Answer::Counted => return Decision::counted(acceptance(known, takes)),
        Answer::Refused(Refusal { reason, earlier }) => {
            return Decision { earlier, ..Decision::of(Outcome::Refused, reason, Basis::Server) };
        }
        Answer::Silent(silence) => silence,
    };
    let as_of = known.heard_at;
    let basis = match known.origin {
        Origin::Signature(_) | Origin::NotCovered(_) => Basis::Signature { as_of, silence },
        Origin::Server | Origin::Copy(_) => Basis::Copy { as_of, silence },
    };
    // What speaks against it outranks every yes, a manager's too.
    if let Some(Refusal { reason, earlier }) = refusal(known, takes, place, now) {
        return Decision { earlier, ..Decision::of(Outcome::Refused, reason, basis) };
    }
    let facts = facts(known, takes, place, now, alone);
    let ruling = policy::judge(&facts, alone.policy);
    let facts = Some(Box::new(facts));
    match ruling {
        Ruling::Accept => {
            Decision { facts, ..Decision::of(Outcome::Accepted, acceptance(known, takes), basis) }
        }
        Ruling::AskManager(_) if alone.manager => {
            let basis = Basis::Override { as_of, silence };
            Decision { facts, ..Decision::of(Outcome::Accepted, acceptance(known, takes), basis) }
        }
        Ruling::AskManager(reason) => {
            Decision { facts, may_ask: true, ..Decision::of(Outcome::Held, reason, basis) }
        }
        Ruling::Hold(reason) => Decision { facts, ..Decision::of(Outcome::Held, reason, basis) },
    }
}

fn acceptance(known: &Known, takes: &[Take]) -> Reason {
    match &known.entitlement.kind {
        Kind::Order => {
            let taken_now = takes.iter().fold(0u32, |sum, take| sum.saturating_add(take.quantity));
            if known.left_in_all() > taken_now { Reason::PartlyPickedUp } else { Reason::PickedUp }
        }
        Kind::Coupon(_) | Kind::TimesCard | Kind::Member(_) => Reason::Redeemed,
    }
}

#[cfg(test)]
mod tests;
