//! Runs a room with hostile members and a hostile server.
#![no_main]

use huddle_mesh_fuzz::room::Play;

libfuzzer_sys::fuzz_target!(|play: Play| play.run());
