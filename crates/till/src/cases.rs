//! The cases of the store: what a person has to look at, as the server tells it to every till of a store that has a part
//! in it, and what this till knows of its own before it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::case::CaseClass;
use model::redemption::Number;
use model::settlement::Settlement;
use model::verdict::Reason;
pub use wire::case::{Case, Decided, LineRef, Relied, Side};
use wire::entitlement::{Circumstance, Take, Use};
use wire::line;
pub use wire::line::{Basis as ReliedOn, Decision};

use crate::feed::disk;
use crate::ledger::{Redemption, Resolved};
use crate::link::Link;
use crate::redeem::Approval;
use crate::sync::{PATIENCE, SyncError};
use crate::till::{State, Till};

/// A case of the store as this till shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreCase {
    /// As the server tells it; as this till knows it, where the server has not told it yet.
    pub case: Case,
    /// Whether this till has a part in it.
    pub concerns: bool,
    /// What the lines are called that were taken, by their article numbers, as far as it is known here.
    pub names: BTreeMap<String, String>,
    /// The latest decision on it that was made at this till.
    pub here: Option<DecidedHere>,
}

/// A decision that was made at this till.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecidedHere {
    /// What, why, when and by whom.
    pub resolved: Resolved,
    /// What became of it.
    pub heard: Heard,
}

/// What became of a decision that was made at this till.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It waits to be sent.
    Waiting,
    /// It stands.
    Stands,
    /// Another one had come before, and stands.
    Before,
    /// The server has no such case at this store, and keeps the decision.
    Unknown,
}

impl Heard {
    /// The code that the page knows it by.
    pub fn code(&self) -> &'static str {
        match self {
            Heard::Waiting => "waiting",
            Heard::Stands => "stands",
            Heard::Before => "before",
            Heard::Unknown => "unknown",
        }
    }

    fn of(settlement: Option<&Settlement>) -> Heard {
        match settlement {
            None => Heard::Waiting,
            Some(Settlement::ResolvedBefore { .. }) => Heard::Before,
            Some(Settlement::CaseUnknown) => Heard::Unknown,
            Some(_) => Heard::Stands,
        }
    }
}

/// Why a decision was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotResolved {
    /// This till knows no case of that name.
    #[error("this till knows no case of that name")]
    CaseUnknown,
    /// Somebody has decided on it.
    #[error("that case is decided")]
    Decided,
    /// The journal took no line.
    #[error("the decision could not be written down ({})", .0.code())]
    NotWritten(Reason),
}

impl NotResolved {
    /// The code that the page knows it by.
    pub fn code(self) -> &'static str {
        match self {
            NotResolved::CaseUnknown => "case_unknown",
            NotResolved::Decided => "case_decided",
            NotResolved::NotWritten(_) => "not_written",
        }
    }
}

impl StoreCase {
    /// Whether somebody still has to decide on it, as far as this till knows.
    pub fn is_open(&self) -> bool {
        self.case.is_open() && !self.here.as_ref().is_some_and(|here| here.is_ahead_of(&self.case))
    }

    /// Whether that side is this till's: `device` is its id.
    pub fn is_of(side: &Side, device: &str) -> bool {
        side.done.device == device
    }
}

impl DecidedHere {
    /// Whether the case, as it was told last, does not know of this decision yet. If it knows and is open all the same,
    /// it was opened once more.
    fn is_ahead_of(&self, case: &Case) -> bool {
        let same = |told: &Decided| told.at == self.resolved.at.0 && told.clerk == self.resolved.clerk;
        match self.heard {
            Heard::Waiting => true,
            Heard::Stands | Heard::Before => !case.decisions.iter().any(same),
            Heard::Unknown => false,
        }
    }
}

impl Till {
    /// Decides on a case of the store; `yes` is the manager's, who says why. It is on disk when this returns, and is
    /// sent with the next lines. Gives the decision's own number.
    pub fn resolve(&self, case: &str, decision: Decision, yes: &Approval) -> Result<Number, NotResolved> {
        let now = self.now();
        let number = self.new_number(now);
        {
            let mut guard = self.lock();
            let state = guard.as_mut().ok_or(NotResolved::CaseUnknown)?;
            let told = state.copy.case(case).ok().flatten();
            let known = told.or_else(|| state.own_cases().into_iter().find(|own| own.case == case));
            let known = state.store_case(known.ok_or(NotResolved::CaseUnknown)?);
            if !known.is_open() {
                return Err(NotResolved::Decided);
            }
            let act = line::Act::Resolved {
                number: number.to_string(),
                case: case.to_owned(),
                decision,
                note: yes.why.clone(),
                clerk: yes.by.clone(),
                seen: seen(&known.case),
            };
            state.write(now, vec![act]).map_err(NotResolved::NotWritten)?;
        }
        self.wake.notify_one();
        self.tell_news();
        Ok(number)
    }

