//! A native game that joins, and then loads a level for twenty seconds without a frame.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::ensure;
use bevy::prelude::*;
use bevy_huddle::prelude::*;
use huddle_tests::{Artifacts, Server};

use crate::steps::long;

/// One frame of the games here.
const FRAME: Duration = Duration::from_millis(8);
/// From waking.
const MEETING: Duration = Duration::from_secs(3);
const JOINED: Duration = Duration::from_secs(10);

/// Somebody loads, the newcomer or the host, and the other waits.
pub(super) fn native_level_load_connects_when_it_is_over(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let (times, hosts): (&[u64], &[bool]) = if long() {
        (&[12, 20, 40, 120], &[true, false])
    } else {
        (&[20], &[true])
    };
    for load in times {
        for &host_loads in hosts {
            let who = if host_loads { "host" } else { "newcomer" };
            let room = server.room(&format!("{who}-{load}"));
            let took = load_beside_another(&room, Duration::from_secs(*load), host_loads)?;
            println!(
                "   the {who} loads for {load} s: they meet {} ms later",
                took.as_millis()
            );
        }
    }
    Ok(())
}

/// Returns how long it takes them to meet once the level is loaded.
fn load_beside_another(room: &str, load: Duration, host_loads: bool) -> anyhow::Result<Duration> {
    let mut first = game(room);
    let joined = Instant::now();
    while state(&first) != RoomStatus::Waiting {
        ensure!(joined.elapsed() < JOINED, "the first is {}", state(&first));
        first.update();
        thread::sleep(FRAME);
    }
    let mut second = game(room);
    second.update();
    // What loads does not update; its network runs on.
    let (mut loading, mut other) = if host_loads {
        (first, second)
    } else {
        (second, first)
    };
    let start = Instant::now();
    while start.elapsed() < load {
        ensure!(peers(&mut other) == 0, "a game that loads takes part");
        other.update();
        thread::sleep(FRAME);
    }
    let woken = Instant::now();
    while peers(&mut loading) != 1 || peers(&mut other) != 1 {
        ensure!(
            woken.elapsed() < MEETING,
            "they are {} and {}",
            state(&loading),
            state(&other)
        );
        loading.update();
        other.update();
        thread::sleep(FRAME);
    }
    Ok(woken.elapsed())
}

fn game(room: &str) -> App {
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, HuddlePlugins))
        .insert_resource(Time::<Fixed>::from_hz(60.0));
    app.world_mut().commands().join_room(room);
    app.world_mut().flush();
    app
}

fn state(app: &App) -> RoomStatus {
    let mut rooms = app.world().try_query::<&RoomStatus>();
    let state = rooms
        .as_mut()
        .and_then(|rooms| rooms.iter(app.world()).next());
    state.copied().unwrap_or_default()
}

fn peers(app: &mut App) -> usize {
    let world = app.world_mut();
    world
        .query_filtered::<&Peer, Without<LocalPeer>>()
        .iter(world)
        .count()
}
