//! The speed of the match's clock, which keeps all peers at the same tick.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use huddle_session::{PeerId, TickRate};

use crate::{clock::samples::Samples, seat::MAX_SEATS};

/// The number of samples in an estimate.
const SAMPLES: usize = 30;

/// The time for which a sample, or a peer's own estimate, counts.
const MEMORY: Duration = Duration::from_secs(1);

/// The part of a distance that is covered in a second. A higher gain would overshoot, because an
/// estimate is some hundred milliseconds old.
const GAIN: f64 = 1.2;

/// The distance from the goal that is ignored, in ticks.
const DEADBAND: f64 = 0.1;

/// Keeps the local tick clock in step with the clocks of the other peers. It runs up to 3 % slower or
/// 1.5 % faster than normal.
///
/// The goal is the median of all peers' clocks, including the local one. Each of two peers therefore
/// covers half of the distance, and a peer that lags or has a bad link does not move three others. An
/// estimate is the mean of the middle third of a peer's last 30 samples, which excludes late packets.
///
/// A difference between the two directions of a link cannot be measured. The clocks of two peers
/// settle half of that difference apart.
///
/// ```
/// use std::time::Duration;
/// use huddle_rollback::Pace;
/// use huddle_session::{PeerId, TickRate};
///
/// let mut pace = Pace::new(TickRate::default());
/// # let peer: PeerId = huddle_session::codec::decode(&[&[16][..], &[7; 16]].concat(), 17)?;
/// let now = Duration::from_secs(3);
/// pace.sample(peer, 2.0, now);
/// // The other peer makes up for one of the two ticks.
/// assert!((0.97..0.99).contains(&pace.speed(now)));
/// # Ok::<(), huddle_session::codec::DecodeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Pace {
    rate: TickRate,
    peers: BTreeMap<PeerId, Estimate>,
}

#[derive(Debug, Clone, Default)]
struct Estimate {
    samples: Samples<SAMPLES>,
    /// The peer's own estimate of its lead over the local peer, and its time of arrival.
    reported: Option<(Duration, f64)>,
}

impl Pace {
    /// The lowest speed, relative to the normal speed.
    pub const SLOWEST: f64 = 0.97;

    /// The highest speed, relative to the normal speed.
    pub const FASTEST: f64 = 1.015;

    /// Creates a clock without samples, which runs at the normal speed.
    pub fn new(rate: TickRate) -> Self {
        Self {
            rate,
            peers: BTreeMap::new(),
        }
    }

    /// Adds a sample of the local peer's lead over a peer, in ticks, when a packet of that peer
    /// arrives: the local clock with its fraction, minus the peer's clock when it sent the packet,
    /// minus the time that the packet took (half of the mean round-trip time). NaN is ignored.
    pub fn sample(&mut self, peer: PeerId, ahead: f64, now: Duration) {
        self.peers.entry(peer).or_default().samples.push(now, ahead);
    }

    /// Handles a peer's own estimate of its lead over the local peer, in ticks: the result of
    /// [`measured`](Self::measured) at that peer.
    ///
    /// Errors that both peers make, such as a wait for the next frame before a packet is sent or read,
    /// cancel out. Otherwise, both peers would slow down without end.
    pub fn reported(&mut self, peer: PeerId, ahead: f64, now: Duration) {
        if ahead.is_finite() {
            self.peers.entry(peer).or_default().reported = Some((now, ahead));
        }
    }

    /// Removes a peer that left.
    pub fn forget(&mut self, peer: PeerId) {
        self.peers.remove(&peer);
    }

    /// Returns the local peer's lead over a peer in ticks, from local samples only. This estimate is
    /// sent to the peer. `None` if there was no sample for a second.
    pub fn measured(&self, peer: PeerId, now: Duration) -> Option<f64> {
        self.peers.get(&peer)?.measured(now)
    }

    /// Returns the local peer's lead over a peer in ticks; negative if it is behind.
    pub fn ahead(&self, peer: PeerId, now: Duration) -> Option<f64> {
        self.peers.get(&peer)?.ahead(now)
    }

    /// Returns the speed of the clock relative to the normal speed, from [`SLOWEST`](Self::SLOWEST)
    /// to [`FASTEST`](Self::FASTEST).
    pub fn speed(&self, now: Duration) -> f64 {
        // The positions of all peers relative to the local one, which is the first.
        let mut clocks = [0.0; MAX_SEATS];
        let mut peers = 1;
        let known = self.peers.values().filter_map(|peer| peer.ahead(now));
        for (clock, ahead) in clocks[1..].iter_mut().zip(known) {
            *clock = -ahead;
            peers += 1;
        }
        clocks[..peers].sort_unstable_by(f64::total_cmp);
        let way = f64::midpoint(clocks[(peers - 1) / 2], clocks[peers / 2]);
        let way = way.signum() * (way.abs() - DEADBAND).max(0.0);
        (1.0 + way * GAIN / self.rate.hz()).clamp(Self::SLOWEST, Self::FASTEST)
    }
}

impl Estimate {
    fn measured(&self, now: Duration) -> Option<f64> {
        let mut space = [0.0; SAMPLES];
        let sorted = self.samples.sorted(now, MEMORY, &mut space);
        let cut = sorted.len() / 3;
        let middle = &sorted[cut..sorted.len() - cut];
        (!middle.is_empty()).then(|| middle.iter().sum::<f64>() / middle.len() as f64)
    }

    fn ahead(&self, now: Duration) -> Option<f64> {
        let measured = self.measured(now)?;
        Some(match self.reported {
            Some((at, reported)) if now.saturating_sub(at) <= MEMORY => {
                f64::midpoint(measured, -reported)
            }
            _ => measured,
        })
    }
}
