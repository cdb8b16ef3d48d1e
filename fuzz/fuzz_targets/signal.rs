//! Decodes messages from the signaling server, which contain the signals of room members.
#![no_main]

use huddle_mesh_fuzz::{decoders, text};

huddle_fuzz::text_target!(decoders::signal, b',', text::signal);
