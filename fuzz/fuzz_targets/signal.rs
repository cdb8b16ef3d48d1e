//! Messages from the signaling server, with the signals of room members within.
#![no_main]

use huddle_mesh_fuzz::{decoders, text};

huddle_fuzz::text_target!(decoders::signal, b',', text::signal);
