//! Passes packets with inputs to a player in a running match.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| huddle_rollback::fuzzing::input_sections(bytes));
