//! What two players whose games differ ask and tell each other.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| huddle_rollback::fuzzing::desync(bytes));
