//! Decodes the control messages that room members send over a link.
#![no_main]

use arbitrary::Arbitrary;
use huddle_mesh_fuzz::{decoders, room::Message};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|bytes: &[u8]| decoders::control(bytes));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    huddle_fuzz::mutate(data, size, max_size, seed, 0, |u| {
        Ok(Message::arbitrary(u)?.encode().to_vec())
    })
});
