//! Runs two honest peers with replicated entities, and a hostile one that sends arbitrary packets.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| huddle_snapshot::fuzzing::snapshot_session(bytes));
