//! Decodes event fragments and assembles events from them.
#![no_main]

use arbitrary::Arbitrary;
use bytes::{Bytes, BytesMut};
use huddle_session_fuzz::message::Fragments;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|bytes: &[u8]| {
    huddle_session::fuzzing::event_fragments(Bytes::copy_from_slice(bytes));
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    huddle_fuzz::mutate(data, size, max_size, seed, 0, |u| {
        let mut out = BytesMut::new();
        Fragments::arbitrary(u)?.put(&mut out);
        Ok(out.to_vec())
    })
});
