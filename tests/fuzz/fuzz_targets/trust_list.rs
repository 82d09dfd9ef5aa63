//! Roots and trust lists, for libFuzzer: `cargo fuzz run trust_list` in `tests/fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzzing::trust_list(input));
