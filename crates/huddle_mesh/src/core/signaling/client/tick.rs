//! The client's reaction to the passage of time.

use std::time::Duration;

use super::{SignalingClient, SocketAction, State};
use crate::{
    core::{
        Entropy,
        signaling::waits::{
            self, ANSWER_AFTER_CHANGE, CHANGE_MATTERS, MAX_CHECK_STEP, MAX_STEP, OPEN_AFTER_CHANGE,
        },
    },
    event::{Signaling, SignalingLoss},
};

impl SignalingClient {
    /// Returns whether the connection has not survived a network change.
    fn is_cut_off(&mut self, step: Duration) -> bool {
        let Some(unchecked) = &mut self.unchecked else {
            return false;
        };
        *unchecked += step.min(MAX_CHECK_STEP);
        let unchecked = *unchecked;
        match self.state {
            State::Connecting { .. } => unchecked >= OPEN_AFTER_CHANGE,
            State::Open { .. } => {
                if unchecked >= CHANGE_MATTERS {
                    self.unchecked = None;
                }
                // A stock server never echoes, so its silence counts only if links fail at the same
                // time.
                unchecked >= ANSWER_AFTER_CHANGE && (self.echoes || self.doubted)
            }
            _ => false,
        }
    }

    /// Advances the time to `now`. `step` is the time since the last call.
    pub(crate) fn tick(
        &mut self,
        now: Duration,
        step: Duration,
        entropy: &mut Entropy,
    ) -> (Option<SocketAction>, Option<Signaling>) {
        if self.is_cut_off(step) {
            self.failures = 0;
            let (connect, signaling) = self.reconnect(now, SignalingLoss::NetworkChanged);
            return (Some(connect), Some(signaling));
        }
        let timeout = self.connect_timeout();
        let urgency = self.urgency();
        match &mut self.state {
            State::Stopped | State::Suspended | State::TokenNeeded => (None, None),
            State::Waiting { until } if now >= *until => {
                let has_new_token = self.request.has_unused_token();
                let first = !self.was_open && (self.failures == 0 || has_new_token);
                (
                    Some(self.connect(now)),
                    first.then_some(Signaling::Connecting),
                )
            }
            State::Waiting { .. } => (None, None),
            State::Connecting { since, .. } if now.saturating_sub(*since) < timeout => (None, None),
            State::Connecting { answered, .. } => {
                let seconds = timeout.as_secs();
                let loss = if *answered {
                    let text = format!("it has assigned no id for {seconds} s");
                    SignalingLoss::NotSignaling(text)
                } else {
                    SignalingLoss::Unreachable(format!("no answer for {seconds} s"))
                };
                let signaling = self.retry(now, loss, entropy);
                (Some(SocketAction::Close), Some(signaling))
            }
            State::Open {
                silence, last_sent, ..
            } => {
                *silence += step.min(MAX_STEP);
                let timeout = waits::tolerated_silence(urgency);
                // A stock server never echoes, so its silence counts only if links fail at the same
                // time.
                if *silence >= timeout && (self.echoes || self.doubted) {
                    let reason = SignalingLoss::Silent(*silence);
                    // The server should announce the new connection before it reports the end of
                    // the old one. Otherwise, peers whose links also fail would treat it as a
                    // departure.
                    if self.doubted {
                        let (connect, signaling) = self.reconnect(now, reason);
                        return (Some(connect), Some(signaling));
                    }
                    let signaling = self.retry(now, reason, entropy);
                    return (Some(SocketAction::Close), Some(signaling));
                }
                let due = waits::keep_alive_interval(urgency);
                if last_sent.is_none_or(|at| now.saturating_sub(at) >= due) {
                    *last_sent = Some(now);
                    return (Some(SocketAction::KeepAlive), None);
                }
                (None, None)
            }
        }
    }
}
