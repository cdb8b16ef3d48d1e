//! One direction of a simulated link with bad network conditions.

use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use huddle_session::Lane;

/// The network conditions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conditions {
    /// The share of lost packets.
    pub(crate) loss: f64,
    /// The share of duplicated packets.
    pub(crate) duplicates: f64,
    /// The minimum latency.
    pub(crate) latency: Duration,
    /// The maximum additional latency, which also reorders packets.
    pub(crate) jitter: Duration,
}

/// The messages in flight in one direction.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    in_flight: Vec<InFlight>,
    /// The arrival time of the last message on each ordered lane.
    ordered: [Duration; 3],
    sent: u64,
}

#[derive(Debug)]
struct InFlight {
    at: Duration,
    number: u64,
    lane: Lane,
    bytes: Bytes,
}

impl Pipe {
    pub(crate) fn send(
        &mut self,
        now: Duration,
        lane: Lane,
        bytes: &Bytes,
        conditions: Conditions,
        rng: &mut Rng,
    ) {
        let mut delay = conditions.latency + conditions.jitter.mul_f64(rng.f64());
        if lane == Lane::State {
            if rng.f64() < conditions.duplicates {
                let later = delay + conditions.jitter.mul_f64(2.0 * rng.f64());
                self.push(now + later, lane, bytes);
            }
            if rng.f64() < conditions.loss {
                return;
            }
            return self.push(now + delay, lane, bytes);
        }
        // A reliable lane retransmits after a while, and delays the messages behind.
        while rng.f64() < conditions.loss {
            delay += Duration::from_millis(200) + 2 * conditions.latency;
        }
        let last = &mut self.ordered[lane as usize];
        *last = (*last).max(now + delay);
        let at = *last;
        self.push(at, lane, bytes);
    }

    fn push(&mut self, at: Duration, lane: Lane, bytes: &Bytes) {
        self.sent += 1;
        self.in_flight.push(InFlight {
            at,
            number: self.sent,
            lane,
            bytes: bytes.clone(),
        });
    }

    /// Returns the messages that have arrived, in order of arrival.
    pub(crate) fn arrived(&mut self, now: Duration) -> Vec<(Duration, Lane, Bytes)> {
        let mut arrived: Vec<_> = self
            .in_flight
            .extract_if(.., |in_flight| in_flight.at <= now)
            .collect();
        arrived.sort_by_key(|in_flight| (in_flight.at, in_flight.number));
        arrived
            .into_iter()
            .map(|in_flight| (in_flight.at, in_flight.lane, in_flight.bytes))
            .collect()
    }

    /// Replaces the link. Some messages in flight are lost. The others still arrive, mixed with
    /// messages of the new link.
    pub(crate) fn replace(&mut self, rng: &mut Rng) {
        let cut = [rng.f64(), rng.f64(), rng.f64()];
        // On an ordered lane, only the last messages are lost, never ones in the middle.
        let mut is_cut = [false; 3];
        self.in_flight
            .sort_by_key(|in_flight| (in_flight.at, in_flight.number));
        self.in_flight.retain(|in_flight| {
            let lane = in_flight.lane as usize;
            is_cut[lane] |= rng.f64() < cut[lane];
            !is_cut[lane]
        });
        self.ordered = Default::default();
    }

    pub(crate) fn packets(&self) -> u64 {
        self.sent
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}
