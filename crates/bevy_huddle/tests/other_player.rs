//! Two players of this game in the virtual lab.

use std::time::Duration;

use bevy::prelude::*;
use bevy_huddle::{
    prelude::*,
    testing::{Conditions, Lab},
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Position {
    x: f32,
    y: f32,
}

fn game(app: &mut App) {
    app.add_peer_state::<Position>("position");
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

    lab.commands(ada, |commands| {
        commands.share(Position { x: 120.0, y: 0.0 });
    });
    lab.run_until(|lab| {
        let seen: Option<&Position> = lab.shared(bob, ada);
        seen.is_some_and(|position| position.x == 120.0)
    });
}
