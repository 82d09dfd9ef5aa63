//! What a till may take upon itself, seen afterwards from what its lines say that it weighed.

use model::policy::UpTo;

use super::*;

/// So many before, worth so much.
fn spent(count: u32, fen: i64) -> line::Spent {
    line::Spent { count, fen }
}

/// A redemption of 5 yuan out of the purse that other stores share, with nothing spent before.
fn small() -> line::Risk {
    line::Risk {
        policy: 0,
        rule: "coupon.any".into(),
        purse: "away".into(),
        customer: CARD.into(),
        amount: 500,
        till_before: spent(0, 0),
        customer_before: spent(0, 0),
        cap: None,
    }
}

fn risky(number: u64, risk: line::Risk) -> Act {
    let Act::Decided(decided) = accept(number, 1) else { panic!("it is decided") };
    Act::Decided(Decided { risk: Some(risk), ..decided })
}

/// The figure beyond which not even a manager's yes reaches.
fn most(manager: UpTo) -> i64 {
    manager.left(0).expect("there is a limit")
}

/// Hands in one acceptance, and says whether the till has passed a limit by it.
fn is_over(risk: line::Risk) -> bool {
    let mut books = Books::of(1);
    books.one(&till(1), START, risky(1, risk));
    assert_eq!(books.taken, 1, "it counts, whatever it passes");
    match books.cases.values().next() {
        None => false,
        Some(case) => {
            assert_eq!((case.class, case.reason.as_str()), (CaseClass::Rules, "over_limit"), "{case:?}");
            assert_eq!((case.sides.len(), case.value), (1, 1_000), "with the redemption and its worth");
            true
        }
    }
}

#[test]
fn a_till_that_took_more_upon_itself_than_it_may_is_a_case_beside_redemptions_that_count() {
    let whole = most(Policy::default().away.per_till.fen.manager);
    let after = |fen, cap| line::Risk { till_before: spent(1, fen), cap, ..small() };
    let mut books = Books::of(3);
    books.one(&till(1), START, risky(1, after(0, Some(30_000))));
    assert!(books.cases.is_empty(), "within the limits");
    books.one(&till(1), START, risky(2, after(29_900, Some(30_000))));
    books.one(&till(1), START, risky(3, after(whole, None)));
    let case = books.case(CaseClass::Rules);
    assert_eq!((case.reason.as_str(), case.sides.len()), ("over_limit", 2), "by its own word, by the policy");
    assert_eq!(books.taken, 3, "and all three count");
}

#[test]
fn each_limit_of_the_policy_is_looked_at_and_reached_exactly_none_is_passed() {
    let caps = Policy::default().away;
    let once = most(caps.per_redemption.manager);
    assert!(!is_over(line::Risk { amount: once, ..small() }), "as dear as one may be");
    assert!(is_over(line::Risk { amount: once + 1, ..small() }), "dearer than one may be");
    let (fen, count) = (most(caps.per_customer.fen.manager), most(caps.per_customer.count.manager) as u32);
    let customer = |count, fen| line::Risk { customer_before: spent(count, fen), ..small() };
    assert!(!is_over(customer(1, fen - 500)), "all that a customer may have");
    assert!(is_over(customer(1, fen - 499)), "more than a customer may have");
    assert!(!is_over(customer(count - 1, 0)), "as often as a customer may come");
    assert!(is_over(customer(count, 0)), "oftener than a customer may come");
    let (fen, count) = (most(caps.per_till.fen.manager), most(caps.per_till.count.manager) as u32);
    let till = |count, fen| line::Risk { till_before: spent(count, fen), ..small() };
    assert!(!is_over(till(1, fen - 500)) && !is_over(till(count - 1, 0)), "all that a till may have");
    assert!(is_over(till(1, fen - 499)) && is_over(till(count, 0)), "more than a till may have");
}

#[test]
fn of_a_policy_that_is_not_the_servers_only_the_tills_own_word_is_measured() {
    let once = most(Policy::default().away.per_redemption.manager);
    let other = line::Risk { policy: 7, amount: once + 1, ..small() };
    assert!(!is_over(other.clone()), "what that policy allowed is not known here");
    assert!(is_over(line::Risk { cap: Some(once), ..other }), "but what the till named as its limit is");
}
