use std::collections::BTreeSet;

use bevy::prelude::*;
use serde::{Deserialize, Serialize};

use super::game::{Charge, LabExt, bad_network, game, meet_with};
use crate::{
    prelude::*,
    replication::{
        OwnershipCommandsExt, OwnershipPolicy, PlacedId, Replicated, ReplicationAppExt, VisibleTo,
    },
    testing::{Lab, Player},
};

/// It refers to another entity.
#[derive(Component, Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Target(#[entities] Entity);

fn hunters(app: &mut App) {
    game(app);
    app.replicate::<Target>("target")
        .replicate::<ChildOf>("child-of");
}

/// Asserts that a viewer's hunter has the viewer's prey as its target.
fn assert_target(lab: &Lab, viewer: Player, hunter: (Player, Entity), prey: (Player, Entity)) {
    let shown = lab.shown(viewer, prey).unwrap();
    assert_eq!(lab.see(viewer, hunter), Some(Target(shown)));
}

#[test]
fn reference_to_an_entity_of_any_owner_arrives() {
    let (mut lab, [ada, bob, eve]) = meet_with(hunters);
    let own = lab.spawn(ada, Charge(1));
    let others = lab.spawn(bob, Charge(2));
    lab.settle();
    let others_at_ada = lab.shown(ada, (bob, others)).unwrap();
    let hunts_own = lab.spawn(ada, Target(own));
    let hunts_others = lab.spawn(ada, Target(others_at_ada));
    lab.settle();
    for viewer in [bob, eve] {
        assert_target(&lab, viewer, (ada, hunts_own), (ada, own));
    }
    assert_eq!(lab.see(bob, (ada, hunts_others)), Some(Target(others)));
    assert_target(&lab, eve, (ada, hunts_others), (bob, others));
}

#[test]
fn reference_before_its_entity_waits_for_it() {
    let (mut lab, [ada, bob]) = meet_with(hunters);
    let prey = lab.with(ada, |world| world.spawn(Charge(1)).id());
    let hunter = lab.spawn(ada, Target(prey));
    lab.settle();
    assert_eq!(
        lab.see(bob, (ada, hunter)),
        Some(Target(Entity::PLACEHOLDER))
    );
    lab.with(ada, |world| world.entity_mut(prey).insert(Replicated).id());
    lab.settle();
    assert_target(&lab, bob, (ada, hunter), (ada, prey));
}

#[test]
fn two_entities_that_refer_to_each_other_arrive_on_a_bad_network() {
    let (mut lab, [ada, bob]) = meet_with(hunters);
    lab.network(bad_network());
    let first = lab.spawn(ada, Charge(1));
    let second = lab.spawn(ada, (Charge(2), Target(first)));
    lab.with(ada, |world| {
        world.entity_mut(first).insert(Target(second)).id()
    });
    lab.settle();
    assert_target(&lab, bob, (ada, first), (ada, second));
    assert_target(&lab, bob, (ada, second), (ada, first));
}

#[test]
fn observer_of_a_reference_sees_its_entity_complete() {
    #[derive(Resource, Default)]
    struct Seen(Vec<bool>);
    let (mut lab, [ada, bob]) = meet_with(hunters);
    lab[bob].init_resource::<Seen>().add_observer(
        |added: On<Add, Target>,
         targets: Query<&Target>,
         preys: Query<&Charge>,
         mut seen: ResMut<Seen>| {
            seen.0
                .push(preys.contains(targets.get(added.entity).unwrap().0));
        },
    );
    let later = lab.with(ada, |world| world.spawn(Charge(1)).id());
    for _ in 0..20 {
        lab.spawn(ada, Target(later));
    }
    lab.with(ada, |world| world.entity_mut(later).insert(Replicated).id());
    lab.settle();
    assert_eq!(lab[bob].world().resource::<Seen>().0, [true; 20]);
}

#[test]
fn hierarchy_is_the_same_on_every_peer() {
    let (mut lab, [ada, bob]) = meet_with(hunters);
    let child = lab.spawn(ada, Charge(2));
    let parent = lab.spawn(ada, Charge(1));
    lab.with(ada, |world| {
        world.entity_mut(child).insert(ChildOf(parent)).id()
    });
    lab.settle();
    let shown = [parent, child].map(|entity| lab.shown(bob, (ada, entity)).unwrap());
    let parent_of = |lab: &Lab| {
        lab[bob]
            .world()
            .get::<ChildOf>(shown[1])
            .map(ChildOf::parent)
    };
    assert_eq!(parent_of(&lab), Some(shown[0]));
    lab.with(ada, |world| {
        world.entity_mut(child).remove::<ChildOf>().id()
    });
    lab.settle();
    assert_eq!(parent_of(&lab), None);
}

