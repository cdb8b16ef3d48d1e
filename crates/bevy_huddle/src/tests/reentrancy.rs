//! Observers that leave rooms, despawn entities and disconnect peers: every event with every
//! action.

use std::{any::type_name, collections::BTreeMap, time::Duration};

use bevy::{ecs::entity::EntityHashMap, platform::time::Instant, prelude::*};
use bytes::Bytes;
use huddle_mesh::{Channel, LinkFailure, PeerId, ProtocolViolation, RoomError, RoomEvent};

use super::game::{Blob, Pose, Splash, game, set_pose};
use crate::{
    message::{event::Undelivered, raw::RawReceived},
    prelude::*,
    room::{components::Rooms, link::RoomLink},
    testing::{Conditions, Lab, Player},
};

/// What an observer does.
type Action = fn(&Huddle, &mut Commands);

/// The name of an event, and a function that adds an observer for it, which runs an action.
type Observed = (&'static str, fn(&mut App, Action));

fn event<E: Event<Trigger<'static>: Default>>() -> Observed {
    (type_name::<E>(), |app, action| {
        app.add_observer(move |_: On<E>, huddle: Huddle, mut commands: Commands| {
            count::<E>(&mut commands);
            action(&huddle, &mut commands);
        });
    })
}

fn inserted<C: Component>() -> Observed {
    (type_name::<C>(), |app, action| {
        app.add_observer(
            move |_: On<Insert, C>, huddle: Huddle, mut commands: Commands| {
                count::<C>(&mut commands);
                action(&huddle, &mut commands);
            },
        );
    })
}

/// Returns every event of this crate, and the components that it inserts while it handles events.
fn all_events() -> Vec<Observed> {
    vec![
        event::<PeerJoined>(),
        event::<PeerLeft>(),
        event::<PeerReconnecting>(),
        event::<PeerReconnected>(),
        event::<PeerStopped>(),
        event::<PeerResumed>(),
        event::<PeerPending>(),
        event::<LinkFailed>(),
        event::<PeerRefused>(),
        event::<PeerKicked>(),
        event::<KickFailed>(),
        event::<HostChanged>(),
        event::<MeshChanged>(),
        event::<TicksSkipped>(),
        event::<TransferStarted>(),
        event::<TransferProgress>(),
        event::<TransferReceived>(),
        event::<TransferDelivered>(),
        event::<TransferFailed>(),
        event::<RoomStatusChanged>(),
        event::<SignalingChanged>(),
        event::<RoomFailed>(),
        event::<SetIceServersFailed>(),
        event::<TokenNeeded>(),
        event::<SendFailed>(),
        event::<MessageRejected>(),
        event::<SignalRejected>(),
        event::<RawReceived>(),
        event::<FromPeer<Splash>>(),
        event::<Undelivered<Splash>>(),
        inserted::<Room>(),
        inserted::<RoomStatus>(),
        inserted::<Peer>(),
        inserted::<PeerOf>(),
        inserted::<Reconnecting>(),
        inserted::<Stopped>(),
        inserted::<PendingPeers>(),
        inserted::<LinkedWith>(),
        inserted::<Pose>(),
    ]
}

/// The events that an app observed, and the errors in their order.
#[derive(Resource, Default)]
struct EventLog {
    joined: EntityHashMap<u32>,
    left: EntityHashMap<u32>,
    statuses: EntityHashMap<RoomStatus>,
    failed: EntityHashMap<u32>,
    faults: Vec<String>,
}

/// The number of runs of the acting observer, by event.
#[derive(Resource, Default)]
struct Acted(BTreeMap<&'static str, u32>);

fn count<T>(commands: &mut Commands) {
    commands.queue(|world: &mut World| {
        let mut acted = world.get_resource_or_init::<Acted>();
        *acted.0.entry(type_name::<T>()).or_default() += 1;
    });
}

/// Records a fault if an event targets a despawned entity or is triggered after `PeerLeft`.
fn watch<E: EntityEvent<Trigger<'static>: Default>>(app: &mut App) {
    app.add_observer(
        |event: On<E>, entities: Query<()>, mut log: ResMut<EventLog>| {
            let (name, target) = (type_name::<E>(), event.event_target());
            if entities.get(target).is_err() {
                log.faults.push(format!("{name} for a despawned entity"));
            }
            if log.left.contains_key(&target) {
                log.faults.push(format!("{name} after PeerLeft"));
            }
        },
    );
}