    /// The store's cases: open ones first, among them those in which this till has a part, then the latest.
    pub fn cases(&self) -> Vec<StoreCase> {
        let mut guard = self.lock();
        let Some(state) = guard.as_mut() else { return vec![] };
        let read = match state.copy.cases() {
            Ok(read) => read,
            Err(error) => {
                self.meet_copy_error(state, &error);
                Default::default()
            }
        };
        if read.damaged {
            tracing::warn!("some of the cases are not what was told; all are fetched once more");
            match state.copy.doubt_cases() {
                Ok(()) => self.wake.notify_one(),
                Err(error) => self.meet_copy_error(state, &error),
            }
        }
        let told: BTreeSet<&str> = read.cases.iter().map(|case| case.case.as_str()).collect();
        let mut untold = state.own_cases();
        untold.retain(|case| !told.contains(case.case.as_str()));
        let mut cases: Vec<StoreCase> =
            read.cases.into_iter().chain(untold).map(|case| state.store_case(case)).collect();
        let place = |one: &StoreCase| (!one.is_open(), !one.concerns, std::cmp::Reverse(one.case.changed_at));
        cases.sort_by_key(place);
        cases
    }

    /// Fetches the cases that changed, if the server has another number than is held: `told`.
    pub(crate) async fn follow_cases(&self, link: &Arc<dyn Link>, told: u64) -> Result<(), SyncError> {
        let mut after = self.cases_position()?;
        if after == told {
            return Ok(());
        }
        // A server that was set back has lost what came after its number, and gives the numbers to others.
        let mut anew = told < after;
        if anew {
            after = 0;
        }
        loop {
            let page = self.noted(link.cases(after, PATIENCE)).await?;
            if page.last < after && after > 0 {
                (after, anew) = (0, true);
                continue;
            }
            if page.more && page.last <= after {
                return Err(SyncError::NotTaken("a page of cases leads nowhere".into()));
            }
            // What was said to be there is there by now, whether or not it came under that number.
            let last = if page.more { page.last } else { page.last.max(told) };
            {
                let mut guard = self.lock();
                let state = guard.as_mut().ok_or(SyncError::NotEnrolled)?;
                let first = after == 0;
                if let Err(error) = state.copy.apply_cases(&page.cases, last, anew || first) {
                    self.meet_copy_error(state, &error);
                    return Err(disk(error));
                }
            }
            (after, anew) = (page.last, false);
            self.tell_news();
            if !page.more {
                return Ok(());
            }
        }
    }

    fn cases_position(&self) -> Result<u64, SyncError> {
        let guard = self.lock();
        guard.as_ref().ok_or(SyncError::NotEnrolled)?.copy.cases_position().map_err(disk)
    }
}

impl State {
    /// How many of the store's cases are open.
    pub(crate) fn open_cases(&self) -> usize {
        let names = self.copy.case_names().unwrap_or_default();
        let told: BTreeSet<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
        let untold = self.ledger.cases().into_iter().filter_map(|number| self.case_of(number));
        let untold: BTreeSet<&str> = untold.filter(|case| !told.contains(case)).collect();
        let untold = untold.into_iter().filter(|case| match self.ledger.resolved(case) {
            Some(here) => Heard::of(here.settlement.as_ref()) == Heard::Unknown,
            None => true,
        });
        let open = names.iter().filter(|(name, open)| *open && !self.is_decided_here(name));
        open.count() + untold.count()
    }

    fn store_case(&self, case: Case) -> StoreCase {
        let concerns = case.sides.iter().any(|side| StoreCase::is_of(side, &self.identity.device));
        let here = self.ledger.resolved(&case.case).map(|resolved| DecidedHere {
            heard: Heard::of(resolved.settlement.as_ref()),
            resolved: resolved.clone(),
        });
        let known = self.copy.by_id(&case.entitlement).ok().flatten();
        let lines = known.map(|known| known.lines).unwrap_or_default();
        let name = |line: wire::entitlement::Line| {
            let name = [line.name.as_str(), line.variant.as_str()].join(" ");
            (line.sku, name.trim_end().to_owned())
        };
        StoreCase { case, concerns, names: lines.into_iter().map(name).collect(), here }
    }

