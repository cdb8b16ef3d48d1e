use bevy::{platform::time::Instant, prelude::*};
use bytes::Bytes;
use huddle_mesh::SignalingId;
use huddle_mesh::{Channel, ProtocolViolation, RoomEvent};
use huddle_session::{KindId, MessageError as PacketError};

use super::game::{LabExt, Splash, meet, set_pose};
use crate::{
    error::{MessageError, RejectReason},
    prelude::*,
    room::link::RoomLink,
    testing::{Lab, Player},
};

/// Sends an event with an arbitrary payload, as a modified game could.
fn send_payload(lab: &mut Lab, from: Player, to: Player, name: &str, payload: &'static [u8]) {
    let (room, to) = (lab.room(from), lab.peer_id(to));
    let mut link = lab[from].world_mut().get_mut::<RoomLink>(room).unwrap();
    link.session
        .queue_event(to, KindId::of(name), Bytes::from_static(payload))
        .unwrap();
}

/// Returns a packet that appears to come from a peer.
fn packet(peer: PeerId, channel: Channel, bytes: impl Into<Bytes>) -> RoomEvent {
    RoomEvent::Packet {
        peer_id: peer,
        channel,
        bytes: bytes.into(),
        arrived: Instant::now(),
    }
}

fn reasons(lab: &mut Lab, player: Player) -> Vec<RejectReason> {
    lab.take_events::<MessageRejected>(player)
        .into_iter()
        .map(|rejected| rejected.reason)
        .collect()
}

#[test]
fn malformed_packets_are_rejected_and_play_continues() {
    let (mut lab, [ada, bob]) = meet();
    let (ada_id, entity) = (lab.peer_id(ada), lab.peer(bob, ada));
    for bytes in [&[][..], &[0x77, 1, 2], &[0x20], &[0x01, 1]] {
        lab.inject(bob, packet(ada_id, Channel::Events, bytes.to_vec()));
    }
    lab.frame(bob);
    let rejected = lab.take_events::<MessageRejected>(bob);
    assert!(
        rejected
            .iter()
            .all(|rejected| rejected.peer_id == ada_id && rejected.entity == entity)
    );
    let reasons: Vec<_> = rejected
        .into_iter()
        .map(|rejected| rejected.reason)
        .collect();
    assert_eq!(reasons.len(), 4);
    for (reason, error) in reasons
        .iter()
        .zip(["is empty", "0x77", "0x20", "handshake"])
    {
        assert!(matches!(reason, RejectReason::BadPacket(_)), "{reason:?}");
        assert!(reason.to_string().contains(error), "{reason}");
    }
    assert_eq!(reasons[0], PacketError::Empty.into());
    lab.commands(ada, |commands| commands.broadcast(Splash(1)));
    lab.settle();
    assert_eq!(lab.splashes(bob), [(ada_id, 1)]);
}

#[test]
fn message_that_cannot_be_decoded_is_rejected_by_name() {
    let (mut lab, [ada, bob]) = meet();
    // A splash is one number. These payloads contain none and two.
    for payload in [&[][..], &[1, 2]] {
        send_payload(&mut lab, ada, bob, "splash", payload);
    }
    lab.settle();
    let reasons = reasons(&mut lab, bob);
    assert_eq!(reasons.len(), 2);
    for reason in reasons {
        assert!(
            matches!(&reason, RejectReason::BadMessage { name: "splash", .. }),
            "{reason:?}"
        );
        assert!(
            reason.to_string().contains("the same version of the game"),
            "{reason}"
        );
    }
    assert_eq!(lab.splashes(bob), []);
}

#[test]
fn peer_that_floods_malformed_packets_is_disconnected() {
    let (mut lab, [ada, bob]) = meet();
    let ada_id = lab.peer_id(ada);
    for _ in 0..1000 {
        lab.inject(bob, packet(ada_id, Channel::State, vec![0x77]));
    }
    lab.settle();
    let rejected = reasons(&mut lab, bob).len();
    assert!((10..100).contains(&rejected), "{rejected} rejected");
    let left = lab.take_events::<PeerLeft>(bob);
    assert_eq!(left.len(), 1);
    assert_eq!(
        (left[0].peer_id, left[0].reason),
        (ada_id, DisconnectReason::ProtocolViolation)
    );
    assert_eq!(lab.find_peer(bob, ada), None);
    assert_eq!(
        lab.take_events::<PeerLeft>(ada)[0].reason,
        DisconnectReason::DisconnectedByPeer
    );
}

