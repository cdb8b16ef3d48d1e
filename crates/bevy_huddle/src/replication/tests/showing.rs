use std::time::Duration;

use bevy::prelude::*;

use super::game::{LabExt, Place, STEP, bad_network, meet_with};
use crate::{
    replication::{Interpolated, OwnershipCommandsExt, OwnershipPolicy, ReplicationAppExt, within},
    testing::{Lab, Player},
};

/// Units per second.
const SPEED: f32 = 120.0;

#[derive(Resource, Default)]
struct Shown(Vec<f32>);

#[derive(Component)]
struct Moving;

#[derive(Component, Clone, Copy, Default, Debug, PartialEq)]
#[require(Transform)]
struct Spot(f32);

fn smooth(app: &mut App) {
    app.insert_resource(Time::<Fixed>::from_hz(60.0))
        .init_resource::<Shown>()
        .replicate_with::<Place>("place", |rule| {
            rule.vec2(
                |place| place.0,
                |place, at| place.0 = at,
                within(2000.0).step(STEP),
            )
            .interpolate()
        })
        .replicate_with::<Spot>("spot", |rule| {
            rule.scalar(
                |spot| spot.0,
                |spot, x| spot.0 = x,
                within(2000.0).step(STEP),
            )
            .draw(|spot, transform| transform.translation.x = spot.0)
        })
        .add_systems(
            FixedUpdate,
            |mut places: Query<&mut Place, With<Moving>>| {
                for mut place in &mut places {
                    place.0.x += SPEED / 60.0;
                }
            },
        )
        .add_systems(
            Update,
            |places: Query<&Interpolated<Place>>, mut shown: ResMut<Shown>| {
                shown.0.extend(places.iter().map(|place| place.0.0.x));
            },
        );
}

#[derive(Component)]
struct Jumping;

/// The values of the local place in the last two ticks, and what was shown of it.
#[derive(Resource, Default)]
struct Ticks {
    count: u32,
    before: f32,
    now: f32,
    /// The number of frames in which a value was shown.
    shown: usize,
    /// Shown values that are not between those of the last two ticks.
    wrong: Vec<(f32, [f32; 2])>,
}

/// Plays with a place that jumps after rests of different lengths.
fn jumping(app: &mut App) {
    app.add_plugins(smooth)
        .init_resource::<Ticks>()
        .add_systems(
            FixedUpdate,
            |mut places: Query<&mut Place, With<Jumping>>, mut ticks: ResMut<Ticks>| {
                for mut place in &mut places {
                    ticks.count += 1;
                    if [1, 2, 4, 9, 17, 29, 32].contains(&(ticks.count % 91)) {
                        place.0.x = if place.0.x > 0.0 { -250.0 } else { 250.0 };
                    }
                    ticks.before = ticks.now;
                    ticks.now = place.0.x;
                }
            },
        )
        .add_systems(
            Update,
            |places: Query<&Interpolated<Place>, With<Jumping>>, mut ticks: ResMut<Ticks>| {
                for place in &places {
                    ticks.shown += 1;
                    let (x, ends) = (place.0.0.x, [ticks.before, ticks.now]);
                    let [low, high] = [ends[0].min(ends[1]), ends[0].max(ends[1])];
                    if !(low - 1e-3..=high + 1e-3).contains(&x) {
                        ticks.wrong.push((x, ends));
                    }
                }
            },
        );
}

/// Runs for some time, and returns what a player saw of the only place in each frame.
fn watch(lab: &mut Lab, player: Player, time: Duration) -> Vec<f32> {
    lab.with(player, |world| world.resource_mut::<Shown>().0.clear());
    lab.run_for(time);
    std::mem::take(&mut lab[player].world_mut().resource_mut::<Shown>().0)
}

/// Asserts that the value moves at a steady speed from frame to frame.
fn assert_smooth(shown: &[f32], hz: f32) {
    let step = SPEED / hz;
    for (frame, two) in shown.windows(2).enumerate() {
        let moved = two[1] - two[0];
        assert!(
            (0.9 * step - STEP..=1.1 * step + STEP).contains(&moved),
            "{moved} instead of {step} in frame {frame} of {}",
            shown.len()
        );
    }
}

#[test]
fn movement_of_another_peer_is_smooth_at_any_frame_rate() {
    for hz in [30.0, 60.0, 144.0, 240.0] {
        let (mut lab, [ada, bob]) = meet_with(smooth);
        lab.frame_rate(bob, f64::from(hz));
        lab.spawn(ada, (Place::default(), Moving));
        lab.settle();
        let shown = watch(&mut lab, bob, Duration::from_secs(2));
        assert_smooth(&shown[1..], hz);
    }
}

#[test]
fn movement_of_the_local_peer_is_smooth_at_any_frame_rate() {
    for hz in [30.0, 60.0, 144.0, 240.0] {
        let (mut lab, [ada, _bob]) = meet_with(smooth);
        lab.frame_rate(ada, f64::from(hz));
        lab.spawn(ada, (Place::default(), Moving));
        lab.settle();
        let shown = watch(&mut lab, ada, Duration::from_secs(2));
        assert_smooth(&shown[1..], hz);
    }
}

#[test]
fn own_value_that_changes_rarely_is_shown_between_its_last_two_ticks() {
    for hz in [30.0, 60.0, 144.0] {
        let (mut lab, [ada, _bob]) = meet_with(jumping);
        lab.frame_rate(ada, hz);
        lab.spawn(ada, (Place::default(), Jumping));
        lab.run_for(Duration::from_secs(6));
        let ticks = lab[ada].world().resource::<Ticks>();
        assert!(ticks.count > 300 && ticks.shown > 100);
        assert!(ticks.wrong.is_empty(), "{:?} at {hz} Hz", ticks.wrong);
    }
}

