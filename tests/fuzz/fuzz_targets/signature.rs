//! The header fields of a signed request, for libFuzzer: `cargo fuzz run signature` in `tests/fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzzing::signature(input));