#[test]
fn violation_on_a_link_triggers_message_rejected_on_the_peer() {
    let (mut lab, [ada, bob]) = meet();
    let (ada_id, entity) = (lab.peer_id(ada), lab.peer(bob, ada));
    let violation = ProtocolViolation::Text(Channel::Events);
    lab.inject(
        bob,
        RoomEvent::ProtocolViolation {
            source: ViolationSource::Peer(ada_id),
            violation: violation.clone(),
            count: 8,
        },
    );
    lab.frame(bob);
    let reason = RejectReason::ProtocolViolation {
        violation,
        count: 8,
    };
    assert!(reason.to_string().contains("text on the events channel"));
    assert_eq!(
        lab.take_events::<MessageRejected>(bob),
        [MessageRejected {
            entity,
            peer_id: ada_id,
            reason
        }]
    );
    assert_eq!(lab.take_events::<SignalRejected>(bob), []);
}

#[test]
fn violation_over_signaling_triggers_signal_rejected_on_the_room() {
    let (mut lab, [ada]) = meet();
    let room = lab.room(ada);
    let member = ViolationSource::Member(SignalingId::from_u128(7));
    let violations = [
        (member, ProtocolViolation::UnexpectedAnswer, 1),
        (ViolationSource::Server, ProtocolViolation::SecondId, 2),
    ];
    for (source, violation, count) in violations.clone() {
        lab.inject(
            ada,
            RoomEvent::ProtocolViolation {
                source,
                violation,
                count,
            },
        );
    }
    lab.frame(ada);
    let expected = violations.map(|(source, violation, count)| SignalRejected {
        entity: room,
        source,
        violation,
        count,
    });
    assert_eq!(lab.take_events::<SignalRejected>(ada), expected);
    assert_eq!(reasons(&mut lab, ada), []);
}

#[test]
fn flood_is_reported_and_spread_over_frames() {
    let (mut lab, [ada, bob]) = meet();
    let ada_id = lab.peer_id(ada);
    for _ in 0..25_000 {
        lab.inject(bob, RoomEvent::PeerReconnecting(ada_id));
    }
    let overflow = RoomEvent::Overflow {
        peer_id: ada_id,
        channel: Channel::Events,
        dropped: 9,
    };
    lab.inject(bob, overflow);
    lab.frame(bob);
    assert_eq!(lab.take_events::<PeerReconnecting>(bob).len(), 10_000);
    lab.frame(bob);
    lab.frame(bob);
    assert_eq!(lab.take_events::<PeerReconnecting>(bob).len(), 15_000);
    assert_eq!(
        reasons(&mut lab, bob),
        [RejectReason::Overflow {
            channel: Channel::Events,
            dropped: 9
        }]
    );
}

#[test]
fn matchbox_client_has_an_entity_but_receives_no_typed_messages() {
    let (mut lab, [ada, bob]) = meet();
    let (a, b) = (lab.peer_id(ada), lab.peer_id(bob));
    lab.inject(
        ada,
        RoomEvent::PeerJoined {
            peer_id: b,
            rejoined: false,
            is_matchbox_client: true,
        },
    );
    lab.frame(ada);
    let entity = lab.peer(ada, bob);
    assert!(lab.get::<Peer>(ada, entity).unwrap().is_matchbox_client);
    lab.inject(ada, packet(b, Channel::Events, vec![0x77; 10]));
    lab.commands(ada, |commands| {
        commands.broadcast(Splash(1));
        set_pose(commands, 1);
        commands.send_to(b, Splash(2));
    });
    lab.settle();
    assert_eq!(lab.splashes(bob), []);
    assert_eq!(lab.pose_of(bob, ada), None);
    assert_eq!(reasons(&mut lab, ada), []);
    assert_eq!(
        lab.take_events::<SendFailed>(ada),
        [SendFailed {
            message: "splash",
            peer_id: Some(b),
            transfer: None,
            error: MessageError::MatchboxClient
        }]
    );
    assert_ne!(a, b);
}

#[test]
fn packets_of_an_unknown_peer_are_ignored() {
    let (mut lab, [ada]) = meet();
    let stranger = PeerId::from_u128(99);
    lab.inject(ada, packet(stranger, Channel::Events, vec![0x77]));
    lab.inject(ada, RoomEvent::PeerReconnecting(stranger));
    lab.inject(
        ada,
        RoomEvent::PeerLeft {
            peer_id: stranger,
            reason: DisconnectReason::Lost,
        },
    );
    lab.settle();
    assert_eq!(lab.splashes(ada), []);
    assert_eq!(reasons(&mut lab, ada), []);
    assert_eq!(lab.take_events::<PeerLeft>(ada), []);
    assert_eq!(lab.status(ada), RoomStatus::Waiting);
}

#[test]
fn observer_can_disconnect_the_sender_between_two_messages() {
    let (mut lab, [ada, bob]) = meet();
    lab[bob].add_observer(|splash: On<FromPeer<Splash>>, mut commands: Commands| {
        commands.disconnect_peer(splash.peer_id);
    });
    lab.commands(ada, |commands| {
        (0..3).for_each(|n| commands.broadcast(Splash(n)));
    });
    lab.settle();
    assert_eq!(lab.splashes(bob), [(lab.peer_id(ada), 0)]);
    assert_eq!(lab.find_peer(bob, ada), None);
}
