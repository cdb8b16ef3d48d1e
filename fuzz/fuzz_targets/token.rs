//! Decodes the tokens of clients of the signaling server.
#![no_main]

use huddle_signaling_fuzz::{text, tokens};

huddle_fuzz::text_target!(tokens::token, b',', text::token);
