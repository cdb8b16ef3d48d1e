//! Tests which games are compatible, and the events of incompatible ones.

use std::time::Duration;

use bevy::prelude::*;
use huddle_session::{Refusal, SetupError, TickRate};

use super::game::{LabExt, Pose, Splash, game, lab};
use crate::{
    error::JoinError,
    prelude::*,
    replication::ReplicationAppExt,
    testing::{Conditions, Lab, Player},
};

fn join(options: RoomOptions) -> impl Fn(&mut App) {
    move |app: &mut App| {
        let options = options.clone();
        app.add_systems(Startup, move |mut commands: Commands| {
            commands.join_room(options.clone());
        });
    }
}

fn with_password(app: &mut App, password: &'static str) {
    game(app);
    join(RoomOptions::new("ws://lab/club").join_data(password))(app);
}

/// Runs two incompatible games in one room. Returns the refusal that each receives.
fn refusals(
    first: impl Fn(&mut App) + 'static,
    second: impl Fn(&mut App) + 'static,
) -> [Refusal; 2] {
    let mut lab = lab();
    let (ada, bob) = (lab.player(first), lab.player(second));
    lab.run_for(Duration::from_secs(15));
    [(ada, bob), (bob, ada)].map(|(player, other)| {
        assert_eq!(lab.find_peer(player, other), None);
        assert_eq!(lab.take_events::<PeerJoined>(player), []);
        assert_eq!(lab.take_events::<PeerLeft>(player), []);
        assert_eq!(lab.status(player), RoomStatus::Waiting);
        let mut refused = lab.take_events::<PeerRefused>(player);
        assert_eq!(refused.len(), 1, "{refused:?}");
        let refused = refused.remove(0);
        assert_eq!(
            (refused.entity, refused.peer_id),
            (lab.room(player), lab.peer_id(other))
        );
        refused.refusal
    })
}

#[test]
fn games_with_different_messages_refuse_each_other_and_name_them() {
    fn older(app: &mut App) {
        app.add_peer_event::<u8>("splash")
            .add_peer_event::<u16>("old")
            .replicate::<Pose>("pose");
    }
    fn newer(app: &mut App) {
        app.add_peer_event::<Splash>("splash")
            .replicate::<Pose>("pose");
    }
    for refusal in refusals(older, newer) {
        let text = refusal.to_string();
        assert!(matches!(refusal, Refusal::Messages { .. }), "{text}");
        for part in ["\"old\"", "\"splash\"", "u8", "u32", "the same version"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains("pose"), "{text}");
    }
}

#[test]
fn games_with_different_tick_rates_refuse_each_other() {
    let slow = |app: &mut App| {
        game(app);
        app.insert_resource(Time::<Fixed>::from_hz(30.0));
    };
    let rates = [30.0, 60.0].map(|hz| TickRate::from_hz(hz).unwrap());
    let [mine, theirs] = rates;
    let refused = |mine, theirs| Refusal::TickRate { mine, theirs };
    assert_eq!(
        refusals(slow, game),
        [refused(mine, theirs), refused(theirs, mine)]
    );
}

#[test]
fn games_with_different_ids_refuse_each_other() {
    fn chess(app: &mut App) {
        app.set_game_id("chess 1");
    }
    fn go(app: &mut App) {
        app.set_game_id("go 1");
    }
    let [to_chess, to_go] = refusals(chess, go).map(|refusal| refusal.to_string());
    assert!(
        to_chess.contains("game is \"go 1\", this one is \"chess 1\""),
        "{to_chess}"
    );
    assert!(
        to_go.contains("game is \"chess 1\", this one is \"go 1\""),
        "{to_go}"
    );
}

#[test]
fn rooms_with_different_kick_policies_refuse_each_other() {
    let room = |policy| join(RoomOptions::new("ws://lab/room").kick_policy(policy));
    let [first, second] = refusals(room(KickPolicy::Host), room(KickPolicy::Majority));
    let refused = |mine, theirs| Refusal::KickPolicy { mine, theirs };
    assert_eq!(first, refused(KickPolicy::Host, KickPolicy::Majority));
    assert_eq!(second, refused(KickPolicy::Majority, KickPolicy::Host));
}

/// Adds a player that requires a password and a player that sends one.
fn club(lab: &mut Lab, password: &'static str) -> [Player; 2] {
    let ada = lab.player(|app| {
        with_password(app, "swordfish");
        app.admit_peers(|request| match request.data {
            b"swordfish" => Ok(()),
            _ => Err("the password is wrong".to_owned()),
        });
    });
    [ada, lab.player(move |app| with_password(app, password))]
}

#[test]
fn player_with_the_password_is_admitted() {
    let mut lab = lab();
    let players = club(&mut lab, "swordfish");
    lab.run_until(|lab| lab.have_met(&players));
    assert_eq!(lab.take_events::<PeerRefused>(players[0]), []);
}

#[test]
fn refused_player_receives_the_reason() {
    let mut lab = lab();
    lab.network(Conditions {
        latency: Duration::from_millis(40),
        loss: 0.2,
        ..default()
    });
    let [ada, bob] = club(&mut lab, "sesame");
    lab.run_for(Duration::from_secs(30));
    for (player, by_them) in [(ada, false), (bob, true)] {
        let refused = lab.take_events::<PeerRefused>(player);
        assert_eq!(refused.len(), 1, "{refused:?}");
        let reason = "the password is wrong".to_owned();
        assert_eq!(refused[0].refusal, Refusal::NotAdmitted { by_them, reason });
        assert_eq!(lab.take_events::<PeerJoined>(player), []);
        assert_eq!(lab.status(player), RoomStatus::Waiting);
    }
}

