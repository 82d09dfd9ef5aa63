//! Counting: who was first, and what a number that is asked for again gets to hear.
//!
//! Every number that the server was asked about has one row, whatever the answer, so that the same number gets the
//! same answer. A number that was voided, refused or taken back never counts again through a late request; only
//! the till's own journal can say that its goods went out all the same.

use model::decide::{self, Refusal};
use model::place::{DeviceId, Place, StoreId};
use model::redemption::{Number, Take};
use model::time::UnixMs;
use model::verdict::Reason;
use wire::api::{Fate, Redeem, Redeemed, Settlement};
use wire::entitlement as w;

use super::rows::{HandedOver, Intent, LineAt, NumberRow, State, Who};
use super::{World, undo};

/// So long after its deadline a till has its line on disk, also on a slow one (ms).
const WRITTEN_WITHIN_MS: i64 = 5_000;

/// What became of an online request.
#[derive(Debug)]
pub enum Online {
    /// This is the answer, as JSON, the same for every repeat.
    Answer(String),
    /// The number was voided: it never happened and never will.
    Voided,
    /// The number was used for something else.
    NumberReused,
}

/// Whether it was counted.
#[derive(Debug)]
pub enum Counted {
    /// It counts.
    Yes,
    /// It does not.
    No(Refusal),
}

/// The moment of the rotating code that was shown for a redemption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// No rotating code, or a till that does not say.
    Nothing,
    /// It must be later than any that was accepted.
    Now(i64),
    /// It was accepted without this server: what has happened has happened.
    Before(i64),
}

/// What is asked to be counted.
pub(crate) struct Asked<'a> {
    pub(crate) number: Number,
    pub(crate) entitlement: &'a str,
    pub(crate) takes: &'a [w::Take],
    pub(crate) clerk: &'a str,
    /// By the till's clock.
    pub(crate) at: i64,
    /// The online request as JSON, empty if a journal line asks.
    pub(crate) request: &'a str,
    pub(crate) shown: Shown,
    /// The line that says that it was handed over.
    pub(crate) handed_over: Option<HandedOver>,
}

impl World {
    /// Counts a redemption online, or says why not. Repeats of the number get the stored answer.
    pub(crate) fn redeem(&mut self, number: Number, asked: &Redeem, request: &str) -> Online {
        if let Some(row) = self.numbers.get(&number) {
            return repeat(row, &self.device.id, asked, request);
        }
        let asked = Asked {
            number,
            entitlement: &asked.entitlement,
            takes: &asked.takes,
            clerk: &asked.clerk,
            at: asked.at,
            request,
            shown: asked.moment.map_or(Shown::Nothing, Shown::Now),
            handed_over: None,
        };
        Online::Answer(answer_of(&self.count_and_note(&asked, self.now)))
    }

    /// Says what became of a number. If it was not counted it is voided, so that a late copy of its request can do
    /// nothing.
    pub(crate) fn ask(&mut self, number: Number) -> Fate {
        match self.numbers.get(&number) {
            Some(row) if row.state == State::Counted => Fate::Counted(row.told().done),
            Some(_) => Fate::Voided,
            None => {
                self.void(number);
                Fate::Voided
            }
        }
    }

    /// The till has handed the goods over.
    pub(super) fn accepted(&mut self, at: LineAt, number: Number, when: i64) -> Settlement {
        let row = self.numbers.get_mut(&number);
        let foreign = row.as_ref().is_some_and(|row| row.who.device != self.device.id);
        match row {
            _ if foreign => self.unknown(at, number, when, Reason::NeverIssued),
            Some(row) if row.state == State::Counted => {
                if row.handed_over.is_none() {
                    row.handed_over = Some(HandedOver { line: at, at: when });
                    row.changed = true;
                    let counted = row.clone();
                    self.look_at_standing(at, &counted, when);
                }
                Settlement::AlreadyCounted
            }
            // The till itself had taken this number back.
            Some(row) if row.state == State::Undone => match self.intents.get(&number).cloned() {
                Some(intent) => self.dispute(at, &intent, Reason::UndoneBefore.into()),
                None => self.unknown(at, number, when, Reason::UndoneBefore),
            },
            // Voided, and yet handed over: the till asked, never heard the answer, and went on under the number when
            // the customer came back. A void stops late requests; what the journal says has happened has happened.
            Some(_) | None => match self.intents.get(&number).cloned() {
                Some(intent) => self.count_line(at, &intent, when),
                None => self.unknown(at, number, when, Reason::NeverIssued),
            },
        }
    }

