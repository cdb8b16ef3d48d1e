use std::collections::BTreeSet;

use bevy::prelude::*;

use super::game::{Charge, LabExt, Label, meet};
use crate::replication::{
    OwnershipCommandsExt, OwnershipPolicy, ReplicationError, ReplicationFailed, VisibleTo,
};

#[test]
fn hidden_entity_never_reaches_a_peer_until_it_is_shown() {
    let (mut lab, [ada, bob, eve]) = meet();
    let only_eve = VisibleTo::Only(BTreeSet::from([lab.peer_id(eve)]));
    let card = lab.spawn(ada, (Charge(1), Label("queen".to_owned()), only_eve));
    lab.settle();
    assert_eq!(lab.all::<Charge>(bob), []);
    assert_eq!(lab.all::<Charge>(eve), [Charge(1)]);
    lab.with(ada, |world| {
        world.entity_mut(card).insert(VisibleTo::All).id()
    });
    lab.settle();
    assert_eq!(lab.all::<Label>(bob), [Label("queen".to_owned())]);
    let except = VisibleTo::Except(BTreeSet::from([lab.peer_id(bob)]));
    for _ in 0..5 {
        lab.with(ada, |world| {
            world.entity_mut(card).insert(except.clone()).id()
        });
        lab.settle();
        assert_eq!(lab.all::<Charge>(bob), []);
        lab.with(ada, |world| {
            world.entity_mut(card).insert(VisibleTo::All).id()
        });
        lab.settle();
        assert_eq!(lab.all::<Charge>(bob), [Charge(1)]);
    }
}

#[test]
fn entity_of_the_host_cannot_be_hidden() {
    let (mut lab, [ada, bob]) = meet();
    let hidden = VisibleTo::Only(BTreeSet::new());
    lab.spawn(ada, (Charge(1), OwnershipPolicy::Host, hidden));
    lab.settle();
    let failed = lab.take_events::<ReplicationFailed>(ada);
    let errors: Vec<_> = failed.iter().map(|failed| &failed.error).collect();
    assert_eq!(errors, [&ReplicationError::HostVisibility]);
    assert_eq!(lab.all::<Charge>(bob), [], "it would be visible otherwise");
}

#[test]
fn entity_without_the_setting_is_visible_again() {
    let (mut lab, [ada, bob]) = meet();
    let card = lab.spawn(ada, (Charge(1), VisibleTo::Only(BTreeSet::new())));
    lab.settle();
    assert_eq!(lab.all::<Charge>(bob), []);
    lab.with(ada, |world| {
        world.entity_mut(card).remove::<VisibleTo>().id()
    });
    lab.settle();
    assert_eq!(lab.all::<Charge>(bob), [Charge(1)]);
}

#[test]
fn entity_that_changes_its_owner_stays_hidden_until_the_new_owner_shows_it() {
    let (mut lab, [ada, bob, eve]) = meet();
    #[derive(Resource, Default)]
    struct Seen(u32);
    lab[eve]
        .init_resource::<Seen>()
        .add_observer(|_: On<Add, Charge>, mut seen: ResMut<Seen>| seen.0 += 1);
    let only_bob = VisibleTo::Only(BTreeSet::from([lab.peer_id(bob)]));
    let touched = lab.spawn(ada, (Charge(1), OwnershipPolicy::ByTouch, only_bob.clone()));
    let given = lab.spawn(ada, (Charge(2), OwnershipPolicy::OnRequest, only_bob));
    lab.settle();
    let shown = [touched, given].map(|entity| lab.shown(bob, (ada, entity)).unwrap());
    let bobs_id = lab.peer_id(bob);
    lab.commands(bob, |commands| {
        commands.entity(shown[0]).touch();
    });
    lab.commands(ada, |commands| {
        commands.entity(given).give(bobs_id);
    });
    lab.settle();
    let nobody = VisibleTo::Only(BTreeSet::new());
    for entity in shown {
        assert_eq!(lab.owner(bob, entity), Some(bobs_id));
        assert_eq!(lab[bob].world().get::<VisibleTo>(entity), Some(&nobody));
    }
    assert_eq!(lab[eve].world().resource::<Seen>().0, 0);
    assert_eq!(lab.all::<Charge>(ada), []);
    lab.with(bob, |world| {
        for entity in shown {
            world.entity_mut(entity).remove::<VisibleTo>();
        }
    });
    lab.settle();
    for player in [ada, eve] {
        assert_eq!(lab.all::<Charge>(player).len(), 2);
    }
}