#[test]
fn admission_rule_can_count_the_peers_of_the_room() {
    fn for_two(app: &mut App) {
        game(app);
        app.admit_peers(|request| {
            let peers = request.world.get::<RoomPeers>(request.room);
            match peers.map_or(0, |peers| peers.entities().len()) {
                0 | 1 => Ok(()),
                _ => Err("this match has its two players".to_owned()),
            }
        });
    }
    let mut lab = lab();
    let [ada, bob] = [lab.player(for_two), lab.player(for_two)];
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    let eve = lab.player(for_two);
    lab.run_for(Duration::from_secs(5));
    assert_eq!(lab.take_events::<PeerRefused>(eve).len(), 2);
    assert!(lab.have_met(&[ada, bob]));
    assert_eq!(lab.find_peer(ada, eve), None);
}

#[test]
fn invalid_settings_fail_the_room_when_joining() {
    let mut lab = lab();
    let too_long = [
        lab.player(|app| {
            app.set_game_id("g".repeat(65));
        }),
        lab.player(join(
            RoomOptions::new("ws://lab/room").join_data(vec![0; 1025]),
        )),
    ];
    for player in too_long {
        lab.settle();
        let failed = lab.take_events::<RoomFailed>(player);
        assert!(
            matches!(failed[0].error, JoinError::Setup(SetupError::Terms(_))),
            "{failed:?}"
        );
        assert!(failed[0].error.to_string().contains("maximum"));
    }
    let fast = lab.player(|app| {
        app.insert_resource(Time::<Fixed>::from_hz(2000.0));
    });
    lab.settle();
    let failed = lab.take_events::<RoomFailed>(fast);
    assert!(matches!(failed[0].error, JoinError::TickRate(_)));
}

#[test]
fn message_declared_after_joining_works_in_the_next_room() {
    let mut lab = lab();
    let ada = lab.player(game);
    lab[ada].add_peer_event::<u8>("late");
    let send = |lab: &mut Lab| {
        lab.commands(ada, |commands| commands.send_to(Recipients::All, 7_u8));
        lab.take_events::<SendFailed>(ada)
    };
    let failed = send(&mut lab);
    assert!(
        failed[0].error.to_string().contains("before a room"),
        "{failed:?}"
    );
    lab.leave(ada);
    lab.rejoin(ada);
    assert_eq!(send(&mut lab), []);
}

#[test]
fn is_host_runs_systems_on_the_host_only() {
    #[derive(Resource, Default)]
    struct Frames(u32);
    fn add_systems(app: &mut App) {
        game(app);
        app.init_resource::<Frames>().add_systems(
            Update,
            (|mut frames: ResMut<Frames>| frames.0 += 1).run_if(is_host),
        );
    }
    let mut lab = lab();
    let ada = lab.player(add_systems);
    lab.run_for(Duration::from_secs(1));
    let bob = lab.player(add_systems);
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    lab.settle();
    let frames = |lab: &mut Lab, player| {
        lab[player].world_mut().resource_mut::<Frames>().0 = 0;
        lab.settle();
        lab[player].world().resource::<Frames>().0
    };
    assert!(frames(&mut lab, ada) > 0);
    assert_eq!(frames(&mut lab, bob), 0);
    lab.leave(ada);
    lab.settle();
    assert!(frames(&mut lab, bob) > 0);
    assert_eq!(frames(&mut lab, ada), 0, "no room, no host");
}

#[test]
fn newcomer_is_not_host_when_it_meets_the_first_peer() {
    #[derive(Resource, Default)]
    struct WasHost(Vec<bool>);
    fn add_observer(app: &mut App) {
        game(app);
        app.init_resource::<WasHost>().add_observer(
            |_: On<PeerJoined>, huddle: Huddle, mut was_host: ResMut<WasHost>| {
                was_host.0.push(huddle.is_host());
            },
        );
    }
    let mut lab = lab();
    let ada = lab.player(add_observer);
    lab.run_for(Duration::from_secs(1));
    let bob = lab.player(add_observer);
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    assert_eq!(lab[ada].world().resource::<WasHost>().0, [true]);
    assert_eq!(lab[bob].world().resource::<WasHost>().0, [false]);
}

#[test]
fn host_stays_the_same_while_players_join() {
    for seed in 0..10 {
        let mut lab = Lab::new(seed);
        lab.network(Conditions {
            latency: Duration::from_millis(80),
            loss: 0.05,
            ..default()
        });
        lab.record::<HostChanged>();
        let ada = lab.player(game);
        lab.run_for(Duration::from_secs(2));
        let bob = lab.player(game);
        lab.run_until(|lab| lab.have_met(&[ada, bob]));
        lab.run_for(Duration::from_secs(1));
        let carl = lab.player(game);
        lab.run_until(|lab| lab.have_met(&[ada, bob, carl]));
        lab.run_for(Duration::from_secs(2));
        assert_eq!(lab.take_events::<HostChanged>(ada), [], "seed {seed}");
        let mut hosts = |player| -> Vec<_> {
            let changes = lab.take_events::<HostChanged>(player).into_iter();
            changes.map(|changed| changed.host).collect()
        };
        let (of_bob, of_carl) = (hosts(bob), hosts(carl));
        assert_eq!(of_bob, [lab.peer_id(ada)], "seed {seed}");
        // Carl may meet Bob before Ada.
        assert_eq!(of_carl.last(), Some(&lab.peer_id(ada)), "seed {seed}");
    }
}
