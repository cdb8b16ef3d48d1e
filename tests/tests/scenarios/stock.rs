//! Stock matchbox clients in our rooms: raw bytes both ways on every channel, and nobody is cut.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use bevy::prelude::*;
use bevy_huddle::{RawReceived, prelude::*};
use bytes::Bytes;
use huddle_mesh::{Channel, Room as MeshRoom, RoomConfig, RoomEvent};
use huddle_tests::{
    Artifacts, Browser, Native, Page, Player, Server, StockClient, StockServer,
    numbered::{self, Arrived, LENGTHS, Met, Report},
    wait_until, watch,
};

use crate::steps::{LOAD, Movement};

const MEETING: Duration = Duration::from_secs(20);
/// Messages that have to arrive from everybody on every channel: several seconds of them.
const ENOUGH: u32 = 100;
const EXCHANGE: Duration = Duration::from_secs(20);
const SENDING: Duration = Duration::from_millis(50);
/// The `webrtc` crate, below both, loses what arrives before its own side of a channel is open.
const LOST_AT_FIRST: u32 = 2;
const GONE: Duration = Duration::from_secs(3);

/// What was heard of somebody.
#[derive(Default, Debug)]
struct Heard {
    channels: [Arrived; LENGTHS.len()],
}

/// One of ours, without a game, who sends numbered messages to stock clients as they do to everybody.
struct Mesh {
    room: MeshRoom,
    foreigners: BTreeMap<PeerId, (u32, Heard)>,
    ours: usize,
}

impl Mesh {
    fn join(room: &str) -> anyhow::Result<Self> {
        Ok(Self {
            room: MeshRoom::join(RoomConfig::new(room)?)?,
            foreigners: BTreeMap::new(),
            ours: 0,
        })
    }

    /// Takes what has come. Nobody may leave or be suspected.
    fn poll(&mut self) -> anyhow::Result<()> {
        while let Some(event) = self.room.poll() {
            match event {
                RoomEvent::PeerJoined { peer, foreign, .. } if foreign => {
                    let known = self.foreigners.insert(peer, Default::default());
                    ensure!(known.is_none(), "{peer} joins twice");
                }
                RoomEvent::PeerJoined { .. } => self.ours += 1,
                RoomEvent::Packet {
                    peer,
                    channel,
                    bytes,
                    ..
                } => {
                    let (_, heard) = self
                        .foreigners
                        .get_mut(&peer)
                        .with_context(|| format!("{peer} is not foreign"))?;
                    heard.channels[channel.index()].take(channel.index(), &bytes);
                }
                RoomEvent::Signaling(_) => {}
                event => bail!("nothing of that sort should happen: {event:?}"),
            }
        }
        Ok(())
    }

    /// A stock client, which has the same id for itself, for its like and for us.
    fn peer(&self, id: &str) -> anyhow::Result<PeerId> {
        let mut known = self.foreigners.keys().copied();
        known
            .find(|peer| peer.to_string() == id)
            .with_context(|| format!("{id} is not foreign here: {:#?}", self.foreigners))
    }

    fn send(&mut self) -> anyhow::Result<()> {
        for (&peer, (number, _)) in &mut self.foreigners {
            for channel in Channel::ALL {
                let bytes = numbered::message(0x20, channel.index(), *number);
                self.room.send(peer, channel, Bytes::from(bytes))?;
            }
            *number += 1;
        }
        Ok(())
    }
}

pub(crate) fn rooms_and_stock_clients_exchange_raw_bytes(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    exchange(artifacts, &server.room("raw"))
}

pub(crate) fn the_stock_server_introduces_rooms_and_stock_clients(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let server = StockServer::start(artifacts)?;
    exchange(artifacts, &server.room("raw"))
}

