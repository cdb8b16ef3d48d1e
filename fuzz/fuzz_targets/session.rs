//! Runs two honest peers in a room with a hostile one.
#![no_main]

use huddle_session_fuzz::session::Scenario;

libfuzzer_sys::fuzz_target!(|scenario: Scenario| scenario.run());
