//! The time that inputs take to the other peers.

use std::{collections::BTreeMap, time::Duration};

use huddle_session::PeerId;

use crate::{clock::samples::Samples, seat::MAX_SEATS};

/// The number of samples of each peer that count: at 60 ticks per second, those of one second.
const SAMPLES: usize = 64;

/// The time for which a sample counts.
const MEMORY: Duration = Duration::from_secs(3);

/// The number of inputs out of ten that should arrive in time.
const IN_TIME: usize = 9;

/// The number of ticks that inputs take to each peer, including jitter. An automatic
/// [`InputDelay`](super::InputDelay) follows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Transit {
    peers: BTreeMap<PeerId, Samples<SAMPLES>>,
}

impl Transit {
    /// Adds a sample: the number of ticks that an input took to a peer, or that one of the peer's took
    /// to the local peer, without the input delay. NaN is ignored.
    pub(crate) fn sample(&mut self, peer: PeerId, ticks: f64, now: Duration) {
        self.peers.entry(peer).or_default().push(now, ticks);
    }

    /// Removes a peer that left.
    pub(crate) fn forget(&mut self, peer: PeerId) {
        self.peers.remove(&peer);
    }

    /// Returns the number of ticks within which nine of ten inputs reach the median peer, or the
    /// farther one of the two in the middle. `None` if there was no sample for three seconds.
    ///
    /// A peer whose links are all bad therefore gets a long delay, and the other peers do not.
    pub(crate) fn typical(&self, now: Duration) -> Option<f64> {
        let mut ticks = [0.0; MAX_SEATS];
        let mut len = 0;
        let known = self.peers.values().filter_map(|peer| high(peer, now));
        for (slot, known) in ticks.iter_mut().zip(known) {
            *slot = known;
            len += 1;
        }
        let ticks = &mut ticks[..len];
        ticks.sort_unstable_by(f64::total_cmp);
        ticks.get(len / 2).copied()
    }
}

fn high(samples: &Samples<SAMPLES>, now: Duration) -> Option<f64> {
    let mut space = [0.0; SAMPLES];
    let sorted = samples.sorted(now, MEMORY, &mut space);
    let nth = (sorted.len() * IN_TIME).div_ceil(10);
    sorted.get(nth.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(9);

    fn transit(peers: &[f64]) -> Transit {
        let mut transit = Transit::default();
        for (n, &ticks) in (1..).zip(peers) {
            transit.sample(PeerId::from_bytes([n; 16]), ticks, NOW);
        }
        transit
    }

    #[test]
    fn nine_of_ten_inputs_take_no_longer() {
        let (mut transit, peer) = (Transit::default(), PeerId::from_bytes([1; 16]));
        assert_eq!(transit.typical(NOW), None);
        for ticks in [5.0, 1.0, 2.0, 3.0, 4.0, 6.0, 7.0, 50.0, 8.0, 9.0] {
            transit.sample(peer, ticks, NOW);
        }
        assert_eq!(transit.typical(NOW), Some(9.0));
        assert_eq!(transit.typical(NOW + MEMORY), Some(9.0));
        assert_eq!(transit.typical(NOW + MEMORY * 2), None);
        transit.forget(peer);
        assert_eq!(transit.typical(NOW), None);
    }

    #[test]
    fn bad_link_counts_for_a_peer_without_a_better_one() {
        assert_eq!(transit(&[]).typical(NOW), None);
        assert_eq!(transit(&[30.0]).typical(NOW), Some(30.0));
        assert_eq!(transit(&[30.0, 2.0]).typical(NOW), Some(30.0));
        assert_eq!(transit(&[30.0, 2.0, 3.0]).typical(NOW), Some(3.0));
        assert_eq!(transit(&[30.0, 31.0, 32.0]).typical(NOW), Some(31.0));
    }

    #[test]
    fn more_peers_than_seats_are_harmless() {
        let crowd: Vec<_> = (0..50).map(f64::from).collect();
        assert!(transit(&crowd).typical(NOW).is_some());
        assert_eq!(transit(&[f64::NAN]).typical(NOW), None);
    }
}
