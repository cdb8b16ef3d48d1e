//! Splits the byte stream of a TURN server into messages.
#![no_main]

use huddle_mesh_fuzz::decoders;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some((seed, bytes)) = bytes.split_first() {
        decoders::turn_stream(*seed, bytes);
    }
});