fn watch_all(app: &mut App) {
    game(app);
    app.init_resource::<EventLog>();
    watch::<PeerJoined>(app);
    watch::<PeerReconnecting>(app);
    watch::<PeerReconnected>(app);
    watch::<PeerStopped>(app);
    watch::<PeerResumed>(app);
    watch::<PeerPending>(app);
    watch::<LinkFailed>(app);
    watch::<PeerRefused>(app);
    watch::<PeerKicked>(app);
    watch::<KickFailed>(app);
    watch::<HostChanged>(app);
    watch::<MeshChanged>(app);
    watch::<TicksSkipped>(app);
    watch::<TransferStarted>(app);
    watch::<TransferProgress>(app);
    watch::<TransferReceived>(app);
    watch::<TransferDelivered>(app);
    watch::<TransferFailed>(app);
    watch::<RoomStatusChanged>(app);
    watch::<SignalingChanged>(app);
    watch::<RoomFailed>(app);
    watch::<SetIceServersFailed>(app);
    watch::<TokenNeeded>(app);
    watch::<MessageRejected>(app);
    watch::<SignalRejected>(app);
    watch::<RawReceived>(app);
    watch::<FromPeer<Splash>>(app);
    watch::<Undelivered<Splash>>(app);
    app.add_observer(|event: On<PeerJoined>, mut log: ResMut<EventLog>| {
        *log.joined.entry(event.entity).or_default() += 1;
    });
    app.add_observer(|event: On<PeerLeft>, mut log: ResMut<EventLog>| {
        *log.left.entry(event.entity).or_default() += 1;
    });
    app.add_observer(|event: On<RoomFailed>, mut log: ResMut<EventLog>| {
        *log.failed.entry(event.entity).or_default() += 1;
    });
    app.add_observer(|event: On<RoomStatusChanged>, mut log: ResMut<EventLog>| {
        let before = log.statuses.insert(event.entity, event.to);
        if before.unwrap_or_default() != event.from || event.from == event.to {
            log.faults.push(format!("{:?} after {before:?}", *event));
        }
    });
}

/// Checks the events and entities of a player's game.
fn check(lab: &Lab, player: Player, context: &str) {
    let world = lab[player].world();
    let log = world.resource::<EventLog>();
    assert!(log.faults.is_empty(), "{context}: {:?}", log.faults);
    for (&entity, &joined) in &log.joined {
        assert_eq!(joined, 1, "{context}: PeerJoined for {entity}");
        let left = log.left.get(&entity).copied().unwrap_or_default();
        let is_here = world.get::<Peer>(entity).is_some();
        let expected = u32::from(!is_here);
        assert_eq!(left, expected, "{context}: PeerLeft for {entity}");
        assert_eq!(world.get_entity(entity).is_ok(), is_here, "{context}");
    }
    for entity in log.left.keys() {
        let has_joined = log.joined.contains_key(entity);
        assert!(has_joined, "{context}: PeerLeft without PeerJoined");
    }
    for (entity, &failed) in &log.failed {
        assert_eq!(failed, 1, "{context}: RoomFailed for {entity}");
    }
    for &room in &**world.resource::<Rooms>() {
        let link = world.get::<RoomLink>(room).expect("the room has a link");
        let status = world
            .get::<RoomStatus>(room)
            .expect("the room has a status");
        let is_playing = *status == RoomStatus::Playing;
        assert_eq!(is_playing, link.peers.count() > 0, "{context}: {status}");
        for peer in link.peers.present() {
            let entity = link.peers.entity(peer).expect("the peer has an entity");
            assert!(log.joined.contains_key(&entity), "{context}: {peer}");
            assert!(world.get::<Peer>(entity).is_some(), "{context}: {peer}");
        }
    }
}

/// Checks that both players have a peer entity for each other, or that neither has.
fn check_pair(lab: &Lab, a: Player, b: Player, context: &str) {
    let has_peer = |one, other| lab.find_peer(one, other).is_some();
    assert_eq!(
        has_peer(a, b),
        has_peer(b, a),
        "{context}: only one has a peer entity"
    );
}

