//! Clients that join rooms of the signaling server, leave them, and send each other messages.
#![no_main]

use huddle_signaling_fuzz::members::{self, Step};

libfuzzer_sys::fuzz_target!(|steps: Vec<Step>| members::registry(steps));
