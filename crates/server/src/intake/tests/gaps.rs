//! Journals that go on in another epoch, and what is missing of the one before.

use wire::line::{Hash, Stand, Why};

use super::*;
use crate::intake::Place;

const LAST: Hash = [9; 32];

/// Opens the second epoch of a till that says it had come to line 9, of which so much is held.
fn open(books: &mut Books, held: HeldBefore) {
    let stand = Stand { epoch: 1, seq: 9, hash: LAST };
    let mut world = books.world(&till(1));
    world.put_before(&stand, held);
    let opened = Act::Opened { why: Why::SetBack, before: Some(stand) };
    let line = Line { epoch: 2, ..line_of(1, START + MINUTE, None, opened) };
    world.apply(LineAt { epoch: 2, seq: 1, branch: None }, &line);
    books.write(world);
}

/// One line of the first epoch comes later.
fn comes(books: &mut Books, from: u64, at: LineAt, hash: Hash) {
    let stand = Stand { epoch: 1, seq: 9, hash: LAST };
    let mut world = books.world(&till(1));
    world.put_claims(vec![Claim { opened: LineAt { epoch: 2, seq: 1, branch: None }, stand, from }]);
    world.came(at, &hash, START);
    books.write(world);
}

fn held(head: u64, place: Place, branch: u64) -> HeldBefore {
    HeldBefore { head, at: START, received_at: START, place, branch }
}

fn at(seq: u64) -> LineAt {
    LineAt { epoch: 1, seq, branch: None }
}

#[test]
fn what_is_missing_of_the_epoch_before_is_told_with_its_numbers() {
    let told = [
        (held(7, Place::Nowhere, 0), Some(("lost", "epoch 1, lines 8–9", 2))),
        (held(0, Place::Nowhere, 0), Some(("lost", "epoch 1, lines 1–9", 1))),
        (held(8, Place::Nowhere, 0), Some(("lost", "epoch 1, line 9", 2))),
        (held(12, Place::Nowhere, 6), Some(("lost", "epoch 1, line 9", 2))),
        (held(12, Place::Journal, 0), Some(("set_back", "epoch 1, lines 10–12", 2))),
        (held(9, Place::Journal, 0), None),
        (held(12, Place::Branch, 8), None),
    ];
    for (held, wanted) in told {
        let mut books = Books::of(1);
        open(&mut books, held);
        let found = books.cases.values().next();
        let found = found.map(|case| (case.reason.as_str(), case.title.as_str(), case.sides.len()));
        assert_eq!(found, wanted, "{held:?}");
        assert!(books.cases.values().all(|case| case.open && case.class == CaseClass::Gap), "{held:?}");
    }
}

#[test]
fn a_till_that_knows_nothing_of_its_journal_was_set_back_to_before_its_first_line() {
    let told = |epoch, before| stand_before(epoch, before).map(|stand| (stand.epoch, stand.seq));
    assert_eq!(told(2, None), Some((1, 0)));
    assert_eq!(told(1, None), None, "before the first epoch there was nothing");
    let later = Stand { epoch: 2, seq: 1, hash: LAST };
    assert_eq!(told(2, Some(&later)), None, "nor was anything before that is not before");
}

#[test]
fn what_was_missing_and_comes_later_is_told_and_closes_the_case() {
    let mut books = Books::of(1);
    open(&mut books, held(6, Place::Nowhere, 0));
    comes(&mut books, 7, at(7), [7; 32]);
    let case = books.case(CaseClass::Gap);
    assert_eq!((case.open, case.title.as_str()), (true, "epoch 1, lines 8–9"), "two are missing still");
    comes(&mut books, 8, LineAt { branch: Some([8; 32]), ..at(9) }, [8; 32]);
    assert!(books.case(CaseClass::Gap).open, "another line under that number is not the one that is missing");
    comes(&mut books, 8, at(9), LAST);
    let case = books.case(CaseClass::Gap);
    assert_eq!((case.open, case.decision), (false, Some(Decision::Arrived)), "nothing is left to decide");
    assert_eq!((case.reason.as_str(), case.title.as_str()), ("arrived", "epoch 1, lines 8–9"));
    let lines: Vec<Option<LineAt>> = case.sides.iter().map(|side| side.line).collect();
    let opened = LineAt { epoch: 2, seq: 1, branch: None };
    assert_eq!(lines, [Some(at(6)), Some(opened), Some(at(9))], "and all that proves it is listed");
}

#[test]
fn a_decision_on_what_is_missing_outlasts_its_arrival() {
    let mut books = Books::of(1);
    open(&mut books, held(8, Place::Nowhere, 0));
    let case = books.case(CaseClass::Gap).id.clone();
    let decided = books.one(&till(1), START, resolve(9, &case, line::Decision::WrittenOff));
    assert_eq!(decided, Settlement::Resolved, "the chain bears it");
    comes(&mut books, 9, at(9), LAST);
    let case = books.case(CaseClass::Gap);
    assert_eq!((case.reason.as_str(), case.decision), ("arrived", Some(Decision::WrittenOff)));
    assert_eq!(books.decisions.len(), 1, "and nobody decides once more");
}
