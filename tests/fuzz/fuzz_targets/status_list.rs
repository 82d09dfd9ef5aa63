//! Status updates, for libFuzzer: `cargo fuzz run status_list` in `tests/fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzzing::status_list(input));
