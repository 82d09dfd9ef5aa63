//! What a [`super::World`] is made of, with what each thing was when it was read.

use std::collections::BTreeMap;

use model::decide::Known;
use model::entitlement::Use;
use model::place::{Circumstance, DeviceId};
use model::redemption::{Number, Take};
use model::time::UnixMs;
use wire::entitlement as w;
use wire::line;

/// What stands in the row of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It counts.
    Counted,
    /// The server did not count it.
    Refused,
    /// It never happened, unless the till's own journal says that it has.
    Voided,
    /// It was taken back, all of it.
    Undone,
}

/// Where a line stands in its till's journal, or beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LineAt {
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
    /// The hash of a line that is on a branch: another line has its number in the journal.
    pub(crate) branch: Option<line::Hash>,
}

impl LineAt {
    /// No line.
    pub(crate) const NONE: LineAt = LineAt { epoch: 0, seq: 0, branch: None };
}

/// Who acted, and where, in the names of that time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) device: String,
    pub(crate) till: String,
    pub(crate) store: w::Store,
    pub(crate) clerk: String,
}

/// The line that says the goods are handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HandedOver {
    pub(crate) line: LineAt,
    /// What it claims as its time.
    pub(crate) at: i64,
}

/// The row of a number.
#[derive(Clone, Debug)]
pub(crate) struct NumberRow {
    pub(crate) number: Number,
    pub(crate) state: State,
    pub(crate) entitlement: String,
    /// What it stands for now: of one that counts, what was not taken back.
    pub(crate) takes: Vec<w::Take>,
    /// What was taken back while the rest went on counting.
    pub(crate) taken_back: Vec<w::Take>,
    pub(crate) at: i64,
    pub(crate) received_at: i64,
    pub(crate) who: Who,
    /// The online request as JSON, empty if a journal line asked.
    pub(crate) request: String,
    /// The same for every repeat.
    pub(crate) answer: String,
    /// The number of the latest undo, or empty.
    pub(crate) undo: String,
    pub(crate) undone_at: i64,
    pub(crate) undone_by: String,
    pub(crate) handed_over: Option<HandedOver>,
    /// The state as it was read; nothing if there was no row.
    pub(crate) before: Option<State>,
    pub(crate) changed: bool,
}

/// A row to be written.
pub(crate) struct NumberChange {
    /// The state that the row must have now; nothing if there must be none.
    pub(crate) before: Option<State>,
    pub(crate) row: NumberRow,
}

impl NumberRow {
    /// As tills are told of it.
    pub(crate) fn told(&self) -> w::Use {
        w::Use { number: self.number.to_string(), takes: self.takes.clone(), done: (&self.done()).into() }
    }

    /// As the rules see it.
    pub(crate) fn as_use(&self) -> Use {
        Use { number: self.number, takes: self.takes.iter().map(Into::into).collect(), done: self.done() }
    }

    fn done(&self) -> Circumstance {
        Circumstance {
            at: UnixMs(self.at),
            device: DeviceId(self.who.device.clone()),
            till: self.who.till.clone(),
            store: self.who.store.name.clone(),
            clerk: self.who.clerk.clone(),
        }
    }

    /// What was taken in the first place.
    pub(crate) fn first_takes(&self) -> Vec<w::Take> {
        let mut takes = self.takes.clone();
        add(&mut takes, &self.taken_back);
        takes
    }

    pub(super) fn change(self) -> Option<NumberChange> {
        self.changed.then_some(NumberChange { before: self.before, row: self })
    }
}

/// What a line Begun said of a redemption.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) number: Number,
    pub(crate) entitlement: String,
    pub(crate) title: String,
    pub(crate) takes: Vec<w::Take>,
    pub(crate) value: i64,
    pub(crate) at: i64,
    pub(crate) clerk: String,
    /// The moment of the rotating code that was shown; 0: none.
    pub(crate) moment: i64,
    pub(crate) line: LineAt,
    /// Whether it is to be written down.
    pub(crate) fresh: bool,
}

/// An entitlement with its uses, and what this batch takes of it.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) known: Known,
    pub(crate) version: i64,
    bumps: i64,
    /// For each article: how many were taken when it was read, and how many more now.
    taken: BTreeMap<String, (i64, i64)>,
}

/// An article of which more, or less, is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TakenChange {
    pub(crate) entitlement: String,
    pub(crate) sku: String,
    pub(crate) before: i64,
    pub(crate) more: i64,
}