/// Two of ours and two stock clients. Each is offered a link by those before, so both sorts offer to both.
fn exchange(artifacts: &Artifacts, room: &str) -> anyhow::Result<()> {
    let mut ada = Mesh::join(room)?;
    connected(&mut ada)?;
    let mut stan = StockClient::start(artifacts, "Stan", room)?;
    let stan_id = stan.wait_id()?;
    let mut bob = Mesh::join(room)?;
    connected(&mut bob)?;
    let mut tess = StockClient::start(artifacts, "Tess", room)?;
    let tess_id = tess.wait_id()?;

    let began = Instant::now();
    let mut sent = Instant::now();
    loop {
        for ours in [&mut ada, &mut bob] {
            ours.poll()?;
            if sent.elapsed() >= SENDING {
                ours.send()?;
            }
        }
        if sent.elapsed() >= SENDING {
            sent = Instant::now();
        }
        let stock = [&mut stan, &mut tess].map(StockClient::report);
        let [stan, tess] = stock;
        let (stan, tess) = (stan?, tess?);
        let enough = |arrived: &Arrived| arrived.messages >= ENOUGH;
        let ours_have = [&ada, &bob].iter().all(|ours| {
            ours.foreigners.len() == 2
                && ours.ours == 1
                && ours
                    .foreigners
                    .values()
                    .all(|(_, heard)| heard.channels.iter().all(enough))
        });
        let stock_have = [&stan, &tess].iter().all(|report| {
            report.peers.len() == 3
                && report
                    .peers
                    .values()
                    .all(|met| met.connected && met.channels.iter().all(enough))
        });
        if ours_have && stock_have {
            break;
        }
        ensure!(
            began.elapsed() < MEETING + EXCHANGE,
            "they do not all hear each other: Ada {:#?}, Bob {:#?}, Stan {stan:#?}, Tess {tess:#?}",
            ada.foreigners,
            bob.foreigners
        );
        thread::sleep(Duration::from_millis(5));
    }
    println!("   all hear all: {} ms", began.elapsed().as_millis());

    for (name, ours) in [("Ada", &ada), ("Bob", &bob)] {
        for (id, name_of) in [(&stan_id, "Stan"), (&tess_id, "Tess")] {
            let (_, heard) = &ours.foreigners[&ours.peer(id)?];
            all_there(name, name_of, &heard.channels)?;
            ensure!(
                heard.channels.iter().all(|channel| channel.led_by_ff > 10),
                "{name} does not hear {name_of}'s messages that begin with 0xFF: {heard:#?}"
            );
        }
    }
    for (name, client) in [("Stan", &mut stan), ("Tess", &mut tess)] {
        for (id, met) in client.report()?.peers {
            all_there(name, &id, &met.channels)?;
            ensure!(met.times == 1, "{name} met {id} {} times", met.times);
        }
    }

    // A stock client that leaves, and one of ours that does, are gone for the others.
    let tess_left = Instant::now();
    let tess_peer = ada.peer(&tess_id)?;
    let leave = Bytes::from_static(numbered::LEAVE);
    ada.room.send(tess_peer, Channel::Events, leave)?;
    gone(&mut ada, tess_peer)?;
    gone(&mut bob, tess_peer)?;
    println!(
        "   a stock client that left is gone: {} ms",
        tess_left.elapsed().as_millis()
    );
    let bob_left = Instant::now();
    drop(bob);
    loop {
        let report = stan.report()?;
        let gone = report.peers.values().filter(|met| !met.connected).count();
        // Tess and Bob.
        if gone == 2 {
            break;
        }
        ensure!(
            bob_left.elapsed() < GONE,
            "Stan still has {gone} of two: {report:#?}"
        );
        thread::sleep(Duration::from_millis(30));
    }
    println!(
        "   one of ours that left is gone: {} ms",
        bob_left.elapsed().as_millis()
    );
    Ok(())
}

fn connected(ours: &mut Mesh) -> anyhow::Result<()> {
    let began = Instant::now();
    while began.elapsed() < MEETING {
        match ours.room.poll() {
            Some(RoomEvent::Signaling(huddle_mesh::Signaling::Connected { .. })) => return Ok(()),
            Some(RoomEvent::Signaling(_)) | None => thread::sleep(Duration::from_millis(5)),
            Some(event) => bail!("too early: {event:?}"),
        }
    }
    bail!("the server does not answer")
}

/// Reliable messages arrive each once and in order, and none is damaged.
fn all_there(who: &str, of: &str, channels: &[Arrived; LENGTHS.len()]) -> anyhow::Result<()> {
    for channel in Channel::ALL {
        let arrived = &channels[channel.index()];
        ensure!(
            arrived.damaged == 0 && arrived.first.is_some_and(|first| first <= LOST_AT_FIRST),
            "{who} hears of {of} on {channel}: {arrived:?}"
        );
        ensure!(
            !channel.is_reliable() || arrived.is_whole(),
            "{who} hears of {of} on {channel}, out of order: {arrived:?}"
        );
    }
    Ok(())
}

fn gone(ours: &mut Mesh, who: PeerId) -> anyhow::Result<()> {
    let began = Instant::now();
    while began.elapsed() < GONE {
        match ours.room.poll() {
            Some(RoomEvent::PeerLeft { peer, .. }) if peer == who => return Ok(()),
            Some(RoomEvent::Packet { .. }) => {}
            Some(event) => bail!("nothing of that sort should happen: {event:?}"),
            None => thread::sleep(Duration::from_millis(5)),
        }
    }
    bail!("{who} is still here after {GONE:?}")
}

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
            let peers: Vec<Peer> = world.query::<&Peer>().iter(world).copied().collect();
            for peer in peers {
                ensure!(peer.foreign, "{} is foreign", peer.id);
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
        .init_resource::<AppHeard>()
        .init_resource::<Problems>()
        .add_observer(|received: On<RawReceived>, mut heard: ResMut<AppHeard>| {
            let channel = received.channel.index();
            let heard = heard.0.entry(received.peer).or_default();
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
    bob.open(&server.page("hello", "render=off&bot=2"))?;
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
