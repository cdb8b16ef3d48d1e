//! Rooms without a game: one that does not call, and what a deliberate end looks like to the others.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::ensure;
use huddle_mesh::{DisconnectReason, PeerId, Room, RoomConfig, RoomEvent};
use huddle_tests::{Artifacts, Server};

use crate::{
    rooms::{MEETING, until},
    steps::local_id,
};

/// A peer that is silent for three seconds is lost.
const NOT_CALLING: Duration = Duration::from_secs(4);
/// The server's word and a probe would take longer than that.
const AT_ONCE: Duration = Duration::from_millis(350);

pub(crate) fn silence_is_no_goodbye_and_goodbyes_are_told_at_once(
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
        let mut here = 0;
        until(room, MEETING, "three others join", |event| {
            here += usize::from(matches!(event, RoomEvent::PeerJoined { .. }));
            here == 3
        })?;
    }

    // Nobody calls for longer than a silent peer is given, and nobody takes it for silence.
    thread::sleep(NOT_CALLING);
    for room in [&mut ada, &mut bob, &mut cleo] {
        while let Some(event) = room.poll() {
            let quiet = matches!(
                event,
                RoomEvent::PeerUnresponsive(_) | RoomEvent::PeerLeft { .. }
            );
            ensure!(
                !quiet,
                "a game that did not call stopped the network: {event:?}"
            );
        }
    }

    bob.leave();
    let took = until_left(&mut ada, bob_id, DisconnectReason::Left)?;
    println!("   a leave is told: {} ms", took.as_millis());

    ada.disconnect(cleo_id);
    let took = until_left(&mut cleo, ada_id, DisconnectReason::DisconnectedByPeer)?;
    until_left(&mut ada, cleo_id, DisconnectReason::DisconnectedLocally)?;
    println!("   a cut is told: {} ms", took.as_millis());

    let began = Instant::now();
    drop(dan);
    let dropping = began.elapsed();
    ensure!(
        dropping < Duration::from_millis(300),
        "dropping a room took {dropping:?}"
    );
    until_left(&mut ada, dan_id, DisconnectReason::Left)?;
    println!(
        "   a dropped room is told too; dropping took {} ms",
        dropping.as_millis()
    );
    Ok(())
}

fn until_left(room: &mut Room, who: PeerId, why: DisconnectReason) -> anyhow::Result<Duration> {
    let mut said = None;
    let took = until(room, AT_ONCE, "they leave", |event| {
        if let RoomEvent::PeerLeft {
            peer_id: peer,
            reason,
        } = event
            && *peer == who
        {
            said = Some(*reason);
        }
        said.is_some()
    })?;
    ensure!(said == Some(why), "the reason is {said:?}, not {why:?}");
    Ok(took)
}
