//! What cannot simply be counted: it becomes a case, in the same act that shows it.
//!
//! About the acceptances of one entitlement there is one case, never two: a third acceptance joins the case that the
//! second has opened, and opens it again if somebody had closed it. What concerns a till rather than an entitlement
//! (its clock, lines that nobody can read, lines after it was given up) is gathered in one open case for each till.

use std::collections::BTreeSet;

use model::case::{CaseClass, Decision};
use model::decide::Refusal;
use model::redemption::Number;
use model::verdict::Reason;
use wire::api::Settlement;
use wire::entitlement as w;

use super::World;
use super::rows::{Held, Intent, LineAt, NumberRow, State, Who, without};
use super::undo::Undo;

/// How an act stands within a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It counts.
    Counted,
    /// A till accepted it, and it does not count.
    NotCounted,
    /// It was taken back.
    TakenBack,
    /// No acceptance, or one that this case does not put in doubt.
    Noted,
}

impl Standing {
    const ALL: [Standing; 4] =
        [Standing::Counted, Standing::NotCounted, Standing::TakenBack, Standing::Noted];

    pub(crate) fn code(self) -> &'static str {
        match self {
            Standing::Counted => "counted",
            Standing::NotCounted => "not_counted",
            Standing::TakenBack => "taken_back",
            Standing::Noted => "noted",
        }
    }

    pub(crate) fn of_code(code: &str) -> Option<Standing> {
        Standing::ALL.into_iter().find(|standing| standing.code() == code)
    }
}

/// One act of one till.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Side {
    /// The redemption's or the undo's number; empty for a line that cannot be read.
    pub(crate) number: String,
    pub(crate) standing: Standing,
    pub(crate) takes: Vec<w::Take>,
    /// What these are worth (fen).
    pub(crate) value: i64,
    pub(crate) at: i64,
    pub(crate) not_before: i64,
    pub(crate) received_at: i64,
    pub(crate) who: Who,
    /// The line that tells of it, if one has come.
    pub(crate) line: Option<LineAt>,
}

/// What a case is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// All acceptances of one entitlement.
    Acceptances,
    /// One undo that was refused.
    Undo,
    /// A till.
    Till,
}

impl About {
    const ALL: [About; 3] = [About::Acceptances, About::Undo, About::Till];

    pub(crate) fn code(self) -> &'static str {
        match self {
            About::Acceptances => "acceptances",
            About::Undo => "undo",
            About::Till => "till",
        }
    }

    pub(crate) fn of_code(code: &str) -> Option<About> {
        About::ALL.into_iter().find(|about| about.code() == code)
    }
}

/// A case, as far as a batch needs it.
#[derive(Clone, Debug)]
pub(crate) struct CaseRow {
    pub(crate) id: String,
    pub(crate) about: About,
    pub(crate) class: CaseClass,
    pub(crate) reason: String,
    pub(crate) open: bool,
    /// The decision that stands.
    pub(crate) decision: Option<Decision>,
    pub(crate) opened_at: i64,
    pub(crate) changed_at: i64,
    pub(crate) entitlement: String,
    /// The till whose doings have shown it.
    pub(crate) device: String,
    pub(crate) title: String,
    /// What is at stake (fen).
    pub(crate) value: i64,
    /// The place of the first of `sides`: those of a case about a till are not read, for they may be many.
    pub(crate) first: i64,
    pub(crate) sides: Vec<Side>,
    /// The stores that are told of it.
    pub(crate) stores: BTreeSet<String>,
    pub(crate) fresh: bool,
    pub(crate) changed: bool,
}

impl CaseRow {
    /// The name of a case. It follows from what shows it, so that the same line opens the same case however often a
    /// transaction is tried.
    pub(super) fn name(class: CaseClass, device: &str, at: LineAt) -> String {
        let branch = at.branch.map(|hash| wire::codes::hex(&hash)).unwrap_or_default();
        let cause = format!("{} {device} {} {} {branch}", class.code(), at.epoch, at.seq);
        let hash = blake3::hash(cause.as_bytes());
        format!("case-{}", wire::codes::hex(&hash.as_bytes()[..8]))
    }

    /// Adds a side. An act that is listed already keeps its place, and stands as it does now. Of a redemption that
    /// counts and should not have been handed over any more both are listed: that it was counted, and the handing over.
    pub(super) fn add(&mut self, side: Side, now: i64) {
        self.stores.insert(side.who.store.id.clone());
        let listed = |known: &&mut Side| {
            let apart = known.standing == Standing::Counted && side.standing == Standing::NotCounted;
            !side.number.is_empty() && known.number == side.number && !apart
        };
        match self.sides.iter_mut().find(listed) {
            Some(known) => *known = side,
            None => self.sides.push(side),
        }
        self.touch(now);
    }

