//! A scanned text, for libFuzzer: `cargo fuzz run reading` in `tests/fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzzing::reading(input));
