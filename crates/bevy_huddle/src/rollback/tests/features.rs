//! States, messages and views in matches with rollbacks, and leaving a match.

use std::{collections::BTreeSet, time::Duration};

use bevy::prelude::*;
use serde::Serialize;

use super::game::{Age, Ship, add_game, age_system, bad_network, plugin, ships, status};
use crate::{
    rollback::{
        MatchDesynced, MatchEnded, MatchStarted, Rollback, RollbackAppExt, RollbackCommandsExt,
        RollbackStart, RollbackUpdate, RollbackView, SeatLeft, SyncTestFailed,
    },
    testing::{Lab, Player},
};

/// Plays for some time with this many players over a bad network. `extra` adds to the game.
fn play_with(players: usize, seconds: u64, extra: fn(&mut App)) -> (Lab, Vec<Player>) {
    let mut lab = Lab::new(21);
    lab.network(bad_network());
    lab.record::<MatchDesynced>();
    lab.record::<MatchEnded>();
    lab.record::<MatchStarted>();
    lab.record::<SeatLeft>();
    let all: Vec<_> = (0..players)
        .map(|_| {
            lab.player(move |app| {
                app.add_plugins(plugin().start_with(players))
                    .add_plugins(add_game);
                extra(app);
            })
        })
        .collect();
    let waited = all.clone();
    lab.run_until(|lab| {
        waited
            .iter()
            .all(|&player| status(lab, player).is_running())
    });
    lab.run_for(Duration::from_secs(seconds));
    (lab, all)
}

#[derive(States, Clone, PartialEq, Eq, Hash, Debug, Default, Serialize)]
enum Phase {
    #[default]
    Countdown,
    Round,
}

/// How often each phase was entered, as the simulation counts it.
#[derive(Resource, Clone, Default, PartialEq, Serialize)]
struct Entered {
    countdown: u32,
    round: u32,
    ticks_in_round: u32,
}

#[derive(Component, Clone, PartialEq, Serialize)]
struct Coin;

fn add_phases(app: &mut App) {
    // The phase depends on inputs, so that mispredicted transitions are undone.
    fn change_phase(
        ships: Query<&Ship>,
        phase: Res<State<Phase>>,
        mut next: ResMut<NextState<Phase>>,
    ) {
        let shots: u32 = ships.iter().map(|ship| ship.shots).sum();
        let due = match shots % 3 {
            0 => Phase::Countdown,
            _ => Phase::Round,
        };
        if *phase.get() != due {
            next.set(due);
        }
    }
    app.rollback_state::<Phase>()
        .rollback_resource::<Entered>()
        .rollback_component::<Coin>()
        .add_systems(OnEnter(Phase::Countdown), |mut entered: ResMut<Entered>| {
            entered.countdown += 1;
        })
        .add_systems(
            OnEnter(Phase::Round),
            |mut entered: ResMut<Entered>, mut commands: Commands| {
                entered.round += 1;
                commands.spawn((Rollback, Coin, DespawnOnExit(Phase::Round)));
            },
        )
        .add_systems(
            RollbackUpdate,
            (
                change_phase.after(age_system()),
                (|mut entered: ResMut<Entered>| entered.ticks_in_round += 1)
                    .run_if(in_state(Phase::Round))
                    .after(change_phase),
            ),
        );
}

#[test]
fn states_change_in_the_same_tick_for_all_players() {
    let (mut lab, players) = play_with(2, 10, add_phases);
    for player in players {
        assert!(lab.take_events::<MatchDesynced>(player).is_empty());
        let is_in_round = *lab[player].world().resource::<State<Phase>>() == Phase::Round;
        let world = lab.app_mut(player).world_mut();
        let coins = world.query::<&Coin>().iter(world).count();
        assert_eq!(
            coins,
            usize::from(is_in_round),
            "a coin in each round, and none between rounds"
        );
        let entered = world.resource::<Entered>();
        assert!(
            entered.round > 3 && entered.countdown > 3,
            "{} rounds",
            entered.round
        );
        assert!(
            entered.countdown.abs_diff(entered.round) <= 1,
            "the first state is entered, too"
        );
        assert!(entered.ticks_in_round > entered.round);
    }
}

