use bevy::prelude::*;
use huddle_mesh::{Channel, RoomEvent};
use huddle_sync::{Delivery, KindId, Kinds, PacketError, PeerSession};

use crate::{MessageError, RejectReason, prelude::*};

use super::{
    hub::{Hub, packet},
    player::{Player, Splash, frames},
};

/// A packet with one event, as somebody else's build would make it.
fn event_packet(name: &str, payload: &'static [u8]) -> bytes::Bytes {
    let kind = Kinds::default().declare(name, Delivery::Event).unwrap();
    let mut session = PeerSession::default();
    session
        .queue_event(kind, bytes::Bytes::from_static(payload))
        .unwrap();
    session.collect_events(1000).unwrap()
}

fn reasons(player: &mut Player) -> Vec<RejectReason> {
    player
        .seen::<MessageRejected>()
        .into_iter()
        .map(|rejected| rejected.reason)
        .collect()
}

#[test]
fn bytes_that_are_no_packet_are_rejected_and_play_goes_on() {
    let hub = Hub::default();
    let mut players: [_; 2] = Player::join_all(&hub);
    let [me, peer] = [players[0].me, players[1].me];
    for bytes in [&[][..], &[0x77, 1, 2], &[0x01, 1], &[0x02, 9, 9, 9, 9, 200]] {
        hub.push(peer, packet(me, Channel::Events, bytes.to_vec()));
    }
    players[1].app.update();
    let entity = players[1].peer(me).unwrap();
    let rejected = players[1].seen::<MessageRejected>();
    assert!(
        rejected
            .iter()
            .all(|rejected| rejected.peer == me && rejected.entity == entity)
    );
    let reasons: Vec<_> = rejected
        .into_iter()
        .map(|rejected| rejected.reason)
        .collect();
    assert_eq!(
        reasons,
        [
            PacketError::Truncated,
            PacketError::UnknownType(0x77),
            PacketError::Truncated,
            PacketError::Truncated,
        ]
        .map(RejectReason::BadPacket)
    );
    players[0].command(|commands| commands.broadcast(Splash(1)));
    frames(&mut players, 1);
    assert_eq!(players[1].splashes(), [(me, 1)]);
}

#[test]
fn a_message_that_does_not_fit_its_type_is_rejected_by_name() {
    let hub = Hub::default();
    let [ada, mut bob] = Player::join_all(&hub);
    // A splash is one number; here are none, and two.
    for payload in [&[][..], &[1, 2]] {
        hub.push(
            bob.me,
            packet(ada.me, Channel::Events, event_packet("splash", payload)),
        );
    }
    bob.app.update();
    let reasons = reasons(&mut bob);
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
    assert_eq!(bob.splashes(), []);
}

#[test]
fn a_kind_that_was_not_declared_is_rejected_with_the_remedy() {
    let hub = Hub::default();
    let [ada, mut bob] = Player::join_all(&hub);
    hub.push(
        bob.me,
        packet(ada.me, Channel::Events, event_packet("new feature", &[1])),
    );
    // A known name, but declared as state here.
    hub.push(
        bob.me,
        packet(ada.me, Channel::Events, event_packet("pose", &[1])),
    );
    bob.app.update();
    let reasons = reasons(&mut bob);
    assert_eq!(
        reasons,
        ["new feature", "pose"].map(|name| RejectReason::UnknownKind(KindId::of(name)))
    );
    assert!(reasons[0].to_string().contains("declare the same names"));
}

#[test]
fn a_peer_that_keeps_sending_malformed_packets_is_cut_off() {
    let hub = Hub::default();
    let [mut ada, mut bob] = Player::join_all(&hub);
    for _ in 0..1000 {
        hub.push(bob.me, packet(ada.me, Channel::State, vec![0x77]));
    }
    bob.app.update();
    ada.app.update();
    let rejected = reasons(&mut bob).len();
    assert!((10..100).contains(&rejected), "{rejected} rejected");
    let left = bob.seen::<PeerLeft>();
    assert_eq!(left.len(), 1);
    assert_eq!(
        (left[0].peer, left[0].reason),
        (ada.me, LeaveReason::Misbehaved)
    );
    assert_eq!(bob.peer(ada.me), None);
    assert_eq!(ada.seen::<PeerLeft>()[0].reason, LeaveReason::CutByPeer);
}