    /// Whether an open case was decided on at this till since it was last told.
    fn is_decided_here(&self, name: &str) -> bool {
        // Only what was decided here is read whole.
        if self.ledger.resolved(name).is_none() {
            return false;
        }
        let told = self.copy.case(name).ok().flatten();
        told.is_some_and(|case| !self.store_case(case).is_open())
    }

    /// The name of the case that a redemption or an undo of this till became.
    fn case_of(&self, number: Number) -> Option<&str> {
        let redemption = self.ledger.redemption(number).and_then(|known| known.settlement.as_ref());
        let settlement =
            redemption.or_else(|| self.ledger.undo(number).and_then(|undo| undo.settlement.as_ref()))?;
        settlement.case().map(|case| case.0.as_str())
    }

    /// What this till's journal says of its own cases: less than the server tells, and there without it.
    fn own_cases(&self) -> Vec<Case> {
        let mut cases: Vec<Case> = vec![];
        for case in self.ledger.cases().into_iter().filter_map(|number| self.own_case(number)) {
            match cases.iter_mut().find(|known| known.case == case.case) {
                Some(known) => known.sides.extend(case.sides),
                None => cases.push(case),
            }
        }
        cases
    }

    fn own_case(&self, number: Number) -> Option<Case> {
        let (ledger, name) = (&self.ledger, self.case_of(number)?.to_owned());
        let (redemption, settlement, standing, class) = match (ledger.redemption(number), ledger.undo(number))
        {
            (Some(known), _) => (known, known.settlement.as_ref()?, "not_counted", None),
            (None, Some(undo)) => {
                let redemption = ledger.redemption(undo.of)?;
                (redemption, undo.settlement.as_ref()?, "noted", Some(CaseClass::UndoRace))
            }
            (None, None) => return None,
        };
        let mut sides = vec![self.own_side(redemption, number, standing)];
        let (class, reason) = match settlement {
            Settlement::Disputed { winner, .. } => {
                sides.insert(0, winning_side(&winner.into()));
                (class.unwrap_or(CaseClass::Duplicate), "used".to_owned())
            }
            Settlement::Refused { reason, .. } => {
                (class.unwrap_or_else(|| CaseClass::of_refusal(*reason, 1)), reason.code().to_owned())
            }
            _ => return None,
        };
        let at = redemption.at().0;
        Some(Case {
            case: name,
            class: class.code().to_owned(),
            reason,
            state: "open".to_owned(),
            opened_at: at,
            changed_at: at,
            entitlement: redemption.begun.entitlement.clone(),
            title: redemption.begun.title.clone(),
            value: redemption.begun.value,
            sides,
            decisions: vec![],
            stands: String::new(),
        })
    }

    fn own_side(&self, redemption: &Redemption, number: Number, standing: &str) -> Side {
        let undo_at = self.ledger.undo(number).map(|undo| undo.at.0);
        Side {
            number: number.to_string(),
            standing: standing.to_owned(),
            takes: redemption.takes().iter().map(Take::from).collect(),
            done: Circumstance {
                at: undo_at.unwrap_or(redemption.at().0),
                device: self.identity.device.clone(),
                till: self.identity.till.clone(),
                store: self.identity.store.name.clone(),
                clerk: redemption.begun.clerk.name.clone(),
            },
            store_id: self.identity.store.id.clone(),
            not_before: 0,
            received_at: 0,
            line: None,
            relied: None,
        }
    }
}

/// The acceptances that do not count, as whoever decides sees them: others that have come to the server meanwhile are
/// not decided on.
fn seen(case: &Case) -> Vec<String> {
    let seen: Vec<String> = case.standing("not_counted").map(|side| side.number.clone()).collect();
    if seen.len() > line::SEEN_MAX { vec![] } else { seen }
}

/// The redemption that counts, as far as a settlement tells of it.
fn winning_side(winner: &Use) -> Side {
    Side {
        number: winner.number.clone(),
        standing: "counted".to_owned(),
        takes: winner.takes.clone(),
        done: winner.done.clone(),
        store_id: String::new(),
        not_before: 0,
        received_at: 0,
        line: None,
        relied: None,
    }
}
