//! Players without a link to each other, who see each other's entities through a relay.

use std::time::Duration;

use bevy::prelude::*;

use super::game::{LabExt, Place, STEP, meet_with};
use crate::{
    replication::{Interpolated, OwnershipCommandsExt, OwnershipPolicy, ReplicationAppExt, within},
    testing::{Lab, Player},
};

fn smooth(app: &mut App) {
    app.insert_resource(Time::<Fixed>::from_hz(60.0))
        .replicate_with::<Place>("place", |rule| {
            rule.vec2(
                |place| place.0,
                |place, at| place.0 = at,
                within(640.0).step(STEP),
            )
            .interpolate()
        });
}

/// Returns three players, of whom Ada and Cid have lost their link.
fn chain() -> (Lab, [Player; 3]) {
    let (mut lab, [ada, bob, cid]) = meet_with(smooth);
    lab.partition(&[ada], &[cid]);
    lab.run_until(|lab| lab.find_peer(ada, cid).is_none() && lab.find_peer(cid, ada).is_none());
    (lab, [ada, bob, cid])
}

#[test]
fn entities_are_shown_without_a_link_to_their_owner() {
    let (mut lab, [ada, bob, cid]) = chain();
    let ball = lab.spawn(ada, Place(Vec2::new(1.0, 2.0)));
    lab.settle();
    assert_eq!(
        lab.see::<Place>(cid, (ada, ball)),
        Some(Place(Vec2::new(1.0, 2.0)))
    );
    let mut last = 1.0;
    for x in 2..60 {
        let at = Vec2::new(x as f32, 2.0);
        lab.with(ada, |world| world.get_mut::<Place>(ball).unwrap().0 = at);
        lab.run_for(Duration::from_millis(16));
        let Some(shown) = lab.see::<Interpolated<Place>>(cid, (ada, ball)) else {
            panic!("it disappeared");
        };
        assert!(shown.0.0.x >= last - STEP, "{} after {last}", shown.0.0.x);
        last = shown.0.0.x;
    }
    assert!(last > 40.0, "{last}");
    lab.settle();
    let shown = lab.see::<Interpolated<Place>>(cid, (ada, ball)).unwrap();
    assert_eq!(shown.0.0.x, 59.0);
    lab.heal();
    lab.run_until(|lab| lab.have_met(&[ada, bob, cid]));
    lab.with(ada, |world| {
        world.get_mut::<Place>(ball).unwrap().0.x = 70.0
    });
    lab.settle();
    let shown = lab.see::<Interpolated<Place>>(cid, (ada, ball)).unwrap();
    assert_eq!(shown.0.0.x, 70.0);
}

#[test]
fn request_reaches_an_owner_through_a_relay() {
    let (mut lab, [ada, _, cid]) = chain();
    let ball = lab.spawn(ada, (Place(Vec2::ONE), OwnershipPolicy::OnRequest));
    lab.settle();
    let shown = lab.shown(cid, (ada, ball)).unwrap();
    lab.commands(cid, |commands| {
        commands.entity(shown).claim();
    });
    lab.settle();
    assert_eq!(lab.owner(ada, ball), lab.owner(cid, shown));
    assert_eq!(lab.owner(ada, ball), Some(lab.peer_id(cid)));
}
