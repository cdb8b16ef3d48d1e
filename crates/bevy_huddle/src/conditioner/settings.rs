//! The settings of a link conditioner.

use std::time::Duration;

use bevy::prelude::*;
use huddle_mesh::Channel;

use crate::conditioner::error::LinkConditionerError;

/// The maximum number of times that a reliable packet is lost in a row.
const MAX_RETRANSMISSIONS: u32 = 3;

/// The shortest time after which a lost reliable packet is sent again.
const MIN_RETRANSMISSION_DELAY: Duration = Duration::from_millis(50);

/// Makes the links of a room slow and lossy, to try a game under the conditions of a real network.
///
/// Add it to the room entity, or pass it to
/// [`RoomOptions::conditioner`](crate::RoomOptions::conditioner). A change takes effect with the
/// next frame. Removing the component restores the links: delayed packets arrive immediately and in
/// order.
///
/// It affects the packets that this peer *receives*, from every peer in the room. The packets that
/// this peer sends are not affected. If both peers of a link set a lag of 80 ms, the round-trip
/// time therefore grows by 160 ms.
///
/// - Packets on the unreliable channel, which carries state, can be lost. Jitter reorders them.
/// - Packets on the reliable channels, which carry events and transfers, arrive in order and are
///   never lost. A loss delays the packet and those behind it by one round trip, as a
///   retransmission does.
///
/// At most 4096 packets and 4 MiB wait per peer and channel. Beyond that the oldest unreliable
/// packets are dropped, and the oldest reliable packets arrive early.
///
/// ```
/// use std::time::Duration;
///
/// use bevy::prelude::*;
/// use bevy_huddle::prelude::*;
///
/// /// Toggles a slow network with the key L.
/// fn toggle_lag(room: Single<(Entity, Has<LinkConditioner>), With<Room>>, mut commands: Commands) {
///     let (room, is_conditioned) = *room;
///     if is_conditioned {
///         commands.entity(room).remove::<LinkConditioner>();
///     } else {
///         commands.entity(room).insert(LinkConditioner {
///             lag: Duration::from_millis(80),
///             jitter: Duration::from_millis(20),
///             loss: 0.05,
///         });
///     }
/// }
/// # bevy::ecs::system::assert_is_system(toggle_lag);
/// ```
///
/// [`LinkStats::rtt`](crate::LinkStats) contains the mean delay of this peer's conditioner.
/// `LinkStats::delivery.rtt`, which the session measures, contains those of both peers.
#[derive(Component, Reflect, Debug, Clone, Copy, PartialEq, Default)]
#[reflect(Component, Debug, Default, Clone, PartialEq)]
pub struct LinkConditioner {
    /// The one-way delay of each packet, at most [`MAX_DELAY`](Self::MAX_DELAY).
    pub lag: Duration,
    /// The maximum additional delay, at most [`MAX_DELAY`](Self::MAX_DELAY). Each packet gets a
    /// uniformly distributed part of it.
    pub jitter: Duration,
    /// The fraction of packets that are lost, from 0.0 to 1.0.
    pub loss: f32,
}

impl LinkConditioner {
    /// The maximum of [`lag`](Self::lag), and of [`jitter`](Self::jitter).
    pub const MAX_DELAY: Duration = Duration::from_secs(5);

    /// A busy Wi-Fi network.
    pub const WIFI: Self = Self {
        lag: Duration::from_millis(5),
        jitter: Duration::from_millis(20),
        loss: 0.01,
    };

    /// A mobile network with a weak signal.
    pub const MOBILE: Self = Self {
        lag: Duration::from_millis(50),
        jitter: Duration::from_millis(50),
        loss: 0.03,
    };

    /// Checks that the values are in their ranges.
    pub fn validate(&self) -> Result<(), LinkConditionerError> {
        let max = Self::MAX_DELAY;
        if self.lag > max {
            return Err(LinkConditionerError::Lag { lag: self.lag, max });
        }
        if self.jitter > max {
            let jitter = self.jitter;
            return Err(LinkConditionerError::Jitter { jitter, max });
        }
        if !(0.0..=1.0).contains(&self.loss) {
            return Err(LinkConditionerError::Loss(self.loss));
        }
        Ok(())
    }

    /// The mean delay of a packet that is not lost.
    pub(super) fn mean_delay(&self) -> Duration {
        self.lag + self.jitter / 2
    }

    /// The maximum delay of a packet.
    pub(super) fn max_delay(&self, channel: Channel) -> Duration {
        let once = self.lag + self.jitter;
        if channel.is_reliable() && self.loss > 0.0 {
            once + self.retransmission_delay() * MAX_RETRANSMISSIONS
        } else {
            once
        }
    }

    /// Draws the delay of a packet. `None` if the packet is lost.
    pub(super) fn delay(&self, channel: Channel, rng: &mut fastrand::Rng) -> Option<Duration> {
        let mut delay = self.lag + self.jitter.mul_f64(rng.f64());
        if !channel.is_reliable() {
            let is_lost = rng.f32() < self.loss;
            return (!is_lost).then_some(delay);
        }
        let mut losses = 0;
        while losses < MAX_RETRANSMISSIONS && rng.f32() < self.loss {
            delay += self.retransmission_delay();
            losses += 1;
        }
        Some(delay)
    }

    /// The mean round trip of a link whose two peers have this conditioner: SCTP sends a packet
    /// again when the acks of later packets show the gap.
    fn retransmission_delay(&self) -> Duration {
        (self.mean_delay() * 2).max(MIN_RETRANSMISSION_DELAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_range_are_rejected_by_name() {
        let max = LinkConditioner::MAX_DELAY;
        let long = max + Duration::from_millis(1);
        let default = LinkConditioner::default();
        let jitter = LinkConditioner {
            jitter: long,
            ..default
        };
        assert_eq!(
            jitter.validate(),
            Err(LinkConditionerError::Jitter { jitter: long, max })
        );
        let lag = LinkConditioner {
            lag: long,
            ..default
        };
        let error = lag.validate().unwrap_err().to_string();
        assert_eq!(
            error,
            "the link conditioner has a lag of 5.001s: set 5s or less"
        );
        for loss in [-0.1, 1.1, 5.0, f32::NAN, f32::INFINITY] {
            let error = LinkConditioner { loss, ..default }.validate().unwrap_err();
            assert!(error.to_string().contains("loss"), "{error}");
        }
    }

    #[test]
    fn maximum_values_and_presets_are_valid() {
        let largest = LinkConditioner {
            lag: LinkConditioner::MAX_DELAY,
            jitter: LinkConditioner::MAX_DELAY,
            loss: 1.0,
        };
        for conditioner in [
            LinkConditioner::default(),
            LinkConditioner::WIFI,
            LinkConditioner::MOBILE,
            largest,
        ] {
            assert_eq!(conditioner.validate(), Ok(()), "{conditioner:?}");
        }
    }
}
