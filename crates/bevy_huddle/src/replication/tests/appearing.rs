use std::time::Duration;

use bevy::prelude::*;

use super::game::{Charge, LabExt, Label, Place, bad_network, game, meet, meet_with};
use crate::{
    prelude::*,
    replication::{Owner, Replicated, ReplicationId},
    testing::Lab,
};

#[test]
fn entity_appears_on_every_peer_with_its_owner() {
    let (mut lab, [ada, bob, eve]) = meet();
    let ball = lab.spawn(ada, (Place(Vec2::new(3.0, -4.0)), Label("ball".to_owned())));
    lab.settle();
    for viewer in [bob, eve] {
        assert_eq!(
            lab.see(viewer, (ada, ball)),
            Some(Place(Vec2::new(3.0, -4.0)))
        );
        assert_eq!(lab.see(viewer, (ada, ball)), Some(Label("ball".to_owned())));
        assert_eq!(lab.see(viewer, (ada, ball)), Some(Owner(lab.peer_id(ada))));
        assert_eq!(lab.see::<Charge>(viewer, (ada, ball)), None);
    }
}

/// What an observer of one component saw of the others.
#[derive(Resource, Default, Debug, PartialEq)]
struct Seen {
    whole: u32,
    partial: u32,
}

#[test]
fn observer_sees_all_components_of_a_new_entity_under_loss() {
    fn watched(app: &mut App) {
        game(app);
        app.init_resource::<Seen>().add_observer(
            |added: On<Add, Place>,
             whole: Query<(&Label, &Charge, &Replicated, &ReplicationId, &Owner)>,
             mut seen: ResMut<Seen>| {
                match whole.get(added.entity) {
                    Ok(_) => seen.whole += 1,
                    Err(_) => seen.partial += 1,
                }
            },
        );
    }
    let (mut lab, [ada, bob]) = meet_with(watched);
    lab.network(bad_network());
    for number in 0..100 {
        let place = Place(Vec2::splat(number as f32));
        lab.spawn(ada, (Label(number.to_string()), Charge(number), place));
        lab.frame(ada);
    }
    lab.run_for(Duration::from_secs(5));
    let seen = lab[bob].world().resource::<Seen>();
    assert_eq!(
        *seen,
        Seen {
            whole: 100,
            partial: 0
        }
    );
}

#[test]
fn late_joiner_receives_everything_within_a_few_seconds() {
    let mut lab = Lab::new(2);
    let ada = lab.player(game);
    for number in 0..1000 {
        let place = Place(Vec2::new(number as f32 / 10.0, 1.0));
        lab.spawn(ada, (place, Charge(number)));
    }
    lab.run_for(Duration::from_secs(1));
    let bob = lab.player(game);
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    lab.run_for(Duration::from_secs(10));
    let mut charges: Vec<_> = lab.all::<Charge>(bob).iter().map(|it| it.0).collect();
    charges.sort_unstable();
    assert_eq!(charges, (0..1000).collect::<Vec<_>>());
}

#[test]
fn component_of_the_local_peer_appears_on_its_peer_entity() {
    let (mut lab, [ada, bob, eve]) = meet();
    let local = lab.peer(ada, ada);
    lab.with(ada, |world| {
        world
            .entity_mut(local)
            .insert((Label("Ada".to_owned()), Charge(3)))
            .id()
    });
    lab.settle();
    for viewer in [bob, eve] {
        let peer = lab.peer(viewer, ada);
        let world = lab[viewer].world();
        assert_eq!(world.get::<Label>(peer), Some(&Label("Ada".to_owned())));
        assert_eq!(world.get::<Charge>(peer), Some(&Charge(3)));
        assert!(world.get::<Peer>(peer).is_some());
    }
    lab.with(ada, |world| world.entity_mut(local).remove::<Charge>().id());
    lab.settle();
    let peer = lab.peer(bob, ada);
    assert_eq!(lab[bob].world().get::<Charge>(peer), None);
    assert!(lab[bob].world().get::<Label>(peer).is_some());
}

#[test]
fn entities_that_exist_before_the_room_enter_it() {
    let mut lab = Lab::new(3);
    let spawn = |app: &mut App| {
        game(app);
        app.world_mut().spawn((Replicated, Charge(7)));
    };
    let ada = lab.player(spawn);
    let bob = lab.player(game);
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    lab.settle();
    assert_eq!(lab.all::<Charge>(bob), [Charge(7)]);
}

#[test]
fn entities_enter_the_next_room_after_a_room_was_left() {
    let (mut lab, [ada, bob]) = meet();
    let ball = lab.spawn(ada, Charge(7));
    lab.settle();
    lab.leave(ada);
    lab.settle();
    assert_eq!(lab.all::<Charge>(bob), [], "the entity left with its owner");
    assert_eq!(lab.all::<Charge>(ada), [Charge(7)], "the owner keeps it");
    assert!(lab[ada].world().get::<ReplicationId>(ball).is_none());
    lab.rejoin(ada);
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    lab.settle();
    assert_eq!(lab.all::<Charge>(bob), [Charge(7)]);
}

#[test]
fn observer_that_despawns_what_appears_does_no_harm() {
    let (mut lab, [ada, bob]) = meet();
    lab[bob].add_observer(|added: On<Add, Charge>, mut commands: Commands| {
        commands.entity(added.entity).despawn();
    });
    let ball = lab.spawn(ada, (Charge(1), Place::default()));
    lab.settle();
    assert_eq!(lab.all::<Charge>(bob), []);
    lab.with(ada, |world| world.entity_mut(ball).insert(Charge(2)).id());
    lab.settle();
    assert_eq!(lab.all::<Charge>(bob), [], "it stays away");
    assert_eq!(lab.all::<Charge>(ada), [Charge(2)], "the owner keeps it");
}

#[test]
fn observer_that_leaves_the_room_when_an_entity_appears_does_no_harm() {
    let (mut lab, [ada, bob]) = meet();
    lab[bob].add_observer(|_: On<Add, Charge>, mut commands: Commands| commands.leave_rooms());
    lab.spawn(ada, Charge(1));
    lab.spawn(ada, Charge(2));
    lab.settle();
    assert_eq!(lab.all::<Charge>(bob), []);
    assert!(lab.find_peer(ada, bob).is_none());
}
