//! Whole games in a virtual network.

use std::{collections::BTreeMap, time::Duration};

use avian3d::prelude::{LinearVelocity, Position};
use bevy::prelude::*;
use bevy_huddle::{
    prelude::*,
    replication::*,
    testing::{Conditions, Lab, Player},
};
use example_kit::{Display, Options};

use crate::{
    body::{Body, Cube},
    controls::PlayerInput,
    game,
};

fn options(bot: Option<u64>, rest_after: Option<Duration>) -> Options {
    Options {
        example: "cubes",
        room_url: String::new(),
        ice_servers: Vec::new(),
        relay_only: false,
        secret: None,
        identity: None,
        conditioner: None,
        link: String::new(),
        bot,
        rest_after,
        display: Display::Headless,
        errors: Vec::new(),
    }
}

/// Adds a bot that plays for ten seconds.
fn bot(lab: &mut Lab, seed: u64) -> Player {
    lab.player(move |app| {
        app.insert_resource(options(Some(seed), Some(Duration::from_secs(10))))
            .add_plugins(game);
    })
}

fn bad_network() -> Conditions {
    Conditions {
        latency: Duration::from_millis(40),
        jitter: Duration::from_millis(20),
        loss: 0.05,
        ..default()
    }
}

/// Returns the cubes that a player sees, sorted by number.
fn cubes(lab: &mut Lab, player: Player) -> Vec<(u32, Body, Option<PeerId>)> {
    let world = lab.app_mut(player).world_mut();
    let mut cubes = world.query_filtered::<(&PlacedId, &Body, Option<&Owner>), With<Cube>>();
    let seen = cubes.iter(world);
    let mut seen: Vec<_> = seen
        .map(|(number, body, owner)| (number.0, *body, owner.map(|owner| owner.0)))
        .collect();
    seen.sort_by_key(|(number, ..)| *number);
    seen
}

/// Asserts that all players see all cubes in the same places, with the same owners, at rest.
fn assert_agree(lab: &mut Lab, players: &[Player]) {
    let expected = cubes(lab, players[0]);
    for &player in players {
        for ((number, body, owner), (_, other, other_owner)) in
            cubes(lab, player).into_iter().zip(&expected)
        {
            let apart = (body.at - other.at).abs().max_element();
            assert!(apart <= Body::STEP, "cube {number}: {body:?}, {other:?}");
            assert_eq!(owner, *other_owner, "the owner of cube {number}");
            assert!(body.is_at_rest(), "cube {number} moves: {body:?}");
        }
    }
}

#[test]
fn players_agree_after_rest_over_a_bad_network() {
    let mut lab = Lab::new(1);
    lab.network(bad_network());
    let players = [1, 2, 3, 4].map(|seed| bot(&mut lab, seed));
    lab.run_for(Duration::from_secs(25));
    let owned = cubes(&mut lab, players[0]);
    let owned = owned.iter().filter(|(_, _, owner)| owner.is_some()).count();
    assert!(owned > 30, "the bots have touched only {owned} cubes");
    assert_agree(&mut lab, &players);
}

#[test]
fn cubes_of_a_lost_player_have_heirs_within_five_seconds() {
    let mut lab = Lab::new(2);
    lab.network(bad_network());
    let players = [1, 2, 3].map(|seed| bot(&mut lab, seed));
    lab.run_for(Duration::from_secs(8));
    let [ada, bob, cleo] = players;
    let lost = lab.peer_id(cleo);
    let count = |lab: &mut Lab, player| {
        let seen = cubes(lab, player);
        seen.iter()
            .filter(|(_, _, owner)| *owner == Some(lost))
            .count()
    };
    assert!(count(&mut lab, ada) > 3, "Cleo has touched too little");
    lab.kill(cleo);
    // A lost peer is noticed after a while, like one whose machine has lost power.
    let knows = |lab: &Lab, player| {
        let world = lab.app(player).world();
        let peers = world.try_query::<&Peer>();
        peers.is_some_and(|mut peers| peers.iter(world).any(|peer| peer.id == lost))
    };
    lab.run_until(|lab| !knows(lab, ada) && !knows(lab, bob));
    lab.run_for(Duration::from_secs(5));
    assert_eq!([count(&mut lab, ada), count(&mut lab, bob)], [0, 0]);
    lab.run_for(Duration::from_secs(12));
    assert_agree(&mut lab, &[ada, bob]);
}

