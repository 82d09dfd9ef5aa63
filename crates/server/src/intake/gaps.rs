//! Lines that a till lost before it was let in again. The line that opens its next epoch says how far its journal came
//! before; beside what is held of that here it shows what is missing, on either side.

use model::case::{CaseClass, Decision};
use wire::line::{GENESIS, Hash, Stand};

use super::cases::{About, CaseRow, DecisionRow};
use super::rows::LineAt;
use super::{Side, World};

/// Why such a case is there: what the till says it wrote never came here.
const LOST: &str = "lost";
/// The till was set back behind what is held here: nobody can tell whether it had written more.
const SET_BACK: &str = "set_back";
/// What had been lost has come after all.
const ARRIVED: &str = "arrived";

/// What is held of the epoch that a till names as the one before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeldBefore {
    /// The journal's last line; 0 if none is held.
    pub(crate) head: u64,
    /// What that line claims as its time, and when it came (ms since 1970).
    pub(crate) at: i64,
    pub(crate) received_at: i64,
    /// Where the line is held at which the till says its journal stood.
    pub(crate) place: Place,
    /// The last number under which a line is held on a branch, below the one that the till names; 0 if none is.
    pub(crate) branch: u64,
}

/// Where a line is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Journal,
    Branch,
    Nowhere,
}

/// A line Opened that is held, and what it says of an epoch of which lines come only now.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) opened: LineAt,
    pub(crate) stand: Stand,
    /// The first number that was not held when these lines came.
    pub(crate) from: u64,
}

impl Claim {
    /// The name of the case that its line would have opened.
    pub(crate) fn case_name(&self, device: &str) -> String {
        CaseRow::name(CaseClass::Gap, device, self.opened)
    }
}

/// Where the journal stood before the epoch that a line opens; without a word of the till's, before its first line.
pub(crate) fn stand_before(epoch: u64, told: Option<&Stand>) -> Option<Stand> {
    match told {
        Some(stand) => Some(stand.clone()).filter(|stand| stand.epoch < epoch),
        None => (epoch > 1).then(|| Stand { epoch: epoch - 1, seq: 0, hash: GENESIS }),
    }
}

impl World {
    pub(crate) fn put_before(&mut self, stand: &Stand, held: HeldBefore) {
        self.before.insert((stand.epoch, stand.seq), held);
    }

    pub(crate) fn put_claims(&mut self, claims: Vec<Claim>) {
        self.claims = claims;
    }

    /// A till begins an epoch. What it lost of the one before is a case; so is that it was set back to before what is held.
    pub(super) fn opened(&mut self, at: LineAt, when: i64, before: Option<&Stand>) {
        let Some(stand) = stand_before(at.epoch, before) else { return };
        let Some(held) = self.before.get(&(stand.epoch, stand.seq)).copied() else { return };
        let (reason, from, to) = match held.place {
            Place::Journal if stand.seq < held.head => (SET_BACK, stand.seq + 1, held.head),
            // On a branch: behind the last line that is held of one, or at least the line itself.
            Place::Nowhere => (LOST, (held.head.max(held.branch) + 1).min(stand.seq), stand.seq),
            Place::Journal | Place::Branch => return,
        };
        let now = self.now.0;
        let mut case = self.new_case(About::Till, CaseClass::Gap, reason, at);
        case.title = span(stand.epoch, from, to);
        let last = LineAt { epoch: stand.epoch, seq: held.head, branch: None };
        let here = self.side_of_line(last, String::new(), Vec::new(), "", held.at);
        if held.head > 0 {
            case.add(Side { not_before: 0, received_at: held.received_at, ..here }, now);
        }
        case.add(self.side_of_line(at, String::new(), Vec::new(), "", when), now);
        self.cases.insert(case.id.clone(), case);
    }

    /// A line of an earlier epoch has come: whether it is one that was missing, and whether it was the last of them.
    pub(crate) fn came(&mut self, at: LineAt, hash: &Hash, when: i64) {
        let claims: Vec<Claim> =
            self.claims.iter().filter(|claim| claim.stand.epoch == at.epoch).cloned().collect();
        for Claim { stand, from, opened } in claims {
            let name = CaseRow::name(CaseClass::Gap, &self.device.id, opened);
            let side = self.side_of_line(at, String::new(), Vec::new(), "", when);
            let now = self.now.0;
            let Some(case) = self.cases.get_mut(&name).filter(|case| case.reason == LOST) else { continue };
            if at.seq == stand.seq && *hash == stand.hash {
                case.reason = ARRIVED.to_owned();
                case.title = span(stand.epoch, from.min(stand.seq), stand.seq);
                case.add(side, now);
                self.nothing_is_missing(&name);
            } else if at.branch.is_none() && at.seq < stand.seq {
                case.title = span(stand.epoch, at.seq + 1, stand.seq);
                case.touch(now);
            }
        }
    }

    /// Each of the lines was settled for itself, so that nothing is left to be decided, unless somebody has.
    fn nothing_is_missing(&mut self, name: &str) {
        let now = self.now.0;
        let Some(case) = self.cases.get_mut(name).filter(|case| case.open) else { return };
        case.open = false;
        case.decision = Some(Decision::Arrived);
        self.decisions.push(DecisionRow {
            case: name.to_owned(),
            number: name.to_owned(),
            decision: Decision::Arrived,
            note: String::new(),
            clerk: String::new(),
            device: self.device.id.clone(),
            till: self.device.till.clone(),
            at: now,
            received_at: now,
        });
    }
}

/// Which lines, in the words in which a case names them.
fn span(epoch: u64, from: u64, to: u64) -> String {
    if from == to {
        format!("epoch {epoch}, line {to}")
    } else {
        format!("epoch {epoch}, lines {from}–{to}")
    }
}
