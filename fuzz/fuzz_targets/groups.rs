//! Clients of all kinds in the queues of the signaling server.
#![no_main]

use huddle_signaling_fuzz::groups::Play;

libfuzzer_sys::fuzz_target!(|play: Play| play.run());
