use std::time::Duration;

use bevy::prelude::*;
use bytes::Bytes;
use huddle_session::{Direction, OfferError, TransferFailure};

use super::game::{LabExt, Splash, game, lab, meet};
use crate::{
    error::MessageError,
    prelude::*,
    testing::{Conditions, Lab, Player},
};

/// Bytes that cannot be mistaken for others.
fn file(len: usize) -> Bytes {
    (0..len).map(|i| (i * i / 7 + i) as u8).collect()
}

fn send(lab: &mut Lab, from: Player, to: impl Into<Recipients>, label: &str, bytes: &Bytes) {
    let (to, label, bytes) = (to.into(), label.to_owned(), bytes.clone());
    lab.commands(from, move |commands| {
        commands.send_transfer(to, label, bytes)
    });
}

#[test]
fn a_file_arrives_with_progress_while_the_game_goes_on() {
    let (mut lab, [ada, bob]) = meet();
    lab.network(Conditions {
        latency: Duration::from_millis(30),
        loss: 0.01,
        bandwidth: Some(200_000),
        ..default()
    });
    let map = file(300_000);
    let (a, b) = (lab.peer_id(ada), lab.peer_id(bob));
    send(&mut lab, ada, b, "map", &map);
    for n in 0..100 {
        lab.commands(ada, |commands| commands.broadcast(Splash(n)));
        lab.run_for(Duration::from_millis(200));
    }
    let expected: Vec<_> = (0..100).map(|n| (a, n)).collect();
    assert_eq!(lab.splashes(bob), expected);

    let entity = lab.peer(bob, ada);
    let received = lab.seen::<TransferReceived>(bob);
    assert_eq!(received.len(), 1);
    assert_eq!((received[0].entity, received[0].peer_id), (entity, a));
    assert_eq!(received[0].label, "map");
    assert!(received[0].bytes == map, "byte for byte");
    assert_eq!(received[0].id.direction, Direction::Incoming);
    let delivered = lab.seen::<TransferDelivered>(ada);
    assert_eq!(delivered.len(), 1);
    assert_eq!((&*delivered[0].label, delivered[0].peer_id), ("map", b));

    for (player, direction) in [(ada, Direction::Outgoing), (bob, Direction::Incoming)] {
        let started = lab.seen::<TransferStarted>(player);
        assert_eq!(started.len(), 1);
        assert_eq!((&*started[0].label, started[0].len), ("map", 300_000));
        assert_eq!(started[0].id.direction, direction);
        let progress = lab.seen::<TransferProgress>(player);
        assert!(progress.len() > 10, "{}", progress.len());
        assert!(progress.is_sorted_by_key(|progress| progress.done));
        assert!(
            progress
                .iter()
                .all(|it| it.total == 300_000 && it.label == "map")
        );
        assert_eq!(lab.seen::<TransferFailed>(player), []);
    }
}

#[test]
fn a_file_for_everybody_arrives_at_everybody_else() {
    let (mut lab, [ada, bob, eve]) = meet();
    let map = file(20_000);
    send(&mut lab, ada, Recipients::All, "map", &map);
    lab.run_for(Duration::from_secs(2));
    for player in [bob, eve] {
        assert!(lab.seen::<TransferReceived>(player)[0].bytes == map);
    }
    assert_eq!(lab.seen::<TransferReceived>(ada), []);
    assert_eq!(lab.seen::<TransferDelivered>(ada).len(), 2);
}

#[test]
fn a_file_outlives_a_replaced_link() {
    let (mut lab, [ada, bob]) = meet();
    lab.network(Conditions {
        latency: Duration::from_millis(30),
        bandwidth: Some(200_000),
        ..default()
    });
    let map = file(300_000);
    let to = lab.peer_id(bob);
    send(&mut lab, ada, to, "map", &map);
    for _ in 0..3 {
        lab.run_for(Duration::from_millis(500));
        lab.replace_link(ada, bob, Duration::ZERO);
    }
    lab.run_for(Duration::from_secs(20));
    assert!(lab.seen::<TransferReceived>(bob)[0].bytes == map);
}

#[test]
fn either_end_cancels_and_the_other_is_told() {
    let (mut lab, [ada, bob]) = meet();
    lab.network(Conditions {
        bandwidth: Some(100_000),
        ..default()
    });
    let [a, b] = [ada, bob].map(|player| lab.peer_id(player));
    for (canceller, other) in [(ada, bob), (bob, ada)] {
        send(&mut lab, ada, b, "map", &file(300_000));
        lab.run_for(Duration::from_millis(500));
        let id = lab.seen::<TransferStarted>(canceller)[0].id;
        let peer = if canceller == ada { b } else { a };
        lab.commands(canceller, |commands| commands.cancel_transfer(peer, id));
        lab.run_for(Duration::from_secs(5));
        for (player, reason) in [
            (canceller, TransferFailure::Cancelled),
            (other, TransferFailure::CancelledByPeer),
        ] {
            let failed = lab.seen::<TransferFailed>(player);
            assert_eq!(failed.len(), 1);
            assert_eq!((failed[0].reason, &*failed[0].label), (reason, "map"));
        }
        lab.seen::<TransferStarted>(other);
    }
    assert_eq!(lab.seen::<TransferReceived>(bob), []);
}

#[test]
fn what_a_player_does_not_take_is_refused_with_the_limit() {
    let mut lab = lab();
    let ada = lab.player(game);
    let bob = lab.player(|app| {
        game(app);
        app.insert_resource(AcceptedTransfers(TransferLimits {
            max_len: 1000,
            ..default()
        }));
    });
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    let to = lab.peer_id(bob);
    send(&mut lab, ada, to, "map", &file(1001));
    lab.run_for(Duration::from_secs(2));
    let failed = lab.seen::<TransferFailed>(ada);
    assert_eq!(failed[0].reason, TransferFailure::TooLong { max: 1000 });
    assert_eq!(failed[0].label, "map");
    assert_eq!(lab.seen::<TransferStarted>(bob), []);
}

#[test]
fn a_file_to_one_who_is_lost_fails_before_they_leave() {
    #[derive(Resource, Default)]
    struct Told(Vec<&'static str>);
    let (mut lab, [ada, bob]) = meet();
    lab[ada]
        .init_resource::<Told>()
        .add_observer(
            |failed: On<TransferFailed>, peers: Query<&Peer>, mut told: ResMut<Told>| {
                assert!(peers.contains(failed.entity));
                assert_eq!(failed.reason, TransferFailure::PeerGone);
                told.0.push("failed");
            },
        )
        .add_observer(|_: On<PeerLeft>, mut told: ResMut<Told>| told.0.push("left"));
    let to = lab.peer_id(bob);
    lab.partition(&[ada], &[bob]);
    send(&mut lab, ada, to, "map", &file(100_000));
    lab.run_for(Duration::from_secs(4));
    assert_eq!(lab[ada].world().resource::<Told>().0, ["failed", "left"]);
}

#[test]
fn what_cannot_be_offered_is_told() {
    let (mut lab, [ada, bob]) = meet();
    let to = lab.peer_id(bob);
    let stranger = PeerId::from_u128(0);
    send(&mut lab, ada, [to, stranger], &"m".repeat(129), &file(1));
    let failed = |peer, error| SendFailed {
        message: "transfer",
        peer_id: Some(peer),
        error,
    };
    assert_eq!(
        lab.seen::<SendFailed>(ada),
        [
            failed(
                to,
                MessageError::Offer(OfferError::LabelTooLong { len: 129 })
            ),
            failed(stranger, MessageError::UnknownPeer)
        ]
    );
}
