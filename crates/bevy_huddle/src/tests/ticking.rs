use std::time::Duration;

use bevy::prelude::*;

use super::game::{LabExt, game, meet};
use crate::{
    prelude::*,
    testing::{Lab, Player},
};

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn tick(lab: &Lab, player: Player) -> i64 {
    let tick = lab.get::<RoomTick>(player, lab.room(player));
    tick.expect("the room has a tick").0.0.into()
}

#[test]
fn tick_catches_up_after_a_hang_in_a_silent_room() {
    let (mut lab, [ada, bob]) = meet();
    lab.run_for(seconds(5.0));
    lab.frame_rate(bob, 1.0 / 20.0);
    lab.run_for(seconds(0.1));
    lab.frame_rate(bob, 60.0);
    lab.run_for(seconds(21.0));
    let apart = tick(&lab, ada) - tick(&lab, bob);
    assert!(apart.abs() <= 2, "{apart} ticks apart");
}

#[test]
fn game_at_double_speed_does_not_speed_up_its_peers() {
    let (mut lab, [ada]) = meet();
    let fast = lab.player(|app| {
        game(app);
        app.world_mut()
            .resource_mut::<Time<Virtual>>()
            .set_relative_speed(2.0);
    });
    lab.run_until(|lab| lab.have_met(&[ada, fast]));
    let (start, began) = (tick(&lab, ada), lab.now());
    for n in 0..600 {
        lab.pose(fast, n);
        lab.run_for(seconds(0.1));
    }
    let passed = (lab.now() - began).as_secs_f64() * 60.0;
    let counted = (tick(&lab, ada) - start) as f64;
    assert!((counted - passed).abs() <= 2.0, "{counted} of {passed}");
    assert!(tick(&lab, fast) > tick(&lab, ada) + 3000);
}

#[test]
fn plugins_keep_the_tick_rate_of_the_game() {
    let timestep = |app: &App| app.world().resource::<Time<Fixed>>().timestep();
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, HuddlePlugins));
    assert_eq!(timestep(&app), Time::<Fixed>::default().timestep());

    let mut app = App::new();
    app.insert_resource(Time::<Fixed>::from_hz(30.0))
        .add_plugins((MinimalPlugins, HuddlePlugins));
    assert_eq!(timestep(&app), Time::<Fixed>::from_hz(30.0).timestep());
}
