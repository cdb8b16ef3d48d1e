use std::time::Duration;

use bevy::prelude::*;
use bytes::Bytes;
use huddle_session::{Direction, OfferError, TransferFailure};

use super::game::{LabExt, Splash, game, lab, meet};
use crate::{
    error::MessageError,
    message::transfer::TransferId,
    prelude::*,
    testing::{Conditions, Lab, Player},
};

/// Returns bytes without a simple pattern.
fn file(len: usize) -> Bytes {
    (0..len).map(|i| (i * i / 7 + i) as u8).collect()
}

fn send(
    lab: &mut Lab,
    from: Player,
    to: impl Into<Recipients>,
    label: &str,
    bytes: &Bytes,
) -> TransferId {
    let (to, label, bytes) = (to.into(), label.to_owned(), bytes.clone());
    let mut id = None;
    lab.commands(from, |commands| {
        id = Some(commands.send_transfer(to, label, bytes));
    });
    id.unwrap()
}

fn cancel(lab: &mut Lab, player: Player, id: TransferId) {
    lab.commands(player, |commands| commands.cancel_transfer(id));
}

#[test]
fn file_arrives_with_progress_during_play() {
    let (mut lab, [ada, bob]) = meet();
    lab.network(Conditions {
        latency: Duration::from_millis(30),
        loss: 0.01,
        bandwidth: Some(200_000),
        ..default()
    });
    let map = file(300_000);
    let (a, b) = (lab.peer_id(ada), lab.peer_id(bob));
    let id = send(&mut lab, ada, b, "map", &map);
    for n in 0..100 {
        lab.commands(ada, |commands| commands.broadcast(Splash(n)));
        lab.run_for(Duration::from_millis(200));
    }
    let expected: Vec<_> = (0..100).map(|n| (a, n)).collect();
    assert_eq!(lab.splashes(bob), expected);

    let entity = lab.peer(bob, ada);
    let received = lab.take_events::<TransferReceived>(bob);
    assert_eq!(received.len(), 1);
    assert_eq!((received[0].entity, received[0].peer_id), (entity, a));
    assert_eq!(received[0].label, "map");
    assert!(received[0].bytes == map, "the bytes are identical");
    let incoming_id = received[0].id;
    let delivered = lab.take_events::<TransferDelivered>(ada);
    assert_eq!(delivered.len(), 1);
    assert_eq!((&*delivered[0].label, delivered[0].peer_id), ("map", b));
    assert_eq!(delivered[0].id, id);

    for (player, direction, id) in [
        (ada, Direction::Outgoing, id),
        (bob, Direction::Incoming, incoming_id),
    ] {
        let started = lab.take_events::<TransferStarted>(player);
        assert_eq!(started.len(), 1);
        assert_eq!((&*started[0].label, started[0].len), ("map", 300_000));
        assert_eq!((started[0].direction, started[0].id), (direction, id));
        let progress = lab.take_events::<TransferProgress>(player);
        assert!(progress.len() > 10, "{}", progress.len());
        assert!(progress.is_sorted_by_key(|progress| progress.done));
        assert!(
            progress
                .iter()
                .all(|it| it.total == 300_000 && it.label == "map" && it.id == id)
        );
        assert_eq!(lab.take_events::<TransferFailed>(player), []);
    }
}

#[test]
fn transfer_to_all_arrives_at_the_other_peers() {
    let (mut lab, [ada, bob, eve]) = meet();
    let map = file(20_000);
    let id = send(&mut lab, ada, Recipients::All, "map", &map);
    lab.run_for(Duration::from_secs(2));
    for player in [bob, eve] {
        assert!(lab.take_events::<TransferReceived>(player)[0].bytes == map);
    }
    assert_eq!(lab.take_events::<TransferReceived>(ada), []);
    let delivered = lab.take_events::<TransferDelivered>(ada);
    assert_eq!(delivered.len(), 2);
    assert!(delivered.iter().all(|delivered| delivered.id == id));
}

#[test]
fn transfer_survives_replaced_links() {
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
    assert!(lab.take_events::<TransferReceived>(bob)[0].bytes == map);
}

#[test]
fn transfer_can_be_cancelled_by_either_peer() {
    let (mut lab, [ada, bob]) = meet();
    lab.network(Conditions {
        bandwidth: Some(100_000),
        ..default()
    });
    let b = lab.peer_id(bob);
    for (canceller, other) in [(ada, bob), (bob, ada)] {
        send(&mut lab, ada, b, "map", &file(300_000));
        lab.run_for(Duration::from_millis(500));
        let id = lab.take_events::<TransferStarted>(canceller)[0].id;
        cancel(&mut lab, canceller, id);
        lab.run_for(Duration::from_secs(5));
        for (player, reason) in [
            (canceller, TransferFailure::Cancelled),
            (other, TransferFailure::CancelledByPeer),
        ] {
            let failed = lab.take_events::<TransferFailed>(player);
            assert_eq!(failed.len(), 1);
            assert_eq!((failed[0].reason, &*failed[0].label), (reason, "map"));
        }
        lab.take_events::<TransferStarted>(other);
    }
    assert_eq!(lab.take_events::<TransferReceived>(bob), []);
}

