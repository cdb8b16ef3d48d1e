use std::time::Duration;

use bevy::prelude::*;

use super::game::{Charge, LabExt, bad_network, meet};
use crate::{
    RoomPeers,
    replication::{LocallyOwned, OnOwnerLeft, OwnershipPolicy, Replicated},
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