    /// Whether something is out uncounted that is not among those; nothing: whatever there is was seen.
    fn has_more_than(&self, seen: &[String]) -> bool {
        let unseen = |side: &Side| side.standing == Standing::NotCounted && !seen.contains(&side.number);
        !seen.is_empty() && self.sides.iter().any(unseen)
    }

    pub(super) fn touch(&mut self, now: i64) {
        if self.about == About::Acceptances {
            let at_stake = self.sides.iter().filter(|side| side.standing == Standing::NotCounted);
            self.value = at_stake.map(|side| side.value).sum();
        }
        self.changed_at = now;
        self.changed = true;
    }
}

/// A decision, with the case that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DecisionRow {
    pub(crate) case: String,
    /// Its own number.
    pub(crate) number: String,
    pub(crate) decision: Decision,
    pub(crate) note: String,
    pub(crate) clerk: String,
    pub(crate) device: String,
    pub(crate) till: String,
    pub(crate) at: i64,
    pub(crate) received_at: i64,
}

/// Something about a till, beside the redemption that showed it.
pub(super) struct Beside<'a> {
    pub(super) class: CaseClass,
    pub(super) reason: &'a str,
    pub(super) at: LineAt,
    pub(super) side: Side,
}

impl Beside<'_> {
    pub(super) fn add_to(self, world: &mut World) {
        let now = world.now.0;
        let same = |case: &&mut CaseRow| {
            case.open
                && case.class == self.class
                && case.device == world.device.id
                && case.about == About::Till
        };
        if let Some(case) = world.cases.values_mut().find(same) {
            case.value += self.side.value;
            case.add(self.side, now);
            return;
        }
        let mut case = world.new_case(About::Till, self.class, self.reason, self.at);
        case.value = self.side.value;
        case.add(self.side, now);
        world.cases.insert(case.id.clone(), case);
    }
}

impl World {
    /// What a till accepted, and the server does not count.
    pub(super) fn dispute(&mut self, at: LineAt, intent: &Intent, refusal: Refusal) -> Settlement {
        let Refusal { reason, earlier } = refusal;
        let taken = matches!(reason, Reason::Used | Reason::UsedHereJustNow | Reason::NotEnoughLeft);
        let winner = earlier.as_ref().filter(|_| taken).map(w::Use::from);
        let number = intent.number.to_string();
        let mut side = self.side_of_line(at, number, intent.takes.clone(), &intent.clerk, intent.at);
        side.standing = Standing::NotCounted;
        side.value = self.value_of(intent);
        let case = self.acceptance_case(at, intent, reason, side);
        match winner {
            Some(winner) => Settlement::Disputed { case, winner },
            None => Settlement::Refused { case, reason: reason.code().to_owned() },
        }
    }

    /// A redemption that a till accepted and of which nothing more is known here.
    pub(super) fn unknown(&mut self, at: LineAt, number: Number, when: i64, reason: Reason) -> Settlement {
        let intent = Intent {
            number,
            entitlement: String::new(),
            title: String::new(),
            takes: Vec::new(),
            value: 0,
            at: when,
            clerk: String::new(),
            moment: 0,
            line: at,
            fresh: false,
        };
        self.dispute(at, &intent, reason.into())
    }

    /// Adds to the case about the entitlement's acceptances, or opens it with all that count.
    fn acceptance_case(&mut self, at: LineAt, intent: &Intent, reason: Reason, side: Side) -> String {
        let now = self.now.0;
        let known = self.case_of.get(&intent.entitlement).and_then(|id| self.cases.get_mut(id));
        if let Some(case) = known {
            case.open = true;
            case.decision = None;
            case.add(side, now);
            return case.id.clone();
        }
        let held = self.held.get(&intent.entitlement);
        let class = CaseClass::of_refusal(reason, held.map_or(1, Held::pieces));
        let title = held.map_or(&intent.title, |held| &held.known.entitlement.title).clone();
        let counted: Vec<Side> = self.counted_sides(&intent.entitlement);
        let mut case = self.new_case(About::Acceptances, class, reason.code(), at);
        case.entitlement = intent.entitlement.clone();
        case.title = title;
        counted.into_iter().for_each(|counted| case.add(counted, now));
        case.add(side, now);
        let id = case.id.clone();
        if !intent.entitlement.is_empty() {
            self.case_of.insert(intent.entitlement.clone(), id.clone());
        }
        self.cases.insert(id.clone(), case);
        id
    }