/// An entitlement that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VersionChange {
    pub(crate) entitlement: String,
    pub(crate) before: i64,
    pub(crate) more: i64,
}

impl Held {
    /// As it was read: what is known of it, its version, and how many of each article are taken.
    pub(crate) fn new(known: Known, version: i64, taken: Vec<(String, i64)>) -> Held {
        let taken = taken.into_iter().map(|(sku, before)| (sku, (before, 0))).collect();
        Held { known, version, bumps: 0, taken }
    }

    /// The pieces or uses of it in all.
    pub(crate) fn pieces(&self) -> i64 {
        self.known.entitlement.lines.iter().map(|line| i64::from(line.quantity)).sum()
    }

    /// Whether so many can be taken by the sums that are kept beside the uses. The uses name the reason of a refusal;
    /// should the two ever differ, no more is counted than either allows.
    pub(super) fn has_room(&self, takes: &[Take]) -> bool {
        takes.iter().all(|take| {
            let quantity = self.known.entitlement.line(&take.sku).map_or(0, |line| i64::from(line.quantity));
            let taken = self.taken.get(&take.sku).map_or(0, |(before, more)| before + more);
            taken + i64::from(take.quantity) <= quantity
        })
    }

    pub(super) fn count(&mut self, counted: Use) {
        self.move_taken(&counted.takes, 1);
        // In the order in which they would be read, so that a batch names the same winner as two halves of it.
        let uses = &mut self.known.entitlement.uses;
        let key = |use_: &Use| (use_.done.at, use_.number);
        let place = uses.partition_point(|known| key(known) < key(&counted));
        uses.insert(place, counted);
        self.bumps += 1;
    }

    /// Takes so many back of a use; `left` is what goes on counting.
    pub(super) fn take_back(&mut self, number: Number, back: &[Take], left: Option<Use>) {
        self.move_taken(back, -1);
        let uses = &mut self.known.entitlement.uses;
        match (uses.iter().position(|use_| use_.number == number), left) {
            (Some(place), Some(left)) => uses[place] = left,
            (Some(place), None) => drop(uses.remove(place)),
            (None, _) => {}
        }
        self.bumps += 1;
    }

    fn move_taken(&mut self, takes: &[Take], sign: i64) {
        for take in takes {
            if let Some((_, more)) = self.taken.get_mut(&take.sku) {
                *more += sign * i64::from(take.quantity);
            }
        }
    }

    pub(super) fn changes(self, taken: &mut Vec<TakenChange>, versions: &mut Vec<VersionChange>) {
        if self.bumps == 0 {
            return;
        }
        let id = self.known.entitlement.id.0;
        let moved = self.taken.into_iter().filter(|(_, (_, more))| *more != 0);
        taken.extend(moved.map(|(sku, (before, more))| TakenChange {
            entitlement: id.clone(),
            sku,
            before,
            more,
        }));
        versions.push(VersionChange { entitlement: id, before: self.version, more: self.bumps });
    }
}

/// Which rotating code opens an entitlement: campaign and serial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rotating {
    pub(crate) key: (i64, i64),
    /// Whether it is the entitlement's own code, and not that of the membership which it belongs to.
    pub(crate) own: bool,
}

/// The latest moment of a rotating code that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) before: i64,
    pub(crate) last: i64,
}

/// A text as every engine can hold it: PostgreSQL's have no U+0000. For texts of journal lines, which are taken whatever
/// is in them; requests with such a text are turned away before they come here.
pub(crate) fn holdable(text: &str) -> String {
    if text.contains('\0') { text.replace('\0', "\u{FFFD}") } else { text.to_owned() }
}

/// Adds takes to takes, article by article.
pub(crate) fn add(takes: &mut Vec<w::Take>, more: &[w::Take]) {
    for take in more {
        match takes.iter_mut().find(|known| known.sku == take.sku) {
            Some(known) => known.quantity = known.quantity.saturating_add(take.quantity),
            None => takes.push(take.clone()),
        }
    }
}

/// What is left of takes; nothing if more is to go than is there.
pub(crate) fn without(takes: &[w::Take], less: &[w::Take]) -> Option<Vec<w::Take>> {
    let mut left = takes.to_vec();
    for take in less {
        let known = left.iter_mut().find(|known| known.sku == take.sku)?;
        known.quantity = known.quantity.checked_sub(take.quantity)?;
    }
    left.retain(|take| take.quantity > 0);
    Some(left)
}