    /// What was counted unseen and is handed over later may have been refunded, cancelled or frozen in between: the
    /// redemption goes on counting, and its goods are out without anything that pays for them.
    ///
    /// A till that heard its answer writes its line within its own deadline, by the same clock as its request. What the
    /// merchant did after that is no fault of the counter's, however late the line comes here.
    fn look_at_standing(&mut self, at: LineAt, counted: &NumberRow, when: i64) {
        let Some(held) = self.held.get(&counted.entitlement) else { return };
        let Some(reason) = decide::withdrawn(held.known.entitlement.standing) else { return };
        let waited = (when - counted.at).max(self.bounds.not_before - counted.received_at);
        if waited <= i64::from(self.policy.deadline_ms) + WRITTEN_WITHIN_MS {
            return;
        }
        let intent = Intent {
            number: counted.number,
            entitlement: counted.entitlement.clone(),
            title: String::new(),
            takes: counted.takes.clone(),
            value: 0,
            at: when,
            clerk: counted.who.clerk.clone(),
            moment: 0,
            line: at,
            fresh: false,
        };
        self.dispute(at, &intent, reason.into());
    }

    fn count_line(&mut self, at: LineAt, intent: &Intent, when: i64) -> Settlement {
        let asked = Asked {
            number: intent.number,
            entitlement: &intent.entitlement,
            takes: &intent.takes,
            clerk: &intent.clerk,
            at: when,
            request: "",
            shown: if intent.moment == 0 { Shown::Nothing } else { Shown::Before(intent.moment) },
            handed_over: Some(HandedOver { line: at, at: when }),
        };
        // The till's own word would make what is over good again: it is believed within what is proved only.
        let moment = UnixMs(when.max(self.bounds.not_before).min(self.now.0));
        match self.count_and_note(&asked, moment) {
            Counted::Yes => Settlement::Confirmed,
            Counted::No(refusal) => self.dispute(at, intent, refusal),
        }
    }

    /// The till has handed nothing over. A late request may have counted it: then it is taken back. If none has
    /// come yet, none may count it later.
    pub(super) fn not_handed_over(&mut self, number: Number) -> Option<Settlement> {
        match self.numbers.get(&number) {
            None => {
                self.void(number);
                None
            }
            Some(row) if row.state == State::Counted && row.who.device == self.device.id => {
                let all = row.takes.clone();
                self.take_back(&undo::Undo { number, of: number, clerk: "", takes: &[] }, &all);
                Some(Settlement::Undone)
            }
            Some(_) => None,
        }
    }

    /// Decides at `moment` whether it counts, and notes the number with the answer.
    pub(crate) fn count_and_note(&mut self, asked: &Asked<'_>, moment: UnixMs) -> Counted {
        let counted = self.count(asked, moment);
        let state = match counted {
            Counted::Yes => State::Counted,
            Counted::No(_) => State::Refused,
        };
        self.note(asked, state, answer_of(&counted));
        if state == State::Counted {
            let row = self.numbers.get(&asked.number).map(NumberRow::as_use);
            if let (Some(held), Some(use_)) = (self.held.get_mut(asked.entitlement), row) {
                held.count(use_);
            }
            self.touched.insert(asked.entitlement.to_owned());
            self.list_in_case(asked.number);
        }
        counted
    }

