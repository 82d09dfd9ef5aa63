//! The desk's screen, put together from the till's state and the ledger.

use std::sync::atomic::Ordering;

use model::decide::Outcome;
use model::entitlement::Entitlement;
use model::place::{Circumstance, DeviceId};
use model::policy::Exposure;
use model::redemption::Number;
use model::time::{Doubt, UnixMs};
use model::verdict::{Basis, Class, Reason, Silence, Todo};
use wire::line;

use super::{Desk, STRIP, is_order, todo_of};
use crate::ledger::{Ledger, Redemption, State as Stand};
use crate::screen::{Approved, Line, Piece, Row, Screen, Stage, Stands, Status, Subject, Verdict};
use crate::serial::Standing;
use crate::staff;
use crate::till::{LineState, State};
use crate::words::Language;

impl Desk {
    /// Everything on the screen, now.
    pub fn screen(&self) -> Screen {
        let now = self.till().now();
        let revision = self.revision.load(Ordering::Relaxed);
        let status = self.status(now);
        let mut stage = self.inner().stage.clone();
        if let Stage::Verdict(verdict) = &mut stage {
            self.bring_up_to_date(verdict);
        }
        if let Stage::SignIn { staff, .. } = &mut stage {
            *staff = self.staff();
        }
        if let Stage::Approval(card) = &mut stage {
            card.managers = self.managers();
        }
        let mut recent: Vec<Row> = self.inner().strip.iter().cloned().collect();
        recent.iter_mut().for_each(|row| self.bring_row_up_to_date(row, now));
        Screen { revision, now, status, stage, recent }
    }

    /// Redemptions and undos of this till, newest first, at most 200.
    pub fn history(&self) -> Vec<Row> {
        let now = self.till().now();
        let mut rows = self.rows(200);
        rows.iter_mut().for_each(|row| self.bring_row_up_to_date(row, now));
        rows
    }

    fn status(&self, now: UnixMs) -> Status {
        let (language, clerk, scanners, serial) = {
            let inner = self.inner();
            let chosen = inner.settings.language.as_deref().map(Language::of_locale);
            (
                chosen.unwrap_or(inner.system),
                inner.settings.clerk.clone(),
                inner.scanners.habits(),
                inner.serial.clone(),
            )
        };
        let guard = self.till().lock();
        let Some(state) = guard.as_ref() else {
            return Status {
                language,
                store: None,
                till: None,
                clerk: None,
                line: Line::NotEnrolled,
                waiting: 0,
                copy_as_of: None,
                cases: 0,
                redeemed_today: 0,
                picked_up_today: 0,
                practice: false,
                copy_rebuilt: false,
                fetching: None,
                clock: Doubt::None,
                exposure: Exposure::NOTHING,
                scanners,
                serial,
            };
        };
        let setup = state.copy.setup();
        let staff = setup.map(|setup| setup.staff.as_slice()).unwrap_or_default();
        let (redeemed_today, picked_up_today) = today(&state.ledger, day_start(now));
        Status {
            language,
            store: Some(state.identity.store.name.clone()),
            till: Some(state.identity.till.clone()),
            clerk: clerk.and_then(|clerk| staff::find(staff, &clerk).cloned()),
            line: match state.line {
                LineState::Online => Line::Online,
                LineState::Slow => Line::Slow,
                LineState::Offline(silence) => Line::Offline(silence),
                LineState::Revoked => Line::Revoked,
            },
            waiting: u32::try_from(state.ledger.waiting()).unwrap_or(u32::MAX),
            copy_as_of: state.copy.heard_at().ok().flatten(),
            cases: u32::try_from(state.open_cases()).unwrap_or(u32::MAX),
            redeemed_today,
            picked_up_today,
            practice: setup.is_some_and(|setup| setup.practice),
            copy_rebuilt: state.copy_rebuilt,
            fetching: state.fetching,
            clock: self.till().time().doubt,
            exposure: state.exposure(),
            scanners,
            serial,
        }
    }

    /// The scanners on serial ports stand so.
    pub fn serial_stand(&self, scanners: Vec<Standing>) {
        let changed = std::mem::replace(&mut self.inner().serial, scanners.clone()) != scanners;
        if changed {
            self.bump();
        }
    }