#[test]
fn newcomer_sees_400_moved_cubes_within_two_seconds_at_256_kbit() {
    let mut lab = Lab::new(3);
    let slow = |app: &mut App| {
        app.insert_resource(options(None, None))
            .insert_resource(ReplicationBudget {
                bytes_per_second: 32_000,
            })
            .add_plugins(game);
    };
    let [ada, bob] = [lab.player(slow), lab.player(slow)];
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    let world = lab.app_mut(ada).world_mut();
    let entities: Vec<_> = world
        .query_filtered::<Entity, With<Cube>>()
        .iter(world)
        .collect();
    assert!(entities.len() >= 400);
    lab.commands(ada, |commands| {
        for entity in &entities {
            commands.entity(*entity).touch();
        }
    });
    // Everything falls over, and comes to rest somewhere.
    let world = lab.app_mut(ada).world_mut();
    let mut rng = fastrand::Rng::with_seed(4);
    for entity in entities {
        let mut velocity = world.get_mut::<LinearVelocity>(entity).unwrap();
        let mut axis = || 6.0 * (rng.f32() - 0.5);
        velocity.0 = Vec3::new(axis(), axis(), axis());
    }
    lab.run_for(Duration::from_secs(20));
    assert_agree(&mut lab, &[ada, bob]);

    let cleo = lab.player(slow);
    lab.run_until(|lab| lab.have_met(&[ada, bob, cleo]));
    let expected = cubes(&mut lab, ada);
    let owners = expected.iter().filter(|(_, _, owner)| owner.is_some());
    assert!(owners.count() >= 400);
    // Meanwhile, Ada's ball jumps, and Bob sees it all the time.
    let (ball, shown) = (lab.peer(ada, ada), lab.peer(bob, ada));
    let (mut still, mut longest_still, mut last) = (0, 0, 0.0);
    for frame in 0..120 {
        if frame % 30 == 0 {
            let world = lab.app_mut(ada).world_mut();
            world.get_mut::<LinearVelocity>(ball).unwrap().0.y = 6.0;
        }
        lab.run_for(Duration::from_secs(1) / 60);
        let height = lab.app(bob).world().get::<Body>(shown).unwrap().at.y;
        still = if height == last { still + 1 } else { 0 };
        longest_still = longest_still.max(still);
        last = height;
    }
    assert!(
        longest_still <= 9,
        "Bob saw nothing for {longest_still} frames"
    );
    assert_agree(&mut lab, &[ada, cleo]);
}

/// How cubes move on a screen.
#[derive(Debug, Default)]
struct Motion {
    last: BTreeMap<u32, [Vec3; 2]>,
    /// The longest distance that a cube moves in one frame, in meters.
    longest: f32,
    /// How often a cube moves back and forth by more than a centimeter in two frames.
    shakes: usize,
    /// How often a cube moves by more than a centimeter in a frame.
    moves: usize,
}

impl Motion {
    fn record(&mut self, lab: &mut Lab, player: Player) {
        let world = lab.app_mut(player).world_mut();
        let mut cubes = world.query_filtered::<(&PlacedId, &Transform), With<Cube>>();
        for (number, transform) in cubes.iter(world) {
            let now = transform.translation;
            let Some([before, then]) = self.last.insert(number.0, [now, now]) else {
                continue;
            };
            self.last.insert(number.0, [now, before]);
            let [way, earlier] = [now - before, before - then];
            self.longest = self.longest.max(way.length());
            let is_long = way.length() > 0.01;
            self.moves += usize::from(is_long);
            let turns = way.dot(earlier) < -0.5 * way.length() * earlier.length();
            self.shakes += usize::from(is_long && earlier.length() > 0.01 && turns);
        }
    }
}

#[test]
fn cubes_between_two_players_do_not_shake() {
    let mut lab = Lab::new(5);
    lab.network(bad_network());
    let still = |app: &mut App| {
        app.insert_resource(options(None, None)).add_plugins(game);
    };
    let [ada, bob] = [lab.player(still), lab.player(still)];
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    lab.run_for(Duration::from_secs(1));
    // They push the pyramid from both sides.
    for (player, x) in [(ada, -1.0), (bob, 1.0)] {
        let ball = lab.peer(player, player);
        let world = lab.app_mut(player).world_mut();
        world.get_mut::<Position>(ball).unwrap().0 = Vec3::new(5.5 * x, 0.9, 0.0);
        world.resource_mut::<PlayerInput>().target = Some(Vec2::new(-3.0 * x, 0.0));
    }
    let mut motions = [Motion::default(), Motion::default()];
    for _ in 0..360 {
        lab.run_for(Duration::from_millis(16));
        for (motion, player) in motions.iter_mut().zip([ada, bob]) {
            motion.record(&mut lab, player);
        }
    }
    for Motion {
        moves,
        shakes,
        longest,
        ..
    } in motions
    {
        println!("{shakes} shakes of {moves} moves, up to {longest:.2} m");
        assert!(moves > 1000, "nothing has moved");
        // Cubes also turn back when they hit something, even with one player.
        assert!(shakes * 100 < moves, "{shakes} shakes of {moves} moves");
    }
}
