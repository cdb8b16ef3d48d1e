//! The log, without what the libraries below repeat.

use bevy::log::{DEFAULT_FILTER, LogPlugin};
use bevy::prelude::*;
use bevy_huddle::LOG_FILTER;

/// Bevy's log; `RUST_LOG` chooses more of it, or less.
pub(crate) fn plugin() -> LogPlugin {
    LogPlugin {
        filter: format!("{DEFAULT_FILTER},{LOG_FILTER}"),
        ..default()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use bevy::log::{tracing, tracing_subscriber};
    use tracing_subscriber::{EnvFilter, fmt};

    use super::*;

    /// What is written into it can be read from its clones.
    #[derive(Clone, Default)]
    struct Text(Arc<Mutex<Vec<u8>>>);

    impl Write for Text {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged if `RUST_LOG` is this, which Bevy adds to the filter.
    fn logged(rust_log: &str) -> String {
        let LogPlugin { level, filter, .. } = plugin();
        let filter = EnvFilter::builder().parse_lossy(format!("{level},{filter},{rust_log}"));
        let text = Text::default();
        let into = text.clone();
        let subscriber = fmt()
            .with_env_filter(filter)
            .with_ansi(false)
            .with_writer(move || into.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(target: "rtc_ice::agent", "noise of ice");
            tracing::error!(target: "rtc::peer_connection", "noise of rtc");
            tracing::warn!(target: "webrtc::peer_connection::driver", "noise of webrtc");
            tracing::warn!(target: "bevy_huddle::receive", "no link");
            tracing::info!(target: "pong", "a goal");
        });
        let text = text.0.lock().unwrap().clone();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn libraries_below_are_silent_and_the_game_is_not() {
        let log = logged("");
        assert!(!log.contains("noise"), "{log}");
        assert!(log.contains("no link") && log.contains("a goal"), "{log}");
    }

    #[test]
    fn more_detail_of_everything_is_not_a_request_for_noise() {
        assert!(!logged("debug").contains("noise"));
    }

    #[test]
    fn libraries_below_speak_on_request() {
        let log = logged("webrtc=warn,rtc=warn");
        assert_eq!(log.matches("noise").count(), 3, "{log}");
        let log = logged("rtc_ice=warn");
        assert_eq!(log.matches("noise").count(), 1, "{log}");
    }
}
