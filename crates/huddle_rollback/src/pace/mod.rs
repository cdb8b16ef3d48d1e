//! How fast the game's clock runs, so that all players come to the same tick at the same time.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use huddle_session::{PeerId, TickRate};

use crate::{seat::MAX_SEATS, window::Window};

/// How many samples an estimate is made of.
const SAMPLES: usize = 30;

/// After how long a sample, or what a peer said, no longer counts.
const MEMORY: Duration = Duration::from_secs(1);

/// Which part of a distance is to be gone in a second. More would overshoot, since an estimate is
/// some hundred milliseconds old.
const GAIN: f64 = 1.2;

/// How many ticks from the goal are close enough.
const DEADBAND: f64 = 0.1;

/// Keeps this player's tick clock with that of the others, by running up to 3 % slower or 1.5 %
/// faster than it should.
///
/// The goal is the median of all players' clocks, this one's included, so each of two players goes
/// half the way, and one who lags or has a bad link moves none of three others. An estimate is the
/// mean of the middle third of a peer's last 30 samples: late packets, of which every link has
/// some, are not in it.
///
/// What cannot be measured is how unequal the two directions of a link are: the clocks of two players
/// come to rest half the difference apart.
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
/// // One of the two ticks is for the other player to make up.
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
    samples: Window<SAMPLES>,
    /// How far ahead of this player the peer says to be, and when it did.
    told: Option<(Duration, f64)>,
}

impl Pace {
    /// The slowest a clock runs, as part of its normal speed.
    pub const SLOWEST: f64 = 0.97;

    /// The fastest a clock runs, as part of its normal speed.
    pub const FASTEST: f64 = 1.015;

    /// A clock that nobody is known to be ahead of.
    pub fn new(rate: TickRate) -> Self {
        Self {
            rate,
            peers: BTreeMap::new(),
        }
    }

    /// Takes a sample of how many ticks this player is ahead of a peer, when a packet of it arrives:
    /// the own clock with its fraction, less the peer's clock when it sent the packet, less how many
    /// ticks the packet took (half the mean round trip). What is no number is ignored.
    pub fn sample(&mut self, peer: PeerId, ahead: f64, now: Duration) {
        self.peers.entry(peer).or_default().samples.push(now, ahead);
    }

    /// Takes what a peer says of how many ticks it is ahead of this player: its own
    /// [`measured`](Self::measured).
    ///
    /// Without it, whatever both sides misjudge alike, such as a wait for the next frame before a
    /// packet is sent or read, lets both slow down for ever; with it, that cancels out.
    pub fn told(&mut self, peer: PeerId, ahead: f64, now: Duration) {
        if ahead.is_finite() {
            self.peers.entry(peer).or_default().told = Some((now, ahead));
        }
    }

    /// Forgets a peer that left.
    pub fn forget(&mut self, peer: PeerId) {
        self.peers.remove(&peer);
    }

    /// How many ticks this player's own samples say that it is ahead of a peer; what to tell the
    /// peer. `None` if there was no sample for a second.
    pub fn measured(&self, peer: PeerId, now: Duration) -> Option<f64> {
        self.peers.get(&peer)?.measured(now)
    }

    /// How many ticks this player is taken to be ahead of a peer; negative if behind.
    pub fn ahead(&self, peer: PeerId, now: Duration) -> Option<f64> {
        self.peers.get(&peer)?.ahead(now)
    }

    /// How fast the clock is to run: a factor from [`SLOWEST`](Self::SLOWEST) to
    /// [`FASTEST`](Self::FASTEST) for the time that passes.
    pub fn speed(&self, now: Duration) -> f64 {
        // Where the players are, as seen from this one, who is the first.
        let mut clocks = [0.0; MAX_SEATS];
        let mut players = 1;
        let known = self.peers.values().filter_map(|peer| peer.ahead(now));
        for (clock, ahead) in clocks[1..].iter_mut().zip(known) {
            *clock = -ahead;
            players += 1;
        }
        clocks[..players].sort_unstable_by(f64::total_cmp);
        let way = f64::midpoint(clocks[(players - 1) / 2], clocks[players / 2]);
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
        Some(match self.told {
            Some((at, told)) if now.saturating_sub(at) <= MEMORY => f64::midpoint(measured, -told),
            _ => measured,
        })
    }
}
