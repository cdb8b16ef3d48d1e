//! Runs a room with hostile members and a hostile server.
#![no_main]

use huddle_mesh_fuzz::room::Scenario;

libfuzzer_sys::fuzz_target!(|scenario: Scenario| scenario.run());
