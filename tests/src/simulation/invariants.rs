//! The invariants, one function each, named by its letter. They judge values and read nothing, so that each can be shown
//! to fail.

use std::collections::{BTreeMap, BTreeSet};

use model::time::CLOCK_TOLERANCE_MS;
use server::store::RedemptionRow;
use till::cases::StoreCase;
use wire::api::Settlement;
use wire::case::Case;
use wire::entitlement::{Entitlement, Standing};
use wire::line::{self, Basis};

use super::model::{Book, Deed, Kept, Verdict, sum};
use super::outages::{Stake, Sum};

/// What does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) letter: &'static str,
    pub(super) what: String,
}

/// Whether it holds.
pub(super) type Check = Result<(), Broken>;

/// A clerk waits for 1.5 s at most, twice where an interrupted act turns out to be voided (ms).
const WAIT_MS_MAX: u64 = 3_050;

fn holds(letter: &'static str, holds: bool, what: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(Broken { letter, what: what() }) }
}

/// Durable before green: what a clerk sees as accepted is on the till's disk.
pub(super) fn j1(number: &str, deed: Option<&Deed>, on_disk: u64) -> Check {
    let accepted = deed.and_then(|deed| deed.accepted.as_ref());
    let durable = accepted.is_some_and(|accepted| accepted.seq <= on_disk);
    holds("J1", durable, || format!("{number} is shown as accepted, and no line on the disk says so"))
}

/// Prefix survival: after a crash every line that was there, and all that was shown, is still there.
pub(super) fn j2(book: &Book, epoch: u64, recovered: u64) -> Check {
    let last = book.last(epoch);
    holds("J2", recovered >= last, || {
        format!("line {last} was on the disk, and the last is now {recovered}")
    })?;
    let lost = book.shown.iter().find(|number| {
        let deed = book.deeds.get(*number);
        deed.is_none_or(|deed| deed.accepted.is_none())
    });
    holds("J2", lost.is_none(), || {
        format!("{} was shown as accepted and is lost", lost.expect("one is lost"))
    })
}

/// Density: the lines of an epoch are numbered 1, 2, 3 …
pub(super) fn j3(after: u64, seq: u64) -> Check {
    holds("J3", seq == after + 1, || format!("line {seq} follows line {after}"))
}

/// Immutability: the bytes under a number are the same everywhere and for ever.
pub(super) fn j4(seq: u64, one: &[u8], other: &[u8]) -> Check {
    holds("J4", one == other, || format!("line {seq} has other bytes than it had"))
}

/// Chain: a line names the hash of the one before.
pub(super) fn j5(before: Option<&Kept>, kept: &Kept) -> Check {
    let hash = before.map_or(line::GENESIS, |before| line::hash(&before.bytes));
    holds("J5", kept.line.prev == hash, || format!("line {} does not name the one before", kept.line.seq))
}

/// No fork and no fault of the journal without an adversary.
pub(super) fn j6(fault: Option<&str>) -> Check {
    holds("J6", fault.is_none(), || fault.unwrap_or_default().to_owned())
}

/// Fail-stop: after a flush of the journal that failed nothing is shown as accepted until the journal was opened again.
pub(super) fn j8(number: &str, failed: bool) -> Check {
    holds("J8", !failed, || {
        format!("{number} is shown as accepted, by a journal of which a flush has failed")
    })
}

/// At most once: what is told as taken of an entitlement is each counted redemption once, and no more than there is.
pub(super) fn s1(told: &Entitlement, rows: &[&RedemptionRow]) -> Check {
    let id = &told.id;
    let mut uses = BTreeSet::new();
    let twice = told.uses.iter().find(|use_| !uses.insert(use_.number.as_str()));
    holds("S1", twice.is_none(), || format!("a redemption of {id} counts twice: {twice:?}"))?;
    let counted: BTreeSet<&str> =
        rows.iter().filter(|row| !row.undone).map(|row| row.number.as_str()).collect();
    holds("S1", uses == counted, || format!("{id} tells {uses:?} as taken, but {counted:?} count"))?;
    let mut taken: BTreeMap<&str, u32> = BTreeMap::new();
    for take in told.uses.iter().flat_map(|use_| &use_.takes) {
        *taken.entry(&take.sku).or_default() += take.quantity;
    }
    enough("S1", told, &taken)
}

