//! What lines and requests do to the books: decided in memory, in order, by one hand.
//!
//! A [`World`] is everything that a batch may touch, as the database told it when the transaction began. Lines and
//! online requests are applied to it one after the other, each seeing what those before it did; what has changed
//! ([`Changes`]) is then written by one writer, on condition that the database still says what was read. This room
//! knows no SQL, no clock and no dice, so that every course of events can be tried in memory.
//!
//! A line tells of something that has happened. So it is judged at the moment of the deed (never later than this
//! server's now, never earlier than is proved), and where it cannot be counted it becomes a case instead of being turned away.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::case::CaseClass;
use model::entitlement::{Fen, Use};
use model::policy::{Cap, Policy, Purse, Tally};
use model::redemption::Number;
use model::time::{CLOCK_TOLERANCE_MS, UnixMs};
use wire::api::{SettledLine, Settlement};
use wire::line::{self, Act, Line, Outcome};

mod cases;
mod count;
mod gaps;
mod rows;
mod undo;

pub(crate) use cases::{About, CaseRow, DecisionRow, Side, Standing};
pub(crate) use count::{Asked, Shown};
pub use count::{Counted, Online};
pub(crate) use gaps::{Claim, HeldBefore, Place, stand_before};
pub(crate) use rows::{
    HandedOver, Held, Intent, LineAt, Moment, NumberChange, NumberRow, Rotating, State, TakenChange,
    VersionChange, Who, holdable,
};

use crate::store::Device;
use cases::Beside;

/// What is known of a journal's times, and of its till.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bounds {
    /// When the till was enrolled.
    pub(crate) enrolled_at: i64,
    /// The earliest moment at which the next line can have been written, as far as it is proved: the till was enrolled
    /// by then, and had the answers that its lines tell of.
    pub(crate) not_before: i64,
    /// What the line before claims.
    pub(crate) last_at: i64,
    /// Whether the till was given up before these lines came.
    pub(crate) written_off: bool,
}

/// Everything that a batch may touch.
pub(crate) struct World {
    pub(crate) device: Device,
    pub(crate) now: UnixMs,
    pub(crate) bounds: Bounds,
    /// What the tills of this store go by: how long a redemption may be taken back, and which policies there are.
    pub(crate) policy: Policy,
    numbers: HashMap<Number, NumberRow>,
    intents: HashMap<Number, Intent>,
    held: HashMap<String, Held>,
    rotating: HashMap<String, Rotating>,
    moments: HashMap<(i64, i64), Moment>,
    cases: BTreeMap<String, CaseRow>,
    /// The case about an entitlement's acceptances: never more than one.
    case_of: HashMap<String, String>,
    touched: BTreeSet<String>,
    decisions: Vec<DecisionRow>,
    /// What is held of earlier epochs, by the epoch and the number at which a till says that it stood.
    before: HashMap<(u64, u64), HeldBefore>,
    /// What later lines say of the epoch whose lines come.
    claims: Vec<Claim>,
}

/// What a batch has changed, for the one writer.
#[derive(Default)]
pub(crate) struct Changes {
    pub(crate) numbers: Vec<NumberChange>,
    pub(crate) intents: Vec<Intent>,
    pub(crate) taken: Vec<TakenChange>,
    pub(crate) versions: Vec<VersionChange>,
    pub(crate) moments: Vec<((i64, i64), Moment)>,
    pub(crate) cases: Vec<CaseRow>,
    pub(crate) decisions: Vec<DecisionRow>,
    /// The entitlements that every till is to hear of.
    pub(crate) touched: BTreeSet<String>,
}

impl World {
    /// With nothing in it yet.
    pub(crate) fn new(device: &Device, now: UnixMs, bounds: Bounds, policy: Policy) -> World {
        World {
            device: device.clone(),
            now,
            bounds,
            policy,
            numbers: HashMap::new(),
            intents: HashMap::new(),
            held: HashMap::new(),
            rotating: HashMap::new(),
            moments: HashMap::new(),
            cases: BTreeMap::new(),
            case_of: HashMap::new(),
            touched: BTreeSet::new(),
            decisions: Vec::new(),
            before: HashMap::new(),
            claims: Vec::new(),
        }
    }

    pub(crate) fn put_number(&mut self, row: NumberRow) {
        self.numbers.entry(row.number).or_insert(row);
    }

    pub(crate) fn put_intent(&mut self, intent: Intent) {
        self.intents.entry(intent.number).or_insert(intent);
    }

    pub(crate) fn put_held(&mut self, held: Held) {
        self.held.insert(held.known.entitlement.id.0.clone(), held);
    }

    pub(crate) fn put_rotating(&mut self, entitlement: &str, rotating: Rotating, last: i64) {
        self.rotating.insert(entitlement.to_owned(), rotating);
        self.moments.entry(rotating.key).or_insert(Moment { before: last, last });
    }

