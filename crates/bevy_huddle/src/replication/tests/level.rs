use bevy::prelude::*;

use super::game::{Charge, LabExt, game, meet};
use crate::{
    replication::{OwnershipCommandsExt, OwnershipPolicy, PlacedId, Replicated},
    testing::Lab,
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
