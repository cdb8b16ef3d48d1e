//! What is worth a line in the log.

use huddle_mesh::{Signaling, SignalingLoss};

/// Log directives that turn off the libraries below, which repeat a warning several times a second
/// while anything is wrong. What matters to a game, `bevy_huddle` logs itself, once for each cause.
///
/// Add it to the filter of Bevy's `LogPlugin`:
///
/// ```ignore
/// DefaultPlugins.set(LogPlugin {
///     filter: format!("{DEFAULT_FILTER},{}", bevy_huddle::LOG_FILTER),
///     ..default()
/// })
/// ```
///
/// `RUST_LOG=webrtc=warn,rtc=warn` turns them on again. `rtc` stands for all crates whose names
/// begin with it, such as `rtc_ice`.
pub const LOG_FILTER: &str = "webrtc=off,rtc=off";

/// Whether a lost connection to the signaling server has a cause that the log does not have yet.
///
/// `before` is how the connection was until now.
pub(crate) fn is_new_loss(before: &Signaling, reason: &SignalingLoss, attempt: u32) -> bool {
    match before {
        Signaling::Retrying { reason: known, .. } => known != reason,
        // A server that lets players in only to lose them at once does so again and again.
        Signaling::Connecting | Signaling::Connected { .. } => attempt.is_power_of_two(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// How many of the losses are logged, if each attempt ends as `outcome` says.
    fn logged(losses: u32, outcome: impl Fn(u32) -> (bool, SignalingLoss)) -> usize {
        let mut status = Signaling::Connecting;
        let mut logged = 0;
        for attempt in 1..=losses {
            let (connects, reason) = outcome(attempt);
            if connects {
                status = Signaling::Connected { back: attempt > 1 };
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
    fn a_server_that_stays_away_is_logged_once() {
        assert_eq!(logged(1000, |_| (false, refused())), 1);
    }

    #[test]
    fn another_cause_is_logged_too() {
        let outcome = |attempt| match attempt {
            1..500 => (false, refused()),
            _ => (false, SignalingLoss::ShuttingDown),
        };
        assert_eq!(logged(1000, outcome), 2);
    }

    #[test]
    fn a_server_that_lets_players_in_only_to_lose_them_is_logged_less_and_less() {
        assert_eq!(logged(1000, |_| (true, SignalingLoss::ShuttingDown)), 10);
    }
}
