//! Taking back: the entitlement has its pieces again, the tills are told, the row and its history stay.

use model::redemption::{Number, Take};
use model::verdict::Reason;
use wire::api::Settlement;
use wire::entitlement as w;
use wire::line::NamedTake;

use super::World;
use super::rows::{LineAt, State, add, without};

/// What takes a redemption back: an undo with its own number, or the till's word that nothing was handed over.
pub(super) struct Undo<'a> {
    /// The undo's own number; the redemption's when the till had refused it.
    pub(super) number: Number,
    pub(super) of: Number,
    pub(super) clerk: &'a str,
    /// Nothing: all that is still taken.
    pub(super) takes: &'a [NamedTake],
}

impl Undo<'_> {
    fn wanted(&self) -> Vec<w::Take> {
        let mut wanted = Vec::new();
        for take in self.takes {
            add(&mut wanted, &[w::Take { sku: take.sku.clone(), quantity: take.quantity }]);
        }
        wanted
    }
}

impl World {
    /// The clerk has taken a redemption back, or part of it.
    ///
    /// One that counts may be taken back for as long as the chain allows, by the times of the two deeds. One of which
    /// the till has never said that it was handed over, or which does not count, may come back at any time.
    pub(super) fn undone(&mut self, at: LineAt, when: i64, undo: &Undo<'_>) -> Settlement {
        let row = self.numbers.get(&undo.of).filter(|row| row.who.device == self.device.id);
        let Some(row) = row else {
            return self.refuse_undo(at, when, undo, Reason::UndoUnknown);
        };
        if row.state == State::Counted && row.undo != undo.number.to_string() {
            let window = i64::from(self.policy.undo_minutes_max) * 60_000;
            let late = row.handed_over.is_some_and(|handed_over| when - handed_over.at > window);
            if late {
                return self.refuse_undo(at, when, undo, Reason::UndoTooLate);
            }
            let wanted = if undo.takes.is_empty() { row.takes.clone() } else { undo.wanted() };
            if without(&row.takes, &wanted).is_none() {
                return self.refuse_undo(at, when, undo, Reason::UndoTooMuch);
            }
            self.take_back(undo, &wanted);
        }
        // It never counted, or no longer does: what was a case is none any more.
        self.came_back(undo, &undo.wanted(), when);
        Settlement::Undone
    }

    /// Takes so many back of a redemption that counts.
    pub(super) fn take_back(&mut self, undo: &Undo<'_>, back: &[w::Take]) {
        let Some(row) = self.numbers.get_mut(&undo.of) else { return };
        let left = without(&row.takes, back).unwrap_or_default();
        let whole = left.is_empty();
        if whole {
            row.state = State::Undone;
        } else {
            row.takes = left;
            add(&mut row.taken_back, back);
        }
        row.undo = undo.number.to_string();
        row.undone_at = self.now.0;
        row.undone_by = undo.clerk.to_owned();
        row.changed = true;
        let (entitlement, use_) = (row.entitlement.clone(), row.as_use());
        let back_: Vec<Take> = back.iter().map(Into::into).collect();
        if let Some(held) = self.held.get_mut(&entitlement) {
            held.take_back(undo.of, &back_, (!whole).then_some(use_));
        }
        self.cross(&entitlement, undo.of, back);
        self.touched.insert(entitlement);
    }
}
