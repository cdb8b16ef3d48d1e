//! Decodes typed messages.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| huddle_session_fuzz::codec::decode(bytes));
