//! Decodes the URLs with which clients request rooms from the signaling server.
#![no_main]

use huddle_signaling_fuzz::{decoders, text};

huddle_fuzz::text_target!(decoders::request, b'&', text::request);
