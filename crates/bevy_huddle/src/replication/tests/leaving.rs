use std::time::Duration;

use bevy::prelude::*;

use super::game::{Charge, LabExt, bad_network, game, meet};
use crate::{
    RoomPeers,
    replication::{LocallyOwned, OnOwnerLeft, OwnershipPolicy, Replicated, ReplicationId},
    testing::Lab,
};

#[test]
fn despawn_reaches_every_peer_and_is_final() {
    let (mut lab, [ada, bob, eve]) = meet();
    lab.network(bad_network());
    let ball = lab.spawn(ada, Charge(1));
    lab.settle();
    lab.with(ada, |world| world.despawn(ball));
    lab.run_for(Duration::from_secs(10));
    assert_eq!(lab.all::<Charge>(bob), []);
    assert_eq!(lab.all::<Charge>(eve), []);
}

#[test]
fn entity_without_the_marker_disappears_from_the_other_peers() {
    let (mut lab, [ada, bob]) = meet();
    let ball = lab.spawn(ada, Charge(1));
    lab.settle();
    lab.with(ada, |world| {
        world.entity_mut(ball).remove::<Replicated>().id()
    });
    lab.settle();
    assert_eq!(lab.all::<Charge>(bob), []);
    assert_eq!(lab.all::<Charge>(ada), [Charge(1)]);
    assert!(!lab[ada].world().entity(ball).contains::<LocallyOwned>());
    lab.with(ada, |world| world.entity_mut(ball).insert(Replicated).id());
    lab.settle();
    assert_eq!(lab.all::<Charge>(bob), [Charge(1)], "it is a new entity");
}

#[test]
fn despawning_an_entity_of_another_peer_hides_it_for_good() {
    let (mut lab, [ada, bob, eve]) = meet();
    let ball = lab.spawn(ada, Charge(1));
    lab.settle();
    let shown = lab.shown(bob, (ada, ball)).unwrap();
    lab.with(bob, |world| world.despawn(shown));
    for value in 2..10 {
        lab.with(ada, |world| {
            *world.get_mut::<Charge>(ball).unwrap() = Charge(value)
        });
        lab.settle();
        assert_eq!(lab.all::<Charge>(bob), []);
    }
    assert_eq!(lab.all::<Charge>(eve), [Charge(9)]);
    lab.with(ada, |world| world.despawn(ball));
    lab.settle();
    assert_eq!(lab.all::<Charge>(eve), []);
}

#[test]
fn entities_of_a_peer_that_leaves_go_or_pass_on() {
    let (mut lab, [ada, bob, eve]) = meet();
    lab.spawn(ada, Charge(1));
    lab.spawn(ada, (Charge(2), OwnershipPolicy::ByTouch));
    lab.spawn(
        ada,
        (Charge(3), OwnershipPolicy::ByTouch, OnOwnerLeft::Despawn),
    );
    lab.spawn(
        ada,
        (Charge(4), OwnershipPolicy::Fixed, OnOwnerLeft::PassOn),
    );
    lab.settle();
    lab.leave(ada);
    lab.run_for(Duration::from_secs(5));
    for viewer in [bob, eve] {
        let mut left: Vec<_> = lab.all::<Charge>(viewer).iter().map(|it| it.0).collect();
        left.sort_unstable();
        assert_eq!(left, [2, 4]);
    }
    let owned = |lab: &mut Lab, player| {
        lab.with(player, |world| {
            let mut owned = world.query_filtered::<&Charge, With<LocallyOwned>>();
            owned.iter(world).count()
        })
    };
    assert_eq!(
        owned(&mut lab, bob) + owned(&mut lab, eve),
        2,
        "each has one heir"
    );
}

#[test]
fn orphans_have_an_heir_on_every_peer_within_five_seconds_of_a_crash() {
    let (mut lab, [ada, bob, eve]) = meet();
    let ball = lab.spawn(ada, (Charge(2), OwnershipPolicy::OnRequest));
    lab.settle();
    let [at_bob, at_eve] = [bob, eve].map(|viewer| lab.shown(viewer, (ada, ball)).unwrap());
    lab.kill(ada);
    let is_gone = |lab: &Lab| {
        let peers = |viewer| {
            lab[viewer]
                .world()
                .get::<RoomPeers>(lab.room(viewer))
                .unwrap()
        };
        [bob, eve]
            .iter()
            .all(|&viewer| peers(viewer).entities().len() == 2)
    };
    lab.run_until(is_gone);
    lab.run_for(Duration::from_secs(5));
    let heir = lab.owner(bob, at_bob).unwrap();
    assert_eq!(lab.owner(eve, at_eve), Some(heir));
    assert!([lab.peer_id(bob), lab.peer_id(eve)].contains(&heir));
}

