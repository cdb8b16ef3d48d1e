//! Decodes the ICE candidates of room members.
#![no_main]

use huddle_mesh_fuzz::{decoders, text};

huddle_fuzz::text_target!(decoders::candidate, b' ', text::candidate);
