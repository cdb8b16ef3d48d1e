//! Even movement: between ticks, and out of poses that arrive unevenly.

use bevy::prelude::*;
use bevy_huddle::prelude::*;

use crate::avatar::Me;
use crate::pose::Pose;

/// Follows a peer's poses: moves on at their last velocity, and closes what gap there is to where
/// they should be by now over about a tenth of a second.
///
/// A shape that moves evenly is therefore shown without delay, however its poses trickle in.
#[derive(Component, Debug, Clone)]
pub(crate) struct Smooth {
    heard: Pose,
    /// Seconds since the pose was heard.
    age: f32,
    shown: Vec2,
}

impl Smooth {
    /// How fast a gap closes, per second.
    const PULL: f32 = 10.0;
    /// When nothing is heard for so long, assume that they stopped.
    const TRUST: f32 = 0.25;
    /// A gap that no movement explains is jumped.
    const JUMP: f32 = 250.0;

    /// Starts at a pose.
    pub(crate) fn at(pose: &Pose) -> Self {
        let heard = pose.checked();
        Self {
            heard,
            age: 0.0,
            shown: heard.at(),
        }
    }

    /// A new pose has arrived.
    pub(crate) fn hear(&mut self, pose: &Pose) {
        self.heard = pose.checked();
        self.age = 0.0;
    }

    /// Where to show the peer after so many more seconds.
    pub(crate) fn advance(&mut self, seconds: f32) -> Vec2 {
        let before = self.heard.after(self.age.min(Self::TRUST));
        self.age += seconds;
        let expected = self.heard.after(self.age.min(Self::TRUST));
        self.shown += expected - before;
        let gap = expected - self.shown;
        self.shown = if gap.length() > Self::JUMP {
            expected
        } else {
            self.shown + gap * (1.0 - (-Self::PULL * seconds).exp())
        };
        self.shown
    }
}

/// Frames fall between ticks, so I am drawn a little ahead of the last tick.
pub(crate) fn place_me(ticks: Res<Time<Fixed>>, me: Single<(&Pose, &mut Transform), With<Me>>) {
    let (pose, mut place) = me.into_inner();
    let at = pose.after(ticks.overstep().as_secs_f32());
    place.translation = at.extend(place.translation.z);
}

/// Poses arrive unevenly; [`Smooth`] makes an even movement of them.
pub(crate) fn place_peers(
    time: Res<Time>,
    mut peers: Query<(Ref<Shared<Pose>>, &mut Smooth, &mut Transform)>,
) {
    for (pose, mut smooth, mut place) in &mut peers {
        if pose.is_changed() {
            smooth.hear(&pose);
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
    fn an_even_movement_stays_even_although_its_poses_come_late_and_some_never() {
        let mut dice = fastrand::Rng::with_seed(5);
        let mut smooth = Smooth::at(&moving(0.0));
        let mut newest = 0;
        let mut last = smooth.advance(0.0);
        for frame in 1..150 {
            // A pose is up to three frames late, and one in five is lost.
            let sent = (frame as u32).saturating_sub(dice.u32(0..=3));
            if sent > newest && dice.u32(0..5) > 0 {
                newest = sent;
                smooth.hear(&moving(sent as f32 * FRAME));
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
    fn at_rest_it_is_shown_where_it_is() {
        let mut smooth = Smooth::at(&Pose::default());
        smooth.hear(&Pose::new(Vec2::new(90.0, -40.0), Vec2::ZERO));
        let shown = (0..90).fold(Vec2::ZERO, |_, _| smooth.advance(FRAME));
        assert!(shown.distance(Vec2::new(90.0, -40.0)) < 0.01, "{shown}");
    }

    #[test]
    fn a_silent_peer_does_not_run_away() {
        let mut smooth = Smooth::at(&moving(0.0));
        let shown = (0..600).fold(Vec2::ZERO, |_, _| smooth.advance(FRAME));
        assert!(shown.x < -300.0 + SPEED * 0.3, "{shown}");
    }

    #[test]
    fn a_jump_is_a_jump() {
        let mut smooth = Smooth::at(&Pose::default());
        let far = Pose::new(Vec2::new(300.0, 200.0), Vec2::ZERO);
        smooth.hear(&far);
        assert_eq!(smooth.advance(FRAME), far.at());
    }
}
