//! Runs clients with and without extensions in the queues of the signaling server.
#![no_main]

use huddle_signaling_fuzz::groups::Scenario;

libfuzzer_sys::fuzz_target!(|scenario: Scenario| scenario.run());
