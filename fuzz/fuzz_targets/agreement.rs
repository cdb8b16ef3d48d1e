//! What players say to each other of who has left.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| huddle_rollback::fuzzing::agreement(bytes));