#[test]
fn state_of_a_local_match_passes_the_sync_test() {
    let mut lab = Lab::new(22);
    lab.record::<SyncTestFailed>();
    let player = lab.player(|app| {
        app.add_plugins(plugin().sync_test(8))
            .add_plugins((add_game, add_phases))
            .add_systems(Startup, |mut commands: Commands| {
                commands.start_local_match(2);
            });
    });
    lab.run_for(Duration::from_secs(5));
    assert!(lab.take_events::<SyncTestFailed>(player).is_empty());
    assert!(lab[player].world().resource::<Entered>().round > 2);
}

#[test]
fn first_state_is_entered_when_the_match_starts() {
    let mut lab = Lab::new(24);
    let player = lab.player(|app| {
        app.add_plugins(plugin())
            .add_plugins(add_game)
            .rollback_state::<Phase>()
            .rollback_resource::<Entered>()
            .add_systems(OnEnter(Phase::Countdown), |mut entered: ResMut<Entered>| {
                entered.countdown += 1;
            })
            .add_systems(Startup, |mut commands: Commands| {
                commands.start_local_match(1);
            });
    });
    lab.run_for(Duration::from_secs(2));
    assert!(status(&lab, player).is_running());
    assert_eq!(lab[player].world().resource::<Entered>().countdown, 1);
}

#[test]
fn state_that_is_set_outside_of_the_simulation_has_no_effect() {
    let (mut lab, players) = play_with(2, 1, add_phases);
    let count = |lab: &Lab| {
        let entered = lab[players[0]].world().resource::<Entered>();
        entered.countdown + entered.round
    };
    let before = count(&lab);
    for _ in 0..60 {
        let world = lab.app_mut(players[0]).world_mut();
        let state = world.resource::<State<Phase>>().get().clone();
        // Even a repeated state would be entered again.
        world.resource_mut::<NextState<Phase>>().set(state);
        lab.run_for(Duration::from_millis(16));
    }
    assert!(count(&lab) < before + 15, "{before} {}", count(&lab));
    lab.run_for(Duration::from_secs(2));
    assert!(lab.take_events::<MatchDesynced>(players[0]).is_empty());
}

#[derive(Message)]
struct Hit(i32);

#[test]
fn messages_arrive_once_in_their_tick_although_it_is_simulated_again() {
    /// The sum of all hits, and the sum of what was sent.
    #[derive(Resource, Clone, Default, PartialEq, Serialize)]
    struct Sums {
        sent: i32,
        received: i32,
    }

    fn send(ships: Query<&Ship>, mut sums: ResMut<Sums>, mut hits: MessageWriter<Hit>) {
        for ship in &ships {
            hits.write(Hit(ship.x + 1));
            sums.sent += ship.x + 1;
        }
    }

    fn receive(mut hits: MessageReader<Hit>, mut sums: ResMut<Sums>) {
        for hit in hits.read() {
            sums.received += hit.0;
        }
    }

    let (mut lab, players) = play_with(2, 5, |app| {
        app.rollback_message::<Hit>()
            .rollback_resource::<Sums>()
            .add_systems(RollbackUpdate, (send, receive).chain().after(age_system()))
            // Those of other systems do not reach the simulation.
            .add_systems(Update, |mut hits: MessageWriter<Hit>| {
                hits.write(Hit(1_000_000));
            });
    });
    for player in players {
        assert!(status(&lab, player).stats.rollbacks > 30);
        assert!(lab.take_events::<MatchDesynced>(player).is_empty());
        let sums = lab[player].world().resource::<Sums>();
        assert_ne!(sums.sent, 0);
        assert_eq!(sums.sent, sums.received);
    }
}

#[test]
fn each_ship_has_one_view_that_no_rollback_touches() {
    #[derive(Component)]
    struct Sprite(u32);

    /// The number of views that were spawned.
    #[derive(Resource, Default)]
    struct Spawned(u32);

    let (mut lab, players) = play_with(2, 3, |app| {
        app.init_resource::<Spawned>().rollback_view(
            |_: In<RollbackView<Ship>>, mut spawned: ResMut<Spawned>| {
                spawned.0 += 1;
                Sprite(spawned.0)
            },
        );
    });
    let player = players[0];
    let seats = status(&lab, player).seats.clone();
    let views = |lab: &mut Lab| {
        let world = lab.app_mut(player).world_mut();
        let mut views = world.query::<(&RollbackView<Ship>, &Sprite)>();
        let shown: BTreeSet<_> = views.iter(world).map(|(view, _)| view.entity).collect();
        let sprites: BTreeSet<_> = views.iter(world).map(|(_, sprite)| sprite.0).collect();
        let mut ships = world.query_filtered::<Entity, With<Ship>>();
        assert_eq!(shown, ships.iter(world).collect());
        sprites
    };
    assert_eq!(views(&mut lab), BTreeSet::from([1, 2]));
    lab.commands(player, |commands| commands.start_match(seats));
    lab.run_for(Duration::from_secs(3));
    assert_eq!(lab.take_events::<MatchStarted>(player).len(), 2);
    assert_eq!(
        views(&mut lab),
        BTreeSet::from([3, 4]),
        "a rematch has new views"
    );
    lab.leave(player);
    lab.run_for(Duration::from_secs(1));
    assert_eq!(views(&mut lab), BTreeSet::new());
}

