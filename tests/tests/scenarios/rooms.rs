//! Rooms without a game.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::bail;
use huddle_mesh::{PeerId, Room, RoomEvent, Signaling};

/// Long enough for two to meet on a busy machine.
pub(crate) const MEETING: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(5);

/// Polls a room until something happens; returns how long that took.
pub(crate) fn until(
    room: &mut Room,
    limit: Duration,
    what: &str,
    mut done: impl FnMut(&RoomEvent) -> bool,
) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let mut seen = Vec::new();
    while began.elapsed() < limit {
        while let Some(event) = room.poll() {
            if done(&event) {
                return Ok(began.elapsed());
            }
            seen.push(event);
        }
        thread::sleep(POLL);
    }
    bail!("not within {limit:?}: {what}; seen: {seen:#?}");
}

/// Polls a room until all of these have joined.
pub(crate) fn until_joined(room: &mut Room, who: &[PeerId]) -> anyhow::Result<Duration> {
    let mut missing = who.to_vec();
    until(room, MEETING, "they join", |event| {
        if let RoomEvent::PeerJoined { peer_id: peer, .. } = event {
            missing.retain(|who| who != peer);
        }
        missing.is_empty()
    })
}

/// Polls a room until the server has let it in.
pub(crate) fn until_connected(room: &mut Room) -> anyhow::Result<Duration> {
    until(room, MEETING, "the server lets it in", |event| {
        matches!(event, RoomEvent::Signaling(Signaling::Connected { .. }))
    })
}