    pub(crate) fn put_case(&mut self, case: CaseRow) {
        if case.about == About::Acceptances && !case.entitlement.is_empty() {
            self.case_of.insert(case.entitlement.clone(), case.id.clone());
        }
        self.cases.insert(case.id.clone(), case);
    }

    /// The entitlements of the numbers and intents that are here.
    pub(crate) fn entitlements(&self) -> BTreeSet<String> {
        let of_numbers = self.numbers.values().map(|row| &row.entitlement);
        let of_intents = self.intents.values().map(|intent| &intent.entitlement);
        of_numbers.chain(of_intents).filter(|id| !id.is_empty()).cloned().collect()
    }

    /// The uses that count, by entitlement, the earliest first.
    pub(crate) fn uses(&self) -> HashMap<String, Vec<Use>> {
        let mut uses: HashMap<String, Vec<Use>> = HashMap::new();
        for row in self.numbers.values().filter(|row| row.state == State::Counted) {
            uses.entry(row.entitlement.clone()).or_default().push(row.as_use());
        }
        for uses in uses.values_mut() {
            uses.sort_by_key(|use_| (use_.done.at, use_.number));
        }
        uses
    }

    /// Applies the next line: its settlement, or nothing for lines that need none.
    pub(crate) fn apply(&mut self, at: LineAt, line: &Line) -> Option<SettledLine> {
        if let Some(heard) = line.clock.as_ref().and_then(|clock| clock.heard) {
            self.hear_of_time(heard);
        }
        let settled = |number: &str, settlement: Option<Settlement>| {
            settlement.map(|settlement| SettledLine { seq: at.seq, number: number.to_owned(), settlement })
        };
        let done = match &line.act {
            Act::Begun(begun) => {
                self.remember(at, line.at, begun, false);
                None
            }
            Act::Decided(decided) => {
                self.decided(at, line.at, decided).and_then(|s| settled(&decided.number, Some(s)))
            }
            Act::Undone { number, of, clerk, takes, .. } => {
                let (Ok(undo), Ok(of)) = (number.parse(), of.parse()) else { return None };
                let clerk = &holdable(&clerk.name);
                let settlement = self.undone(at, line.at, &undo::Undo { number: undo, of, clerk, takes });
                settled(number, Some(settlement))
            }
            Act::Resolved { number, case, decision, note, clerk, seen } => {
                let decided = DecisionRow {
                    case: holdable(case),
                    number: holdable(number),
                    decision: (*decision).into(),
                    note: holdable(note),
                    clerk: holdable(&clerk.name),
                    device: self.device.id.clone(),
                    till: self.device.till.clone(),
                    at: line.at,
                    received_at: self.now.0,
                };
                settled(number, Some(self.resolved(decided, seen)))
            }
            Act::Settled { settled } => {
                self.hear_of_answer(settled);
                None
            }
            Act::Opened { before, .. } => {
                self.opened(at, line.at, before.as_ref());
                None
            }
            Act::Refused(_) => None,
        };
        self.bounds.last_at = line.at;
        done
    }

    /// Applies a line that is on a branch. What it tells has happened too, but its times say nothing of the journal's.
    pub(crate) fn apply_branch(&mut self, at: LineAt, line: &Line) -> Option<SettledLine> {
        let of_journal = self.bounds;
        self.bounds = Bounds { not_before: of_journal.enrolled_at, last_at: 0, ..of_journal };
        let settled = self.apply(at, line);
        self.bounds = of_journal;
        settled
    }

    /// A till that tells of a time which the server has signed knew it: it cannot be older, and is not of days to come.
    fn hear_of_time(&mut self, heard: i64) {
        self.bounds.not_before = self.bounds.not_before.max(heard.min(self.now.0));
    }

    /// Keeps a line that cannot be read: evidence without effect.
    pub(crate) fn unreadable(&mut self, at: LineAt, why: &str) {
        let side = self.side_of_line(at, String::new(), Vec::new(), "", self.now.0);
        self.beside(CaseClass::Unreadable, why, at, side);
    }

    /// A till that tells of an answer had it: nothing that follows can be older than that answer.
    fn hear_of_answer(&mut self, settled: &[line::Settled]) {
        let answered = settled.last().and_then(|told| told.number.parse().ok());
        if let Some(row) = answered.and_then(|number: Number| self.numbers.get(&number)) {
            self.bounds.not_before = self.bounds.not_before.max(row.received_at);
        }
    }

    fn decided(&mut self, at: LineAt, when: i64, decided: &line::Decided) -> Option<Settlement> {
        let number = decided.number.parse().ok()?;
        let accepted = decided.outcome == Outcome::Accepted;
        if let Some(begun) = &decided.begun {
            // Told and decided in one line: it is needed again only if nothing was handed over yet.
            self.remember(at, when, begun, accepted);
        }
        if !accepted {
            return self.not_handed_over(number);
        }
        let settlement = self.accepted(at, number, when);
        let beyond = decided.risk.as_ref().is_some_and(|risk| self.is_beyond_limits(risk));
        self.look_beside(at, number, when, beyond);
        Some(settlement)
    }

