//! Lines that come late, or claim to be early: what has changed or come in between is not lost.

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

/// A decision by somebody who saw that these do not count.
fn resolve_having_seen(number: u64, case: &str, saw: &[u64]) -> Act {
    let act = resolve(number, case, line::Decision::NoFault);
    let Act::Resolved { number, case, decision, note, clerk, .. } = act else { panic!("it is a decision") };
    let seen = saw.iter().map(|number| named(*number).to_string()).collect();
    Act::Resolved { number, case, decision, note, clerk, seen }
}

/// One counts, the second does not: the case about it.
fn duplicate() -> (Books, String) {
    let mut books = Books::of(1);
    books.one(&till(1), START, accept(1, 1));
    books.one(&till(2), START, accept(2, 1));
    let case = books.case(CaseClass::Duplicate).id.clone();
    (books, case)
}

#[test]
fn a_decision_does_not_close_what_its_maker_never_saw_in_whichever_order_they_come() {
    let come = |decision_first: bool| {
        let (mut books, case) = duplicate();
        let decision = resolve_having_seen(20, &case, &[2]);
        if decision_first {
            let settled = books.one(&till(2), START, decision.clone());
            assert_eq!(settled, Settlement::Resolved, "it is about all that there is");
            assert!(!books.case(CaseClass::Duplicate).open, "which is closed by it");
        }
        books.one(&till(3), START, accept(3, 1));
        if !decision_first {
            assert_eq!(books.one(&till(2), START, decision), Settlement::Resolved, "it is kept");
        }
        (books, case)
    };
    let (first, case) = come(true);
    let (last, _) = come(false);
    let told = |books: &Books| {
        let case = books.case(CaseClass::Duplicate);
        let sides = case.sides.clone().into_iter().map(|side| (side.number, side.standing));
        let decisions: Vec<String> = books.decisions.iter().map(|row| row.number.clone()).collect();
        (case.open, case.decision, case.value, sides.collect::<Vec<_>>(), decisions)
    };
    assert_eq!(told(&first), told(&last), "both orders come to the same");
    assert_eq!((told(&first).0, told(&first).1), (true, None), "somebody has to look at the third");
    for mut books in [first, last] {
        books.one(&till(1), START, resolve_having_seen(21, &case, &[2, 3]));
        let case = books.case(CaseClass::Duplicate);
        assert_eq!((case.open, case.decision), (false, Some(Decision::NoFault)), "who saw both closes it");
    }
}

#[test]
fn a_decision_is_measured_by_which_acceptances_were_seen_and_not_by_how_many() {
    let (mut books, case) = duplicate();
    books.one(&till(3), START, accept(3, 1));
    books.one(&till(2), START, undo(10, 2, 0));
    books.one(&till(1), START, resolve_having_seen(20, &case, &[2]));
    assert!(books.case(CaseClass::Duplicate).open, "one was seen and one is out, and they are not the same");
    books.one(&till(1), START, resolve_having_seen(21, &case, &[2, 3]));
    assert!(!books.case(CaseClass::Duplicate).open, "what came back meanwhile does not matter");
}

#[test]
fn a_decision_of_an_older_program_closes_whatever_there_is() {
    let (mut books, case) = duplicate();
    books.one(&till(3), START, accept(3, 1));
    books.one(&till(2), START, resolve(20, &case, line::Decision::NoFault));
    assert!(!books.case(CaseClass::Duplicate).open, "it does not say what it is about");
}
