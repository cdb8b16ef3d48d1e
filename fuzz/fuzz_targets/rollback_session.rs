//! Plays a rollback match with two honest players and a hostile one.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    huddle_rollback_fuzz::play(bytes);
});
