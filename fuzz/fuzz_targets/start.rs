//! What players say before a game starts.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| huddle_rollback::fuzzing::start(bytes));
