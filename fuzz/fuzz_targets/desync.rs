//! Passes messages of the desync diagnosis to a player.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| huddle_rollback::fuzzing::desync(bytes));