/// Nothing more is taken than there is.
fn enough(letter: &'static str, told: &Entitlement, taken: &BTreeMap<&str, u32>) -> Check {
    for (sku, quantity) in taken {
        let all = told.lines.iter().find(|line| line.sku == *sku).map_or(0, |line| line.quantity);
        let id = &told.id;
        holds(letter, *quantity <= all, || format!("{quantity} of {all} {sku} are taken of {id}"))?;
    }
    Ok(())
}

/// Ack implies durable: what the server has acknowledged it holds, and goes on holding.
pub(super) fn s2(acknowledged: u64, held: u64) -> Check {
    holds("S2", acknowledged <= held, || format!("{acknowledged} lines are acknowledged, {held} are held"))
}

/// Outcome stability: the same question gets the same answer, byte for byte.
pub(super) fn s3<T: PartialEq + std::fmt::Debug>(what: &str, before: &T, now: &T) -> Check {
    holds("S3", before == now, || format!("{what} was answered {before:?} and now {now:?}"))
}

/// Causality: what counts was begun at the till that it is counted for, as it stands in the till's journal.
pub(super) fn s4(row: &RedemptionRow, deed: Option<&Deed>) -> Check {
    let mut takes: BTreeMap<String, u32> = BTreeMap::new();
    for take in row.takes.iter().chain(&row.taken_back) {
        *takes.entry(take.sku.clone()).or_default() += take.quantity;
    }
    let same = deed.is_some_and(|deed| deed.entitlement == row.entitlement && deed.takes == takes);
    holds("S4", same, || format!("{} counts at {}, whose journal says {deed:?}", row.number, row.till))
}

/// Contiguity: what the server holds of a journal is a prefix.
pub(super) fn s5(after: u64, seqs: &[u64], head: u64) -> Check {
    let dense = seqs.iter().copied().eq(after + 1..=head);
    holds("S5", dense, || format!("lines {seqs:?} follow line {after}, and the head is {head}"))
}

/// Feed completeness: whoever follows the feed holds what a fresh reader of all of it gets (and S8: a fresh reader is one
/// that begins with a snapshot).
pub(super) fn s6(
    followed: &BTreeMap<String, (u64, String)>,
    fresh: &BTreeMap<String, (u64, String)>,
) -> Check {
    let missed = fresh.iter().find(|(id, told)| followed.get(*id) != Some(told));
    let what =
        || format!("a follower missed {missed:?}, it holds {:?}", missed.map(|(id, _)| followed.get(id)));
    holds("S6", missed.is_none(), what)?;
    let extra = followed.keys().find(|id| !fresh.contains_key(*id));
    holds("S6", extra.is_none(), || format!("a follower holds {extra:?}, which nobody tells"))
}

/// Feed density and order: after each change the numbers go on without a gap.
pub(super) fn s7(after: u64, seqs: &[u64], last: u64) -> Check {
    let dense = seqs.iter().copied().eq(after + 1..=last);
    holds("S7", dense, || format!("numbers {seqs:?} follow {after} up to {last}"))
}

/// Digest honesty: at the same number the till's copy is what the server tells.
pub(super) fn s10(told: &Entitlement, copied: Option<&Entitlement>) -> Check {
    holds("S10", copied == Some(told), || format!("the server tells {told:?}, the copy holds {copied:?}"))
}

/// Quiescence: once faults have stopped, everybody has told and heard everything.
pub(super) fn s11(what: &str, there: u64, wanted: u64) -> Check {
    holds("S11", there == wanted, || format!("{what}: {there} instead of {wanted}"))
}

