//! Two honest players in a room with a hostile one.
#![no_main]

use huddle_session_fuzz::session::Play;

libfuzzer_sys::fuzz_target!(|play: Play| play.run());