#[test]
fn player_may_leave_the_match_and_stay_in_the_room() {
    let (mut lab, players) = play_with(3, 2, |_| {});
    let leaves = players[1];
    lab.commands(leaves, |commands| commands.leave_match());
    lab.run_for(Duration::from_secs(2));
    assert!(!status(&lab, leaves).is_running());
    assert_eq!(ships(&mut lab, leaves), []);
    assert_eq!(lab.take_events::<MatchEnded>(leaves).len(), 1);
    assert!(lab.have_met(&players), "it stays in the room");
    let mut at_ticks = BTreeSet::new();
    for player in [players[0], players[2]] {
        let left = lab.take_events::<SeatLeft>(player);
        assert_eq!(left.len(), 1, "{left:?}");
        at_ticks.insert(left[0].at_tick.0);
        let before = status(&lab, player).tick.0;
        lab.run_for(Duration::from_secs(1));
        assert!(
            status(&lab, player).tick.0 > before + 50,
            "the others play on"
        );
    }
    assert_eq!(at_ticks.len(), 1);
    // The host starts the next match, with all three.
    let host = players[0];
    let seats: Vec<_> = players.iter().map(|&player| lab.peer_id(player)).collect();
    for &player in &players {
        let seats = seats.clone();
        lab.commands(player, |commands| commands.start_match(seats));
    }
    lab.run_for(Duration::from_secs(4));
    for &player in &players {
        assert_eq!(
            status(&lab, player).seats.len(),
            3,
            "{:?}",
            status(&lab, player)
        );
        let ticks = status(&lab, player).tick.0;
        assert!((60..300).contains(&ticks), "{ticks}");
        assert_eq!(lab[player].world().resource::<Age>().0, ticks);
        assert!(lab.take_events::<MatchDesynced>(player).is_empty());
    }
    assert_eq!(lab.take_events::<MatchStarted>(host).len(), 2);
}

#[test]
fn player_that_leaves_the_match_while_it_starts_does_not_hold_up_the_others() {
    let mut lab = Lab::new(23);
    lab.record::<MatchStarted>();
    let players: Vec<_> = (0..2)
        .map(|_| {
            lab.player(|app| {
                app.add_plugins(plugin()).add_plugins(add_game);
            })
        })
        .collect();
    let all = players.clone();
    lab.run_until(|lab| lab.have_met(&all));
    let seats: Vec<_> = players.iter().map(|&player| lab.peer_id(player)).collect();
    for &player in &players {
        let seats = seats.clone();
        lab.commands(player, |commands| commands.start_match(seats));
    }
    lab.run_for(Duration::from_millis(20));
    for &player in &players {
        lab.commands(player, |commands| commands.leave_match());
    }
    lab.run_for(Duration::from_secs(3));
    for &player in &players {
        assert!(!status(&lab, player).is_running());
        let seats = seats.clone();
        lab.commands(player, |commands| commands.start_match(seats));
    }
    lab.run_for(Duration::from_secs(3));
    for &player in &players {
        assert!(
            status(&lab, player).is_running(),
            "{:?}",
            status(&lab, player)
        );
    }
}

#[test]
fn start_resets_what_the_match_before_has_left() {
    let (mut lab, players) = play_with(2, 2, |app| {
        app.add_systems(RollbackStart, |age: Res<Age>| assert_eq!(age.0, 0));
        add_phases(app);
    });
    let seats = status(&lab, players[0]).seats.clone();
    for &player in &players {
        let seats = seats.clone();
        lab.commands(player, |commands| commands.start_match(seats));
    }
    lab.run_for(Duration::from_secs(3));
    for &player in &players {
        assert_eq!(lab.take_events::<MatchStarted>(player).len(), 2);
        assert!(lab[player].world().resource::<Entered>().countdown >= 1);
        assert!(lab.take_events::<MatchDesynced>(player).is_empty());
    }
}