/// Green is single: of one entitlement the server lets no more be handed over than there is, as far as it remembers: of
/// what it answered, `answered` names what it did not forget when a backup took its place.
pub(super) fn r3(told: &Entitlement, books: &[&Book], answered: &BTreeSet<String>) -> Check {
    let deeds = books.iter().flat_map(|book| &book.deeds);
    let green = deeds
        .filter(|(number, deed)| deed.entitlement == told.id && deed.green() && answered.contains(*number));
    enough("R3", told, &sum(green.map(|(_, deed)| deed)))
}

/// Island bound: one till alone gives out no more than there is.
pub(super) fn r4(told: &Entitlement, book: &Book) -> Check {
    enough("R4", told, &book.standing(&told.id))
}

/// Budget: what one outage has accepted at risk, by till and by customer, and this with it, is within the limits: for one
/// redemption, and for till and customer.
pub(super) fn r6(stake: &Stake, before: [Sum; 2], (each, limits): &(i64, [Sum; 2])) -> Check {
    let fits = |(before, limit): (Sum, &Sum)| {
        before.count < limit.count && before.fen.saturating_add(stake.amount) <= limit.fen
    };
    let all_fit = stake.amount <= *each && before.into_iter().zip(limits).all(fits);
    holds("R6", all_fit, || {
        format!("{stake:?} comes to {before:?}, and the limits are {each} and {limits:?}")
    })
}

/// Budget: what a till goes by, whatever happened to its program, is what its lines tell of the outage before.
pub(super) fn r6_told(lines: [Sum; 2], till: Option<[Sum; 2]>) -> Check {
    holds("R6", till == Some(lines), || {
        format!("by its lines a till has spent {lines:?}, and it went by {till:?}")
    })
}

/// Negative evidence wins: a till that has been told that something is void or used does not accept it alone.
pub(super) fn r8(copied: &Entitlement, book: &Book, number: &str) -> Check {
    let standing = copied.standing;
    let id = &copied.id;
    holds("R8", standing == Standing::Good, || {
        format!("{number} is of {id}, which the copy says is {standing:?}")
    })?;
    let mut taken: BTreeMap<&str, u32> = BTreeMap::new();
    for use_ in &copied.uses {
        // Of what this till has taken back itself, its own journal knows more than any copy.
        match book.deeds.get(&use_.number).filter(|deed| deed.backs().next().is_some()) {
            Some(deed) => {
                deed.left().into_iter().for_each(|(sku, out)| *taken.entry(sku).or_default() += out)
            }
            None => {
                use_.takes.iter().for_each(|take| *taken.entry(&take.sku).or_default() += take.quantity);
            }
        }
    }
    let told: BTreeSet<&str> = copied.uses.iter().map(|use_| use_.number.as_str()).collect();
    let untold = book
        .deeds
        .iter()
        .filter(|(number, deed)| deed.entitlement == *id && deed.stands() && !told.contains(number.as_str()));
    for (sku, quantity) in sum(untold.map(|(_, deed)| deed)) {
        *taken.entry(sku).or_default() += quantity;
    }
    enough("R8", copied, &taken)
}

/// Conflict completeness: what a till has handed over, and the server has heard of, counts, was taken back, or is one
/// case.
pub(super) fn r10(number: &str, row: Option<&RedemptionRow>, cases: &[Case]) -> Check {
    // A case may also show a redemption beside what it is about.
    let out = |case: &Case| {
        let mut sides = case.standing("not_counted").chain(case.standing("taken_back"));
        sides.any(|side| side.number == number)
    };
    let cases: Vec<&Case> = cases.iter().filter(|case| out(case)).collect();
    let known = row.is_some() || cases.len() == 1;
    holds("R10", known && cases.len() <= 1, || {
        format!("{number} was handed over; it counts: {}, cases: {}", row.is_some(), cases.len())
    })
}