    /// The number of the latest redemption or undo.
    pub(super) fn last_number(&self) -> Option<Number> {
        let guard = self.till().lock();
        guard.as_ref()?.ledger.newest_first().find(|number| {
            let ledger = &guard.as_ref().expect("looked at above").ledger;
            ledger.undo(*number).is_some()
                || ledger.redemption(*number).is_some_and(|known| known.decided.is_some())
        })
    }

    /// The verdict of a redemption or undo as the journal tells it.
    pub(super) fn verdict_of(&self, number: Number) -> Option<Verdict> {
        let (redemption, undo) = {
            let guard = self.till().lock();
            let ledger = &guard.as_ref()?.ledger;
            (ledger.redemption(number).cloned(), ledger.undo(number).cloned())
        };
        if let Some(undo) = undo {
            let mut verdict = self.about(undo.of, Verdict::of(Reason::Undone, undo.at));
            verdict.number = Some(number);
            verdict.taken = named(&undo.takes);
            verdict.unsent = undo.settlement.is_none();
            verdict.basis = undo.settlement.is_some().then_some(Basis::Server);
            return Some(verdict);
        }
        let redemption = redemption?;
        let subject = self.subject(&redemption);
        let Some((decided, at)) = &redemption.decided else {
            return (redemption.state() == Stand::CountedUnseen).then(|| Verdict {
                subject: Some(subject),
                taken: taken(&redemption),
                basis: Some(Basis::Server),
                number: Some(number),
                hand_over: Some(number),
                undo: self.undo_offer(number),
                ..Verdict::of(Reason::CountedUnseen, redemption.begun_at)
            });
        };
        let reason = Reason::of_code(&decided.reason)?;
        let outcome = match decided.outcome {
            line::Outcome::Accepted => Outcome::Accepted,
            line::Outcome::Refused => Outcome::Refused,
            line::Outcome::Held => Outcome::Held,
        };
        let earlier = decided.earlier.as_ref().map(|earlier| Circumstance::from(&earlier.done));
        let here = self.till().lock().as_ref().map(|state| state.place().device);
        Some(Verdict {
            todo: todo_of(outcome, reason, &subject),
            subject: Some(subject),
            taken: if outcome == Outcome::Accepted { taken(&redemption) } else { vec![] },
            left: decided.left,
            quantity: decided.quantity,
            basis: Some(basis(&decided.basis)),
            approved: approved(&decided.basis),
            earlier_here: earlier.as_ref().is_some_and(|earlier| Some(&earlier.device) == here.as_ref()),
            earlier,
            number: Some(number),
            undo: self.undo_offer(number),
            unsent: redemption.state() == Stand::Waiting,
            ..Verdict::of(reason, *at)
        })
    }

    /// Fills in what a redemption was about.
    pub(super) fn about(&self, number: Number, verdict: Verdict) -> Verdict {
        let redemption =
            self.till().lock().as_ref().and_then(|state| state.ledger.redemption(number).cloned());
        let Some(redemption) = redemption else { return verdict };
        let earlier = self.till().lock().as_ref().map(|state| mine(state, &redemption));
        Verdict {
            subject: Some(self.subject(&redemption)),
            taken: taken(&redemption),
            earlier,
            earlier_here: true,
            ..verdict
        }
    }

    /// What an undo took back.
    pub(super) fn taken_back(&self, undo: Number) -> Vec<(String, u32)> {
        let guard = self.till().lock();
        let undo = guard.as_ref().and_then(|state| state.ledger.undo(undo));
        undo.map(|undo| named(&undo.takes)).unwrap_or_default()
    }

    fn subject(&self, redemption: &Redemption) -> Subject {
        let begun = &redemption.begun;
        let told =
            self.till().lock().as_ref().and_then(|state| state.copy.by_id(&begun.entitlement).ok().flatten());
        match told.and_then(|told| Entitlement::try_from(&told).ok()) {
            Some(entitlement) => Subject::Whole(Box::new(entitlement)),
            None => Subject::Kept {
                id: begun.entitlement.clone(),
                kind: begun.kind.clone(),
                title: begun.title.clone(),
                code_tail: begun.code_tail.clone(),
            },
        }
    }

