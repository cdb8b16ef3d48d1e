//! Smooth movement between ticks, and of peers whose poses arrive at irregular times.

use bevy::prelude::*;
use bevy_huddle::prelude::*;

use crate::pose::Pose;

/// The drawn position of a peer. It moves at the last received velocity, and closes the gap to the
/// expected position within about a tenth of a second.
///
/// A shape with constant velocity is therefore drawn without delay, even if its poses arrive at
/// irregular times.
#[derive(Component, Debug, Clone)]
pub(crate) struct Smooth {
    received: Pose,
    /// Seconds since the pose was received.
    age: f32,
    drawn: Vec2,
}

impl Smooth {
    /// How fast the gap closes, per second.
    const PULL: f32 = 10.0;
    /// Without a new pose for this many seconds, the peer is assumed to have stopped.
    const TRUST: f32 = 0.25;
    /// A larger gap is closed at once.
    const JUMP: f32 = 250.0;

    /// Starts at a pose.
    pub(crate) fn at(pose: &Pose) -> Self {
        let received = pose.checked();
        Self {
            received,
            age: 0.0,
            drawn: received.at(),
        }
    }

    /// Uses a newly received pose.
    pub(crate) fn receive(&mut self, pose: &Pose) {
        self.received = pose.checked();
        self.age = 0.0;
    }

    /// Returns the position to draw after this many more seconds.
    pub(crate) fn advance(&mut self, seconds: f32) -> Vec2 {
        let before = self.received.after(self.age.min(Self::TRUST));
        self.age += seconds;
        let expected = self.received.after(self.age.min(Self::TRUST));
        self.drawn += expected - before;
        let gap = expected - self.drawn;
        self.drawn = if gap.length() > Self::JUMP {
            expected
        } else {
            self.drawn + gap * (1.0 - (-Self::PULL * seconds).exp())
        };
        self.drawn
    }
}

/// Frames fall between ticks, so the local player is drawn a little ahead of the last tick.
pub(crate) fn place_local_player(
    ticks: Res<Time<Fixed>>,
    player: Single<(&Pose, &mut Transform), With<LocalPeer>>,
) {
    let (pose, mut place) = player.into_inner();
    let at = pose.after(ticks.overstep().as_secs_f32());
    place.translation = at.extend(place.translation.z);
}

/// Draws peers at their [`Smooth`] position.
pub(crate) fn place_peers(
    time: Res<Time>,
    mut peers: Query<(Ref<Shared<Pose>>, &mut Smooth, &mut Transform)>,
) {
    for (pose, mut smooth, mut place) in &mut peers {
        if pose.is_changed() {
            smooth.receive(&pose);
        }
        let at = smooth.advance(time.delta_secs());
        place.translation = at.extend(place.translation.z);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: f32 = 1.0 / 60.0;
    const SPEED: f32 = 200.0;

    fn moving(seconds: f32) -> Pose {
        Pose::new(
            Vec2::new(-300.0 + SPEED * seconds, 0.0),
            Vec2::new(SPEED, 0.0),
        )
    }

    #[test]
    fn constant_velocity_stays_smooth_with_jitter_and_loss() {
        let mut rng = fastrand::Rng::with_seed(5);
        let mut smooth = Smooth::at(&moving(0.0));
        let mut newest = 0;
        let mut last = smooth.advance(0.0);
        for frame in 1..150 {
            // A pose is up to three frames late, and one in five is lost.
            let sent = (frame as u32).saturating_sub(rng.u32(0..=3));
            if sent > newest && rng.u32(0..5) > 0 {
                newest = sent;
                smooth.receive(&moving(sent as f32 * FRAME));
            }
            let now = smooth.advance(FRAME);
            let step = (now - last).length();
            let even = SPEED * FRAME;
            assert!(
                (step - even).abs() < 0.45 * even,
                "frame {frame}: {step} instead of {even}"
            );
            last = now;
        }
    }

    #[test]
    fn resting_peer_is_drawn_at_its_position() {
        let mut smooth = Smooth::at(&Pose::default());
        smooth.receive(&Pose::new(Vec2::new(90.0, -40.0), Vec2::ZERO));
        let shown = (0..90).fold(Vec2::ZERO, |_, _| smooth.advance(FRAME));
        assert!(shown.distance(Vec2::new(90.0, -40.0)) < 0.01, "{shown}");
    }

    #[test]
    fn reconnecting_peer_stops() {
        let mut smooth = Smooth::at(&moving(0.0));
        let shown = (0..600).fold(Vec2::ZERO, |_, _| smooth.advance(FRAME));
        assert!(shown.x < -300.0 + SPEED * 0.3, "{shown}");
    }

    #[test]
    fn large_gap_is_closed_at_once() {
        let mut smooth = Smooth::at(&Pose::default());
        let far = Pose::new(Vec2::new(300.0, 200.0), Vec2::ZERO);
        smooth.receive(&far);
        assert_eq!(smooth.advance(FRAME), far.at());
    }
}