#[test]
fn children_of_another_owner_survive_a_recursive_despawn() {
    let (mut lab, [ada, bob]) = meet();
    let parent = lab.spawn(ada, Charge(1));
    let child = lab.spawn(bob, Charge(2));
    lab.settle();
    let shown = lab.shown(bob, (ada, parent)).unwrap();
    lab.with(bob, |world| {
        let decoration = world.spawn(ChildOf(shown)).id();
        world.entity_mut(child).insert(ChildOf(decoration));
    });
    lab.with(ada, |world| world.despawn(parent));
    lab.settle();
    assert_eq!(lab.all::<Charge>(bob), [Charge(2)]);
    assert_eq!(lab.all::<Charge>(ada), [Charge(2)]);
}

#[test]
fn left_room_takes_the_entities_of_the_other_peers() {
    let (mut lab, [ada, bob]) = meet();
    lab.spawn(ada, Charge(1));
    lab.spawn(bob, Charge(2));
    lab.settle();
    lab.leave(bob);
    assert_eq!(lab.all::<Charge>(bob), [Charge(2)]);
}

#[test]
fn flag_survives_its_carrier_that_leaves() {
    let (mut lab, [ada, bob, eve]) = meet();
    let flag = lab.spawn(eve, (Charge(7), OwnershipPolicy::ByTouch));
    lab.settle();
    let players = [bob, eve];
    for player in players {
        let carrier = lab.peer(player, ada);
        let shown = lab.shown(player, (eve, flag)).unwrap();
        lab.with(player, |world| {
            world.entity_mut(shown).insert(ChildOf(carrier)).id()
        });
    }
    lab.leave(ada);
    lab.settle();
    for player in players {
        assert_eq!(lab.all::<Charge>(player), [Charge(7)]);
    }
}

#[test]
fn entities_stay_if_the_room_was_never_reached() {
    let mut lab = Lab::new(7);
    lab.stop_server();
    let ada = lab.player(game);
    lab.spawn(ada, (Charge(1), OwnershipPolicy::ByTouch));
    lab.run_for(Duration::from_secs(2));
    lab.leave(ada);
    lab.settle();
    assert_eq!(lab.all::<Charge>(ada), [Charge(1)]);
}

#[test]
fn heir_that_despawned_an_entity_despawns_it_on_every_peer() {
    let (mut lab, players) = meet::<3>();
    let [ada, bob, eve] = players;
    let crates: Vec<_> = (0..8)
        .map(|number| lab.spawn(ada, (Charge(number), OwnershipPolicy::OnRequest)))
        .collect();
    lab.settle();
    for entity in crates {
        let shown = lab.shown(bob, (ada, entity)).unwrap();
        lab.with(bob, |world| world.despawn(shown));
    }
    lab.leave(ada);
    lab.run_for(Duration::from_secs(6));
    // Bob is the heir of some of them.
    let left = lab.all::<Charge>(eve).len();
    assert!(left < 8, "{left}");
    let owned = lab.with(eve, |world| {
        let mut owned = world.query_filtered::<&Charge, With<LocallyOwned>>();
        owned.iter(world).count()
    });
    assert_eq!(owned, left, "nobody owns a ghost");
}

#[test]
fn observer_that_despawns_other_new_entities_does_no_harm() {
    let (mut lab, [ada, bob]) = meet();
    lab[ada].add_observer(
        |_: On<Add, ReplicationId>,
         charges: Query<Entity, With<Charge>>,
         mut commands: Commands| {
            for entity in &charges {
                commands.entity(entity).despawn();
            }
        },
    );
    for number in 0..5 {
        lab.spawn(ada, Charge(number));
    }
    lab.settle();
    assert_eq!(lab.all::<Charge>(ada), []);
    assert_eq!(lab.all::<Charge>(bob), []);
}