    /// What the undo button takes back, if it is offered for that redemption, and until when.
    pub(super) fn undo_offer(&self, number: Number) -> Option<(Number, UnixMs)> {
        let guard = self.till().lock();
        let state = guard.as_ref()?;
        undo_until(state, number, self.till().now()).map(|until| (number, until))
    }

    /// A verdict that stays on the screen follows what the server says meanwhile.
    fn bring_up_to_date(&self, verdict: &mut Verdict) {
        let Some(number) = verdict.number else { return };
        let guard = self.till().lock();
        let Some(state) = guard.as_ref() else { return };
        if let Some(redemption) = state.ledger.redemption(number) {
            verdict.unsent = redemption.state() == Stand::Waiting;
            verdict.undo = undo_until(state, number, self.till().now()).map(|until| (number, until));
        } else if let Some(undo) = state.ledger.undo(number) {
            verdict.unsent = undo.settlement.is_none();
        }
    }

    fn bring_row_up_to_date(&self, row: &mut Row, now: UnixMs) {
        let Some(number) = row.number else { return };
        let guard = self.till().lock();
        let Some(state) = guard.as_ref() else { return };
        row.undoable = undo_until(state, number, now).is_some();
        row.pieces = match state.ledger.redemption(number) {
            Some(known) if row.undoable && known.state() != Stand::CountedUnseen => pieces(known),
            _ => vec![],
        };
        row.stands = stands(&state.ledger, number);
    }

    /// The latest `count` redemptions and undos as rows.
    pub(super) fn rows(&self, count: usize) -> Vec<Row> {
        let numbers: Vec<Number> = match self.till().lock().as_ref() {
            Some(state) => state.ledger.newest_first().take(count).collect(),
            None => vec![],
        };
        numbers.into_iter().filter_map(|number| self.row(number)).take(count.max(STRIP)).collect()
    }

    fn row(&self, number: Number) -> Option<Row> {
        let guard = self.till().lock();
        let ledger = &guard.as_ref()?.ledger;
        let (at, reason, title, clerk) = if let Some(redemption) = ledger.redemption(number) {
            let reason = match &redemption.decided {
                Some((decided, _)) => Reason::of_code(&decided.reason)?,
                None if redemption.state() == Stand::CountedUnseen => Reason::CountedUnseen,
                None => return None,
            };
            let begun = &redemption.begun;
            (redemption.at(), reason, begun.title.clone(), begun.clerk.name.clone())
        } else {
            let undo = ledger.undo(number)?;
            let title = ledger.redemption(undo.of).map(|known| known.begun.title.clone()).unwrap_or_default();
            (undo.at, Reason::Undone, title, undo.clerk.clone())
        };
        let (number, stands) = (Some(number), Stands::Nothing);
        Some(Row { at, reason, title, clerk, number, stands, undoable: false, pieces: vec![] })
    }
}

fn undo_until(state: &State, number: Number, now: UnixMs) -> Option<UnixMs> {
    let redemption = state.ledger.redemption(number)?;
    let until = redemption.at().plus_seconds(i64::from(state.policy().undo_minutes_max) * 60);
    match redemption.state() {
        Stand::Waiting | Stand::Counted => (now <= until).then_some(until),
        // Goods that are still here, or that went out twice, may be taken back at any time.
        Stand::CountedUnseen | Stand::Case => Some(UnixMs(i64::MAX)),
        Stand::InDoubt | Stand::Closed | Stand::Undone => None,
    }
}

fn stands(ledger: &Ledger, number: Number) -> Stands {
    if let Some(redemption) = ledger.redemption(number) {
        return match redemption.state() {
            Stand::Waiting | Stand::InDoubt => Stands::Waiting,
            Stand::Counted | Stand::CountedUnseen => Stands::Settled,
            Stand::Case => Stands::Case,
            Stand::Undone => Stands::Undone,
            Stand::Closed => Stands::Nothing,
        };
    }
    match ledger.undo(number).map(|undo| &undo.settlement) {
        Some(None) => Stands::Waiting,
        Some(Some(settlement)) if settlement.case().is_some() => Stands::Case,
        Some(Some(_)) => Stands::Settled,
        None => Stands::Nothing,
    }
}