#[test]
fn jump_of_another_peer_after_a_rest_does_not_overshoot() {
    for hz in [60.0, 144.0] {
        let (mut lab, [ada, bob]) = meet_with(smooth);
        lab.frame_rate(bob, hz);
        let ball = lab.spawn(ada, Place(Vec2::new(-250.0, 0.0)));
        for x in [250.0, -250.0, 250.0] {
            lab.settle();
            lab.with(ada, |world| {
                let place = Place(Vec2::new(x, 0.0));
                world.entity_mut(ball).insert(place).id()
            });
            let shown = watch(&mut lab, bob, Duration::from_secs(1));
            let most = shown.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
            assert!(most <= 250.0 + STEP, "{most}");
            assert!((shown[shown.len() - 1] - x).abs() <= STEP);
        }
    }
}

#[test]
fn shown_value_equals_the_raw_one_soon_after_rest_on_a_bad_network() {
    let (mut lab, [ada, bob]) = meet_with(smooth);
    lab.network(bad_network());
    let ball = lab.spawn(ada, (Place::default(), Moving));
    lab.settle();
    lab.with(ada, |world| world.entity_mut(ball).remove::<Moving>().id());
    let target = lab[ada].world().get::<Place>(ball).unwrap().0;
    lab.run_until(|lab| {
        let place = lab.see::<Place>(bob, (ada, ball)).unwrap();
        (place.0 - target).abs().max_element() <= STEP
    });
    // 300 ms, and the next frame.
    lab.run_for(Duration::from_millis(320));
    let raw = lab.see::<Place>(bob, (ada, ball)).unwrap();
    let shown = lab.see::<Interpolated<Place>>(bob, (ada, ball)).unwrap();
    assert_eq!(shown.0, raw);
}

#[test]
fn new_owner_does_not_make_the_shown_value_jump() {
    let (mut lab, [ada, bob]) = meet_with(smooth);
    let ball = lab.spawn(ada, (Place::default(), Moving, OwnershipPolicy::ByTouch));
    lab.settle();
    let shown = lab.shown(bob, (ada, ball)).unwrap();
    lab.commands(bob, |commands| {
        commands.entity(shown).touch();
    });
    lab.with(bob, |world| world.entity_mut(shown).insert(Moving).id());
    for viewer in [ada, bob] {
        let seen = watch(&mut lab, viewer, Duration::from_secs(1));
        for two in seen.windows(2) {
            let moved = two[1] - two[0];
            assert!(moved.abs() <= 4.0 * SPEED / 60.0, "{moved} in one frame");
        }
    }
}

#[test]
fn new_entity_has_its_shown_value_at_once() {
    let (mut lab, [ada, bob]) = meet_with(smooth);
    #[derive(Resource, Default)]
    struct Whole(Vec<bool>);
    lab[bob].init_resource::<Whole>().add_observer(
        |added: On<Add, Place>, shown: Query<&Interpolated<Place>>, mut whole: ResMut<Whole>| {
            let shown = shown.get(added.entity);
            whole.0.push(shown.is_ok_and(|shown| shown.0.0.x == 5.0));
        },
    );
    lab.spawn(ada, Place(Vec2::new(5.0, 0.0)));
    lab.settle();
    assert_eq!(lab[bob].world().resource::<Whole>().0, [true]);
}

#[test]
fn drawn_component_moves_the_transform_on_every_peer() {
    let (mut lab, [ada, bob]) = meet_with(smooth);
    let ball = lab.spawn(ada, Spot(7.0));
    lab.settle();
    let seen = lab.see::<Transform>(bob, (ada, ball)).unwrap();
    assert_eq!(seen.translation.x, 7.0);
    let own = lab[ada].world().get::<Transform>(ball).unwrap();
    assert_eq!(own.translation.x, 7.0);
}

#[test]
fn shown_value_disappears_with_its_component_and_stays_after_the_room() {
    let (mut lab, [ada, bob]) = meet_with(smooth);
    let ball = lab.spawn(ada, (Place(Vec2::ONE), Spot(1.0)));
    lab.settle();
    lab.with(ada, |world| world.entity_mut(ball).remove::<Place>().id());
    lab.settle();
    assert_eq!(lab.see::<Interpolated<Place>>(bob, (ada, ball)), None);
    assert_eq!(lab[ada].world().get::<Interpolated<Place>>(ball), None);
    lab.leave(ada);
    lab.with(ada, |world| world.entity_mut(ball).insert(Spot(9.0)).id());
    lab.settle();
    let shown = lab[ada].world().get::<Interpolated<Spot>>(ball).unwrap();
    assert_eq!(shown.0, Spot(9.0));
}

#[test]
fn value_that_changed_before_the_room_is_shown() {
    let mut lab = Lab::new(8);
    let ada = lab.player(smooth);
    lab.leave(ada);
    let ball = lab.spawn(ada, Place::default());
    lab.settle();
    lab.with(ada, |world| {
        world.entity_mut(ball).insert(Place(Vec2::ONE)).id()
    });
    lab.settle();
    lab.rejoin(ada);
    lab.settle();
    let shown = lab[ada].world().get::<Interpolated<Place>>(ball).unwrap();
    assert_eq!(shown.0, Place(Vec2::ONE));
}
