use std::time::Duration;

use bevy::{ecs::system::RunSystemOnce, prelude::*};
use huddle_session::{MAX_EVENT_LEN, QueueError, codec::EncodeError};
use serde::{Deserialize, Serialize};

use super::game::{Blob, LabExt, Pose, Splash, bad_network, game, lab, meet, offline_app};
use crate::{
    error::MessageError,
    prelude::*,
    send::error::{SkippedRecipient, TrySendError},
    testing::{Conditions, Lab, Player},
};

/// Calls [`PeerSender::try_send`] in a system.
fn try_send<T: crate::PeerMessage>(
    lab: &mut Lab,
    player: Player,
    recipients: impl Into<Recipients>,
    message: T,
) -> Result<(), TrySendError> {
    let recipients = recipients.into();
    let send = move |mut sender: PeerSender| sender.try_send(recipients.clone(), &message);
    lab[player].world_mut().run_system_once(send).unwrap()
}

fn stats(lab: &Lab, player: Player, other: Player) -> LinkStats {
    *lab.get::<LinkStats>(player, lab.peer(player, other))
        .unwrap()
}

#[test]
fn broadcast_reaches_the_other_peers_once_and_in_order() {
    let (mut lab, [ada, bob, eve]) = meet();
    lab.commands(ada, |commands| {
        (0..5).for_each(|n| commands.broadcast(Splash(n)));
    });
    lab.settle();
    let expected: Vec<_> = (0..5).map(|n| (lab.peer_id(ada), n)).collect();
    assert_eq!(lab.splashes(ada), []);
    assert_eq!(lab.splashes(bob), expected);
    assert_eq!(lab.splashes(eve), expected);
}

#[test]
fn events_arrive_once_and_in_order_over_a_bad_network() {
    let (mut lab, [ada, bob]) = meet();
    lab.network(bad_network());
    for n in 0..100 {
        lab.commands(ada, |commands| commands.broadcast(Splash(n)));
        lab.run_for(Duration::from_millis(30));
    }
    lab.run_for(Duration::from_secs(20));
    let expected: Vec<_> = (0..100).map(|n| (lab.peer_id(ada), n)).collect();
    assert_eq!(lab.splashes(bob), expected);
}

#[test]
fn events_arrive_once_and_in_order_over_replaced_links() {
    let (mut lab, [ada, bob]) = meet();
    lab.network(Conditions {
        latency: Duration::from_millis(40),
        jitter: Duration::from_millis(30),
        loss: 0.2,
        ..default()
    });
    for n in 0..200 {
        for player in [ada, bob] {
            lab.commands(player, |commands| commands.broadcast(Splash(n)));
        }
        lab.run_for(Duration::from_millis(30));
        match n {
            50 | 90 => lab.replace_link(ada, bob, Duration::ZERO),
            130 => lab.replace_link(ada, bob, Duration::from_millis(500)),
            _ => {}
        }
    }
    lab.run_for(Duration::from_secs(20));
    for (player, other) in [(ada, bob), (bob, ada)] {
        let expected: Vec<_> = (0..200).map(|n| (lab.peer_id(other), n)).collect();
        assert_eq!(lab.splashes(player), expected);
        assert_eq!(lab.take_events::<PeerLeft>(player), []);
    }
}

#[test]
fn events_sent_while_reconnecting_arrive_after_reconnecting() {
    for breaks in [true, false] {
        let (mut lab, [ada, bob]) = meet();
        lab.network(bad_network());
        if breaks {
            lab.break_link(ada, bob);
        }
        lab.partition(&[ada], &[bob]);
        for n in 0..180 {
            for player in [ada, bob] {
                lab.commands(player, |commands| commands.broadcast(Splash(n)));
            }
            lab.run_for(Duration::from_millis(30));
        }
        for (player, other) in [(ada, bob), (bob, ada)] {
            let entity = lab.peer(player, other);
            assert!(lab.get::<Reconnecting>(player, entity).is_some());
            assert_eq!(lab.splashes(player), []);
        }
        lab.heal();
        lab.run_for(Duration::from_secs(20));
        for (player, other) in [(ada, bob), (bob, ada)] {
            let expected: Vec<_> = (0..180).map(|n| (lab.peer_id(other), n)).collect();
            assert_eq!(lab.splashes(player), expected);
            assert_eq!(lab.take_events::<PeerReconnected>(player).len(), 1);
            assert_eq!(lab.take_events::<PeerLeft>(player), []);
            assert_eq!(lab.take_events::<SendFailed>(player), []);
        }
    }
}

