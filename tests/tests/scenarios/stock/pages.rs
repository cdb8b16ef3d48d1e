//! A page and a native player continue to play in a room with stock clients.

use std::time::{Duration, Instant};

use anyhow::ensure;
use huddle_tests::{
    Artifacts, Browser, Native, Page, Player, Server, StockClient, numbered::PeerCounts,
    wait_until, watch,
};

use super::exchange::MEETING_TIMEOUT;
use crate::steps::{LOAD_TIMEOUT, Movement};

/// Counts the messages of each connection by channel, in the order of the connections.
const COUNT_MESSAGES: &str = "
    globalThis.received = [];
    const create = RTCPeerConnection.prototype.createDataChannel;
    RTCPeerConnection.prototype.createDataChannel = function (label, options) {
        const channel = create.call(this, label, options);
        this.received ??= globalThis.received[globalThis.received.push([0, 0, 0]) - 1];
        channel.addEventListener('message', () => this.received[options.id]++);
        return channel;
    };
";

pub(crate) fn players_and_stock_clients_share_a_room(artifacts: &Artifacts) -> anyhow::Result<()> {
    const ROOM: &str = "hello";
    let server = Server::start(artifacts)?;
    let room = server.room(ROOM);
    let mut stan = StockClient::start(artifacts, "Stan", &room)?;
    let mut ada = Native::start(artifacts, "Ada", &server, ROOM, 1)?;
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    bob.run_before_pages(COUNT_MESSAGES)?;
    bob.open(&server.player("render=off&bot=2"))?;
    wait_until(&mut [&mut bob], LOAD_TIMEOUT, "Bob's page reports", |_| {
        true
    })?;
    let mut tess = StockClient::start(artifacts, "Tess", &room)?;
    let stock_ids = [stan.wait_peer_id()?, tess.wait_peer_id()?];

    let players: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob];
    let took = wait_until(players, MEETING_TIMEOUT, "all four are linked", |reports| {
        reports
            .iter()
            .all(|report| report.plays_with(3) && stock_ids.iter().all(|id| report.lists(id)))
    })?;
    println!("   all four are linked: {} ms", took.as_millis());

    let mut seen = Movement::default();
    let began = Instant::now();
    watch(
        players,
        Duration::from_secs(6),
        "all stay connected and move",
        |reports| {
            for report in reports {
                ensure!(report.plays_with(3), "a peer is not connected");
                ensure!(
                    report
                        .entities
                        .iter()
                        .all(|entity| !stock_ids.contains(&entity.owner)),
                    "a stock client has a shape"
                );
            }
            seen.record(reports);
            // Native players only report at intervals.
            let is_late = began.elapsed() > Duration::from_secs(5);
            ensure!(
                !is_late
                    || seen
                        .fewest_places(reports)
                        .is_some_and(|fewest| fewest >= 4),
                "the players do not see each other move"
            );
            Ok(())
        },
    )?;

    for (name, client) in [("Stan", &mut stan), ("Tess", &mut tess)] {
        let report = client.report()?;
        let is_steady = |counts: &PeerCounts| counts.connected && counts.connections == 1;
        ensure!(
            report.peers.len() == 3 && report.peers.values().all(is_steady),
            "{name} is not linked with all three: {report:#?}"
        );
    }
    // The page receives raw bytes even if its game has no observer for them.
    let received = bob.run("return globalThis.received")?;
    let received: Vec<[u32; 3]> = serde_json::from_value(received)?;
    let senders = received
        .iter()
        .filter(|channels| channels.iter().all(|n| *n >= 50))
        .count();
    ensure!(
        senders == 2,
        "the page receives enough messages from {senders} of two stock clients: {received:?}"
    );
    Ok(())
}
