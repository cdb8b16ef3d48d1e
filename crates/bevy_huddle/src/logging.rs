//! Decides which events are logged.

use huddle_mesh::{Signaling, SignalingLoss};

/// The log directives that silence the WebRTC libraries, which repeat a warning several times per
/// second while a connection has a problem.
///
/// `bevy_huddle` itself logs each problem that matters to a game, once per cause. Add the
/// directives to the filter of Bevy's `LogPlugin`:
///
/// ```ignore
/// DefaultPlugins.set(LogPlugin {
///     filter: format!("{DEFAULT_FILTER},{}", bevy_huddle::LOG_FILTER),
///     ..default()
/// })
/// ```
///
/// `RUST_LOG=webrtc=warn,rtc=warn` turns them on again. `rtc` matches every crate whose name begins
/// with it, such as `rtc_ice`.
pub const LOG_FILTER: &str = "webrtc=off,rtc=off";

/// Returns whether the signaling connection was lost for a cause that has not been logged yet.
///
/// `before` is the previous state of the connection.
pub(crate) fn is_new_loss(before: &Signaling, reason: &SignalingLoss, attempt: u32) -> bool {
    match before {
        Signaling::Retrying { reason: known, .. } => known != reason,
        // A server that accepts and immediately drops connections does so repeatedly.
        Signaling::Connecting | Signaling::Connected { .. } | Signaling::TokenNeeded { .. } => {
            attempt.is_power_of_two()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Returns the number of losses that are logged. `outcome` returns whether an attempt connects,
    /// and the loss that ends it.
    fn logged(losses: u32, outcome: impl Fn(u32) -> (bool, SignalingLoss)) -> usize {
        let mut status = Signaling::Connecting;
        let mut logged = 0;
        for attempt in 1..=losses {
            let (connects, reason) = outcome(attempt);
            if connects {
                status = Signaling::Connected {
                    reconnected: attempt > 1,
                };
            }
            logged += usize::from(is_new_loss(&status, &reason, attempt));
            status = Signaling::Retrying {
                reason,
                retry_in: Duration::from_secs(4),
                attempt,
            };
        }
        logged
    }

    fn refused() -> SignalingLoss {
        SignalingLoss::Unreachable("connection refused".into())
    }

    #[test]
    fn unreachable_server_is_logged_once() {
        assert_eq!(logged(1000, |_| (false, refused())), 1);
    }

    #[test]
    fn each_cause_is_logged() {
        let outcome = |attempt| match attempt {
            1..500 => (false, refused()),
            _ => (false, SignalingLoss::ShuttingDown),
        };
        assert_eq!(logged(1000, outcome), 2);
    }

    #[test]
    fn server_that_drops_connections_is_logged_less_and_less() {
        assert_eq!(logged(1000, |_| (true, SignalingLoss::ShuttingDown)), 10);
    }
}