#[test]
fn pending_offer_can_be_cancelled() {
    let mut lab = lab();
    let ada = lab.player(game);
    let bob = lab.player(|app| {
        game(app);
        app.insert_resource(AcceptedTransfers(TransferLimits {
            max_concurrent: 1,
            ..default()
        }));
    });
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    lab.network(Conditions {
        bandwidth: Some(100_000),
        ..default()
    });
    let first = send(&mut lab, ada, Recipients::Others, "first", &file(300_000));
    lab.run_for(Duration::from_millis(500));
    // Bob accepts one transfer at a time, so this one waits.
    let waiting = send(&mut lab, ada, Recipients::Others, "waiting", &file(300_000));
    lab.run_for(Duration::from_millis(500));
    cancel(&mut lab, ada, waiting);
    // This one is cancelled before it is offered.
    let unsent = send(&mut lab, ada, Recipients::Others, "unsent", &file(300_000));
    cancel(&mut lab, ada, unsent);
    lab.run_for(Duration::from_secs(10));
    let failed = lab.take_events::<TransferFailed>(ada);
    let failed: Vec<_> = failed.iter().map(|it| (it.id, it.reason)).collect();
    assert_eq!(
        failed,
        [
            (waiting, TransferFailure::Cancelled),
            (unsent, TransferFailure::Cancelled)
        ]
    );
    assert_eq!(lab.take_events::<TransferDelivered>(ada)[0].id, first);
    let received = lab.take_events::<TransferReceived>(bob);
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].label, "first");
    assert_eq!(lab.take_events::<TransferStarted>(bob).len(), 1);
}

#[test]
fn cancelled_transfer_ends_at_a_receiver_that_has_just_accepted() {
    let (mut lab, [ada, bob]) = meet();
    lab.network(Conditions {
        latency: Duration::from_millis(200),
        ..default()
    });
    let id = send(&mut lab, ada, Recipients::Others, "map", &file(300_000));
    lab.run_for(Duration::from_millis(300));
    assert_eq!(lab.take_events::<TransferStarted>(bob).len(), 1);
    assert_eq!(lab.take_events::<TransferStarted>(ada), []);
    cancel(&mut lab, ada, id);
    lab.run_for(Duration::from_secs(3));
    assert_eq!(lab.take_events::<TransferFailed>(ada)[0].id, id);
    let failed = lab.take_events::<TransferFailed>(bob);
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].reason, TransferFailure::CancelledByPeer);
}

#[test]
fn cancelling_ends_the_transfer_to_every_peer() {
    let (mut lab, [ada, bob, eve]) = meet();
    lab.network(Conditions {
        bandwidth: Some(100_000),
        ..default()
    });
    let id = send(&mut lab, ada, Recipients::Others, "map", &file(300_000));
    lab.run_for(Duration::from_millis(500));
    cancel(&mut lab, ada, id);
    lab.run_for(Duration::from_secs(5));
    assert_eq!(lab.take_events::<TransferFailed>(ada).len(), 2);
    for player in [bob, eve] {
        assert_eq!(lab.take_events::<TransferFailed>(player).len(), 1);
        assert_eq!(lab.take_events::<TransferReceived>(player), []);
    }
}

#[test]
fn cancelling_a_transfer_that_ended_does_nothing() {
    let (mut lab, [ada, bob]) = meet();
    let id = send(&mut lab, ada, Recipients::Others, "map", &file(1000));
    lab.run_for(Duration::from_secs(2));
    assert_eq!(lab.take_events::<TransferDelivered>(ada).len(), 1);
    cancel(&mut lab, ada, id);
    cancel(&mut lab, bob, id);
    lab.run_for(Duration::from_secs(2));
    for player in [ada, bob] {
        assert_eq!(lab.take_events::<TransferFailed>(player), []);
        assert_eq!(lab.take_events::<SendFailed>(player), []);
    }
}

#[test]
fn transfer_beyond_the_limit_fails_with_the_limit() {
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
    let failed = lab.take_events::<TransferFailed>(ada);
    assert_eq!(failed[0].reason, TransferFailure::TooLong { max: 1000 });
    assert_eq!(failed[0].label, "map");
    assert_eq!(lab.take_events::<TransferStarted>(bob), []);
}

#[test]
fn transfer_to_a_lost_peer_fails_before_the_peer_leaves() {
    #[derive(Resource, Default)]
    struct Reports(Vec<&'static str>);
    let (mut lab, [ada, bob]) = meet();
    lab[ada]
        .init_resource::<Reports>()
        .add_observer(
            |failed: On<TransferFailed>, peers: Query<&Peer>, mut reports: ResMut<Reports>| {
                assert!(peers.contains(failed.entity));
                assert_eq!(failed.reason, TransferFailure::Disconnected);
                reports.0.push("failed");
            },
        )
        .add_observer(|_: On<PeerLeft>, mut reports: ResMut<Reports>| reports.0.push("left"));
    let to = lab.peer_id(bob);
    lab.partition(&[ada], &[bob]);
    send(&mut lab, ada, to, "map", &file(100_000));
    lab.run_for(Duration::from_secs(9));
    assert_eq!(lab[ada].world().resource::<Reports>().0, ["failed", "left"]);
}

#[test]
fn transfer_that_cannot_be_offered_fails() {
    let (mut lab, [ada, bob]) = meet();
    let to = lab.peer_id(bob);
    let stranger = PeerId::from_u128(0);
    let id = send(&mut lab, ada, [to, stranger], &"m".repeat(129), &file(1));
    let failed = |peer, error| SendFailed {
        message: "transfer",
        peer_id: Some(peer),
        transfer: Some(id),
        error,
    };
    assert_eq!(
        lab.take_events::<SendFailed>(ada),
        [
            failed(
                to,
                MessageError::Offer(OfferError::LabelTooLong { len: 129 })
            ),
            failed(stranger, MessageError::UnknownPeer)
        ]
    );
}
