//! The long run: as many seeds as wanted, each run twice, one line each and the sums. `cargo xtask sim` builds and starts it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a terminal program for developers")]

use std::process::ExitCode;

use tests::simulation::{Figures, Plan, run_twice};

const USAGE: &str =
    "simulate [--seeds N] [--first-seed S] [--tills N] [--hours N | --minutes N] [--plain] [--aloud]";

struct Wanted {
    first: u64,
    seeds: u64,
    tills: usize,
    minutes: u64,
    plain: bool,
    aloud: bool,
}

fn main() -> ExitCode {
    let Some(wanted) = wanted(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let mut sum = Figures::default();
    let mut failed = 0u64;
    for seed in wanted.first..wanted.first.saturating_add(wanted.seeds) {
        let Wanted { tills, minutes, plain, aloud, .. } = wanted;
        let plan = Plan { tills, minutes, pieces_and_cases: !plain, aloud, ..Plan::of(seed) };
        match run_twice(plan) {
            Ok(outcome) => {
                println!("seed {seed}: {}", outcome.figures);
                sum += outcome.figures;
            }
            Err(report) => {
                println!("seed {seed}: FAILED\n{report}\n");
                failed += 1;
            }
        }
    }
    println!("\n{} seeds, {failed} failed: {sum}", wanted.seeds);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What the command line wants; nothing if it cannot be read.
fn wanted(mut words: impl Iterator<Item = String>) -> Option<Wanted> {
    let mut wanted = Wanted { first: 1, seeds: 20, tills: 4, minutes: 60, plain: false, aloud: false };
    while let Some(word) = words.next() {
        if word == "--aloud" {
            wanted.aloud = true;
            continue;
        }
        if word == "--plain" {
            wanted.plain = true;
            continue;
        }
        let number: u64 = words.next()?.parse().ok()?;
        match word.as_str() {
            "--seeds" => wanted.seeds = number,
            "--first-seed" => wanted.first = number,
            "--tills" => wanted.tills = usize::try_from(number).ok().filter(|tills| *tills > 0)?,
            "--hours" => wanted.minutes = number.checked_mul(60)?,
            "--minutes" => wanted.minutes = number,
            _ => return None,
        }
    }
    Some(wanted)
}
