use bevy::prelude::*;
use bytes::Bytes;
use huddle_mesh::{Channel, RoomEvent, SendError};

use super::game::{LabExt, Splash, game, lab};
use crate::{
    error::MessageError,
    message::raw::RawReceived,
    prelude::*,
    testing::{Lab, Player},
};

/// Returns two players that treat each other as matchbox clients.
fn mutual_matchbox_clients() -> (Lab, [Player; 2]) {
    let mut lab = lab();
    lab.record::<RawReceived>();
    let players @ [ada, bob] = [lab.player(game), lab.player(game)];
    lab.run_until(|lab| lab.have_met(&players));
    for (player, other) in [(ada, bob), (bob, ada)] {
        let peer = lab.peer_id(other);
        let joined = RoomEvent::PeerJoined {
            peer_id: peer,
            rejoined: false,
            is_matchbox_client: true,
        };
        lab.inject(player, joined);
    }
    lab.settle();
    for player in players {
        // Packets that were in flight before the injected event.
        lab.take_events::<RawReceived>(player);
    }
    (lab, players)
}

fn send(lab: &mut Lab, from: Player, to: Player, channel: Channel, bytes: impl Into<Bytes>) {
    let to = lab.peer_id(to);
    lab.commands(from, |commands| commands.send_raw(to, channel, bytes));
}

/// Returns the error of the last failed send, if any.
fn failure(lab: &mut Lab, player: Player) -> Option<MessageError> {
    let failed = lab.take_events::<SendFailed>(player).pop()?;
    assert_eq!(failed.message, "raw bytes");
    Some(failed.error)
}

#[test]
fn raw_bytes_arrive_in_both_directions_on_every_channel() {
    let (mut lab, [ada, bob]) = mutual_matchbox_clients();
    for channel in Channel::ALL {
        for (from, to) in [(ada, bob), (bob, ada)] {
            let entity = lab.peer(to, from);
            // The first three start like a hello of the handshake, an event and a packet.
            for bytes in [
                &[0x01, 1][..],
                &[0x10],
                &[0x20, 0, 0, 0],
                &[0x77; 1000],
                &[],
            ] {
                send(&mut lab, from, to, channel, bytes);
                lab.settle();
                let received = RawReceived {
                    entity,
                    peer_id: lab.peer_id(from),
                    channel,
                    bytes: Bytes::from_static(bytes),
                };
                assert_eq!(lab.take_events::<RawReceived>(to), [received]);
            }
        }
    }
    for player in [ada, bob] {
        assert_eq!(lab.take_events::<SendFailed>(player), []);
        assert_eq!(lab.take_events::<MessageRejected>(player), []);
    }
}

#[test]
fn many_raw_packets_do_not_disconnect_their_sender() {
    let (mut lab, [ada, bob]) = mutual_matchbox_clients();
    for _ in 0..500 {
        send(&mut lab, ada, bob, Channel::Events, vec![0x77; 50]);
    }
    lab.settle();
    assert_eq!(lab.take_events::<RawReceived>(bob).len(), 500);
    assert!(lab.find_peer(bob, ada).is_some());
}

#[test]
fn raw_bytes_that_cannot_be_sent_fail_with_the_reason() {
    let (mut lab, [ada, bob]) = mutual_matchbox_clients();
    for (bytes, error) in [
        (vec![0xFF, 1], SendError::ReservedByte),
        (vec![0; 16_001], SendError::TooLarge(16_001)),
    ] {
        send(&mut lab, ada, bob, Channel::Bulk, bytes);
        assert_eq!(failure(&mut lab, ada), Some(MessageError::Link(error)));
    }
    send(&mut lab, ada, ada, Channel::Bulk, vec![1]);
    assert_eq!(failure(&mut lab, ada), Some(MessageError::UnknownPeer));

    let cleo = lab.player(game);
    lab.run_until(|lab| lab.have_met(&[ada, cleo]));
    send(&mut lab, ada, cleo, Channel::Bulk, vec![1]);
    assert_eq!(
        failure(&mut lab, ada),
        Some(MessageError::NotMatchboxClient)
    );
    lab.settle();
    assert_eq!(lab.take_events::<RawReceived>(cleo), []);
    assert_eq!(lab.take_events::<RawReceived>(bob), []);
}

#[test]
fn typed_messages_and_raw_bytes_do_not_mix() {
    let (mut lab, [ada, bob]) = mutual_matchbox_clients();
    let cleo = lab.player(game);
    lab.run_until(|lab| lab.have_met(&[ada, cleo]) && lab.have_met(&[bob, cleo]));
    lab.take_events::<RawReceived>(bob);
    lab.commands(ada, |commands| commands.broadcast(Splash(1)));
    lab.settle();
    assert_eq!(lab.splashes(cleo), [(lab.peer_id(ada), 1)]);
    assert_eq!(lab.splashes(bob), []);
    assert_eq!(lab.take_events::<RawReceived>(bob), []);
    assert_eq!(lab.take_events::<SendFailed>(ada), []);
}

#[test]
fn observer_can_reply_to_raw_bytes() {
    let (mut lab, [ada, bob]) = mutual_matchbox_clients();
    lab[bob].add_observer(|received: On<RawReceived>, mut commands: Commands| {
        commands.send_raw(received.peer_id, received.channel, b"pong".as_slice());
    });
    send(&mut lab, ada, bob, Channel::State, b"ping".as_slice());
    lab.settle();
    let answers = lab.take_events::<RawReceived>(ada);
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].bytes, "pong");
}