    fn remember(&mut self, at: LineAt, when: i64, begun: &line::Begun, only_here: bool) {
        let Ok(number) = begun.number.parse::<Number>() else { return };
        let takes = begun.takes.iter();
        self.put_intent(Intent {
            number,
            entitlement: holdable(&begun.entitlement),
            title: holdable(&begun.title),
            takes: takes
                .map(|take| wire::entitlement::Take { sku: take.sku.clone(), quantity: take.quantity })
                .collect(),
            value: begun.value,
            at: when,
            clerk: holdable(&begun.clerk.name),
            moment: begun.proof.as_ref().and_then(|proof| proof.moment).unwrap_or(0),
            line: at,
            fresh: !only_here,
        });
    }

    /// Whether a till has taken more upon itself than it may: by the limit that it names, or by the policy that it says
    /// it went by (for one redemption, one customer and the till), with the most that a manager's yes allows. Of an
    /// older policy only the till's word is known.
    fn is_beyond_limits(&self, risk: &line::Risk) -> bool {
        let amount = Fen(risk.amount);
        let with_this = |spent: line::Spent| Tally { count: spent.count, fen: Fen(spent.fen) }.and(amount);
        let (till, customer) = (with_this(risk.till_before), with_this(risk.customer_before));
        let passes = |cap: &Cap, tally: Tally| {
            !cap.fen.manager.allows(tally.fen.0) || !cap.count.manager.allows(i64::from(tally.count))
        };
        let by_policy = Purse::of_code(&risk.purse).filter(|_| risk.policy == self.policy.version);
        risk.cap.is_some_and(|most| till.fen.0 > most)
            || by_policy.map(|purse| self.policy.caps(purse)).is_some_and(|caps| {
                !caps.per_redemption.manager.allows(amount.0.max(0))
                    || passes(&caps.per_customer, customer)
                    || passes(&caps.per_till, till)
            })
    }

    /// What an accepted line shows beside the redemption itself: a time that cannot be, a limit that was passed, and a
    /// till that was given up.
    fn look_beside(&mut self, at: LineAt, number: Number, when: i64, beyond: bool) {
        let wrong = self.wrong_clock(when);
        if wrong.is_none() && !beyond && !self.bounds.written_off {
            return;
        }
        let (takes, clerk, value) = match (self.numbers.get(&number), self.intents.get(&number)) {
            (_, Some(intent)) => (intent.takes.clone(), intent.clerk.clone(), self.value_of(intent)),
            (Some(row), None) => (row.takes.clone(), row.who.clerk.clone(), 0),
            (None, None) => (Vec::new(), String::new(), 0),
        };
        let mut side = self.side_of_line(at, number.to_string(), takes, &clerk, when);
        if let Some(reason) = wrong {
            self.beside(CaseClass::Clock, reason, at, side.clone());
        }
        if beyond {
            self.beside(CaseClass::Rules, "over_limit", at, Side { value, ..side.clone() });
        }
        if self.bounds.written_off {
            side.value = value;
            self.beside(CaseClass::WrittenOff, "reported", at, side);
        }
    }

    /// In which direction a claimed time lies outside of what can be proved.
    fn wrong_clock(&self, claimed: i64) -> Option<&'static str> {
        let earliest = self.bounds.not_before.max(self.bounds.last_at.min(self.now.0));
        if claimed > self.now.0 + CLOCK_TOLERANCE_MS {
            Some("ahead")
        } else if claimed < earliest - CLOCK_TOLERANCE_MS {
            Some("behind")
        } else {
            None
        }
    }

    /// Adds to the open case of that class about this till, or opens one.
    fn beside(&mut self, class: CaseClass, reason: &str, at: LineAt, side: Side) {
        Beside { class, reason, at, side }.add_to(self);
    }

    /// What has changed.
    pub(crate) fn into_changes(self) -> Changes {
        let mut changes = Changes { touched: self.touched, decisions: self.decisions, ..Changes::default() };
        changes.numbers = self.numbers.into_values().filter_map(NumberRow::change).collect();
        changes.numbers.sort_by_key(|change| change.row.number);
        changes.intents = self.intents.into_values().filter(|intent| intent.fresh).collect();
        changes.intents.sort_by_key(|intent| intent.number);
        for held in self.held.into_values() {
            held.changes(&mut changes.taken, &mut changes.versions);
        }
        changes.taken.sort_by(|a, b| (&a.entitlement, &a.sku).cmp(&(&b.entitlement, &b.sku)));
        changes.versions.sort_by(|a, b| a.entitlement.cmp(&b.entitlement));
        changes.moments =
            self.moments.into_iter().filter(|(_, moment)| moment.last != moment.before).collect();
        changes.moments.sort_by_key(|(key, _)| *key);
        changes.cases = self.cases.into_values().filter(|case| case.changed).collect();
        changes
    }
}

#[cfg(test)]
mod tests;
