//! Lines that come late, or claim to be early: what has changed in between is not lost.

use super::*;

/// Counted at the start, while the till heard no answer; withdrawn by the merchant before the customer came back.
fn counted_unseen_then(standing: m::Standing) -> Books {
    let mut books = Books::of(1);
    assert!(matches!(books.redeem(&till(1), 1, 1), Online::Answer(_)), "it counts");
    books.hand_in(&till(1), &[(START, Act::Begun(begun(1, 1)))]);
    books.now += 30 * MINUTE;
    books.held.standing = standing;
    books
}

fn handed_over(number: u64) -> Act {
    decided(number, None, Outcome::Accepted)
}

#[test]
fn what_was_counted_unseen_and_withdrawn_before_it_was_handed_over_is_a_case() {
    let withdrawn = [
        (m::Standing::Refunded, "refunded"),
        (m::Standing::RefundPending, "refund_pending"),
        (m::Standing::Cancelled, "cancelled"),
        (m::Standing::Frozen, "frozen"),
    ];
    for (standing, reason) in withdrawn {
        let mut books = counted_unseen_then(standing);
        let later = START + 20 * MINUTE;
        let settled = books.one(&till(1), later, handed_over(1));
        assert_eq!(settled, Settlement::AlreadyCounted, "the number has the answer that it had");
        assert_eq!((books.state(1), books.taken), (State::Counted, 1), "and goes on counting");
        let case = books.case(CaseClass::Stale);
        assert_eq!((case.reason.as_str(), case.open, case.value), (reason, true, 1_000), "the goods are out");
        let sides: Vec<(Standing, i64)> = case.sides.iter().map(|side| (side.standing, side.at)).collect();
        assert_eq!(sides, [(Standing::Counted, START), (Standing::NotCounted, later)], "with both sides");
        let before = case.sides.clone();
        books.one(&till(1), later, handed_over(1));
        assert_eq!(books.case(CaseClass::Stale).sides, before, "told once more it is the same");
    }
}

#[test]
fn what_comes_back_after_all_closes_the_case_by_itself() {
    let mut books = counted_unseen_then(m::Standing::Refunded);
    books.one(&till(1), START + 20 * MINUTE, handed_over(1));
    assert_eq!(books.one(&till(1), START + 21 * MINUTE, undo(10, 1, 0)), Settlement::Undone, "in time");
    let case = books.case(CaseClass::Stale);
    assert_eq!((case.open, case.decision), (false, Some(Decision::TakenBack)), "nothing is out");
    assert!(case.sides.iter().all(|side| side.standing == Standing::TakenBack), "neither side: {case:?}");
    assert_eq!((case.value, books.taken), (0, 0), "and nothing is at stake");
}

#[test]
fn what_was_handed_over_at_once_is_no_case_however_late_its_line_comes() {
    let mut books = counted_unseen_then(m::Standing::Refunded);
    let settled = books.one(&till(1), START + 1_000, handed_over(1));
    assert_eq!((settled, books.cases.len()), (Settlement::AlreadyCounted, 0), "the refund came after it");
    let mut books = counted_unseen_then(m::Standing::Good);
    books.one(&till(1), START + 20 * MINUTE, handed_over(1));
    assert!(books.cases.is_empty(), "nor is what is still good");
}

#[test]
fn a_till_that_had_heard_a_later_time_did_not_hand_over_at_once() {
    let mut books = counted_unseen_then(m::Standing::Refunded);
    let heard = Some(START + 20 * MINUTE);
    let mut world = books.world(&till(1));
    world.apply(LineAt { epoch: 1, seq: 9, branch: None }, &line_of(9, START + 1_000, heard, handed_over(1)));
    books.write(world);
    assert_eq!(books.case(CaseClass::Stale).value, 1_000, "its claim is disproved");
    assert_eq!(books.case(CaseClass::Clock).reason, "behind", "which is a case, too");
}

#[test]
fn what_is_over_does_not_count_by_a_time_that_is_disproved() {
    let claimed = |heard: Option<i64>| {
        let mut books = Books::of(1);
        books.held.window.until = Some(UnixMs(START + 10 * MINUTE));
        books.now += 60 * MINUTE;
        let mut world = books.world(&till(1));
        let line = line_of(1, START, heard, accept(1, 1));
        let settled = world.apply(LineAt { epoch: 1, seq: 1, branch: None }, &line);
        books.write(world);
        (books, settled.expect("it has a settlement").settlement)
    };
    let (books, settled) = claimed(None);
    assert_eq!((settled, books.taken), (Settlement::Confirmed, 1), "nothing speaks against its time");
    let (books, settled) = claimed(Some(START + 9 * MINUTE));
    assert_eq!((settled, books.taken), (Settlement::Confirmed, 1), "it was good at any time that can be");
    let (books, settled) = claimed(Some(START + 30 * MINUTE));
    assert_eq!((refused(&settled), books.taken), ("expired", 0), "the till knew that it was later");
    let case = books.case(CaseClass::Stale);
    assert_eq!((case.value, case.sides[0].at), (1_000, START), "with its worth, and what the till claims");
    assert_eq!(case.sides[0].not_before, START + 30 * MINUTE, "and what is proved");
    assert_eq!(books.case(CaseClass::Clock).reason, "behind", "beside the case about the clock");
}
