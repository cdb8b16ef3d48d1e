//! Decodes the session descriptions of room members.
#![no_main]

use huddle_mesh_fuzz::{decoders, text};

huddle_fuzz::text_target!(decoders::sdp, b'\n', text::sdp);