#[test]
fn events_to_a_peer_that_stays_reconnecting_are_bounded_and_the_failure_is_reported() {
    let (mut lab, [ada, bob]) = meet();
    lab.break_link(ada, bob);
    lab.partition(&[ada], &[bob]);
    let queued = |lab: &Lab| stats(lab, ada, bob).queued_event_bytes;
    for _ in 0..200 {
        lab.commands(ada, |commands| {
            (0..20).for_each(|_| commands.broadcast(Blob(vec![0; MAX_EVENT_LEN / 2])));
        });
        lab.run_for(Duration::from_millis(20));
    }
    let full = lab.take_events::<SendFailed>(ada);
    assert!(
        full.iter()
            .any(|failed| matches!(failed.error, MessageError::Queue(QueueError::Full { .. })))
    );
    let before = queued(&lab);
    lab.commands(ada, |commands| {
        (0..20).for_each(|_| commands.broadcast(Blob(vec![0; MAX_EVENT_LEN / 2])));
    });
    lab.run_for(Duration::from_millis(100));
    assert_eq!(queued(&lab), before);
}

#[test]
fn unacknowledged_events_of_a_killed_peer_are_undelivered() {
    let (mut lab, [ada, bob]) = meet();
    lab.commands(ada, |commands| commands.broadcast(Splash(0)));
    lab.run_for(Duration::from_secs(1));
    lab.kill(bob);
    lab.commands(ada, |commands| {
        (1..4).for_each(|n| commands.broadcast(Splash(n)));
    });
    lab.run_for(Duration::from_secs(10));
    let undelivered = lab.take_events::<Undelivered<Splash>>(ada);
    let numbers: Vec<_> = undelivered.iter().map(|it| it.message.0).collect();
    assert_eq!(numbers, [1, 2, 3], "the first one was acknowledged");
}

#[test]
fn each_recipient_receives_the_event_once() {
    let (mut lab, players @ [ada, ..]) = meet::<4>();
    let [ada_id, b, c, d] = players.map(|player| lab.peer_id(player));
    let (room, bob, carl) = (
        lab.room(ada),
        lab.peer(ada, players[1]),
        lab.peer(ada, players[2]),
    );
    lab.commands(ada, |commands| {
        commands.send_to(b, Splash(1));
        commands.send_to([b, c, b], Splash(2));
        commands.send_to(vec![d], Splash(3));
        commands.send_to(&[c, d][..], Splash(4));
        commands.send_to([b, d].into_iter().collect::<Recipients>(), Splash(5));
        commands.send_to(Recipients::Others, Splash(6));
        commands.send_to(bob, Splash(7));
        commands.send_to([carl, bob, carl], Splash(8));
        commands.send_to([room, bob], Splash(9));
    });
    lab.settle();
    let received = players.map(|player| {
        let splashes = lab.splashes(player);
        assert!(splashes.iter().all(|&(from, _)| from == ada_id));
        splashes.iter().map(|&(_, n)| n).collect::<Vec<_>>()
    });
    assert_eq!(
        received,
        [
            vec![],
            vec![1, 2, 5, 6, 7, 8, 9],
            vec![2, 4, 6, 8, 9],
            vec![3, 4, 5, 6, 9]
        ]
    );
}

