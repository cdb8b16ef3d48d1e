use std::time::Duration;

use bevy::prelude::*;

use super::game::{LabExt, Pose, game, meet};
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
        lab.commands(fast, |commands| commands.share(Pose(n)));
        lab.run_for(seconds(0.1));
    }
    let passed = (lab.now() - began).as_secs_f64() * 60.0;
    let counted = (tick(&lab, ada) - start) as f64;
    assert!((counted - passed).abs() <= 2.0, "{counted} of {passed}");
    assert!(tick(&lab, fast) > tick(&lab, ada) + 3000);
}

/// Returns how many values of state arrive per second, at 60 ticks per second and a round-trip time
/// of 80 ms.
fn values_per_second(len: usize) -> f64 {
    let mut lab = Lab::new(1);
    lab.network(crate::testing::Conditions {
        latency: seconds(0.04),
        ..default()
    });
    let [ada, bob] = [(); 2].map(|()| {
        lab.player(|app| {
            app.add_peer_state::<Vec<u8>>("map");
        })
    });
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    let (mut values, mut last) = (0, Vec::new());
    for n in 0..300usize {
        let map: Vec<_> = (0..len).map(|i| (i * 7 + n) as u8).collect();
        lab.commands(ada, |commands| commands.share(map));
        lab.run_for(seconds(1.0 / 60.0));
        if let Some(map) = lab.shared::<Vec<u8>>(bob, ada)
            && **map != last
        {
            values += 1;
            last.clone_from(map);
        }
    }
    f64::from(values) / 5.0
}

#[test]
fn long_values_arrive_at_the_expected_rate() {
    for (len, least) in [(1080, 54.0), (1100, 54.0), (5000, 18.0), (16_000, 3.0)] {
        let values = values_per_second(len);
        assert!(values >= least, "{len} bytes: {values} per second");
    }
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
