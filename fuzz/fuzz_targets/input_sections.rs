//! Inputs of a peer in a running game, packet by packet.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| huddle_rollback::fuzzing::input_sections(bytes));
