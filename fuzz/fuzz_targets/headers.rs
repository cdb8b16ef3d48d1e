//! Decodes the headers of requests to the signaling server, which reverse proxies may forward.
#![no_main]

use huddle_signaling_fuzz::{decoders, text};

huddle_fuzz::text_target!(decoders::headers, b'\n', text::headers);
