use bevy::{prelude::*, time::TimeUpdateStrategy};
use huddle_mesh::Channel;
use huddle_sync::{MAX_EVENT_LEN, QueueError, codec::EncodeError};
use serde::{Deserialize, Serialize};

use crate::{MessageError, prelude::*};

use super::{
    hub::Hub,
    player::{Blob, Player, Splash, frames},
};

#[test]
fn a_broadcast_reaches_everybody_else_once_and_in_order() {
    let hub = Hub::default();
    let mut players: [_; 3] = Player::join_all(&hub);
    let sender = players[0].me;
    players[0].command(|commands| (0..5).for_each(|n| commands.broadcast(Splash(n))));
    frames(&mut players, 3);
    let expected: Vec<_> = (0..5).map(|n| (sender, n)).collect();
    let [ada, bob, eve] = &mut players;
    assert_eq!(ada.splashes(), []);
    assert_eq!(bob.splashes(), expected);
    assert_eq!(eve.splashes(), expected);
}

#[test]
fn one_or_some_can_be_chosen_and_nobody_receives_twice() {
    let hub = Hub::default();
    let mut players: [_; 4] = Player::join_all(&hub);
    let [me, b, c, d] = [0, 1, 2, 3].map(|i| players[i].me);
    players[0].command(|commands| {
        commands.send_to(b, Splash(1));
        commands.send_to([b, c, b], Splash(2));
        commands.send_to(vec![d], Splash(3));
        commands.send_to(&[c, d][..], Splash(4));
        commands.send_to([b, d].into_iter().collect::<Recipients>(), Splash(5));
        commands.send_to(Recipients::All, Splash(6));
    });
    frames(&mut players, 2);
    let received = players.each_mut().map(|player| {
        let splashes = player.splashes();
        assert!(splashes.iter().all(|&(from, _)| from == me));
        splashes.iter().map(|&(_, n)| n).collect::<Vec<_>>()
    });
    assert_eq!(
        received,
        [vec![], vec![1, 2, 5, 6], vec![2, 4, 6], vec![3, 4, 5, 6]]
    );
}

