//! Passes messages to a player before a match starts.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| huddle_rollback::fuzzing::start(bytes));