#[test]
fn recipients_all_delivers_to_the_sender_in_order() {
    let (mut lab, [ada, bob]) = meet();
    let (ada_id, peer, local_peer) = (lab.peer_id(ada), lab.peer_id(bob), lab.peer(ada, ada));
    lab.commands(ada, |commands| {
        commands.send_to(Recipients::All, Splash(1));
        commands.broadcast(Splash(2));
        commands.send_to(ada_id, Splash(3));
        commands.send_to([peer, ada_id, ada_id], Splash(4));
        commands.send_to(local_peer, Splash(5));
    });
    assert_eq!(lab.splashes(ada), [], "it does not arrive immediately");
    lab.settle();
    let mine = lab.take_events::<FromPeer<Splash>>(ada);
    let expected = [1, 3, 4, 5].map(|n| FromPeer {
        entity: local_peer,
        peer_id: ada_id,
        message: Splash(n),
    });
    assert_eq!(mine, expected);
    assert_eq!(lab.splashes(bob), [(ada_id, 1), (ada_id, 2), (ada_id, 4)]);
}

#[test]
fn event_to_all_sent_by_its_observer_arrives_in_the_next_frame() {
    let (mut lab, [ada]) = meet();
    lab[ada].add_observer(|splash: On<FromPeer<Splash>>, mut commands: Commands| {
        commands.send_to(Recipients::All, Splash(splash.message.0 + 1));
    });
    lab.commands(ada, |commands| {
        commands.send_to(Recipients::All, Splash(1));
    });
    lab.frame(ada);
    assert_eq!(lab.splashes(ada).len(), 1);
    lab.frame(ada);
    assert_eq!(lab.splashes(ada), [(lab.peer_id(ada), 2)]);
}

