//! Two players of this game in the virtual lab.

use std::time::Duration;

use bevy::prelude::*;
use bevy_huddle::{
    replication::*,
    testing::{Conditions, Lab},
};

#[derive(Component, Clone, Default, PartialEq)]
struct Place(Vec2);

fn game(app: &mut App) {
    app.replicate_with::<Place>("place", |rule| {
        rule.vec2(
            |place| place.0,
            |place, at| place.0 = at,
            within(2000.0).step(0.1),
        )
    });
}

#[test]
fn other_player_sees_movement() {
    // The seed of the match. The same seed produces the same match.
    let mut lab = Lab::new(7);
    lab.network(Conditions {
        latency: Duration::from_millis(80),
        loss: 0.1,
        ..default()
    });
    let (ada, bob) = (lab.player(game), lab.player(game));
    lab.run_until(|lab| lab.have_met(&[ada, bob]));

    let goal = Vec2::new(120.0, 40.0);
    let own = lab.peer(ada, ada);
    lab.commands(ada, |commands| {
        commands.entity(own).insert(Place(goal));
    });
    lab.run_until(|lab| {
        let seen = lab[bob].world().get::<Place>(lab.peer(bob, ada));
        seen.is_some_and(|place| place.0.distance(goal) < 0.1)
    });
}
