//! The bad network between the players of a simulation: one direction of one link.

use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use huddle_session::Lane;

/// How bad it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    /// The part of packets that is lost.
    pub(crate) loss: f64,
    /// The part that arrives twice.
    pub(crate) duplicates: f64,
    /// The least time a packet takes.
    pub(crate) latency: Duration,
    /// How much longer it may take, which is also how packets overtake each other.
    pub(crate) jitter: Duration,
}

/// What is on its way in one direction.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    flying: Vec<Flying>,
    /// When the last message on each ordered lane arrives.
    ordered: [Duration; 3],
    sent: u64,
}

#[derive(Debug)]
struct Flying {
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
        weather: Weather,
        rng: &mut Rng,
    ) {
        let mut delay = weather.latency + weather.jitter.mul_f64(rng.f64());
        if lane == Lane::State {
            if rng.f64() < weather.duplicates {
                let later = delay + weather.jitter.mul_f64(2.0 * rng.f64());
                self.push(now + later, lane, bytes);
            }
            if rng.f64() < weather.loss {
                return;
            }
            return self.push(now + delay, lane, bytes);
        }
        // A reliable lane sends again after a while, and holds back what comes after.
        while rng.f64() < weather.loss {
            delay += Duration::from_millis(200) + 2 * weather.latency;
        }
        let last = &mut self.ordered[lane as usize];
        *last = (*last).max(now + delay);
        let at = *last;
        self.push(at, lane, bytes);
    }

    fn push(&mut self, at: Duration, lane: Lane, bytes: &Bytes) {
        self.sent += 1;
        self.flying.push(Flying {
            at,
            number: self.sent,
            lane,
            bytes: bytes.clone(),
        });
    }

    /// What has arrived, in the order of arrival.
    pub(crate) fn arrived(&mut self, now: Duration) -> Vec<(Duration, Lane, Bytes)> {
        let mut here: Vec<_> = self
            .flying
            .extract_if(.., |flying| flying.at <= now)
            .collect();
        here.sort_by_key(|flying| (flying.at, flying.number));
        here.into_iter()
            .map(|flying| (flying.at, flying.lane, flying.bytes))
            .collect()
    }

    /// The link is replaced: some of what was under way never comes, the rest comes as if nothing
    /// had happened, among what the new link brings.
    pub(crate) fn replace(&mut self, rng: &mut Rng) {
        let cut = [rng.f64(), rng.f64(), rng.f64()];
        // Of an ordered lane a first part arrives, never one from the middle.
        let mut gone = [false; 3];
        self.flying.sort_by_key(|flying| (flying.at, flying.number));
        self.flying.retain(|flying| {
            let lane = flying.lane as usize;
            gone[lane] |= rng.f64() < cut[lane];
            !gone[lane]
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
