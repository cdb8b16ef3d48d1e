use std::time::Duration;

use bevy::prelude::*;

use super::game::{Charge, LabExt, game, meet, meet_with};
use crate::{
    LinkStats,
    replication::{Importance, Replicated, ReplicationAppExt, ReplicationBudget},
    testing::{Lab, Player},
};

/// Spawns entities that change in every tick.
fn spawn_busy(lab: &mut Lab, player: Player, count: i32) {
    lab.with(player, |world| {
        for number in 0..count {
            world.spawn((Replicated, Charge(number * 1000)));
        }
    });
    lab[player].add_systems(FixedUpdate, |mut charges: Query<&mut Charge>| {
        for mut charge in &mut charges {
            charge.0 = (charge.0 * 31 + 7) % 1_000_000;
        }
    });
}

fn stats(lab: &Lab, viewer: Player, other: Player) -> LinkStats {
    *lab.seen::<LinkStats>(viewer, other).unwrap()
}

#[test]
fn budget_limits_what_is_sent_and_the_statistics_show_what_waits() {
    let (mut lab, [ada, bob]) = meet();
    lab.with(ada, |world| {
        world.insert_resource(ReplicationBudget {
            bytes_per_second: 10_000,
        });
    });
    spawn_busy(&mut lab, ada, 2000);
    lab.run_for(Duration::from_secs(3));
    let before = stats(&lab, ada, bob);
    lab.run_for(Duration::from_secs(10));
    let after = stats(&lab, ada, bob);
    let bytes = after.delivery.bytes_sent - before.delivery.bytes_sent;
    let packets = after.delivery.packets_sent - before.delivery.packets_sent;
    let per_second = (bytes + 93 * packets) as f64 / 10.0;
    // Acks are not part of the budget.
    assert!((8_000.0..13_000.0).contains(&per_second), "{per_second}");
    let replication = after.replication;
    assert!(replication.backlog > 500, "{replication:?}");
    assert!(
        replication.staleness > Duration::from_millis(500),
        "{replication:?}"
    );
    assert!(
        (9_000.0..=10_000.0).contains(&replication.budget),
        "{replication:?}"
    );
}

#[test]
fn link_without_changes_has_no_backlog_and_sends_nothing() {
    let (mut lab, [ada, bob]) = meet();
    for number in 0..100 {
        lab.spawn(ada, Charge(number));
    }
    lab.settle();
    let before = stats(&lab, ada, bob);
    lab.run_for(Duration::from_secs(5));
    let after = stats(&lab, ada, bob);
    assert_eq!(after.delivery.packets_sent, before.delivery.packets_sent);
    assert_eq!(after.replication.backlog, 0);
    assert_eq!(after.replication.staleness, Duration::ZERO);
}

#[test]
fn important_entities_arrive_more_often() {
    let (mut lab, [ada, bob]) = meet();
    lab.with(ada, |world| {
        world.insert_resource(ReplicationBudget {
            bytes_per_second: 8_000,
        });
    });
    #[derive(Resource, Default)]
    struct Counts(bevy::ecs::entity::EntityHashMap<u32>);
    lab[bob].init_resource::<Counts>().add_systems(
        Update,
        |changed: Query<Entity, Changed<Charge>>, mut counts: ResMut<Counts>| {
            for entity in &changed {
                *counts.0.entry(entity).or_default() += 1;
            }
        },
    );
    spawn_busy(&mut lab, ada, 600);
    let star = lab.spawn(ada, (Charge(1), Importance(5.0)));
    let stone = lab.spawn(ada, Charge(2));
    lab.run_for(Duration::from_secs(20));
    let count = |lab: &Lab, entity| {
        let shown = lab.shown(bob, (ada, entity)).unwrap();
        lab[bob].world().resource::<Counts>().0[&shown]
    };
    let (star, stone) = (count(&lab, star), count(&lab, stone));
    assert!(star >= 3 * stone, "{star} and {stone}");
}

#[test]
fn rate_of_a_component_is_limited_and_its_last_value_arrives() {
    #[derive(Component, Clone, Copy, Default, Debug, PartialEq)]
    struct Slow(i32);
    fn slow(app: &mut App) {
        game(app);
        app.replicate_with::<Slow>("slow", |rule| {
            rule.integer(|slow| slow.0, |slow, now| slow.0 = now, 0..=100_000)
                .max_hz(5.0)
        });
    }
    #[derive(Resource, Default)]
    struct Seen(Vec<i32>);
    let (mut lab, [ada, bob]) = meet_with(slow);
    lab[bob].init_resource::<Seen>().add_systems(
        Update,
        |slow: Query<&Slow, Changed<Slow>>, mut seen: ResMut<Seen>| {
            seen.0.extend(slow.iter().map(|slow| slow.0));
        },
    );
    lab.spawn(ada, Slow(0));
    lab[ada].add_systems(FixedUpdate, |mut slow: Query<&mut Slow>| {
        for mut slow in &mut slow {
            if slow.0 < 300 {
                slow.0 += 1;
            }
        }
    });
    lab.run_for(Duration::from_secs(8));
    let seen = &lab[bob].world().resource::<Seen>().0;
    assert!((20..=30).contains(&seen.len()), "{seen:?}");
    assert_eq!(seen.last(), Some(&300));
}