#[test]
fn a_flood_is_told_and_does_not_hold_up_the_game() {
    let hub = Hub::default();
    let [ada, mut bob] = Player::join_all(&hub);
    let splash = event_packet("splash", &[1]);
    for _ in 0..25_000 {
        hub.push(bob.me, packet(ada.me, Channel::Events, splash.clone()));
    }
    let overflow = RoomEvent::Overflow {
        peer: ada.me,
        channel: Channel::Events,
        dropped: 9,
    };
    hub.push(bob.me, overflow);
    bob.app.update();
    assert_eq!(bob.splashes().len(), 10_000);
    bob.app.update();
    bob.app.update();
    assert_eq!(bob.splashes().len(), 15_000);
    assert_eq!(
        reasons(&mut bob),
        [RejectReason::Overflow {
            channel: Channel::Events,
            dropped: 9
        }]
    );
}

#[test]
fn a_stock_client_is_seen_but_not_spoken_to() {
    let hub = Hub::default();
    let [mut ada, mut bob] = Player::join_all(&hub);
    let (a, b) = (ada.me, bob.me);
    hub.push(
        a,
        RoomEvent::PeerJoined {
            peer: b,
            returning: false,
            foreign: true,
        },
    );
    ada.app.update();
    let entity = ada.peer(b).unwrap();
    assert!(ada.get::<Peer>(entity).unwrap().foreign);
    hub.push(a, packet(b, Channel::Events, vec![0x77; 10]));
    bob.app.update();
    ada.command(|commands| {
        commands.broadcast(Splash(1));
        commands.share(super::player::Pose(1));
        commands.send_to(b, Splash(2));
    });
    ada.app.update();
    bob.app.update();
    assert_eq!(bob.splashes(), []);
    assert_eq!(bob.pose_of(a), None);
    assert_eq!(reasons(&mut ada), []);
    assert_eq!(
        ada.seen::<SendFailed>(),
        [SendFailed {
            message: "splash",
            peer: Some(b),
            error: MessageError::Foreign
        }]
    );
}

#[test]
fn packets_from_somebody_who_is_not_here_are_ignored() {
    let hub = Hub::default();
    let mut ada = Player::join(&hub);
    let stranger = PeerId(uuid::Uuid::from_u128(99));
    hub.push(
        ada.me,
        packet(stranger, Channel::Events, event_packet("splash", &[1])),
    );
    hub.push(ada.me, packet(stranger, Channel::Events, vec![0x77]));
    hub.push(ada.me, RoomEvent::PeerSuspect(stranger));
    hub.push(
        ada.me,
        RoomEvent::PeerLeft {
            peer: stranger,
            reason: LeaveReason::Lost,
        },
    );
    ada.app.update();
    assert_eq!(ada.splashes(), []);
    assert_eq!(reasons(&mut ada), []);
    assert_eq!(ada.seen::<PeerLeft>(), []);
    assert_eq!(ada.state(), RoomState::Waiting);
}

#[test]
fn an_observer_may_cut_the_sender_between_two_messages() {
    let hub = Hub::default();
    let mut players: [_; 2] = Player::join_all(&hub);
    let me = players[0].me;
    players[1]
        .app
        .add_observer(|splash: On<FromPeer<Splash>>, mut commands: Commands| {
            commands.cut_peer(splash.peer);
        });
    players[0].command(|commands| (0..3).for_each(|n| commands.broadcast(Splash(n))));
    frames(&mut players, 1);
    assert_eq!(players[1].splashes(), [(me, 0)]);
    assert_eq!(players[1].peer(me), None);
}
