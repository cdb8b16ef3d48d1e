use bevy::prelude::*;

use super::game::{Charge, LabExt, game, meet};
use crate::{
    prelude::*,
    replication::{ReplicationAppExt, ReplicationError, ReplicationFailed, between},
    rollback::world::Rollback,
    testing::Lab,
};

#[test]
fn peers_whose_rules_differ_refuse_each_other_and_name_the_difference() {
    #[derive(Component, Clone, Default)]
    struct Fuel(f32);
    fn fuel(app: &mut App, step: f32) {
        game(app);
        app.replicate_with::<Fuel>("fuel", |rule| {
            rule.scalar(
                |fuel| fuel.0,
                |fuel, now| fuel.0 = now,
                between(0.0, 1.0).step(step),
            )
        });
    }
    let mut lab = Lab::new(5);
    lab.record::<PeerRefused>();
    let ada = lab.player(|app| fuel(app, 0.1));
    lab.player(|app| fuel(app, 0.2));
    lab.run_for(std::time::Duration::from_secs(3));
    let refused = lab.take_events::<PeerRefused>(ada);
    let text = refused[0].refusal.to_string();
    assert!(text.contains("\"fuel\"") || text.contains("fuel"), "{text}");
    assert!(
        text.contains("step 0.1") && text.contains("step 0.2"),
        "{text}"
    );
}

#[test]
#[should_panic(expected = "is replicated twice")]
fn type_that_is_registered_twice_panics() {
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, HuddlePlugins));
    game(&mut app);
    app.replicate_with::<Charge>("energy", |rule| rule.flag(|_| true, |_, _| {}));
}

#[test]
#[should_panic(expected = "the message name \"label\" is already in use")]
fn name_that_is_used_twice_panics() {
    #[derive(Component, Clone, Default)]
    struct Other;
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, HuddlePlugins));
    game(&mut app);
    app.replicate_with::<Other>("label", |rule| rule.flag(|_| true, |_, _| {}));
}

#[test]
#[should_panic(expected = "has 0 fields")]
fn rule_without_fields_panics() {
    #[derive(Component, Clone, Default)]
    struct Other;
    let mut app = App::new();
    app.replicate_with::<Other>("other", |rule| rule);
}

#[test]
fn entity_is_either_replicated_or_rolled_back() {
    let (mut lab, [ada, bob]) = meet();
    lab.spawn(ada, (Charge(1), Rollback));
    let later = lab.spawn(ada, Charge(2));
    lab.settle();
    assert_eq!(lab.all::<Charge>(bob), [Charge(2)]);
    lab.with(ada, |world| world.entity_mut(later).insert(Rollback).id());
    lab.settle();
    assert_eq!(lab.all::<Charge>(bob), []);
    let failed = lab.take_events::<ReplicationFailed>(ada);
    let errors: Vec<_> = failed.iter().map(|failed| &failed.error).collect();
    assert_eq!(errors, [&ReplicationError::RolledBack; 2]);
}
