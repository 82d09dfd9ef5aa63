//! A signed code, for libFuzzer: `cargo fuzz run cf1` in `tests/fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzzing::cf1(input));
