//! Decodes the URLs of rooms.
#![no_main]

use huddle_mesh_fuzz::{decoders, text};

huddle_fuzz::text_target!(decoders::room_url, b'&', text::room_url);