/// Void: no more of a redemption is taken back than was handed over, line by line, and nothing once it is all back.
pub(super) fn r11(book: &Book) -> Check {
    for (number, (of, _)) in &book.undos {
        let known = book.deeds.contains_key(of);
        holds("R11", known, || format!("undo {number} is of {of}, which this till does not know"))?;
    }
    for (number, deed) in &book.deeds {
        let (mut left, mut gone) = (deed.takes.clone(), false);
        for back in deed.backs() {
            gone |= left.values().all(|left| *left == 0);
            holds("R11", !gone, || format!("{number} is taken back, and nothing of it was out: {deed:?}"))?;
            gone = back.takes.is_empty();
            for (sku, quantity) in &back.takes {
                let rest = left.get(sku).and_then(|left| left.checked_sub(*quantity));
                holds("R11", rest.is_some(), || {
                    format!("more {sku} of {number} is taken back than was handed over: {deed:?}")
                })?;
                left.insert(sku.clone(), rest.unwrap_or_default());
            }
        }
    }
    Ok(())
}

/// The same at the server, once it has every line: what counts of a redemption is what was not taken back.
pub(super) fn r11_counted(row: &RedemptionRow, deed: &Deed) -> Check {
    let takes = row.takes.iter().filter(|_| !row.undone);
    let counted: BTreeMap<&str, u32> = takes.map(|take| (take.sku.as_str(), take.quantity)).collect();
    holds("R11", counted == deed.left(), || {
        format!("{counted:?} of {} count, and its till's lines say {deed:?}", row.number)
    })
}

/// Durable before shown, for a decision on a case: it is on the till's disk.
pub(super) fn d1(case: &str, book: &Book, on_disk: u64) -> Check {
    let durable = book.verdicts.values().any(|verdict| verdict.case == case && verdict.seq <= on_disk);
    holds("D1", durable, || format!("{case} is shown as decided, and no line on the disk says so"))
}

/// The first decision stands: nothing but another acceptance that does not count opens a case again.
pub(super) fn d2(before: &Case, now: &Case) -> Check {
    // Whatever did not count may have been taken back since.
    let out = |case: &Case, number: &str| {
        let mut sides = case.standing("not_counted").chain(case.standing("taken_back"));
        sides.any(|side| side.number == number)
    };
    let again = now.sides.iter().map(|side| side.number.as_str());
    let again = again.filter(|number| out(now, number)).any(|number| !out(before, number));
    holds("D2", before.is_open() || again || now.stands == before.stands, || {
        format!("{} stood as {:?}, and now as {:?}", now.case, before.stands, now.stands)
    })
}

/// All decisions are kept, and one of them stands where a case is closed. `verdicts` are those of which the server holds
/// the line.
pub(super) fn d3(case: &Case, verdicts: &[&Verdict]) -> Check {
    for verdict in verdicts {
        let kept = case.decisions.iter().any(|told| {
            told.at == verdict.at && told.clerk == verdict.clerk && told.decision == code(verdict.decision)
        });
        holds("D3", kept, || format!("{verdict:?} is not told of {}: {:?}", case.case, case.decisions))?;
    }
    let stands = case.is_open() || case.decisions.iter().any(|told| told.decision == case.stands);
    holds("D3", stands, || format!("{} is closed by {:?}, which nobody decided", case.case, case.stands))?;
    Ok(())
}

/// The first decision stands: what the server has said was the first is what closes a case, unless the till itself took
/// everything back.
pub(super) fn d3_first(case: &Case, verdicts: &[&Verdict]) -> Check {
    let firsts = verdicts.iter().filter(|verdict| matches!(verdict.told, Some(Settlement::Resolved)));
    let mut firsts = firsts.map(|verdict| code(verdict.decision)).peekable();
    let free = case.is_open() || case.stands == "taken_back" || firsts.peek().is_none();
    holds("D3", free || firsts.any(|first| first == case.stands), || {
        format!("{} is closed by {:?}, and others were told they were the first", case.case, case.stands)
    })
}

/// In the end every till of a store shows its cases as the server tells them, decisions and all.
pub(super) fn d4(told: &[&Case], shown: &[StoreCase]) -> Check {
    for case in told {
        let here = shown.iter().find(|here| here.case.case == case.case);
        let same = here.is_some_and(|here| here.case == **case && here.is_open() == case.is_open());
        holds("D4", same, || format!("the server tells {case:?}, the till shows {here:?}"))?;
    }
    let other = shown.iter().find(|here| told.iter().all(|case| case.case != here.case.case));
    holds("D4", other.is_none(), || format!("the till shows {other:?}, of which the server tells nothing"))
}

