use std::time::Duration;

use bevy::prelude::*;
use serde::{Deserialize, Serialize};

use super::game::{Charge, LabExt, game, meet, meet_with};
use crate::{
    RoomHost,
    replication::{
        LevelCommandsExt, LocallyOwned, OwnershipCommandsExt, OwnershipPolicy, PlacedId,
        Replicated, ReplicationAppExt, ReplicationError, ReplicationFailed,
    },
    testing::{Lab, Player},
};

fn crate_of_the_level() -> impl Bundle {
    (Replicated, PlacedId(4), OwnershipPolicy::ByTouch, Charge(1))
}

fn level(app: &mut App) {
    game(app);
    app.world_mut().spawn(crate_of_the_level());
}

#[test]
fn entity_of_the_level_exists_once_and_has_no_owner_until_it_is_touched() {
    let mut lab = Lab::new(4);
    let [ada, bob] = std::array::from_fn(|_| lab.player(level));
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    lab.settle();
    let find = |lab: &mut Lab, player| {
        lab.with(player, |world| {
            let mut placed = world.query_filtered::<Entity, With<PlacedId>>();
            placed.single(world).unwrap()
        })
    };
    let [at_ada, at_bob] = [ada, bob].map(|player| find(&mut lab, player));
    assert_eq!(lab.owner(ada, at_ada), None);
    assert_eq!(lab.all::<Charge>(ada), [Charge(1)]);
    lab.commands(bob, |commands| {
        commands.entity(at_bob).touch();
    });
    lab.settle();
    assert_eq!(lab.owner(ada, at_ada), Some(lab.peer_id(bob)));
    lab.with(bob, |world| {
        *world.get_mut::<Charge>(at_bob).unwrap() = Charge(8)
    });
    lab.settle();
    assert_eq!(lab.all::<Charge>(ada), [Charge(8)]);
}

#[test]
fn level_that_is_loaded_late_has_the_changes_of_the_other_peers() {
    let (mut lab, [ada, bob]) = meet();
    let at_ada = lab.with(ada, |world| world.spawn(crate_of_the_level()).id());
    lab.settle();
    lab.commands(ada, |commands| {
        commands.entity(at_ada).touch();
    });
    lab.settle();
    lab.with(ada, |world| {
        *world.get_mut::<Charge>(at_ada).unwrap() = Charge(8)
    });
    lab.settle();
    assert_eq!(lab.all::<Charge>(bob), [], "Bob still loads the level");
    let at_bob = lab.with(bob, |world| world.spawn(crate_of_the_level()).id());
    lab.settle();
    assert_eq!(lab.all::<Charge>(bob), [Charge(8)]);
    assert_eq!(lab.owner(bob, at_bob), Some(lab.peer_id(ada)));
}

#[test]
fn despawned_entity_of_the_level_does_not_come_back() {
    let (mut lab, [ada, bob]) = meet();
    let at_ada = lab.with(ada, |world| world.spawn(crate_of_the_level()).id());
    lab.settle();
    lab.commands(ada, |commands| {
        commands.entity(at_ada).hold();
    });
    lab.settle();
    lab.with(ada, |world| world.despawn(at_ada));
    lab.settle();
    lab.with(bob, |world| world.spawn(crate_of_the_level()).id());
    lab.settle();
    assert_eq!(lab.all::<Charge>(bob), []);
}

#[test]
fn level_stays_when_the_room_is_left() {
    let (mut lab, [ada, bob]) = meet();
    for player in [ada, bob] {
        lab.with(player, |world| world.spawn(crate_of_the_level()).id());
    }
    lab.settle();
    lab.leave(ada);
    lab.settle();
    for player in [ada, bob] {
        assert_eq!(lab.all::<Charge>(player), [Charge(1)]);
    }
}

#[test]
fn number_of_the_level_that_is_too_large_is_an_error() {
    let (mut lab, [ada, _bob]) = meet();
    let host = OwnershipPolicy::Host;
    lab.spawn(ada, (PlacedId(1 << 28), host, Charge(1)));
    lab.settle();
    let failed = lab.take_events::<ReplicationFailed>(ada);
    assert_eq!(failed[0].error, ReplicationError::PlacedId(1 << 28));
}

#[test]
fn entity_of_the_level_that_nobody_could_own_is_an_error() {
    let (mut lab, [ada, _bob]) = meet();
    lab.spawn(ada, (PlacedId(1), Charge(1)));
    lab.settle();
    let failed = lab.take_events::<ReplicationFailed>(ada);
    let expected = ReplicationError::PlacedPolicy(OwnershipPolicy::Fixed);
    assert_eq!(failed[0].error, expected);
}

