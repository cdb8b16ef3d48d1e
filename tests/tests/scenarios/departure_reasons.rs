//! Rooms without a game: the reasons of departures, and a room that is not polled.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::ensure;
use huddle_mesh::{DisconnectReason, PeerId, Room, RoomConfig, RoomEvent};
use huddle_tests::{Artifacts, Server};

use crate::{
    rooms::{MEETING_TIMEOUT, until},
    steps::local_id,
};

/// A time longer than the reconnect timeout of eight seconds.
const NOT_POLLED: Duration = Duration::from_secs(9);
/// A time shorter than the detection of a departure through the server and a probe.
const IMMEDIATELY: Duration = Duration::from_millis(350);

pub(crate) fn departures_are_reported_immediately_and_unpolled_rooms_stay(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let config = RoomConfig::new(&server.room("goodbyes"))?;
    let mut ada = Room::join(config.clone())?;
    let mut bob = Room::join(config.clone())?;
    let mut cleo = Room::join(config.clone())?;
    let dan = Room::join(config)?;
    let (bob_id, cleo_id, dan_id, ada_id) = (
        local_id(&bob),
        local_id(&cleo),
        local_id(&dan),
        local_id(&ada),
    );
    for room in [&mut ada, &mut bob, &mut cleo] {
        let mut joined = 0;
        until(room, MEETING_TIMEOUT, "three other peers join", |event| {
            joined += usize::from(matches!(event, RoomEvent::PeerJoined { .. }));
            joined == 3
        })?;
    }

    // No room is polled for longer than the disconnect timeout, and no peer is lost.
    thread::sleep(NOT_POLLED);
    for room in [&mut ada, &mut bob, &mut cleo] {
        while let Some(event) = room.poll() {
            let is_lost = matches!(
                event,
                RoomEvent::PeerReconnecting(_) | RoomEvent::PeerLeft { .. }
            );
            ensure!(
                !is_lost,
                "a peer whose room was not polled was lost: {event:?}"
            );
        }
    }

    bob.leave();
    let took = until_left(&mut ada, bob_id, DisconnectReason::Left)?;
    println!("   a call of `leave` is reported: {} ms", took.as_millis());

    ada.disconnect(cleo_id);
    let took = until_left(&mut cleo, ada_id, DisconnectReason::DisconnectedByPeer)?;
    until_left(&mut ada, cleo_id, DisconnectReason::DisconnectedLocally)?;
    println!("   a disconnection is reported: {} ms", took.as_millis());

    let began = Instant::now();
    drop(dan);
    let dropping = began.elapsed();
    ensure!(
        dropping < Duration::from_millis(300),
        "dropping a room took {dropping:?}"
    );
    until_left(&mut ada, dan_id, DisconnectReason::Left)?;
    println!(
        "   a dropped room is reported; dropping took {} ms",
        dropping.as_millis()
    );
    Ok(())
}

fn until_left(
    room: &mut Room,
    peer_id: PeerId,
    expected: DisconnectReason,
) -> anyhow::Result<Duration> {
    let mut reported = None;
    let took = until(room, IMMEDIATELY, "the peer leaves", |event| {
        if let RoomEvent::PeerLeft {
            peer_id: left,
            reason,
        } = event
            && *left == peer_id
        {
            reported = Some(*reason);
        }
        reported.is_some()
    })?;
    ensure!(
        reported == Some(expected),
        "the reason is {reported:?}, not {expected:?}"
    );
    Ok(took)
}