fn code(decision: line::Decision) -> &'static str {
    model::case::Decision::from(decision).code()
}

/// Ratchet: versions on a till never decrease.
pub(super) fn k2(what: &str, before: u64, now: u64) -> Check {
    holds("K2", now >= before, || format!("{what} was {before} and is now {now}"))
}

/// A version on a till, through whatever happens to the server: one that was set back counts from lower numbers again, so
/// that each time it was, one lower number may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ratchet {
    version: u64,
    /// How often the server had been set back when a lower number followed last.
    restores: u64,
}

impl Ratchet {
    /// Nothing below that has been seen.
    pub(super) fn at(version: u64) -> Ratchet {
        Ratchet { version, restores: 0 }
    }

    pub(super) fn turn(&mut self, what: &str, now: u64, restores: u64) -> Check {
        let before = std::mem::replace(&mut self.version, now);
        if now < before && self.restores < restores {
            self.restores = restores;
            return Ok(());
        }
        k2(what, before, now)
    }
}

/// Revoked device: the server does nothing for a till that it has barred.
pub(super) fn k5(target: &str, status: u16) -> Check {
    holds("K5", !(200..300).contains(&status), || format!("a barred till got {status} for {target}"))
}

/// Monotone time: no line is older than one before it, unless that one was written by a clock far ahead.
pub(super) fn t1(high_water: i64, at: i64) -> Check {
    holds("T1", at >= high_water, || format!("a line says {at}, after one that said {high_water}"))
}

/// What a line says of the time, if it cannot have been more than 9 minutes ahead: the till itself takes back only what
/// is more than 10 minutes past the server's time.
pub(super) fn believable(kept: &Kept) -> Option<i64> {
    let (earliest, _) = kept.written;
    (kept.line.at <= earliest + CLOCK_TOLERANCE_MS - 60_000).then_some(kept.line.at)
}

/// Expiry: nothing is accepted alone when it was certainly over, or not yet good, by the till's own time.
pub(super) fn t2(copied: &Entitlement, at: i64, high_water: i64) -> Check {
    let (from, until) = (copied.valid_from.unwrap_or(i64::MIN), copied.valid_until.unwrap_or(i64::MAX));
    let good = from <= at && at <= until && high_water <= until;
    let id = &copied.id;
    holds("T2", good, || format!("{id} is good from {from} to {until}; accepted at {at}, after {high_water}"))
}

/// Colour truth: green only if the server counted it, and the line says what the screen says.
pub(super) fn c4(number: &str, green: bool, line: Option<&Basis>, counted: bool) -> Check {
    let line_green = matches!(line, Some(Basis::Server));
    holds("C4", green == line_green, || {
        format!("{number} is green on the screen: {green}, in the line: {line:?}")
    })?;
    holds("C4", !green || counted, || format!("{number} is green, and the server never counted it"))
}

/// Exposure truth: what a screen calls the worst case, at any time of an outage, is not less than what can be lost; and
/// what it calls at risk is what is not settled.
pub(super) fn c5(worst: Option<i64>, at_risk: Option<i64>, all: i64, open: i64) -> Check {
    let wide = worst.is_none_or(|worst| worst >= all);
    holds("C5", wide, || format!("the worst case was told as {worst:?}, and {all} are at risk"))?;
    let same = at_risk.is_none_or(|at_risk| at_risk == open);
    holds("C5", same, || format!("{at_risk:?} are told to be at risk, and {open} are not settled"))
}

/// Promise 6: a clerk is never kept waiting.
pub(super) fn p6(what: &str, waited_ms: u64) -> Check {
    holds("P6", waited_ms <= WAIT_MS_MAX, || format!("{what} took {waited_ms} ms"))
}

/// The server has no fault of its own.
pub(super) fn p500(target: &str, status: u16) -> Check {
    holds("P500", status < 500, || format!("the server answered {status} for {target}"))
}

#[cfg(test)]
mod tests;
