//! Matches in a room whose players also replicate entities: cursors, which are not part of the
//! simulation.

use std::time::Duration;

use bevy::prelude::*;

use super::game::{add_game, bad_network, is_running, plugin, status};
use crate::{
    LinkStats, LocalPeer, Peer,
    replication::{ReplicationAppExt, within},
    rollback::MatchDesynced,
    testing::{Lab, Player},
};

#[derive(Component, Clone, Copy, Default, Debug, PartialEq)]
struct Cursor(Vec2);

fn cursors(app: &mut App) {
    app.replicate_with::<Cursor>("cursor", |rule| {
        rule.vec2(
            |cursor| cursor.0,
            |cursor, at| cursor.0 = at,
            within(1000.0).step(0.5),
        )
        .interpolate()
    })
    .add_observer(|added: On<Add, LocalPeer>, mut commands: Commands| {
        commands.entity(added.entity).insert(Cursor::default());
    })
    .add_systems(
        Update,
        |time: Res<Time>, mut cursor: Single<&mut Cursor, With<LocalPeer>>| {
            let angle = time.elapsed_secs();
            cursor.0 = Vec2::from_angle(angle) * 300.0;
        },
    );
}

/// Plays a match for some time. Returns the players, and the number of packets that each of them sent
/// per tick and link.
fn play_with(lab: &mut Lab, extra: fn(&mut App)) -> (Vec<Player>, f64) {
    const PLAYERS: usize = 3;
    lab.network(bad_network());
    lab.record::<MatchDesynced>();
    let players: Vec<_> = (0..PLAYERS)
        .map(|_| {
            lab.player(move |app| {
                app.add_plugins(plugin().start_with(PLAYERS))
                    .add_plugins((add_game, extra));
            })
        })
        .collect();
    lab.run_until(|lab| players.iter().all(|&player| is_running(lab, player)));
    lab.run_for(Duration::from_secs(2));
    let count = |lab: &Lab| {
        let (from, to) = (players[0], players[1]);
        let stats = lab.seen::<LinkStats>(from, to).unwrap();
        (stats.packets_sent, status(lab, from).tick.0)
    };
    let before = count(lab);
    lab.run_for(Duration::from_secs(10));
    let after = count(lab);
    let packets = (after.0 - before.0) as f64 / f64::from(after.1 - before.1);
    (players, packets)
}

#[test]
fn replicated_cursors_need_no_packets_of_their_own_and_cause_no_desync() {
    let (_, without) = play_with(&mut Lab::new(40), |_| {});
    let mut lab = Lab::new(40);
    let (players, with) = play_with(&mut lab, cursors);
    assert!(
        with <= without * 1.01,
        "{with} packets per tick with cursors, {without} without"
    );
    for &viewer in &players {
        assert!(lab.take_events::<MatchDesynced>(viewer).is_empty());
        assert!(status(&lab, viewer).stats.compared > 5);
        let world = lab[viewer].world_mut();
        let mut shown = world.query_filtered::<&Cursor, (With<Peer>, Without<LocalPeer>)>();
        let shown: Vec<_> = shown.iter(world).map(|cursor| cursor.0.length()).collect();
        assert_eq!(shown.len(), players.len() - 1);
        for length in shown {
            assert!((length - 300.0).abs() < 1.0, "{length}");
        }
    }
}
