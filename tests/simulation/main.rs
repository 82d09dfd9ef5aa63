//! Many seeds of the simulated chain, each run twice; and chains without a defence, which the checks must catch.
//!
//! `COUNTERFOIL_SIM_SEEDS` asks for more seeds than usual; `cargo xtask sim` runs them optimised, with other sizes too.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test ends where it cannot go on, and prints figures"
)]

use tests::simulation::{Defence, Figures, Plan, run, run_twice};

/// So many seeds are run in every test of the repository.
const SEEDS: u64 = 8;
/// A missing defence shows within so many seeds.
const SEEDS_TO_CATCH: u64 = 12;

#[test]
fn every_invariant_holds_whatever_happens_to_a_chain() {
    let seeds = std::env::var("COUNTERFOIL_SIM_SEEDS").ok().and_then(|text| text.parse().ok());
    let drawn = (1..=seeds.unwrap_or(SEEDS)).map(|seed| Plan { minutes: 30, ..Plan::of(seed) });
    let plans: Vec<Plan> = kept().into_iter().chain(drawn).collect();
    let mut sum = Figures::default();
    for plan in &plans {
        match run_twice(*plan) {
            Ok(outcome) => sum += outcome.figures,
            Err(report) => panic!("{report}"),
        }
    }
    println!("{} seeds, each twice: {sum}", plans.len());
    assert!(sum.offline > 0 && sum.cases > 0 && sum.power_cuts > 0, "something has happened: {sum}");
    assert!(sum.pieces > 0 && sum.decisions > 0, "pieces came back, and managers have decided: {sum}");
    assert!(sum.restores > 0, "a backup has taken the place of a server: {sum}");
    assert!(sum.redemptions > sum.offline, "online as well as offline: {sum}");
}

/// The seeds of `seeds.txt`.
fn kept() -> Vec<Plan> {
    let lines = include_str!("seeds.txt").lines().map(|line| line.split('#').next().unwrap_or_default());
    let plan = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (numbers, plain) = match words[..] {
            [_, _, _, "plain"] => (&words[..3], true),
            _ => (&words[..], false),
        };
        let [seed, tills, minutes] = numbers else { panic!("seed, tills and minutes, not {line:?}") };
        let seed = Plan::of(seed.parse().unwrap());
        let (tills, minutes) = (tills.parse().unwrap(), minutes.parse().unwrap());
        Plan { tills, minutes, pieces_and_cases: !plain, ..seed }
    };
    lines.filter(|line| !line.trim().is_empty()).map(plan).collect()
}

#[test]
fn without_the_feeds_counter_a_follower_misses_changes() {
    assert_eq!(caught(Defence::FeedCounter), "S6", "numbers that become visible out of order lose something");
}

#[test]
fn without_the_high_water_mark_the_time_runs_backwards() {
    assert_eq!(
        caught(Defence::HighWater),
        "T1",
        "a clock that is set back before a start turns the time back"
    );
}

#[test]
fn without_noticing_a_restored_server_lines_are_lost() {
    let letter = caught(Defence::Epoch);
    assert!(
        ["S2", "S10", "S11"].contains(&letter),
        "the server lacks lines, or a copy what is told: {letter}"
    );
}

#[test]
fn without_the_flush_of_each_line_a_power_cut_takes_what_was_shown() {
    assert_eq!(caught(Defence::Flush), "J1", "something is shown that a power cut could take");
    assert_eq!(caught_by_what_comes_of_it(Defence::Flush), "J2", "and a power cut takes it");
}

#[test]
fn a_budget_that_is_kept_in_memory_is_given_back_by_a_crash() {
    let letter = caught(Defence::Budget);
    assert!(["R6", "C5"].contains(&letter), "the till goes by less than its lines tell: {letter}");
    assert_eq!(
        caught_by_what_comes_of_it(Defence::Budget),
        "R6",
        "and more is accepted than the limits allow"
    );
}

/// The letter that is violated first without that defence.
fn caught(without: Defence) -> &'static str {
    caught_by(without, false)
}

/// The same, with an observer who believes what a till says and what a file seems to hold.
fn caught_by_what_comes_of_it(without: Defence) -> &'static str {
    caught_by(without, true)
}

fn caught_by(without: Defence, trusting: bool) -> &'static str {
    let plan = |seed| Plan {
        minutes: 60,
        // Who sets the clock back cuts the line, too, so that an outage outlasts the crash.
        thief: matches!(without, Defence::HighWater | Defence::Budget),
        without: Some(without),
        trusting,
        // Neither has to do with any of these, and both only make it later until one shows.
        pieces_and_cases: false,
        ..Plan::of(seed)
    };
    let caught = seeds(without, trusting).find_map(|seed| Some((seed, run(plan(seed)).violation?)));
    let (seed, violation) = caught.expect("the absence of a defence is noticed");
    println!("without {without:?}, seed {seed}: {violation}");
    violation.letter
}

/// The seeds in the order in which they are tried: first one of which it is known that it shows, so that nobody waits.
fn seeds(without: Defence, trusting: bool) -> impl Iterator<Item = u64> {
    let first = match (without, trusting) {
        (Defence::Budget, true) => 1,
        _ => 1,
    };
    (first..=SEEDS_TO_CATCH).chain(1..first)
}
