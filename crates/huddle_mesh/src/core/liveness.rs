//! Detects whether the peer at the other end of a link is alive.
//!
//! Any packet shows that the peer is alive. Silence counts only while the local peer itself was
//! listening: a frozen tab or a laptop that slept must not declare all other peers lost.

use std::{collections::VecDeque, time::Duration};

/// The silence after which a peer counts as reconnecting.
const SILENT_AFTER: Duration = Duration::from_millis(1000);
/// The minimum silence after which a peer is lost that has sent nothing on a new link yet. Its
/// first packet takes a whole round trip.
const LOST_AFTER_OPENING: Duration = Duration::from_millis(6000);
/// The silence after which a link is doubtful. A working link carries a ping or a pong more often.
const DOUBTFUL_AFTER: Duration = Duration::from_millis(600);
/// The silence after a probe that means the peer is lost.
pub(crate) const PROBE_WAIT: Duration = Duration::from_millis(400);
/// The time between pings while packets arrive.
const PING_EVERY: Duration = Duration::from_secs(1);
/// The time between pings while no packets arrive.
const PING_WHEN_QUIET: Duration = Duration::from_millis(250);
/// The time between pings during a probe. It is short, so that one lost packet does not decide the
/// probe.
const PING_WHEN_PROBING: Duration = Duration::from_millis(90);
/// The maximum time that one step of the local loop adds to a silence.
const MAX_STEP: Duration = Duration::from_millis(250);
/// The maximum number of unanswered pings to remember.
const MAX_PINGS: usize = 16;

/// The result of a call of [`Liveness::tick`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing new.
    Same,
    /// The peer has been silent for [`SILENT_AFTER`].
    Silent,
    /// The peer has been silent for the timeout, or has not answered a probe.
    Lost,
}

/// The liveness of one peer.
#[derive(Debug, Default)]
pub(crate) struct Liveness {
    silence: Duration,
    has_received: bool,
    /// Whether [`Verdict::Silent`] was returned for the current silence.
    is_silent: bool,
    /// Set when an event may have broken the link. The link works if the peer answers this ping or
    /// a later one. Other packets prove nothing, because they may have been in flight before the
    /// event.
    doubted: Option<u32>,
    /// The silence at which the peer is lost because it did not answer a probe.
    probe_until: Option<Duration>,
    last_ping: Option<Duration>,
    next_ping: u32,
    pings: VecDeque<(u32, Duration)>,
    rtt: Option<Duration>,
    rtt_min: Option<Duration>,
}

impl Liveness {
    pub(crate) fn silence(&self) -> Duration {
        self.silence
    }

    /// Returns whether the link may be broken.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.doubted.is_some() || self.probe_until.is_some() || self.silence >= DOUBTFUL_AFTER
    }

    pub(crate) fn rtt(&self) -> Option<Duration> {
        self.rtt
    }

    pub(crate) fn rtt_min(&self) -> Option<Duration> {
        self.rtt_min
    }

    /// Records that a packet arrived.
    pub(crate) fn packet_received(&mut self) {
        self.silence = Duration::ZERO;
        self.has_received = true;
        self.is_silent = false;
        self.probe_until = None;
    }

    /// Marks the link as doubtful after an event that may have broken it. The caller sends a ping.
    pub(crate) fn doubt(&mut self) {
        self.doubted = Some(self.next_ping);
    }

    /// Updates the round-trip time from the answer to a ping (smoothed as in RFC 6298).
    pub(crate) fn pong(&mut self, now: Duration, id: u32) {
        let Some(at) = self.pings.iter().position(|(ping, _)| *ping == id) else {
            return;
        };
        let (_, sent) = self.pings[at];
        self.pings.drain(..=at);
        self.doubted = self.doubted.filter(|since| is_before(id, *since));
        let sample = now.saturating_sub(sent);
        self.rtt = Some(match self.rtt {
            None => sample,
            Some(rtt) => (rtt * 7 + sample) / 8,
        });
        self.rtt_min = Some(self.rtt_min.map_or(sample, |min| min.min(sample)));
    }

    /// Starts a probe: the peer has [`PROBE_WAIT`] to answer. The caller sends a ping.
    pub(crate) fn probe(&mut self) {
        self.probe_until.get_or_insert(self.silence + PROBE_WAIT);
    }

    /// Ends a probe because its reason no longer applies.
    pub(crate) fn cancel_probe(&mut self) {
        self.probe_until = None;
    }

    /// Ends a probe without a verdict. Returns `false` if the peer is lost anyway.
    pub(crate) fn end_probe(&mut self, timeout: Duration) -> bool {
        self.probe_until.take().is_some() && self.silence < self.limit(timeout)
    }

    fn limit(&self, timeout: Duration) -> Duration {
        if self.has_received {
            timeout
        } else {
            timeout.max(LOST_AFTER_OPENING)
        }
    }

    /// Advances the local time by `step`. A peer that is silent for `timeout` is lost.
    pub(crate) fn tick(&mut self, step: Duration, timeout: Duration) -> Verdict {
        self.silence += step.min(MAX_STEP);
        let probed = self.probe_until.is_some_and(|until| self.silence >= until);
        if probed || self.silence >= self.limit(timeout) {
            return Verdict::Lost;
        }
        if self.silence >= SILENT_AFTER && !self.is_silent {
            self.is_silent = true;
            return Verdict::Silent;
        }
        Verdict::Same
    }

    /// Returns whether a ping is due.
    pub(crate) fn wants_ping(&self, now: Duration) -> bool {
        let since = self
            .last_ping
            .map_or(Duration::MAX, |at| now.saturating_sub(at));
        since >= PING_EVERY
            || (self.probe_until.is_some() && since >= PING_WHEN_PROBING)
            || (self.silence >= PING_WHEN_QUIET && since >= PING_WHEN_QUIET)
    }

    /// Records a ping that the caller sends now, and returns its number.
    pub(crate) fn ping(&mut self, now: Duration) -> u32 {
        let id = self.next_ping;
        self.next_ping = self.next_ping.wrapping_add(1);
        self.last_ping = Some(now);
        if self.pings.len() == MAX_PINGS {
            self.pings.pop_front();
        }
        self.pings.push_back((id, now));
        id
    }
}