fn taken(redemption: &Redemption) -> Vec<(String, u32)> {
    named(&redemption.begun.takes)
}

fn named(takes: &[line::NamedTake]) -> Vec<(String, u32)> {
    takes.iter().map(|take| (take.name.clone(), take.quantity)).collect()
}

/// The lines of a redemption, with what is still taken of each.
fn pieces(redemption: &Redemption) -> Vec<Piece> {
    let still = redemption.still_taken();
    let left = |sku: &str| still.iter().find(|take| take.sku == sku).map_or(0, |take| take.quantity);
    let piece = |take: &line::NamedTake| Piece {
        sku: take.sku.clone(),
        name: take.name.clone(),
        quantity: take.quantity,
        left: left(&take.sku),
    };
    redemption.begun.takes.iter().map(piece).collect()
}

/// On what a line says that something rests.
pub fn basis(basis: &line::Basis) -> Basis {
    match basis {
        line::Basis::Server => Basis::Server,
        line::Basis::Copy { as_of, silence } => Basis::Copy {
            as_of: UnixMs(*as_of),
            silence: Silence::of_code(silence).unwrap_or(Silence::Unreachable),
        },
        line::Basis::Signature { as_of, silence } => Basis::Signature {
            as_of: UnixMs(*as_of),
            silence: Silence::of_code(silence).unwrap_or(Silence::Unreachable),
        },
        line::Basis::Override { as_of, silence, .. } => Basis::Override {
            as_of: UnixMs(*as_of),
            silence: Silence::of_code(silence).unwrap_or(Silence::Unreachable),
        },
    }
}

fn approved(basis: &line::Basis) -> Option<Approved> {
    match basis {
        line::Basis::Override { by, why, .. } => Some(Approved { by: by.name.clone(), why: why.clone() }),
        line::Basis::Server | line::Basis::Copy { .. } | line::Basis::Signature { .. } => None,
    }
}

fn mine(state: &State, redemption: &Redemption) -> Circumstance {
    Circumstance {
        at: redemption.at(),
        device: DeviceId(state.identity.device.clone()),
        till: state.identity.till.clone(),
        store: state.identity.store.name.clone(),
        clerk: redemption.begun.clerk.name.clone(),
    }
}

/// What this till has handed over since `start`: coupons and cards, and orders.
fn today(ledger: &Ledger, start: UnixMs) -> (u32, u32) {
    let (mut redeemed, mut picked_up) = (0, 0);
    let accepted = ledger
        .newest_first()
        .filter_map(|number| ledger.redemption(number))
        .take_while(|redemption| redemption.begun_at >= start)
        .filter(|redemption| matches!(redemption.state(), Stand::Waiting | Stand::Counted | Stand::Case));
    for redemption in accepted {
        if is_order(&redemption.begun.kind) { picked_up += 1 } else { redeemed += 1 }
    }
    (redeemed, picked_up)
}

/// Midnight before `now`, in the machine's time zone.
fn day_start(now: UnixMs) -> UnixMs {
    let zone = jiff::tz::TimeZone::system();
    let midnight = jiff::Timestamp::from_millisecond(now.0)
        .ok()
        .and_then(|moment| moment.to_zoned(zone).start_of_day().ok());
    midnight.map_or(now, |midnight| UnixMs(midnight.timestamp().as_millisecond()))
}

/// The code that the page knows a class by.
pub fn class_code(class: Class) -> &'static str {
    match class {
        Class::Pass => "pass",
        Class::Act => "act",
        Class::Done => "done",
        Class::Stop => "stop",
        Class::Fault => "fault",
    }
}

/// The amount or percentage that a to-do names.
pub fn todo_figures(todo: &Todo) -> (Option<i64>, Option<u8>) {
    match todo {
        Todo::DeductAmount(amount) => (Some(amount.0), None),
        Todo::DeductPercent(percent) => (None, Some(*percent)),
        _ => (None, None),
    }
}
