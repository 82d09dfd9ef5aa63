//! Any course of events: three tills that accept, undo, ask and hand in whenever they like.

use proptest::prelude::*;

use super::*;

/// What a till may do next.
#[derive(Clone, Debug)]
enum Step {
    Accept { pieces: u32 },
    Online { pieces: u32, told: bool },
    Undo { of: usize, pieces: u32 },
    NotHandedOver,
    Resolve { case: usize },
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step, bool)>> {
    let step = prop_oneof![
        4 => (1..3u32).prop_map(|pieces| Step::Accept { pieces }),
        2 => (1..3u32, any::<bool>()).prop_map(|(pieces, told)| Step::Online { pieces, told }),
        2 => (0..8usize, 0..3u32).prop_map(|(of, pieces)| Step::Undo { of, pieces }),
        1 => Just(Step::NotHandedOver),
        1 => (0..3usize).prop_map(|case| Step::Resolve { case }),
    ];
    // Which till, what it does, and whether it hands in now.
    proptest::collection::vec((1..4usize, step, any::<bool>()), 1..30)
}

/// One course of events: acts wait at their till until it hands in.
fn play(
    quantity: u32,
    steps: &[(usize, Step, bool)],
    one_by_one: bool,
) -> (Books, Vec<(String, Settlement)>) {
    let mut books = Books::of(quantity);
    let mut waiting: BTreeMap<usize, Vec<(i64, Act)>> = BTreeMap::new();
    let mut told = Vec::new();
    let mut hand_in = |books: &mut Books, of: usize, acts: Vec<(i64, Act)>| {
        let parts: Vec<&[(i64, Act)]> = if one_by_one { acts.chunks(1).collect() } else { vec![&acts] };
        for part in parts {
            let settled = books.hand_in(&till(of), part);
            told.extend(settled.into_iter().map(|settled| (settled.number, settled.settlement)));
        }
    };
    let mut own: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
    for (place, (of, step, now)) in steps.iter().enumerate() {
        let (number, mine) = (place as u64 + 1, own.entry(*of).or_default());
        let acts = waiting.entry(*of).or_default();
        match step {
            Step::Accept { pieces } => {
                acts.push((START, accept(number, *pieces)));
                mine.push(number);
            }
            Step::Online { pieces, told } => {
                let counted = matches!(books.redeem(&till(*of), number, *pieces),
                    Online::Answer(answer) if answer.contains("counted"));
                acts.push((START, Act::Begun(begun(number, *pieces))));
                // A till that hears nothing may hand it over all the same, or not.
                if counted || !told {
                    acts.push((START, decided(number, None, Outcome::Accepted)));
                    mine.push(number);
                } else {
                    acts.push((START, decided(number, None, Outcome::Refused)));
                }
            }
            Step::Undo { of, pieces } => {
                if let Some(undone) = mine.get(*of) {
                    acts.push((START, undo(1_000 + number, *undone, *pieces)));
                }
            }
            Step::NotHandedOver => acts.push((START, decided(number, Some(begun(number, 1)), Outcome::Held))),
            Step::Resolve { case } => {
                if let Some(case) = books.cases.keys().nth(*case).cloned() {
                    acts.push((START, resolve(2_000 + number, &case, line::Decision::NoFault)));
                }
            }
        }
        if *now {
            let acts = std::mem::take(acts);
            hand_in(&mut books, *of, acts);
        }
    }
    for (of, acts) in waiting {
        hand_in(&mut books, of, acts);
    }
    (books, told)
}

fn check(books: &Books, steps: &[(usize, Step, bool)]) {
    let counted: i64 = books
        .numbers
        .values()
        .filter(|row| row.state == State::Counted)
        .flat_map(|row| &row.takes)
        .map(|take| i64::from(take.quantity))
        .sum();
    assert_eq!(counted, books.taken, "the sum that is kept is the sum of the uses");
    assert!(counted <= i64::from(books.held.lines[0].quantity), "never more than there is");
    let about: Vec<&CaseRow> = books.cases.values().filter(|case| case.about == About::Acceptances).collect();
    assert!(about.len() <= 1, "one case about the acceptances of one thing: {about:?}");
    for (place, (_, step, _)) in steps.iter().enumerate() {
        let number = named(place as u64 + 1);
        let accepted = matches!(step, Step::Accept { .. } | Step::Online { told: false, .. });
        if !accepted {
            continue;
        }
        let state = books.numbers.get(&number).map(|row| row.state);
        let listed = about.iter().flat_map(|case| &case.sides).find(|side| side.number == number.to_string());
        match state {
            Some(State::Counted | State::Undone) => {}
            other => {
                let side = listed.unwrap_or_else(|| panic!("{number} is {other:?} and in no case"));
                let out = matches!(side.standing, Standing::NotCounted | Standing::TakenBack);
                assert!(out, "{number} does not count, and its case says {:?}", side.standing);
            }
        }
        let lost =
            about.iter().flat_map(|case| &case.sides).any(|side| side.standing == Standing::NotCounted);
        let alone = books.held.lines[0].quantity == 1;
        if lost && alone && state == Some(State::Counted) {
            assert!(listed.is_some(), "{number} counts against somebody, and the case does not list it");
        }
    }
    for case in about {
        let out = case.sides.iter().filter(|side| side.standing == Standing::NotCounted);
        assert_eq!(case.value, out.map(|side| side.value).sum::<i64>(), "what is at stake is what is out");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn at_most_so_many_count_as_there_are_and_every_acceptance_counts_or_is_in_the_case(
        quantity in 1..5u32, steps in steps()
    ) {
        let (books, _) = play(quantity, &steps, false);
        check(&books, &steps);
    }

    #[test]
    fn how_lines_are_cut_into_batches_changes_nothing(quantity in 1..4u32, steps in steps()) {
        let (whole, told) = play(quantity, &steps, false);
        let (cut, told_cut) = play(quantity, &steps, true);
        prop_assert_eq!(told, told_cut, "each line has the same settlement");
        let rows = |books: &Books| -> Vec<(Number, State, Vec<w::Take>)> {
            books.numbers.values().map(|row| (row.number, row.state, row.takes.clone())).collect()
        };
        prop_assert_eq!(rows(&whole), rows(&cut), "and each number stands the same");
    }

    #[test]
    fn a_number_that_is_decided_again_changes_nothing(quantity in 1..4u32, steps in steps()) {
        let (mut books, _) = play(quantity, &steps, false);
        let (taken, cases) = (books.taken, books.cases.len());
        let counting: Vec<Number> =
            books.numbers.values().filter(|row| row.state == State::Counted).map(|row| row.number).collect();
        for number in counting {
            let owner = books.numbers[&number].who.device.trim_start_matches("till-").parse().unwrap();
            let Act::Decided(mut again) = decided(0, None, Outcome::Accepted) else { unreachable!() };
            again.number = number.to_string();
            let settled = books.one(&till(owner), START, Act::Decided(again));
            prop_assert_eq!(settled, Settlement::AlreadyCounted, "it counts already");
        }
        prop_assert_eq!((books.taken, books.cases.len()), (taken, cases), "and nothing else has changed");
    }
}
