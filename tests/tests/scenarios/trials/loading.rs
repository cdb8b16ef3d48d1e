//! A native game that joins a room and then loads a level for 20 seconds, during which it runs no
//! frames.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::ensure;
use bevy::prelude::*;
use bevy_huddle::prelude::*;
use huddle_tests::{Artifacts, Server};

use crate::steps::is_long_run;

/// The frame time of the games.
const FRAME: Duration = Duration::from_millis(8);
/// The maximum time from the end of loading until both games have joined.
const MEETING_TIMEOUT: Duration = Duration::from_secs(3);
/// The maximum time until a game has joined an empty room.
const JOIN_TIMEOUT: Duration = Duration::from_secs(10);

/// One player loads, either the newcomer or the host, while the other one waits.
pub(super) fn native_game_connects_after_loading_a_level(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let (times, hosts): (&[u64], &[bool]) = if is_long_run() {
        (&[12, 20, 40, 120], &[true, false])
    } else {
        (&[20], &[true])
    };
    for load in times {
        for &host_loads in hosts {
            let loading = if host_loads { "host" } else { "newcomer" };
            let room = server.room(&format!("{loading}-{load}"));
            let took = meet_after_loading(&room, Duration::from_secs(*load), host_loads)?;
            println!(
                "   the {loading} loads for {load} s: they meet {} ms later",
                took.as_millis()
            );
        }
    }
    Ok(())
}

/// Returns the time between the end of loading and the meeting.
fn meet_after_loading(room: &str, load: Duration, host_loads: bool) -> anyhow::Result<Duration> {
    let mut first = game(room);
    let joined = Instant::now();
    while status(&first) != RoomStatus::Waiting {
        ensure!(
            joined.elapsed() < JOIN_TIMEOUT,
            "the first game did not join the room: it is {}",
            status(&first)
        );
        first.update();
        thread::sleep(FRAME);
    }
    let mut second = game(room);
    second.update();
    // A loading game does not update, but its network thread continues to run.
    let (mut loading, mut other) = if host_loads {
        (first, second)
    } else {
        (second, first)
    };
    let start = Instant::now();
    while start.elapsed() < load {
        ensure!(
            peers(&mut other) == 0,
            "the games met while one of them was loading"
        );
        other.update();
        thread::sleep(FRAME);
    }
    let loaded = Instant::now();
    while peers(&mut loading) != 1 || peers(&mut other) != 1 {
        ensure!(
            loaded.elapsed() < MEETING_TIMEOUT,
            "the games did not meet after loading: they are {} and {}",
            status(&loading),
            status(&other)
        );
        loading.update();
        other.update();
        thread::sleep(FRAME);
    }
    Ok(loaded.elapsed())
}

fn game(room: &str) -> App {
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, HuddlePlugins))
        .insert_resource(Time::<Fixed>::from_hz(60.0));
    app.world_mut().commands().join_room(room);
    app.world_mut().flush();
    app
}

fn status(app: &App) -> RoomStatus {
    let mut rooms = app.world().try_query::<&RoomStatus>();
    let status = rooms
        .as_mut()
        .and_then(|rooms| rooms.iter(app.world()).next());
    status.copied().unwrap_or_default()
}

fn peers(app: &mut App) -> usize {
    let world = app.world_mut();
    world
        .query_filtered::<&Peer, Without<LocalPeer>>()
        .iter(world)
        .count()
}
