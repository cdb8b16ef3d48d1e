//! Decodes entropy coded records of entities.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| huddle_snapshot::fuzzing::entropy(bytes));