#[test]
fn an_event_is_observed_on_the_senders_entity_and_written_as_a_message() {
    #[derive(Resource, Default)]
    struct Heard(Vec<&'static str>);
    let hub = Hub::default();
    let [mut ada, mut bob] = Player::join_all(&hub);
    let entity = bob.peer(ada.me).unwrap();
    bob.app.init_resource::<Heard>().add_systems(
        Update,
        |mut splashes: MessageReader<FromPeer<Splash>>, mut heard: ResMut<Heard>| {
            heard.0.extend(splashes.read().map(|_| "message"));
        },
    );
    bob.app
        .world_mut()
        .entity_mut(entity)
        .observe(|_: On<FromPeer<Splash>>, mut heard: ResMut<Heard>| heard.0.push("observer"));
    ada.command(|commands| commands.broadcast(Splash(1)));
    ada.app.update();
    bob.app.update();
    bob.app.update();
    assert_eq!(
        bob.app.world().resource::<Heard>().0,
        ["observer", "message"]
    );
    assert_eq!(bob.seen::<FromPeer<Splash>>()[0].entity, entity);
}

#[test]
fn an_observer_can_answer() {
    let hub = Hub::default();
    let mut players: [_; 2] = Player::join_all(&hub);
    players[1]
        .app
        .add_observer(|splash: On<FromPeer<Splash>>, mut commands: Commands| {
            commands.send_to(splash.peer, Splash(splash.message.0 + 1));
        });
    players[0].command(|commands| commands.broadcast(Splash(1)));
    frames(&mut players, 2);
    assert_eq!(players[0].splashes(), [(players[1].me, 2)]);
}

#[test]
fn events_leave_in_frames_without_a_tick() {
    let hub = Hub::default();
    let [mut ada, mut bob] = Player::join_all(&hub);
    ada.app
        .insert_resource(TimeUpdateStrategy::FixedTimesteps(0));
    ada.app
        .add_systems(Update, |mut commands: Commands, mut sent: Local<bool>| {
            if !std::mem::replace(&mut *sent, true) {
                commands.broadcast(Splash(1));
            }
        });
    ada.app.update();
    bob.app.update();
    assert_eq!(bob.splashes(), [(ada.me, 1)]);
}

#[test]
fn events_wait_for_credit_and_none_is_lost() {
    let hub = Hub::default();
    let [mut ada, mut bob] = Player::join_all(&hub);
    hub.member(ada.me, |member| member.credit[Channel::Events.index()] = 0);
    ada.command(|commands| (0..3).for_each(|n| commands.broadcast(Splash(n))));
    ada.app.update();
    bob.app.update();
    assert_eq!(bob.splashes(), []);
    hub.member(ada.me, |member| {
        member.credit[Channel::Events.index()] = 20_000
    });
    ada.app.update();
    bob.app.update();
    assert_eq!(bob.splashes(), [(ada.me, 0), (ada.me, 1), (ada.me, 2)]);
}

#[test]
fn the_longest_event_arrives_and_a_longer_one_gives_a_clear_error() {
    let hub = Hub::default();
    let [mut ada, mut bob] = Player::join_all(&hub);
    // The list's length takes three bytes.
    let longest = Blob(vec![7; MAX_EVENT_LEN - 3]);
    ada.command(|commands| {
        commands.broadcast(longest.clone());
        commands.broadcast(Blob(vec![7; MAX_EVENT_LEN - 2]));
    });
    ada.app.update();
    bob.app.update();
    let arrived = bob.seen::<FromPeer<Blob>>();
    assert_eq!(arrived.len(), 1);
    assert_eq!(arrived[0].message, longest);
    let failed = ada.seen::<SendFailed>();
    assert_eq!(failed.len(), 1);
    assert_eq!((failed[0].message, failed[0].peer), ("blob", None));
    let too_long = EncodeError::TooLong {
        len: MAX_EVENT_LEN + 1,
        max: MAX_EVENT_LEN,
    };
    assert_eq!(failed[0].error, MessageError::Encode(too_long));
    assert_eq!(
        failed[0].error.to_string(),
        "it takes 8193 bytes and at most 8192 fit: send less at a time, or split it"
    );
}

#[test]
fn sending_more_than_the_link_takes_is_an_error_once_the_queue_is_full() {
    let hub = Hub::default();
    let [mut ada, bob] = Player::join_all(&hub);
    hub.member(ada.me, |member| member.credit[Channel::Events.index()] = 0);
    ada.command(|commands| (0..70).for_each(|_| commands.broadcast(Blob(vec![0; 8000]))));
    let failed = ada.seen::<SendFailed>();
    assert!((1..70).contains(&failed.len()), "{} failed", failed.len());
    assert_eq!(failed[0].peer, Some(bob.me));
    assert!(matches!(
        failed[0].error,
        MessageError::Queue(QueueError::Full { .. })
    ));
}

#[test]
fn an_unknown_recipient_is_an_error_and_the_others_receive() {
    let hub = Hub::default();
    let [mut ada, mut bob] = Player::join_all(&hub);
    let (me, peer) = (ada.me, bob.me);
    ada.command(|commands| commands.send_to([me, peer], Splash(1)));
    ada.app.update();
    bob.app.update();
    assert_eq!(bob.splashes(), [(me, 1)]);
    assert_eq!(
        ada.seen::<SendFailed>(),
        [SendFailed {
            message: "splash",
            peer: Some(me),
            error: MessageError::UnknownPeer
        }]
    );
}

#[test]
fn a_type_that_was_not_declared_is_named() {
    #[derive(Serialize, Deserialize)]
    struct Forgotten;
    let hub = Hub::default();
    let mut ada = Player::join(&hub);
    ada.command(|commands| {
        commands.broadcast(Forgotten);
        commands.share(Forgotten);
        // Declared, but as state and as an event.
        commands.broadcast(super::player::Pose(1));
        commands.share(Splash(1));
    });
    let failed = ada.seen::<SendFailed>();
    assert_eq!(failed.len(), 4);
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
fn a_name_can_be_declared_once() {
    super::player::offline_app().add_peer_event::<u8>("splash");
}

#[test]
#[should_panic(expected = "is declared twice, as \"splash\" and as \"splosh\"")]
fn a_type_can_be_declared_once() {
    super::player::offline_app().add_peer_event::<Splash>("splosh");
}
