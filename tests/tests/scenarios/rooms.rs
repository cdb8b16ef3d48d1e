//! Helpers for rooms without a game.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::bail;
use huddle_mesh::{PeerId, Room, RoomEvent, Signaling};

/// The maximum time until two peers meet on a busy machine.
pub(crate) const MEETING_TIMEOUT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(5);

/// Polls a room until an event satisfies `done`. Returns the elapsed time.
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

/// Polls a room until all of the peers have joined.
pub(crate) fn until_joined(room: &mut Room, expected: &[PeerId]) -> anyhow::Result<Duration> {
    let mut missing = expected.to_vec();
    until(room, MEETING_TIMEOUT, "the peers join", |event| {
        if let RoomEvent::PeerJoined { peer_id, .. } = event {
            missing.retain(|id| id != peer_id);
        }
        missing.is_empty()
    })
}

/// Polls a room until it is connected to the server.
pub(crate) fn until_connected(room: &mut Room) -> anyhow::Result<Duration> {
    until(
        room,
        MEETING_TIMEOUT,
        "the room connects to the server",
        |event| matches!(event, RoomEvent::Signaling(Signaling::Connected { .. })),
    )
}
