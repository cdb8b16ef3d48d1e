//! The log, without the noise of the WebRTC libraries.

use bevy::log::{DEFAULT_FILTER, LogPlugin};
use bevy::prelude::*;
use bevy_huddle::LOG_FILTER;

/// Returns Bevy's log plugin. `RUST_LOG` changes the filter.
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

    /// A buffer that its clones share.
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

    /// Returns the log with this value of `RUST_LOG`, which Bevy appends to the filter.
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
    fn filter_hides_webrtc_libraries_and_shows_the_game() {
        let log = logged("");
        assert!(!log.contains("noise"), "{log}");
        assert!(log.contains("no link") && log.contains("a goal"), "{log}");
    }

    #[test]
    fn debug_level_does_not_show_webrtc_libraries() {
        assert!(!logged("debug").contains("noise"));
    }

    #[test]
    fn webrtc_libraries_can_be_shown() {
        let log = logged("webrtc=warn,rtc=warn");
        assert_eq!(log.matches("noise").count(), 3, "{log}");
        let log = logged("rtc_ice=warn");
        assert_eq!(log.matches("noise").count(), 1, "{log}");
    }
}