#[test]
fn child_waits_for_a_parent_that_is_hidden() {
    let (mut lab, [ada, bob]) = meet_with(hunters);
    let parent = lab.spawn(ada, (Charge(1), VisibleTo::Only(BTreeSet::new())));
    let child = lab.spawn(ada, (Charge(2), ChildOf(parent)));
    lab.settle();
    assert_eq!(lab.see(bob, (ada, child)), Some(Charge(2)));
    assert_eq!(lab.see::<ChildOf>(bob, (ada, child)), None);
    lab.with(ada, |world| {
        world.entity_mut(parent).insert(VisibleTo::All).id()
    });
    lab.settle();
    let shown = lab.shown(bob, (ada, parent)).unwrap();
    assert_eq!(lab.see(bob, (ada, child)), Some(ChildOf(shown)));
}

#[test]
fn parents_in_a_circle_are_rejected() {
    let (mut lab, [ada, bob]) = meet_with(hunters);
    let both = [1, 2].map(|charge| lab.spawn(ada, (Charge(charge), OwnershipPolicy::ByTouch)));
    lab.settle();
    // Each peer owns one of them, and makes it a child of the other one.
    let shown = both.map(|entity| lab.shown(bob, (ada, entity)).unwrap());
    lab.commands(bob, |commands| {
        commands.entity(shown[1]).hold();
    });
    lab.settle();
    lab.with(ada, |world| {
        world.entity_mut(both[0]).insert(ChildOf(both[1])).id()
    });
    lab.with(bob, |world| {
        world.entity_mut(shown[1]).insert(ChildOf(shown[0])).id()
    });
    lab.settle();
    for player in [ada, bob] {
        assert!(!lab.take_events::<MessageRejected>(player).is_empty());
        let world = lab[player].world();
        let entities = if player == ada { both } else { shown };
        let children = entities
            .iter()
            .filter(|it| world.get::<ChildOf>(**it).is_some());
        assert_eq!(children.count(), 1);
    }
}

#[test]
fn reference_to_the_entity_of_a_peer_arrives() {
    let (mut lab, [ada, bob, eve]) = meet_with(hunters);
    let bob_at_ada = lab.peer(ada, bob);
    let hunter = lab.spawn(ada, Target(bob_at_ada));
    lab.settle();
    assert_eq!(
        lab.see(bob, (ada, hunter)),
        Some(Target(lab.peer(bob, bob)))
    );
    assert_eq!(
        lab.see(eve, (ada, hunter)),
        Some(Target(lab.peer(eve, bob)))
    );
}

/// Hides an entity from all other peers, or shows it to all.
fn show(lab: &mut Lab, owner: Player, entity: Entity, is_shown: bool) {
    let visible_to = match is_shown {
        true => VisibleTo::All,
        false => VisibleTo::Only(BTreeSet::new()),
    };
    lab.with(owner, |world| {
        world.entity_mut(entity).insert(visible_to).id()
    });
    lab.settle();
}

#[test]
fn reference_follows_an_entity_that_is_hidden_and_shown_again() {
    let (mut lab, [ada, bob]) = meet_with(hunters);
    let prey = lab.spawn(ada, Charge(1));
    let hunter = lab.spawn(ada, Target(prey));
    lab.settle();
    for _ in 0..3 {
        show(&mut lab, ada, prey, false);
        let seen = lab.see(bob, (ada, hunter));
        assert_eq!(seen, Some(Target(Entity::PLACEHOLDER)));
        show(&mut lab, ada, prey, true);
        assert_target(&lab, bob, (ada, hunter), (ada, prey));
    }
}

#[test]
fn child_follows_a_parent_that_is_hidden_and_shown_again() {
    let (mut lab, [ada, bob]) = meet_with(hunters);
    let parent = lab.spawn(ada, Charge(1));
    let child = lab.spawn(ada, (Charge(2), ChildOf(parent)));
    lab.settle();
    for _ in 0..3 {
        show(&mut lab, ada, parent, false);
        assert_eq!(lab.all::<Charge>(bob), [Charge(2)]);
        assert_eq!(lab.see::<ChildOf>(bob, (ada, child)), None);
        show(&mut lab, ada, parent, true);
        let shown = lab.shown(bob, (ada, parent)).unwrap();
        assert_eq!(lab.see(bob, (ada, child)), Some(ChildOf(shown)));
    }
}