/// Returns whether `ping` was sent before `other`.
fn is_before(ping: u32, other: u32) -> bool {
    ping.wrapping_sub(other) > u32::MAX / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(50);
    const TIMEOUT: Duration = Duration::from_secs(8);

    #[test]
    fn peer_that_has_sent_nothing_yet_gets_at_least_six_seconds() {
        for (timeout, expected) in [(1, 120), (8, 160)] {
            let mut liveness = Liveness::default();
            let timeout = Duration::from_secs(timeout);
            let steps = (1..).find(|_| liveness.tick(STEP, timeout) == Verdict::Lost);
            assert_eq!(steps, Some(expected));
        }
    }

    #[test]
    fn peer_is_silent_after_a_second_and_lost_after_the_timeout() {
        let mut liveness = Liveness::default();
        liveness.packet_received();
        let verdicts: Vec<_> = (1..=160).map(|_| liveness.tick(STEP, TIMEOUT)).collect();
        assert_eq!(
            verdicts.iter().position(|v| *v == Verdict::Silent),
            Some(19)
        );
        assert_eq!(verdicts.iter().position(|v| *v == Verdict::Lost), Some(159));
    }

    #[test]
    fn doubtful_link_recovers_when_a_later_ping_is_answered() {
        let mut liveness = Liveness::default();
        liveness.packet_received();
        let before = liveness.ping(STEP);
        assert!(!liveness.is_doubtful());
        liveness.doubt();
        let after = liveness.ping(STEP);
        liveness.packet_received();
        liveness.pong(STEP * 2, before);
        assert!(liveness.is_doubtful());
        liveness.pong(STEP * 2, after);
        assert!(!liveness.is_doubtful());
        let steps = (1..).find(|_| {
            liveness.tick(STEP, TIMEOUT);
            liveness.is_doubtful()
        });
        assert_eq!(steps, Some(12));
    }

    #[test]
    fn each_silence_is_reported_once() {
        let mut liveness = Liveness::default();
        for _ in 0..2 {
            while liveness.tick(STEP, TIMEOUT) != Verdict::Silent {}
            assert_eq!(liveness.tick(STEP, TIMEOUT), Verdict::Same);
            liveness.packet_received();
            assert_eq!(liveness.tick(STEP, TIMEOUT), Verdict::Same);
        }
    }

    #[test]
    fn unanswered_probe_takes_400_ms() {
        let mut liveness = Liveness::default();
        liveness.probe();
        let steps = (1..)
            .find(|_| liveness.tick(STEP, TIMEOUT) == Verdict::Lost)
            .unwrap();
        assert_eq!(steps, 8);

        let mut liveness = Liveness::default();
        liveness.probe();
        liveness.tick(STEP, TIMEOUT);
        liveness.packet_received();
        assert!((0..10).all(|_| liveness.tick(STEP, TIMEOUT) == Verdict::Same));
    }

    #[test]
    fn sleep_of_the_local_peer_does_not_count_as_silence() {
        let mut liveness = Liveness::default();
        assert_eq!(
            liveness.tick(Duration::from_secs(3600), TIMEOUT),
            Verdict::Same
        );
    }

    #[test]
    fn unknown_pongs_do_not_affect_the_round_trip_time() {
        let mut liveness = Liveness::default();
        let id = liveness.ping(Duration::from_millis(100));
        liveness.pong(Duration::from_millis(130), id + 1);
        assert_eq!(liveness.rtt(), None);
        liveness.pong(Duration::from_millis(130), id);
        liveness.pong(Duration::from_millis(900), id);
        assert_eq!(liveness.rtt(), Some(Duration::from_millis(30)));
    }

    #[test]
    fn pings_are_one_a_second_while_packets_flow() {
        let mut liveness = Liveness::default();
        let mut pings = 0;
        for i in 0..200 {
            let now = STEP * i;
            liveness.tick(STEP, TIMEOUT);
            liveness.packet_received();
            if liveness.wants_ping(now) {
                liveness.ping(now);
                pings += 1;
            }
        }
        assert_eq!(pings, 10);
    }
}