#[test]
fn second_entity_of_the_level_with_the_same_number_is_an_error() {
    let (mut lab, [ada, _bob]) = meet();
    lab.with(ada, |world| world.spawn(crate_of_the_level()).id());
    lab.settle();
    lab.with(ada, |world| world.spawn(crate_of_the_level()).id());
    lab.settle();
    let failed = lab.take_events::<ReplicationFailed>(ada);
    let errors: Vec<_> = failed.iter().map(|failed| &failed.error).collect();
    assert_eq!(errors, [&ReplicationError::DuplicatePlacedId(4)]);
}

#[derive(Resource, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Rules {
    goals: u32,
}

#[test]
fn resource_of_the_host_is_the_same_on_every_peer() {
    fn rules(app: &mut App) {
        game(app);
        app.init_resource::<Rules>()
            .replicate_resource::<Rules>("rules");
    }
    let (mut lab, players) = meet_with::<3>(rules);
    let is_host = |lab: &Lab, player| {
        let RoomHost(host) = *lab[player].world().get(lab.room(player)).unwrap();
        host == lab.peer_id(player)
    };
    let goals = |lab: &Lab, player: Player| lab[player].world().resource::<Rules>().goals;
    lab.settle();
    let host = *players.iter().find(|it| is_host(&lab, **it)).unwrap();
    let guests: Vec<_> = players.into_iter().filter(|it| *it != host).collect();
    lab.with(host, |world| world.resource_mut::<Rules>().goals = 5);
    lab.settle();
    assert!(players.iter().all(|it| goals(&lab, *it) == 5));
    lab.leave(host);
    lab.run_for(Duration::from_secs(5));
    assert_eq!(goals(&lab, host), 5, "it keeps its value");
    let next = *guests.iter().find(|it| is_host(&lab, **it)).unwrap();
    lab.with(next, |world| world.resource_mut::<Rules>().goals = 7);
    lab.settle();
    assert!(guests.iter().all(|it| goals(&lab, *it) == 7));
}

#[test]
fn owner_unloads_and_loads_the_level_without_the_other_peers() {
    let (mut lab, [ada, bob]) = meet();
    let [at_ada, at_bob] =
        [ada, bob].map(|player| lab.with(player, |world| world.spawn(crate_of_the_level()).id()));
    lab.settle();
    lab.commands(ada, |commands| {
        commands.entity(at_ada).hold();
    });
    lab.settle();
    lab.with(ada, |world| {
        *world.get_mut::<Charge>(at_ada).unwrap() = Charge(8)
    });
    lab.settle();
    for player in [ada, bob] {
        let unloaded = [(ada, at_ada), (bob, at_bob)]
            .into_iter()
            .find(|it| it.0 == player);
        let loaded = if player == ada { bob } else { ada };
        lab.commands(player, |commands| {
            commands.entity(unloaded.unwrap().1).unload();
        });
        lab.settle();
        assert_eq!(lab.all::<Charge>(player), []);
        assert_eq!(lab.all::<Charge>(loaded), [Charge(8)]);
        let again = lab.with(player, |world| world.spawn(crate_of_the_level()).id());
        lab.settle();
        assert_eq!(lab.all::<Charge>(player), [Charge(8)]);
        assert_eq!(lab.owner(player, again), Some(lab.peer_id(ada)));
        let is_mine = lab[player].world().entity(again).contains::<LocallyOwned>();
        assert_eq!(is_mine, player == ada);
    }
    // The owner changes it again.
    lab.with(ada, |world| {
        let mut charges = world.query::<&mut Charge>();
        charges.single_mut(world).unwrap().0 = 9;
    });
    lab.settle();
    assert_eq!(lab.all::<Charge>(bob), [Charge(9)]);
}

#[test]
fn entity_outside_of_the_level_is_not_unloaded() {
    let (mut lab, [ada, bob]) = meet();
    let ball = lab.spawn(ada, Charge(1));
    lab.settle();
    lab.commands(ada, |commands| {
        commands.entity(ball).unload();
    });
    lab.settle();
    let failed = lab.take_events::<ReplicationFailed>(ada);
    assert_eq!(failed[0].error, ReplicationError::NotPlaced);
    assert_eq!(lab.all::<Charge>(bob), [Charge(1)]);
}
