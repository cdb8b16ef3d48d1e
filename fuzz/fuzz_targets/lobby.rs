//! Runs clients that change the settings of rooms of the signaling server and read the list of rooms.
#![no_main]

use huddle_signaling_fuzz::lobby::Scenario;

libfuzzer_sys::fuzz_target!(|scenario: Scenario| scenario.run());