#[test]
fn event_triggers_observers_of_the_sender_and_is_written_as_a_message() {
    #[derive(Resource, Default)]
    struct Log(Vec<&'static str>);
    let (mut lab, [ada, bob]) = meet();
    let entity = lab.peer(bob, ada);
    lab[bob].init_resource::<Log>().add_systems(
        Update,
        |mut splashes: MessageReader<FromPeer<Splash>>, mut log: ResMut<Log>| {
            log.0.extend(splashes.read().map(|_| "message"));
        },
    );
    lab[bob]
        .world_mut()
        .entity_mut(entity)
        .observe(|_: On<FromPeer<Splash>>, mut log: ResMut<Log>| log.0.push("observer"));
    lab.commands(ada, |commands| commands.broadcast(Splash(1)));
    lab.settle();
    assert_eq!(
        lab[bob].world().resource::<Log>().0,
        ["observer", "message"]
    );
    assert_eq!(lab.take_events::<FromPeer<Splash>>(bob)[0].entity, entity);
}

#[test]
fn to_peers_messages_are_sent_in_order() {
    let (mut lab, [ada, bob]) = meet();
    let (ada_id, peer) = (lab.peer_id(ada), lab.peer_id(bob));
    let write = move |mut splashes: MessageWriter<ToPeers<Splash>>| {
        splashes.write(ToPeers::others(Splash(1)));
        splashes.write(ToPeers::to(peer, Splash(2)));
        splashes.write(ToPeers::to(ada_id, Splash(3)));
        splashes.write(ToPeers::to(Recipients::All, Splash(4)));
    };
    lab[ada].world_mut().run_system_once(write).unwrap();
    lab.settle();
    assert_eq!(lab.splashes(bob), [(ada_id, 1), (ada_id, 2), (ada_id, 4)]);
    assert_eq!(lab.splashes(ada), [(ada_id, 3), (ada_id, 4)]);
}

#[test]
fn to_peers_message_to_an_unknown_peer_fails_like_a_command() {
    let (mut lab, [ada]) = meet();
    let stranger = PeerId::from_u128(0);
    lab[ada]
        .world_mut()
        .write_message(ToPeers::to(stranger, Splash(1)));
    lab.settle();
    assert_eq!(
        lab.take_events::<SendFailed>(ada),
        [SendFailed {
            message: "splash",
            peer_id: Some(stranger),
            transfer: None,
            error: MessageError::UnknownPeer
        }]
    );
}

#[test]
fn observer_can_reply() {
    let (mut lab, [ada, bob]) = meet();
    lab[bob].add_observer(|splash: On<FromPeer<Splash>>, mut commands: Commands| {
        commands.send_to(splash.peer_id, Splash(splash.message.0 + 1));
    });
    lab.commands(ada, |commands| commands.broadcast(Splash(1)));
    lab.settle();
    assert_eq!(lab.splashes(ada), [(lab.peer_id(bob), 2)]);
}

#[test]
fn events_are_sent_in_frames_without_a_tick() {
    let (mut lab, [ada, bob]) = meet();
    lab[ada].world_mut().resource_mut::<Time<Virtual>>().pause();
    lab[ada].add_systems(Update, |mut commands: Commands, mut sent: Local<bool>| {
        if !std::mem::replace(&mut *sent, true) {
            commands.broadcast(Splash(1));
        }
    });
    lab.settle();
    assert_eq!(lab.splashes(bob), [(lab.peer_id(ada), 1)]);
}

#[test]
fn events_wait_for_the_network_without_loss() {
    let (mut lab, [ada, bob]) = meet();
    lab.partition(&[ada], &[bob]);
    let blob = |n| Blob(vec![n; 8000]);
    lab.commands(ada, |commands| {
        (0..40).for_each(|n| commands.broadcast(blob(n)));
    });
    lab.settle();
    assert_eq!(lab.take_events::<FromPeer<Blob>>(bob), []);
    let waiting = stats(&lab, ada, bob);
    assert!(waiting.queued_events >= 40, "{waiting:?}");
    assert!(waiting.queued_event_bytes >= 8000 * 40);
    lab.heal();
    lab.run_for(Duration::from_secs(10));
    let blobs = lab.take_events::<FromPeer<Blob>>(bob);
    assert!(
        blobs
            .into_iter()
            .map(|got| got.message)
            .eq((0..40).map(blob))
    );
    assert_eq!(stats(&lab, ada, bob).queued_events, 0);
}

#[test]
fn longest_event_arrives_and_a_longer_one_fails() {
    let (mut lab, [ada, bob]) = meet();
    // The length prefix takes three bytes.
    let longest = Blob(vec![7; MAX_EVENT_LEN - 3]);
    lab.commands(ada, |commands| {
        commands.broadcast(longest.clone());
        commands.broadcast(Blob(vec![7; MAX_EVENT_LEN - 2]));
    });
    lab.settle();
    let arrived = lab.take_events::<FromPeer<Blob>>(bob);
    assert_eq!(arrived.len(), 1);
    assert_eq!(arrived[0].message, longest);
    let failed = lab.take_events::<SendFailed>(ada);
    assert_eq!(failed.len(), 1);
    assert_eq!((failed[0].message, failed[0].peer_id), ("blob", None));
    let too_long = EncodeError::TooLong {
        len: MAX_EVENT_LEN + 1,
        max: MAX_EVENT_LEN,
    };
    assert_eq!(failed[0].error, MessageError::Encode(too_long));
    assert_eq!(
        failed[0].error.to_string(),
        "the message is 65537 bytes long, but the maximum is 65536: send less at a time, or split it"
    );
}

#[test]
fn sending_fails_once_the_send_queue_is_full() {
    let (mut lab, [ada, bob]) = meet();
    lab.partition(&[ada], &[bob]);
    for _ in 0..15 {
        lab.commands(ada, |commands| {
            (0..10).for_each(|_| commands.broadcast(Blob(vec![0; 8000])));
        });
        lab.frame(ada);
    }
    let failed = lab.take_events::<SendFailed>(ada);
    assert!((1..150).contains(&failed.len()), "{} failed", failed.len());
    assert_eq!(failed[0].peer_id, Some(lab.peer_id(bob)));
    assert!(matches!(
        failed[0].error,
        MessageError::Queue(QueueError::Full { .. })
    ));
}

#[test]
fn try_send_returns_peers_with_full_queues_and_sends_to_the_rest() {
    let (mut lab, [ada, bob, eve]) = meet();
    let [peer, other] = [lab.peer_id(bob), lab.peer_id(eve)];
    lab.partition(&[ada], &[bob]);
    let blob = || Blob(vec![0; 8000]);
    let mut sent = 0;
    let full = loop {
        match try_send(&mut lab, ada, peer, blob()) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
        lab.frame(ada);
    };
    assert!((50..200).contains(&sent), "{sent}");
    assert!(full.is_full(), "{full:?}");
    assert_eq!(full.skipped_peers().collect::<Vec<_>>(), [peer]);
    let MessageError::Queue(QueueError::Full { queued }) = full.skipped()[0].error else {
        panic!("{full:?}");
    };
    let count = move |sender: PeerSender| sender.queued(peer);
    let waits = lab[ada].world_mut().run_system_once(count).unwrap();
    assert_eq!(waits, queued);
    let text = full.to_string();
    assert!(text.starts_with(&peer.to_string()), "{text}");

    assert_eq!(
        try_send(&mut lab, ada, Recipients::Others, blob()),
        Err(full)
    );
    lab.settle();
    assert_eq!(lab.take_events::<FromPeer<Blob>>(eve).len(), 1);
    assert_eq!(try_send(&mut lab, ada, other, blob()), Ok(()));
    lab.heal();
    lab.run_for(Duration::from_secs(10));
    assert_eq!(lab.take_events::<FromPeer<Blob>>(bob).len(), sent);
    assert_eq!(try_send(&mut lab, ada, Recipients::Others, blob()), Ok(()));
    assert_eq!(
        lab.take_events::<SendFailed>(ada),
        [],
        "errors are returned"
    );
}

#[test]
fn hanging_peer_does_not_block_events_to_other_peers() {
    let (mut lab, [ada, bob, eve]) = meet();
    let peer = lab.peer_id(eve);
    // Eve's game runs no frames during the test, but its link stays open.
    lab.frame_rate(eve, 0.0001);
    let (mut sent, mut failed) = (0, 0);
    for n in 0..20 * 60 {
        let event = Blob(vec![0; 1000]);
        match try_send(&mut lab, ada, Recipients::Others, event) {
            Ok(()) => sent += 1,
            Err(error) => {
                assert!(error.is_full(), "{error}");
                assert_eq!(error.skipped_peers().collect::<Vec<_>>(), [peer]);
                failed += 1;
            }
        }
        lab.commands(ada, |commands| commands.broadcast(Splash(n)));
        lab.run_for(Duration::from_millis(50));
    }
    lab.settle();
    assert!(sent > 400 && failed > 400, "{sent} and {failed}");
    assert_eq!(lab.take_events::<FromPeer<Blob>>(bob).len(), sent + failed);
    assert_eq!(lab.splashes(bob).len(), 20 * 60);
    let mut failed = lab.take_events::<SendFailed>(ada);
    failed.retain(|failed| failed.peer_id != Some(peer));
    assert_eq!(failed, [], "only the peer that hangs misses events");
}

#[test]
fn try_send_returns_permanent_errors() {
    #[derive(Serialize, Deserialize)]
    struct Forgotten;
    let (mut lab, [ada, bob]) = meet();
    let [peer, stranger] = [lab.peer_id(bob), PeerId::from_u128(0)];
    let mut refused = |recipients: Recipients| try_send(&mut lab, ada, recipients, Splash(1));
    let skipped = |peer, error| {
        Err(TrySendError::Skipped(vec![SkippedRecipient {
            peer_id: peer,
            error,
        }]))
    };
    assert_eq!(
        refused([peer, stranger].into()),
        skipped(Some(stranger), MessageError::UnknownPeer)
    );
    assert_eq!(
        refused(Entity::PLACEHOLDER.into()),
        skipped(None, MessageError::UnknownEntity)
    );
    let forgotten = try_send(&mut lab, ada, peer, Forgotten);
    assert_eq!(forgotten, Err(MessageError::NotDeclared.into()));
    lab.settle();
    let ada_id = lab.peer_id(ada);
    assert_eq!(lab.splashes(bob), [(ada_id, 1)], "Bob receives the event");

    let mut app = offline_app();
    let send = |mut sender: PeerSender| sender.try_send(Recipients::Others, &Splash(1));
    let nowhere = app.world_mut().run_system_once(send).unwrap();
    assert_eq!(nowhere, Err(TrySendError::NoRoom));
}

#[test]
fn undelivered_events_are_reported_in_order_before_the_peer_leaves() {
    #[derive(Resource, Default)]
    struct Reports(Vec<String>);
    let (mut lab, [ada, bob]) = meet();
    let (bob_id, entity) = (lab.peer_id(bob), lab.peer(ada, bob));
    lab[ada]
        .init_resource::<Reports>()
        .add_observer(
            |lost: On<Undelivered<Splash>>, peers: Query<&Peer>, mut reports: ResMut<Reports>| {
                assert!(peers.contains(lost.entity));
                reports.0.push(format!("{}", lost.message.0));
            },
        )
        .add_observer(|_: On<PeerLeft>, mut reports: ResMut<Reports>| {
            reports.0.push("left".to_owned())
        })
        .add_systems(
            Update,
            |mut lost: MessageReader<Undelivered<Splash>>, mut reports: ResMut<Reports>| {
                reports
                    .0
                    .extend(lost.read().map(|lost| format!("read {}", lost.message.0)));
            },
        );
    lab.partition(&[ada], &[bob]);
    lab.commands(ada, |commands| {
        (0..33).for_each(|_| commands.broadcast(Blob(vec![0; 8000])));
        commands.broadcast(Splash(1));
        commands.broadcast(Splash(2));
    });
    lab.run_for(Duration::from_secs(9));
    assert_eq!(
        lab[ada].world().resource::<Reports>().0,
        ["1", "2", "left", "read 1", "read 2"]
    );
    let undelivered = lab.take_events::<Undelivered<Splash>>(ada);
    assert_eq!(
        (undelivered[0].peer_id, undelivered[0].entity),
        (bob_id, entity)
    );
    assert_eq!(lab.splashes(bob), []);
}

#[test]
fn unknown_recipient_fails_and_the_others_receive_the_event() {
    let (mut lab, [ada, bob]) = meet();
    let (ada_id, peer, stranger) = (lab.peer_id(ada), lab.peer_id(bob), PeerId::from_u128(0));
    lab.commands(ada, |commands| {
        commands.send_to([stranger, peer], Splash(1));
        commands.send_to(Entity::PLACEHOLDER, Splash(2));
    });
    lab.settle();
    assert_eq!(lab.splashes(bob), [(ada_id, 1)]);
    let failed = |peer, error| SendFailed {
        message: "splash",
        peer_id: peer,
        transfer: None,
        error,
    };
    assert_eq!(
        lab.take_events::<SendFailed>(ada),
        [
            failed(Some(stranger), MessageError::UnknownPeer),
            failed(None, MessageError::UnknownEntity)
        ]
    );
}

#[test]
fn send_failed_observer_can_send_again() {
    let (mut lab, [ada, bob]) = meet();
    lab[ada].add_observer(|failed: On<SendFailed>, mut commands: Commands| {
        if failed.error == MessageError::UnknownPeer {
            commands.broadcast(Splash(2));
        }
    });
    lab.commands(ada, |commands| {
        commands.send_to(PeerId::from_u128(0), Splash(1));
    });
    lab.settle();
    assert_eq!(lab.splashes(bob), [(lab.peer_id(ada), 2)]);
}

#[test]
fn undeclared_type_is_named_in_send_failed() {
    #[derive(Serialize, Deserialize)]
    struct Forgotten;
    let mut lab = lab();
    let ada = lab.player(game);
    lab.commands(ada, |commands| {
        commands.broadcast(Forgotten);
        // A component is not an event.
        commands.broadcast(Pose(1));
    });
    let failed = lab.take_events::<SendFailed>(ada);
    assert_eq!(failed.len(), 2);
    assert!(
        failed
            .iter()
            .all(|failed| failed.error == MessageError::NotDeclared)
    );
    assert!(failed[0].message.ends_with("Forgotten"));
    assert!(failed[0].error.to_string().contains("add_peer_event"));
}

#[test]
#[should_panic(expected = "the message name \"splash\" is already in use")]
fn name_cannot_be_declared_twice() {
    offline_app().add_peer_event::<u8>("splash");
}

#[test]
#[should_panic(expected = "is declared twice, as \"splash\" and as \"splosh\"")]
fn type_cannot_be_declared_twice() {
    offline_app().add_peer_event::<Splash>("splosh");
}