/// Plays a match that triggers every event, while one player's observers run an action. Returns how
/// often each observer ran.
fn play(observed: &[Observed], action: Action, context: &str) -> BTreeMap<&'static str, u32> {
    /// A low frame rate, so that the tests take less time.
    const HZ: f64 = 15.0;
    let mut lab = Lab::new(7);
    lab.network(Conditions {
        latency: Duration::from_millis(20),
        ..default()
    });
    let join = |app: &mut App| {
        watch_all(app);
        app.insert_resource(Time::<Fixed>::from_hz(HZ));
        app.add_systems(Startup, |mut commands: Commands| {
            let options = RoomOptions::new("ws://lab/room").relay_only();
            commands.join_room(options.kick_policy(KickPolicy::Host));
        });
    };
    let bob = lab.player(join);
    lab.frame_rate(bob, HZ);
    lab.run_for(Duration::from_millis(1200));
    let acting: Vec<_> = observed.iter().map(|&(_, observe)| observe).collect();
    let ada = lab.player(move |app| {
        join(app);
        acting.iter().for_each(|observe| observe(app, action));
    });
    let eve = lab.player(join);
    let carl = lab.player(|app| {
        app.set_game_id("another game");
        app.add_systems(Startup, |mut commands: Commands| {
            commands.join_room("ws://lab/room");
        });
    });
    for player in [ada, eve, carl] {
        lab.frame_rate(player, HZ);
    }
    let [b, e] = [bob, eve].map(|player| lab.peer_id(player));
    // An observer may have left the room while it was being joined.
    let is_in = !lab[ada].world().resource::<Rooms>().is_empty();
    let a = if is_in {
        lab.peer_id(ada)
    } else {
        PeerId::from_u128(0)
    };
    lab.run_for(Duration::from_secs(1));

    let send_all = |commands: &mut Commands| {
        commands.broadcast(Splash(1));
        set_pose(commands, 1);
        commands.send_transfer(Recipients::Others, "map", vec![7; 20_000]);
    };
    lab.commands(bob, send_all);
    lab.commands(ada, send_all);
    lab.commands(ada, |commands| {
        commands.broadcast(Blob(vec![0; 100_000]));
        commands.kick_peer(e);
    });
    if let Some(&room) = lab[ada].world().resource::<Rooms>().first() {
        lab.commands(ada, move |commands| commands.set_ice_servers(room, []));
    }
    lab.run_for(Duration::from_millis(500));

    let stranger = PeerId::from_u128(77);
    let injected = [
        RoomEvent::LinkFailed {
            peer_id: stranger,
            reason: LinkFailure::NoPath,
            attempt: 1,
        },
        RoomEvent::ProtocolViolation {
            source: ViolationSource::Peer(b),
            violation: ProtocolViolation::Text(Channel::Events),
            count: 1,
        },
        RoomEvent::ProtocolViolation {
            source: ViolationSource::Server,
            violation: ProtocolViolation::SecondId,
            count: 1,
        },
        RoomEvent::TokenNeeded {
            reason: "expired".to_owned(),
        },
        RoomEvent::PeerJoined {
            peer_id: stranger,
            rejoined: false,
            is_matchbox_client: true,
        },
        RoomEvent::Packet {
            peer_id: stranger,
            channel: Channel::Events,
            bytes: Bytes::from_static(b"ping"),
            arrived: Instant::now(),
        },
    ];
    for event in injected {
        lab.virtual_network().lock().inject(a, event);
    }
    lab.run_for(Duration::from_millis(200));

    // Wait until Eve's game counts as busy.
    lab.frame_rate(eve, 0.25);
    lab.virtual_network().lock().block(a, b);
    lab.run_for(Duration::from_millis(1300));
    lab.heal();
    lab.run_for(Duration::from_millis(1500));
    lab.frame_rate(eve, HZ);
    lab.run_for(Duration::from_millis(1500));
    lab.stop_server();
    lab.run_for(Duration::from_millis(100));
    lab.start_server();
    lab.commands(bob, |commands| commands.kick_peer(e));
    lab.run_for(Duration::from_millis(1200));
    for player in [ada, bob, eve] {
        check(&lab, player, context);
    }
    check_pair(&lab, ada, bob, context);

    if lab[ada].world().resource::<Rooms>().is_empty() {
        // The rest of the match needs a room.
        return acted(&lab, ada);
    }
    lab.commands(ada, send_all);
    lab.kill(bob);
    lab.run_for(Duration::from_millis(3500));
    check(&lab, ada, context);
    let failure = RoomEvent::Failed(RoomError::Refused("closed".to_owned()));
    lab.virtual_network().lock().inject(a, failure);
    lab.run_for(Duration::from_millis(300));
    check(&lab, ada, context);
    acted(&lab, ada)
}

fn acted(lab: &Lab, player: Player) -> BTreeMap<&'static str, u32> {
    let acted = lab[player].world().get_resource::<Acted>();
    acted.map(|acted| acted.0.clone()).unwrap_or_default()
}

/// Plays once for each event, with an observer that runs the action.
fn act_in_each(action: Action) {
    for observed in all_events() {
        play(&[observed], action, observed.0);
    }
}

