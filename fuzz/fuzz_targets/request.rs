//! The URLs with which clients ask the signaling server for rooms.
#![no_main]

use huddle_signaling_fuzz::{decoders, text};

huddle_fuzz::text_target!(decoders::request, b'&', text::request);
