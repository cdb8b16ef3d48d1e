//! Decodes tick packets and varints.
#![no_main]

use arbitrary::Arbitrary;
use bytes::Bytes;
use huddle_session::fuzzing;
use huddle_session_fuzz::message::{Context, Packet};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|bytes: &[u8]| {
    fuzzing::tick_packet(Bytes::copy_from_slice(bytes));
    fuzzing::wire(Bytes::copy_from_slice(bytes));
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    huddle_fuzz::mutate(data, size, max_size, seed, 0, |u| {
        Ok(Packet::arbitrary(u)?.encode(&Context::default()).to_vec())
    })
});
