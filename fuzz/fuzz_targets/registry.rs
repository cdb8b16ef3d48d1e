//! Clients that join rooms of the signaling server, leave them, and send each other messages.
#![no_main]

use huddle_signaling_fuzz::members::Play;

libfuzzer_sys::fuzz_target!(|play: Play| play.run());
