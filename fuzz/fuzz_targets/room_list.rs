//! Decodes the lists of rooms that a signaling server publishes.
#![no_main]

use huddle_mesh_fuzz::{decoders, text};

huddle_fuzz::text_target!(decoders::room_list, b',', text::room_list);
