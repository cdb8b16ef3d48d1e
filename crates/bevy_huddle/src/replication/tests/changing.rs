use std::time::Duration;

use bevy::prelude::*;

use super::game::{Charge, LabExt, Label, Place, STEP, bad_network, meet};
use crate::{
    LinkStats,
    replication::{ReplicationError, ReplicationFailed},
    testing::Lab,
};

#[derive(Resource, Default)]
struct Seen(Vec<i32>);

fn watch(charges: Query<&Charge, Changed<Charge>>, mut seen: ResMut<Seen>) {
    seen.0.extend(charges.iter().map(|charge| charge.0));
}

#[test]
fn changed_is_true_once_for_each_new_value() {
    let (mut lab, [ada, bob]) = meet();
    lab[bob].init_resource::<Seen>().add_systems(Update, watch);
    let ball = lab.spawn(ada, Charge(1));
    lab.settle();
    for value in [2, 2, 3] {
        lab.with(ada, |world| {
            *world.get_mut::<Charge>(ball).unwrap() = Charge(value)
        });
        lab.settle();
    }
    assert_eq!(lab[bob].world().resource::<Seen>().0, [1, 2, 3]);
}

#[test]
fn values_only_move_forward_and_the_last_one_arrives_on_a_bad_network() {
    let (mut lab, [ada, bob]) = meet();
    lab[bob].init_resource::<Seen>().add_systems(Update, watch);
    lab.network(bad_network());
    let ball = lab.spawn(ada, Charge(1));
    lab[ada].add_systems(FixedUpdate, move |mut charges: Query<&mut Charge>| {
        let mut charge = charges.get_mut(ball).unwrap();
        if charge.0 < 300 {
            charge.0 += 1;
        }
    });
    lab.run_for(Duration::from_secs(8));
    let seen = &lab[bob].world().resource::<Seen>().0;
    assert!(seen.len() > 100, "{}", seen.len());
    assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
    assert_eq!(seen.last(), Some(&300));
}

#[test]
fn received_values_differ_by_half_a_step_at_most() {
    let (mut lab, [ada, bob]) = meet();
    let sent = Vec2::new(1.234, -56.789);
    let ball = lab.spawn(ada, Place(sent));
    lab.settle();
    let Place(seen) = lab.see(bob, (ada, ball)).unwrap();
    assert!(
        (seen - sent).abs().max_element() <= STEP / 2.0 + 1e-4,
        "{seen}"
    );
}

#[test]
fn components_that_are_added_together_arrive_together() {
    let (mut lab, [ada, bob]) = meet();
    #[derive(Resource, Default)]
    struct Whole(Vec<bool>);
    lab[bob].init_resource::<Whole>().add_observer(
        |added: On<Add, Charge>, labels: Query<&Label>, mut whole: ResMut<Whole>| {
            whole.0.push(labels.contains(added.entity));
        },
    );
    let ball = lab.spawn(ada, Place::default());
    lab.settle();
    lab.with(ada, |world| {
        world
            .entity_mut(ball)
            .insert((Charge(1), Label("new".to_owned())));
    });
    lab.settle();
    assert_eq!(lab[bob].world().resource::<Whole>().0, [true]);
    lab.with(ada, |world| {
        world.entity_mut(ball).remove::<(Charge, Label)>();
    });
    lab.settle();
    assert_eq!(lab.see::<Charge>(bob, (ada, ball)), None);
    assert_eq!(lab.see::<Label>(bob, (ada, ball)), None);
    assert_eq!(lab.see(bob, (ada, ball)), Some(Place::default()));
}

#[test]
fn value_that_is_too_long_is_reported_and_the_last_one_stays() {
    let (mut lab, [ada, bob]) = meet();
    let ball = lab.spawn(ada, Label("short".to_owned()));
    lab.settle();
    lab.with(ada, |world| {
        world.entity_mut(ball).insert(Label("x".repeat(2000)));
    });
    lab.settle();
    let failed = lab.take_events::<ReplicationFailed>(ada);
    let [ReplicationFailed { entity, error }] = &failed[..] else {
        panic!("{failed:?}");
    };
    assert_eq!(*entity, ball);
    assert!(
        matches!(error, ReplicationError::TooLarge { name: "label", .. }),
        "{error}"
    );
    assert_eq!(lab.see(bob, (ada, ball)), Some(Label("short".to_owned())));
}

#[test]
fn entity_that_is_too_long_is_reported_once() {
    let (mut lab, [ada, bob]) = meet();
    lab.spawn(ada, Label("x".repeat(2000)));
    lab.settle();
    assert_eq!(lab.take_events::<ReplicationFailed>(ada).len(), 1);
    assert_eq!(lab.all::<Label>(bob), []);
}

#[test]
fn change_of_an_entity_of_another_peer_is_overwritten_by_its_owner() {
    let (mut lab, [ada, bob]) = meet();
    let ball = lab.spawn(ada, Charge(1));
    lab.settle();
    let shown = lab.shown(bob, (ada, ball)).unwrap();
    lab.with(bob, |world| {
        *world.get_mut::<Charge>(shown).unwrap() = Charge(50)
    });
    lab.settle();
    assert_eq!(lab[ada].world().get::<Charge>(ball), Some(&Charge(1)));
    lab.with(ada, |world| {
        *world.get_mut::<Charge>(ball).unwrap() = Charge(2)
    });
    lab.settle();
    assert_eq!(lab.see(bob, (ada, ball)), Some(Charge(2)));
}

#[test]
fn changes_are_sent_once_per_tick_at_any_frame_rate() {
    let (mut lab, [ada, bob]) = meet();
    lab.frame_rate(ada, 240.0);
    let ball = lab.spawn(ada, Charge(1));
    lab[ada].add_systems(Update, move |mut charges: Query<&mut Charge>| {
        charges.get_mut(ball).unwrap().0 += 1;
    });
    lab.settle();
    let entity = lab.peer(ada, bob);
    let sent = |lab: &Lab| {
        lab[ada]
            .world()
            .get::<LinkStats>(entity)
            .unwrap()
            .packets_sent
    };
    let before = sent(&lab);
    lab.run_for(Duration::from_secs(10));
    let packets = sent(&lab) - before;
    assert!((599..=601).contains(&packets), "{packets}");
}

#[test]
fn removal_of_a_component_arrives_at_any_frame_rate() {
    for hz in [20.0, 60.0, 500.0] {
        let (mut lab, [ada, bob]) = meet();
        lab.frame_rate(ada, hz);
        let ball = lab.spawn(ada, (Charge(1), Place::default()));
        lab.settle();
        for frame in 0..10 {
            lab.run_for(Duration::from_millis(frame));
            lab.with(ada, |world| {
                world.entity_mut(ball).remove::<Charge>();
            });
            lab.settle();
            assert_eq!(lab.see::<Charge>(bob, (ada, ball)), None, "{hz} Hz");
            lab.with(ada, |world| {
                world.entity_mut(ball).insert(Charge(1));
            });
            lab.settle();
            assert_eq!(lab.see(bob, (ada, ball)), Some(Charge(1)), "{hz} Hz");
        }
    }
}
