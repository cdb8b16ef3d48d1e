//! Games and stock clients exchange raw bytes through the plugin.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use bevy::prelude::*;
use bevy_huddle::{Channel, RawReceived, prelude::*};
use huddle_tests::{
    Artifacts, Server, StockClient,
    numbered::{self, ChannelCounts, PeerCounts, Report},
};

use super::exchange::{
    EXCHANGE_TIMEOUT, MEETING_TIMEOUT, MIN_MESSAGES, Received, SEND_INTERVAL, check_counts,
};

/// Counts of the messages that the app has received, by peer.
#[derive(Resource, Default)]
struct AppReceived(BTreeMap<PeerId, Received>);

/// Unexpected events of the app.
#[derive(Resource, Default)]
struct Problems(Vec<String>);

pub(crate) fn games_and_stock_clients_exchange_raw_bytes(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let room = server.room("plugin");
    let mut stan = StockClient::start(artifacts, "Stan", &room)?;
    let stan_id = stan.wait_id()?;
    let mut app = game(room.clone());
    app.update();
    let mut tess = StockClient::start(artifacts, "Tess", &room)?;
    let stock_ids = [stan_id, tess.wait_id()?];
    let (began, mut sent, mut number) = (Instant::now(), Instant::now(), BTreeMap::new());
    loop {
        app.update();
        let (stan, tess) = (stan.report()?, tess.report()?);
        let received = &app.world().resource::<AppReceived>().0;
        let counts = [&stan, &tess].map(|report| counts_of_game(report, &stock_ids));
        let enough = |counts: &ChannelCounts| counts.messages >= MIN_MESSAGES;
        if received.len() == 2
            && received
                .values()
                .all(|received| received.channels.iter().all(enough))
            && counts
                .iter()
                .all(|counts| counts.is_some_and(|counts| counts.channels.iter().all(enough)))
        {
            break;
        }
        ensure!(
            began.elapsed() < MEETING_TIMEOUT + EXCHANGE_TIMEOUT,
            "the game and the stock clients do not receive enough messages: {received:#?}, {stan:#?}, {tess:#?}"
        );
        if sent.elapsed() >= SEND_INTERVAL {
            sent = Instant::now();
            let world = app.world_mut();
            let mut peers = world.query_filtered::<&Peer, Without<LocalPeer>>();
            let peers: Vec<Peer> = peers.iter(world).copied().collect();
            for peer in peers {
                ensure!(
                    peer.is_matchbox_client,
                    "{} is not reported as a matchbox client",
                    peer.id
                );
                let number = number.entry(peer.id).or_insert(0_u32);
                for channel in Channel::ALL {
                    let bytes = numbered::message(0x01, channel.index(), *number);
                    world.commands().send_raw(peer.id, channel, bytes);
                }
                *number += 1;
            }
            world.flush();
        }
        thread::sleep(Duration::from_millis(5));
    }
    println!(
        "   the game and the stock clients have received enough messages: {} ms",
        began.elapsed().as_millis()
    );
    for (peer, received) in &app.world().resource::<AppReceived>().0 {
        check_counts("the game", &peer.to_string(), &received.channels)?;
    }
    for (name, client) in [("Stan", &mut stan), ("Tess", &mut tess)] {
        let report = client.report()?;
        let counts = counts_of_game(&report, &stock_ids).context("the game is not listed")?;
        check_counts(name, "the game", &counts.channels)?;
        ensure!(
            counts.connected && counts.connections == 1,
            "{name} was disconnected: {counts:?}"
        );
    }
    let problems = &app.world().resource::<Problems>().0;
    ensure!(problems.is_empty(), "{problems:?}");
    Ok(())
}

/// Returns a stock client's counts of the game, which is the only peer that is not a stock client.
/// Only the signaling server knows the game's signaling id.
fn counts_of_game<'a>(report: &'a Report, stock_ids: &[String]) -> Option<&'a PeerCounts> {
    let mut counts = report
        .peers
        .iter()
        .filter(|(id, _)| !stock_ids.contains(id));
    counts.next().map(|(_, counts)| counts)
}

fn game(room: String) -> App {
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, HuddlePlugins))
        .insert_resource(Time::<Fixed>::from_hz(60.0))
        .init_resource::<AppReceived>()
        .init_resource::<Problems>()
        .add_observer(
            |received: On<RawReceived>, mut counts: ResMut<AppReceived>| {
                let channel = received.channel.index();
                let counts = counts.0.entry(received.peer_id).or_default();
                counts.channels[channel].record(channel, &received.bytes);
            },
        )
        .add_observer(|left: On<PeerLeft>, mut problems: ResMut<Problems>| {
            problems.0.push(format!("{:?}", left.event()));
        })
        .add_observer(|failed: On<SendFailed>, mut problems: ResMut<Problems>| {
            problems.0.push(format!("{:?}", failed.event()));
        })
        .add_observer(
            |rejected: On<MessageRejected>, mut problems: ResMut<Problems>| {
                problems.0.push(format!("{:?}", rejected.event()));
            },
        )
        .add_systems(Startup, move |mut commands: Commands| {
            commands.join_room(room.as_str());
        });
    app
}
