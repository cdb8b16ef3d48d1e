//! Exchanges large values with peers that send arbitrary requests and contents.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| huddle_snapshot::fuzzing::contents(bytes));
