//! Decodes handshake messages, and runs a handshake with a hostile peer. Each input serves as one
//! message and as a scenario.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use bytes::Bytes;
use huddle_session::fuzzing;
use huddle_session_fuzz::handshake::{Scenario, message};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|bytes: &[u8]| {
    fuzzing::handshake(Bytes::copy_from_slice(bytes));
    if let Ok(scenario) = Scenario::arbitrary(&mut Unstructured::new(bytes)) {
        scenario.run();
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    huddle_fuzz::mutate(data, size, max_size, seed, 0, message)
});