#[test]
fn child_leaves_its_parent_for_one_that_is_hidden() {
    let (mut lab, [ada, bob]) = meet_with(hunters);
    let nobody = VisibleTo::Only(BTreeSet::new());
    let first = lab.spawn(ada, Charge(1));
    let second = lab.spawn(ada, (Charge(2), nobody));
    let child = lab.spawn(ada, (Charge(3), ChildOf(first)));
    lab.settle();
    lab.with(ada, |world| {
        world.entity_mut(child).insert(ChildOf(second)).id()
    });
    lab.settle();
    assert_eq!(lab.see::<ChildOf>(bob, (ada, child)), None);
    show(&mut lab, ada, second, true);
    let shown = lab.shown(bob, (ada, second)).unwrap();
    assert_eq!(lab.see(bob, (ada, child)), Some(ChildOf(shown)));
}

#[test]
fn reference_to_an_entity_that_the_game_despawned_is_none() {
    let (mut lab, [ada, bob]) = meet_with(hunters);
    let prey = lab.spawn(ada, Charge(1));
    let hunter = lab.spawn(ada, Target(prey));
    lab.settle();
    let shown = lab.shown(bob, (ada, prey)).unwrap();
    lab.with(bob, |world| world.despawn(shown));
    lab.settle();
    let seen = lab.see(bob, (ada, hunter));
    assert_eq!(seen, Some(Target(Entity::PLACEHOLDER)));
}

#[test]
fn reference_follows_an_entity_that_is_replicated_again() {
    let (mut lab, [ada, bob]) = meet_with(hunters);
    let prey = lab.spawn(ada, Charge(1));
    let hunter = lab.spawn(ada, Target(prey));
    lab.settle();
    lab.with(ada, |world| {
        world.entity_mut(prey).remove::<Replicated>().id()
    });
    lab.settle();
    lab.with(ada, |world| world.entity_mut(prey).insert(Replicated).id());
    lab.settle();
    assert_target(&lab, bob, (ada, hunter), (ada, prey));
}

#[test]
fn reference_to_an_entity_of_the_level_waits_until_it_is_loaded() {
    let (mut lab, [ada, bob]) = meet_with(hunters);
    let crate_of_the_level = || (PlacedId(4), OwnershipPolicy::ByTouch, Charge(1));
    let at_ada = lab.spawn(ada, crate_of_the_level());
    let hunter = lab.spawn(ada, Target(at_ada));
    lab.settle();
    let seen = lab.see(bob, (ada, hunter));
    assert_eq!(seen, Some(Target(Entity::PLACEHOLDER)));
    let at_bob = lab.spawn(bob, crate_of_the_level());
    lab.settle();
    assert_eq!(lab.see(bob, (ada, hunter)), Some(Target(at_bob)));
}

#[test]
fn reference_that_a_former_owner_has_set_follows_its_entity() {
    let (mut lab, [ada, bob]) = meet_with(hunters);
    let prey = lab.spawn(ada, Charge(1));
    let hunter = lab.spawn(bob, (Charge(2), OwnershipPolicy::OnRequest));
    lab.settle();
    let prey_at_bob = lab.shown(bob, (ada, prey)).unwrap();
    lab.with(bob, |world| {
        world.entity_mut(hunter).insert(Target(prey_at_bob)).id()
    });
    lab.settle();
    let adas_id = lab.peer_id(ada);
    lab.commands(bob, |commands| {
        commands.entity(hunter).give(adas_id);
    });
    lab.settle();
    show(&mut lab, ada, prey, false);
    let at_bob = |lab: &Lab| lab[bob].world().get::<Target>(hunter).cloned();
    assert_eq!(at_bob(&lab), Some(Target(Entity::PLACEHOLDER)));
    show(&mut lab, ada, prey, true);
    let shown = lab.shown(bob, (ada, prey)).unwrap();
    assert_eq!(at_bob(&lab), Some(Target(shown)));
}

#[test]
fn reference_that_arrives_with_its_entity_is_inserted_once() {
    #[derive(Resource, Default)]
    struct Inserted(u32);
    let (mut lab, [ada, bob]) = meet_with(hunters);
    lab[bob]
        .init_resource::<Inserted>()
        .add_observer(|_: On<Insert, Target>, mut inserted: ResMut<Inserted>| inserted.0 += 1)
        .add_observer(|_: On<Insert, ChildOf>, mut inserted: ResMut<Inserted>| inserted.0 += 1);
    let prey = lab.spawn(ada, Charge(1));
    for _ in 0..5 {
        lab.spawn(ada, (Target(prey), ChildOf(prey)));
    }
    lab.settle();
    assert_eq!(lab[bob].world().resource::<Inserted>().0, 10);
}
