//! A page and a native player who play on among stock clients.

use std::time::{Duration, Instant};

use anyhow::ensure;
use huddle_tests::{
    Artifacts, Browser, Native, Page, Player, Server, StockClient, numbered::Met, wait_until, watch,
};

use super::exchange::MEETING;
use crate::steps::{LOAD, Movement};

/// How many messages a page has got on each channel, by the order of the connections.
const COUNT_MESSAGES: &str = "
    globalThis.gotten = [];
    const create = RTCPeerConnection.prototype.createDataChannel;
    RTCPeerConnection.prototype.createDataChannel = function (label, options) {
        const channel = create.call(this, label, options);
        this.gotten ??= globalThis.gotten[globalThis.gotten.push([0, 0, 0]) - 1];
        channel.addEventListener('message', () => this.gotten[options.id]++);
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
    wait_until(&mut [&mut bob], LOAD, "Bob's page reports", |_| true)?;
    let mut tess = StockClient::start(artifacts, "Tess", &room)?;
    let strangers = [stan.wait_id()?, tess.wait_id()?];

    let players: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob];
    let took = wait_until(players, MEETING, "all four are linked", |reports| {
        reports.iter().all(|report| {
            report.plays_with(3) && strangers.iter().all(|stranger| report.lists(stranger))
        })
    })?;
    println!("   all four are linked: {} ms", took.as_millis());

    let mut seen = Movement::default();
    let began = Instant::now();
    watch(
        players,
        Duration::from_secs(6),
        "nobody is cut off, and play goes on",
        |reports| {
            for report in reports {
                ensure!(report.plays_with(3), "somebody is not connected");
                ensure!(
                    report
                        .entities
                        .iter()
                        .all(|entity| !strangers.contains(&entity.owner)),
                    "a stock client has no shape"
                );
            }
            seen.look(reports);
            // Natives report once a second.
            let late = began.elapsed() > Duration::from_secs(5);
            ensure!(
                !late || seen.places(reports).is_some_and(|fewest| fewest >= 4),
                "they do not see each other move"
            );
            Ok(())
        },
    )?;

    for (name, client) in [("Stan", &mut stan), ("Tess", &mut tess)] {
        let report = client.report()?;
        let steady = |met: &Met| met.connected && met.times == 1;
        ensure!(
            report.peers.len() == 3 && report.peers.values().all(steady),
            "{name} is not linked with all three: {report:#?}"
        );
    }
    // A page without a receiver for raw bytes gets them all the same.
    let gotten = bob.run("return globalThis.gotten")?;
    let gotten: Vec<[u32; 3]> = serde_json::from_value(gotten)?;
    let chatty = gotten
        .iter()
        .filter(|channels| channels.iter().all(|n| *n >= 50))
        .count();
    ensure!(
        chatty == 2,
        "of two stock clients the page hears {chatty}: {gotten:?}"
    );
    Ok(())
}
