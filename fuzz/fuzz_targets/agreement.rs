//! Passes messages about players that have left to a player.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| huddle_rollback::fuzzing::agreement(bytes));