    fn count(&mut self, asked: &Asked<'_>, moment: UnixMs) -> Counted {
        let place =
            Place { store: StoreId(self.device.store.id.clone()), device: DeviceId(self.device.id.clone()) };
        let takes: Vec<Take> = asked.takes.iter().map(Into::into).collect();
        let Some(held) = self.held.get(asked.entitlement) else {
            return Counted::No(Reason::NeverIssued.into());
        };
        if let Some(refusal) = decide::refusal(&held.known, &takes, &place, moment) {
            return Counted::No(refusal);
        }
        if !held.has_room(&takes) {
            tracing::error!(entitlement = asked.entitlement, "more is taken of it than its uses tell");
            let earlier = held.known.last_use().cloned();
            return Counted::No(Refusal { reason: Reason::NotEnoughLeft, earlier });
        }
        if self.note_moment(asked.entitlement, asked.shown) {
            Counted::Yes
        } else {
            Counted::No(Reason::CodeSeen.into())
        }
    }

    /// Notes the moment of a rotating code. False if one of that moment or a later one was accepted before.
    ///
    /// What belongs to a membership is opened by the membership's code, and one such code may open several coupons:
    /// there the same moment may come again, an earlier one not.
    fn note_moment(&mut self, entitlement: &str, shown: Shown) -> bool {
        let (moment, strict) = match shown {
            Shown::Nothing => return true,
            Shown::Now(moment) => (moment, true),
            Shown::Before(moment) => (moment, false),
        };
        let Some(rotating) = self.rotating.get(entitlement) else { return true };
        let Some(held) = self.moments.get_mut(&rotating.key) else { return true };
        let newer = held.last < moment || (!rotating.own && held.last == moment);
        if strict && !newer {
            return false;
        }
        held.last = held.last.max(moment);
        true
    }

    /// Notes a number. One that was refused online and is now brought by its line is noted anew, but keeps the answer
    /// that was given; one that was voided was given none.
    fn note(&mut self, asked: &Asked<'_>, state: State, answer: String) {
        let (now, who) = (self.now.0, self.who(asked.clerk));
        match self.numbers.get_mut(&asked.number) {
            Some(row) => {
                if row.state == State::Voided {
                    row.answer = answer;
                }
                row.state = state;
                row.entitlement = asked.entitlement.to_owned();
                row.takes = asked.takes.to_vec();
                row.at = asked.at;
                row.received_at = now;
                row.who.clerk = who.clerk;
                row.handed_over = asked.handed_over;
                row.changed = true;
            }
            None => {
                let row = NumberRow {
                    number: asked.number,
                    state,
                    entitlement: asked.entitlement.to_owned(),
                    takes: asked.takes.to_vec(),
                    taken_back: Vec::new(),
                    at: asked.at,
                    received_at: now,
                    who,
                    request: asked.request.to_owned(),
                    answer,
                    undo: String::new(),
                    undone_at: 0,
                    undone_by: String::new(),
                    handed_over: asked.handed_over,
                    before: None,
                    changed: true,
                };
                self.numbers.insert(asked.number, row);
            }
        }
    }

    fn void(&mut self, number: Number) {
        let nothing = Asked {
            number,
            entitlement: "",
            takes: &[],
            clerk: "",
            at: self.now.0,
            request: "",
            shown: Shown::Nothing,
            handed_over: None,
        };
        self.note(&nothing, State::Voided, String::new());
    }

    /// This till, and whoever stands at it.
    pub(super) fn who(&self, clerk: &str) -> Who {
        Who {
            device: self.device.id.clone(),
            till: self.device.till.clone(),
            store: self.device.store.clone(),
            clerk: clerk.to_owned(),
        }
    }
}

/// A number that has a row gets what stands in the row, if it is asked for the same thing.
fn repeat(row: &NumberRow, device: &str, asked: &Redeem, request: &str) -> Online {
    let same = if row.request.is_empty() {
        row.entitlement == asked.entitlement && row.first_takes() == asked.takes
    } else {
        row.request == request
    };
    match row.state {
        State::Voided => Online::Voided,
        _ if row.who.device != device || !same => Online::NumberReused,
        State::Counted | State::Refused | State::Undone => Online::Answer(row.answer.clone()),
    }
}

fn answer_of(counted: &Counted) -> String {
    let answer = match counted {
        Counted::Yes => Redeemed::Counted,
        Counted::No(refusal) => refusal.into(),
    };
    serde_json::to_string(&answer).expect("an answer has only fields that JSON can hold")
}
