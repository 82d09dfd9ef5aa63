//! Some thousands of changed samples for each fuzz target, the same in every run.
//!
//! The inputs begin with those under `tests/fuzz/inputs`: one file each, what libFuzzer found to reach most and what
//! has once gone wrong. To write the samples there anew: `COUNTERFOIL_FUZZ_INPUTS=write cargo test -p tests --test
//! fuzzing`.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::fs;
use std::path::PathBuf;

use tests::fuzzing::{TARGETS, Target};
use tests::hands::SeededDice;
use tests::programs::root;

/// How many inputs each target gets.
const INPUTS: usize = 20_000;
/// No input becomes longer (bytes).
const LENGTH_MAX: usize = 2_000;
/// Bytes on which lengths, heads and bounds turn.
const TELLING: [u8; 16] =
    [0x00, 0x01, 0x17, 0x18, 0x19, 0x1A, 0x1B, 0x3F, 0x40, 0x58, 0x7F, 0x80, 0x9F, 0xBF, 0xF6, 0xFF];

#[test]
fn no_scanned_text_makes_a_till_stumble() {
    attempt("reading");
}

#[test]
fn no_signed_code_makes_a_till_stumble_or_believe_a_forger() {
    attempt("cf1");
}

#[test]
fn no_root_and_no_list_makes_a_till_stumble_or_fall_back() {
    attempt("trust_list");
}

#[test]
fn no_status_update_makes_a_till_stumble_or_grow() {
    attempt("status_list");
}

#[test]
fn no_header_makes_a_server_stumble_or_believe_a_stranger() {
    attempt("signature");
}

#[test]
fn the_inputs_hold_what_this_program_writes() {
    for target in TARGETS {
        let folder = folder(&target);
        if std::env::var("COUNTERFOIL_FUZZ_INPUTS").is_ok_and(|word| word == "write") {
            fs::create_dir_all(&folder).unwrap();
            for (number, sample) in (target.samples)().iter().enumerate() {
                fs::write(folder.join(format!("sample-{number}")), sample).unwrap();
            }
        }
        let there = inputs(&target);
        for sample in (target.samples)() {
            assert!(there.contains(&sample), "{}: a sample is missing: {}", target.name, PANIC_HINT);
        }
    }
}

const PANIC_HINT: &str = "COUNTERFOIL_FUZZ_INPUTS=write cargo test -p tests --test fuzzing writes it";

/// Every input as it is, then changed ones. A panic in one of them says which input it was.
fn attempt(name: &str) {
    let target = TARGETS.into_iter().find(|target| target.name == name).unwrap();
    let inputs = inputs(&target);
    assert!(!inputs.is_empty(), "{name} has inputs to begin with");
    let dice = SeededDice::new(name.len() as u64);
    let changed = (0..INPUTS).map(|_| change(&inputs, &dice));
    for input in inputs.iter().cloned().chain(changed) {
        let outcome = std::panic::catch_unwind(|| (target.attempt)(&input));
        assert!(outcome.is_ok(), "{name} fails on {}", hex(&input));
    }
}

/// One of the inputs with one to four changes.
fn change(inputs: &[Vec<u8>], dice: &SeededDice) -> Vec<u8> {
    let pick = |length: usize| dice.below(length as u64) as usize;
    let mut input = inputs[pick(inputs.len())].clone();
    for _ in 0..=dice.below(4) {
        let at = pick(input.len() + 1);
        match dice.below(8) {
            0 if at < input.len() => input[at] ^= 1 << dice.below(8),
            1 if at < input.len() => input[at] = TELLING[pick(TELLING.len())],
            2 if at < input.len() => input[at] = dice.next() as u8,
            3 => input.insert(at, TELLING[pick(TELLING.len())]),
            4 if at < input.len() => drop(input.remove(at)),
            5 => input.truncate(at),
            6 => {
                // The head of one with the tail of another.
                let other = &inputs[pick(inputs.len())];
                let from = pick(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            _ => {
                let part: Vec<u8> = input[at..].iter().take(pick(12)).copied().collect();
                let to = pick(input.len() + 1);
                input.splice(to..to, part);
            }
        }
    }
    input.truncate(LENGTH_MAX);
    input
}

fn inputs(target: &Target) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder(target)).map(|entries| entries.map(|entry| entry.unwrap().path()));
    let mut files: Vec<PathBuf> = entries.map(Iterator::collect).unwrap_or_default();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

fn folder(target: &Target) -> PathBuf {
    root().join("tests").join("fuzz").join("inputs").join(target.name)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
