//! Games between native players, and between native players and browsers.

use std::time::Duration;

use huddle_tests::{Artifacts, Browser, Native, Page, Player, Server, wait_until};

use crate::steps::{
    LOAD_TIMEOUT, all_measure_their_links, all_meet, all_receive_splashes, all_see_movement,
};

/// The maximum time until all players meet.
const MEETING_TIMEOUT: Duration = Duration::from_secs(6);
const ROOM: &str = "hello";

pub(crate) fn native_meets_native(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Native::start(artifacts, "Ada", &server, ROOM, 1)?;
    let mut bob = Native::start(artifacts, "Bob", &server, ROOM, 2)?;
    let both: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob];
    wait_until(both, LOAD_TIMEOUT, "both report", |_| true)?;
    play(both)
}

pub(crate) fn native_meets_browser(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Native::start(artifacts, "Ada", &server, ROOM, 1)?;
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    bob.open(&server.player("render=off&bot=2"))?;
    wait_until(&mut [&mut bob], LOAD_TIMEOUT, "Bob's page reports", |_| {
        true
    })?;
    play(&mut [&mut ada, &mut bob])
}

/// A page and a native game delay the packets that they receive, and can still play.
pub(crate) fn round_trip_time_includes_lag_from_options(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let options = &["--lag", "60", "--loss", "5"];
    let mut ada = Native::start_with(artifacts, "Ada", &server, ROOM, 1, options)?;
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    bob.open(&server.player("render=off&bot=2&lag=100&jitter=10"))?;
    wait_until(&mut [&mut bob], LOAD_TIMEOUT, "Bob's page reports", |_| {
        true
    })?;
    let players: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob];
    all_meet(players, MEETING_TIMEOUT, "they meet")?;
    all_see_movement(players, "each sees the other move")?;
    let lags = [60.0, 100.0];
    let took = wait_until(
        players,
        MEETING_TIMEOUT,
        "both measure a round-trip time that includes their lag",
        |reports| {
            reports.iter().zip(lags).all(|(report, lag)| {
                let mut rtts = report.peers.iter().map(|peer| peer.rtt_ms);
                report.plays_with(1) && rtts.all(|rtt| rtt.is_some_and(|rtt| rtt >= lag))
            })
        },
    )?;
    println!(
        "   both measure a round-trip time that includes their lag: {} ms",
        took.as_millis()
    );
    all_receive_splashes(players)
}

fn play(players: &mut [&mut dyn Player]) -> anyhow::Result<()> {
    all_meet(players, MEETING_TIMEOUT, "they meet")?;
    all_see_movement(players, "each sees the other move")?;
    all_measure_their_links(players, "direct")?;
    all_receive_splashes(players)
}