    /// A redemption that counts is listed too where a case about its entitlement's acceptances is open, or where there
    /// should have been one only.
    pub(super) fn list_in_case(&mut self, number: Number) {
        if self.case_of.is_empty() {
            return;
        }
        let Some(row) = self.numbers.get(&number) else { return };
        let Some(case) = self.case_of.get(&row.entitlement).and_then(|id| self.cases.get(id)) else { return };
        let pieces = self.held.get(&row.entitlement).map_or(1, Held::pieces);
        if !case.open && pieces > 1 {
            return;
        }
        let (id, side) = (case.id.clone(), self.counted_side(row));
        let now = self.now.0;
        if let Some(case) = self.cases.get_mut(&id) {
            case.add(side, now);
        }
    }

    fn counted_sides(&self, entitlement: &str) -> Vec<Side> {
        let Some(held) = self.held.get(entitlement) else { return Vec::new() };
        let uses = held.known.entitlement.uses.iter();
        uses.filter_map(|use_| self.numbers.get(&use_.number)).map(|row| self.counted_side(row)).collect()
    }

    fn counted_side(&self, row: &NumberRow) -> Side {
        Side {
            number: row.number.to_string(),
            standing: Standing::Counted,
            takes: row.takes.clone(),
            value: self.held.get(&row.entitlement).map_or(0, |held| share(held, &row.takes)),
            at: row.at,
            not_before: 0,
            received_at: row.received_at,
            who: row.who.clone(),
            line: row.handed_over.map(|handed_over| handed_over.line),
        }
    }

    /// A redemption that counted is taken back: whoever lost against it has to be looked at anew.
    pub(super) fn cross(&mut self, entitlement: &str, of: Number, back: &[w::Take]) {
        let (number, now) = (of.to_string(), self.now.0);
        let Some(case) = self.case_of.get(entitlement).and_then(|id| self.cases.get_mut(id)) else { return };
        let mine = |side: &&mut Side| side.number == number && side.standing == Standing::Counted;
        let Some(side) = case.sides.iter_mut().find(mine) else { return };
        give_back(side, back);
        let lost = |side: &Side| side.standing == Standing::NotCounted && side.number != number;
        if case.open && case.sides.iter().any(lost) {
            case.class = CaseClass::UndoRace;
        }
        case.touch(now);
    }

    /// A redemption that never counted comes back: once nothing is out any more, its case is over.
    pub(super) fn came_back(&mut self, undo: &Undo<'_>, back: &[w::Take], when: i64) {
        let (number, now) = (undo.of.to_string(), self.now.0);
        let out = |side: &&mut Side| side.number == number && side.standing == Standing::NotCounted;
        for case in self.cases.values_mut().filter(|case| case.about == About::Acceptances) {
            let Some(side) = case.sides.iter_mut().find(out) else { continue };
            let back = if back.is_empty() { side.takes.clone() } else { back.to_vec() };
            give_back(side, &back);
            let over = case.sides.iter().all(|side| side.standing != Standing::NotCounted);
            if over && case.open {
                case.open = false;
                case.decision = Some(Decision::TakenBack);
                self.decisions.push(DecisionRow {
                    case: case.id.clone(),
                    number: undo.number.to_string(),
                    decision: Decision::TakenBack,
                    note: String::new(),
                    clerk: undo.clerk.to_owned(),
                    device: self.device.id.clone(),
                    till: self.device.till.clone(),
                    at: when,
                    received_at: now,
                });
            }
            case.touch(now);
        }
    }

    /// An undo that is not done: what it was about goes on counting, and somebody must look.
    pub(super) fn refuse_undo(
        &mut self,
        at: LineAt,
        when: i64,
        undo: &Undo<'_>,
        reason: Reason,
    ) -> Settlement {
        let now = self.now.0;
        let mut case = self.new_case(About::Undo, CaseClass::UndoRace, reason.code(), at);
        let row = self.numbers.get(&undo.of).filter(|row| row.who.device == self.device.id);
        if let Some(row) = row {
            let mut side = self.counted_side(row);
            if row.state != State::Counted {
                side.standing = Standing::Noted;
            }
            let held = self.held.get(&row.entitlement);
            case.entitlement = row.entitlement.clone();
            case.title = held.map(|held| held.known.entitlement.title.clone()).unwrap_or_default();
            case.value = side.value;
            case.add(side, now);
        }
        let takes = undo.takes.iter();
        let takes = takes.map(|take| w::Take { sku: take.sku.clone(), quantity: take.quantity }).collect();
        case.add(self.side_of_line(at, undo.number.to_string(), takes, undo.clerk, when), now);
        let id = case.id.clone();
        self.cases.insert(id.clone(), case);
        Settlement::Refused { case: id, reason: reason.code().to_owned() }
    }