/// Does the same as [`act_in_each`] for only a few events. Use it for actions that have the same
/// effect as an action that is tested for every event.
fn act_in_some(action: Action) {
    let events = [
        event::<PeerJoined>(),
        event::<PeerLeft>(),
        event::<RoomStatusChanged>(),
        event::<FromPeer<Splash>>(),
        inserted::<Room>(),
        inserted::<Peer>(),
    ];
    for observed in events {
        play(&[observed], action, observed.0);
    }
}

/// Runs `f` on every peer entity that exists.
fn on_peers(huddle: &Huddle, commands: &mut Commands, f: fn(&mut EntityWorldMut)) {
    for (peer, _) in huddle.peers() {
        on_entity(peer, commands, f);
    }
}

fn on_entity(entity: Entity, commands: &mut Commands, f: fn(&mut EntityWorldMut)) {
    commands.queue(move |world: &mut World| {
        if let Ok(mut entity) = world.get_entity_mut(entity) {
            f(&mut entity);
        }
    });
}

#[test]
fn script_triggers_every_event() {
    let acted = play(&all_events(), |_, _| {}, "all");
    for (name, _) in all_events() {
        assert!(
            acted.contains_key(name),
            "{name} was never triggered: {acted:?}"
        );
    }
}

#[test]
fn leaving_all_rooms_in_any_observer_is_safe() {
    act_in_each(|_, commands| commands.leave_rooms());
}

#[test]
fn leaving_and_joining_in_any_observer_is_safe() {
    /// The number of times that the game has left. Without a limit, an observer of `Room` would
    /// repeat forever.
    #[derive(Resource, Default)]
    struct Left(u32);
    act_in_each(|_, commands| {
        commands.queue(|world: &mut World| {
            let mut left = world.get_resource_or_init::<Left>();
            left.0 += 1;
            if left.0 <= 3 {
                let mut commands = world.commands();
                commands.leave_rooms();
                commands.join_room("ws://lab/another");
                set_pose(&mut commands, 2);
                world.flush();
            }
        });
    });
}

#[test]
fn despawning_the_room_in_any_observer_is_safe() {
    act_in_each(|huddle, commands| {
        if let Some(room) = huddle.room() {
            commands.entity(room).try_despawn();
        }
    });
}

#[test]
fn despawning_the_peers_in_any_observer_is_safe() {
    act_in_each(|huddle, commands| {
        for (peer, _) in huddle.peers() {
            commands.entity(peer).try_despawn();
        }
    });
}

#[test]
fn disconnecting_the_peers_in_any_observer_is_safe() {
    act_in_each(|huddle, commands| {
        for (_, peer) in huddle.peers() {
            commands.disconnect_peer(peer.id);
        }
    });
}

#[test]
fn sending_and_kicking_in_any_observer_is_safe() {
    act_in_each(|huddle, commands| {
        commands.send_to(Recipients::All, Splash(2));
        commands.send_transfer(Recipients::Others, "again", vec![1, 2, 3]);
        for (_, peer) in huddle.peers() {
            commands.kick_peer(peer.id);
        }
    });
}

#[test]
fn removing_components_of_peers_in_any_observer_is_safe() {
    let actions: [Action; 3] = [
        |huddle, commands| {
            on_peers(huddle, commands, |peer| {
                peer.remove::<Peer>();
            })
        },
        |huddle, commands| {
            on_peers(huddle, commands, |peer| {
                peer.remove::<PeerOf>();
            })
        },
        |huddle, commands| {
            on_peers(huddle, commands, |peer| {
                peer.clear();
            })
        },
    ];
    actions.into_iter().for_each(act_in_some);
}

#[test]
fn removing_components_of_the_room_in_any_observer_is_safe() {
    fn on_room(huddle: &Huddle, commands: &mut Commands, f: fn(&mut EntityWorldMut)) {
        if let Some(room) = huddle.room() {
            on_entity(room, commands, f);
        }
    }
    let actions: [Action; 4] = [
        |huddle, commands| {
            on_room(huddle, commands, |room| {
                room.remove::<Room>();
            })
        },
        |huddle, commands| {
            on_room(huddle, commands, |room| {
                room.remove::<RoomStatus>();
            })
        },
        |huddle, commands| {
            on_room(huddle, commands, |room| {
                room.remove::<RoomPeers>();
            })
        },
        |huddle, commands| {
            on_room(huddle, commands, |room| {
                room.clear();
            })
        },
    ];
    actions.into_iter().for_each(act_in_some);
}
