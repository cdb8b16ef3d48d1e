//! Games and stock clients: raw bytes through the plugin.

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
    numbered::{self, Arrived, Met, Report},
};

use super::exchange::{ENOUGH, EXCHANGE, Heard, MEETING, SENDING, all_there};

/// What the app has heard, by peer.
#[derive(Resource, Default)]
struct AppHeard(BTreeMap<PeerId, Heard>);

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
    let strangers = [stan_id, tess.wait_id()?];
    let (began, mut sent, mut number) = (Instant::now(), Instant::now(), BTreeMap::new());
    loop {
        app.update();
        let (stan, tess) = (stan.report()?, tess.report()?);
        let heard = &app.world().resource::<AppHeard>().0;
        let met = [&stan, &tess].map(|report| the_other(report, &strangers));
        let enough = |arrived: &Arrived| arrived.messages >= ENOUGH;
        if heard.len() == 2
            && heard
                .values()
                .all(|heard| heard.channels.iter().all(enough))
            && met
                .iter()
                .all(|met| met.is_some_and(|met| met.channels.iter().all(enough)))
        {
            break;
        }
        ensure!(
            began.elapsed() < MEETING + EXCHANGE,
            "the game and the stock clients do not hear each other: {heard:#?}, {stan:#?}, {tess:#?}"
        );
        if sent.elapsed() >= SENDING {
            sent = Instant::now();
            let world = app.world_mut();
            let mut peers = world.query_filtered::<&Peer, Without<LocalPeer>>();
            let peers: Vec<Peer> = peers.iter(world).copied().collect();
            for peer in peers {
                ensure!(peer.is_matchbox_client, "{} is a matchbox client", peer.id);
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
        "   game and stock clients hear each other: {} ms",
        began.elapsed().as_millis()
    );
    for (peer, heard) in &app.world().resource::<AppHeard>().0 {
        all_there("the game", &peer.to_string(), &heard.channels)?;
    }
    for (name, client) in [("Stan", &mut stan), ("Tess", &mut tess)] {
        let report = client.report()?;
        let met = the_other(&report, &strangers).context("nobody is there")?;
        all_there(name, "the game", &met.channels)?;
        ensure!(
            met.connected && met.times == 1,
            "{name} was cut off: {met:?}"
        );
    }
    let problems = &app.world().resource::<Problems>().0;
    ensure!(problems.is_empty(), "{problems:?}");
    Ok(())
}

/// Whom a stock client has met besides its like. What it calls them is known to the signaling server only.
fn the_other<'a>(report: &'a Report, strangers: &[String]) -> Option<&'a Met> {
    let mut met = report
        .peers
        .iter()
        .filter(|(id, _)| !strangers.contains(id));
    met.next().map(|(_, met)| met)
}

fn game(room: String) -> App {
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, HuddlePlugins))
        .insert_resource(Time::<Fixed>::from_hz(60.0))
        .init_resource::<AppHeard>()
        .init_resource::<Problems>()
        .add_observer(|received: On<RawReceived>, mut heard: ResMut<AppHeard>| {
            let channel = received.channel.index();
            let heard = heard.0.entry(received.peer_id).or_default();
            heard.channels[channel].take(channel, &received.bytes);
        })
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