    /// A decision on a case. The first one stands; all are kept.
    ///
    /// It is about what its maker has `seen`, where the line says so: if another acceptance has come by now that does
    /// not count, the case stays open, as it would have been opened again had that acceptance come after the decision.
    pub(super) fn resolved(&mut self, decided: DecisionRow, seen: &[String]) -> Settlement {
        let store = &self.device.store.id;
        let case = self.cases.get_mut(&decided.case).filter(|case| case.stores.contains(store));
        let settlement = match case {
            None => Settlement::CaseUnknown,
            Some(case) => match case.decision.filter(|_| !case.open) {
                Some(earlier) => {
                    case.touch(self.now.0);
                    Settlement::ResolvedBefore { decision: earlier.code().to_owned() }
                }
                None => {
                    if !case.has_more_than(seen) {
                        case.open = false;
                        case.decision = Some(decided.decision);
                    }
                    case.touch(self.now.0);
                    Settlement::Resolved
                }
            },
        };
        self.decisions.push(decided);
        settlement
    }

    /// What is missing of this till's journal behind `head` is given up. The case is decided as it is opened.
    pub(crate) fn write_off(&mut self, head: LineAt, note: &str) {
        let mut case = self.new_case(About::Till, CaseClass::Gap, "written_off", head);
        case.add(self.side_of_line(head, String::new(), Vec::new(), "", self.now.0), self.now.0);
        case.open = false;
        case.decision = Some(Decision::WrittenOff);
        self.decisions.push(DecisionRow {
            case: case.id.clone(),
            number: case.id.clone(),
            decision: Decision::WrittenOff,
            note: note.to_owned(),
            clerk: String::new(),
            device: String::new(),
            till: String::new(),
            at: self.now.0,
            received_at: self.now.0,
        });
        self.cases.insert(case.id.clone(), case);
    }

    /// The till's journal has two histories; `at` is the first line that is there twice.
    pub(crate) fn forked(&mut self, at: LineAt) {
        let side = self.side_of_line(at, String::new(), Vec::new(), "", self.now.0);
        let mut case = self.new_case(About::Till, CaseClass::Fork, Reason::Quarantined.code(), at);
        case.title = format!("epoch {}, line {}", at.epoch, at.seq);
        case.add(side, self.now.0);
        self.cases.insert(case.id.clone(), case);
    }

    /// Somebody has looked into the till's two histories, and lets it begin a journal of that epoch.
    pub(crate) fn readmitted(&mut self, epoch: u64, note: &str) {
        let (device, now) = (&self.device.id, self.now.0);
        let forks = self.cases.values_mut().filter(|case| {
            case.open && case.class == CaseClass::Fork && case.about == About::Till && case.device == *device
        });
        for case in forks {
            case.open = false;
            case.decision = Some(Decision::Readmitted);
            case.touch(now);
            self.decisions.push(DecisionRow {
                case: case.id.clone(),
                number: format!("epoch-{epoch}"),
                decision: Decision::Readmitted,
                note: note.to_owned(),
                clerk: String::new(),
                device: String::new(),
                till: String::new(),
                at: now,
                received_at: now,
            });
        }
    }

    /// A case without sides.
    pub(super) fn new_case(&self, about: About, class: CaseClass, reason: &str, at: LineAt) -> CaseRow {
        CaseRow {
            id: CaseRow::name(class, &self.device.id, at),
            about,
            class,
            reason: reason.to_owned(),
            open: true,
            decision: None,
            opened_at: self.now.0,
            changed_at: self.now.0,
            entitlement: String::new(),
            device: self.device.id.clone(),
            title: String::new(),
            value: 0,
            first: 0,
            sides: Vec::new(),
            stores: BTreeSet::new(),
            fresh: true,
            changed: true,
        }
    }

    pub(super) fn side_of_line(
        &self,
        at: LineAt,
        number: String,
        takes: Vec<w::Take>,
        clerk: &str,
        when: i64,
    ) -> Side {
        Side {
            number,
            standing: Standing::Noted,
            takes,
            value: 0,
            at: when,
            not_before: self.bounds.not_before,
            received_at: self.now.0,
            who: self.who(clerk),
            line: Some(at),
        }
    }

    pub(super) fn value_of(&self, intent: &Intent) -> i64 {
        self.held.get(&intent.entitlement).map_or(intent.value, |held| share(held, &intent.takes))
    }
}

fn give_back(side: &mut Side, back: &[w::Take]) {
    let left = without(&side.takes, back).unwrap_or_default();
    let (before, after) = (pieces(&side.takes), pieces(&left));
    if left.is_empty() {
        side.standing = Standing::TakenBack;
    } else {
        side.value = side.value * after / before.max(1);
        side.takes = left;
    }
}

/// What so much of an entitlement is worth: its part of the whole, rounded up.
fn share(held: &Held, takes: &[w::Take]) -> i64 {
    let (value, whole) = (held.known.entitlement.value.0, held.pieces());
    if whole == 0 { value } else { (value * pieces(takes) + whole - 1) / whole }
}

fn pieces(takes: &[w::Take]) -> i64 {
    takes.iter().map(|take| i64::from(take.quantity)).sum()
}
