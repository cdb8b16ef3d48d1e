//! Runs clients that join and leave rooms of the signaling server and send each other messages.
#![no_main]

use huddle_signaling_fuzz::members::Scenario;

libfuzzer_sys::fuzz_target!(|scenario: Scenario| scenario.run());
