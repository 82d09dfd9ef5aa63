//! A journal line, for libFuzzer: `cargo fuzz run line` in `tests/fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzzing::line(input));
