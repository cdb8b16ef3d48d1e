//! Man-in-the-middle attacks are detected, over real connections.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use huddle_mesh::{DisconnectReason, LinkFailure, PeerId, Room, RoomConfig, RoomEvent, RoomSecret};
use huddle_tests::{
    Artifacts, Browser, HostileMember, Native, Page, Player, Server, TamperingServer, wait_until,
};
use serde_json::{Value, json};

use crate::{
    rooms::{MEETING_TIMEOUT, until, until_connected, until_joined},
    steps::{LOAD_TIMEOUT, all_meet, local_id},
};

/// A time longer than the first attempt to link.
const ATTEMPT: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(10);
/// The byte that the server in the middle makes its fingerprints of.
const FORGED: u8 = 0x3d;

pub(crate) fn rewritten_fingerprint_opens_no_link(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let tampering = TamperingServer::start(server.address(), FORGED)?;
    let forged = PeerId::of_certificate(&[FORGED; 32]);

    let config = RoomConfig::new(&tampering.room("native"))?;
    let mut ada = Room::join(config.clone())?;
    let mut bob = Room::join(config)?;
    let mut cleo = Browser::chromium("Cleo", Page::SMALL)?;
    let signal = tampering.address();
    cleo.open(&server.player(&format!("render=off&room=page&signal=ws://{signal}")))?;
    let mut dan = Room::join(RoomConfig::new(&tampering.room("page"))?)?;

    let mut refused = [false; 3];
    let began = Instant::now();
    while began.elapsed() < LOAD_TIMEOUT && refused != [true; 3] {
        for (room, refused) in [&mut ada, &mut bob, &mut dan].into_iter().zip(&mut refused) {
            while let Some(event) = room.poll() {
                let joined = matches!(event, RoomEvent::PeerJoined { .. });
                ensure!(!joined, "a link opened: {event:?}");
                if let RoomEvent::LinkFailed { peer_id, .. } = event {
                    *refused |= peer_id == forged;
                }
            }
        }
        thread::sleep(POLL);
    }
    println!("   all rooms report it after {:?}", began.elapsed());
    ensure!(refused == [true; 3], "not all rooms report it: {refused:?}");
    let report = cleo.report()?.context("the page reports")?;
    ensure!(report.peers.is_empty(), "the page is linked: {report:?}");
    Ok(())
}

pub(crate) fn server_that_bridges_two_rooms_shows_its_own_ids(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    // The server puts each player into a room with a member of its own.
    let [left, right] = ["left", "right"].map(|name| RoomConfig::new(&server.room(name)));
    let (left, right) = (left?, right?);

    let (mut ada, mut bob) = (Room::join(left.clone())?, Room::join(right.clone())?);
    let (mut spy_left, mut spy_right) = (Room::join(left.clone())?, Room::join(right.clone())?);
    for (player, spy) in [(&mut ada, &mut spy_left), (&mut bob, &mut spy_right)] {
        until_joined(player, &[local_id(spy)])?;
        until_joined(spy, &[local_id(player)])?;
    }
    let (seen, friend) = (local_id(&spy_left).short(), local_id(&bob).short());
    println!("   Ada sees {seen}, Bob reads out {friend}");
    ensure!(seen.to_string() != friend.to_string(), "the ids are equal");

    let secret = RoomSecret::random();
    let mut with_secret = left.clone();
    with_secret.url = RoomConfig::new(&server.room("secret"))?.url;
    let mut spy = Room::join(with_secret.clone())?;
    until_connected(&mut spy)?;
    let with_secret = with_secret.with_secret(secret);
    let (mut cleo, mut dan) = (
        Room::join(with_secret.clone())?,
        Room::join(with_secret.clone())?,
    );
    let spy_id = local_id(&spy);
    for player in [&mut cleo, &mut dan] {
        let took = until(player, MEETING_TIMEOUT, "the spy is refused", |event| {
            matches!(event, RoomEvent::LinkFailed { peer_id, reason: LinkFailure::Secret, .. }
                if *peer_id == spy_id)
        })?;
        println!("   the spy is refused after {took:?}");
    }
    let until_refused = until(&mut spy, MEETING_TIMEOUT, "the spy reports it", |event| {
        matches!(
            event,
            RoomEvent::LinkFailed {
                reason: LinkFailure::Secret,
                ..
            }
        )
    });
    until_refused.map(drop)?;
    let dan_id = local_id(&dan);
    ensure!(
        cleo.stats(dan_id).is_some() || until_joined(&mut cleo, &[dan_id]).is_ok(),
        "the two players with the secret do not meet"
    );
    ensure!(cleo.stats(spy_id).is_none(), "the spy is linked");
    Ok(())
}

pub(crate) fn copied_certificate_takes_no_id(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let url = server.room("copied");
    let mut ada = Room::join(RoomConfig::new(&url)?)?;
    until_connected(&mut ada)?;
    let mut hostile = HostileMember::join(&url)?;
    let offers = hostile.wait_offers(1)?;
    let copied = offers.values().next().context("Ada's offer")?;

    let mut bob = Room::join(RoomConfig::new(&url)?)?;
    let newcomer = hostile.wait_newcomer()?;
    hostile.signal(&newcomer, &json!({ "Offer": copied }))?;
    let ada_id = local_id(&ada);
    until_joined(&mut bob, &[ada_id])?;

    let began = Instant::now();
    while began.elapsed() < ATTEMPT {
        ada.poll();
        while let Some(event) = bob.poll() {
            let left = matches!(event, RoomEvent::PeerLeft { .. });
            ensure!(!left, "Bob lost Ada: {event:?}");
            let joined = matches!(event, RoomEvent::PeerJoined { .. });
            ensure!(!joined, "another peer joined: {event:?}");
        }
        thread::sleep(POLL);
    }
    let stats = bob.stats(ada_id).context("Ada is linked")?;
    ensure!(stats.links == 1, "the link was replaced: {stats:?}");
    bob.disconnect(ada_id);
    until(&mut bob, MEETING_TIMEOUT, "Ada is disconnected", |event| {
        *event
            == RoomEvent::PeerLeft {
                peer_id: ada_id,
                reason: DisconnectReason::DisconnectedLocally,
            }
    })
    .map(drop)
}

pub(crate) fn kept_identity_survives_a_reload(artifacts: &Artifacts) -> anyhow::Result<()> {
    reload_with_identity(artifacts, Browser::chromium("Bob", Page::SMALL)?)
}

pub(crate) fn kept_identity_survives_a_reload_in_firefox(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    reload_with_identity(artifacts, Browser::firefox("Bob", Page::SMALL)?)
}

fn reload_with_identity(artifacts: &Artifacts, mut bob: Browser) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Native::start(artifacts, "Ada", &server, "hello", 1)?;
    let page = server.player("render=off&bot=2&identity=bob");
    bob.open(&page)?;
    let (before, _) = all_meet(&mut [&mut ada, &mut bob], LOAD_TIMEOUT, "they meet")?;

    // In the document, because scripts of the driver in Firefox have a global object of their own.
    bob.run("document.documentElement.dataset.isOld = true")?;
    bob.reload()?;
    let began = Instant::now();
    let is_new = "return !document.documentElement.dataset.isOld && Boolean(globalThis.huddle)";
    // While the page loads, there is nothing to run the script in.
    while bob.run(is_new).unwrap_or_default() != json!(true) {
        ensure!(began.elapsed() < LOAD_TIMEOUT, "the page was not reloaded");
        thread::sleep(POLL);
    }
    let (after, _) = all_meet(&mut [&mut ada, &mut bob], LOAD_TIMEOUT, "they meet again")?;
    ensure!(before == after, "ids changed: {before:?}, then {after:?}");

    // A second tab cannot have the same identity at the same time.
    bob.open_in_front(&page)?;
    let three = wait_until(&mut [&mut ada], LOAD_TIMEOUT, "both tabs play", |reports| {
        reports[0].plays_with(2)
    })?;
    println!("   both tabs play: {three:?}");
    let report = ada.report()?.context("Ada reports")?;
    ensure!(
        report.lists(&after[1]),
        "the first tab was removed: {report:?}"
    );
    bob.close_front()?;
    let is_alone = |report: &huddle_tests::Report| report.peer_ids() == [after[1].as_str()];
    wait_until(
        &mut [&mut ada],
        LOAD_TIMEOUT,
        "the second tab is removed",
        |reports| is_alone(&reports[0]),
    )
    .map(drop)
}

pub(crate) fn kept_identity_survives_a_restart(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let folder = tempfile::tempdir()?;
    let place = folder.path().join("identity.pem");
    let identity = ["--identity", place.to_str().context("a path in UTF-8")?];
    let mut ada = Native::start(artifacts, "Ada", &server, "hello", 1)?;
    let mut ids = Vec::new();
    for run in ["first", "second"] {
        let mut bob = Native::start_with(artifacts, "Bob", &server, "hello", 2, &identity)?;
        let (met, _) = all_meet(&mut [&mut ada, &mut bob], LOAD_TIMEOUT, run)?;
        ids.push(met);
        drop(bob);
        wait_until(&mut [&mut ada], LOAD_TIMEOUT, "Bob is removed", |reports| {
            reports[0].peers.is_empty()
        })?;
    }
    ensure!(ids[0] == ids[1], "ids changed: {ids:?}");
    let mut cleo = Native::start(artifacts, "Cleo", &server, "hello", 3)?;
    let (others, _) = all_meet(
        &mut [&mut ada, &mut cleo],
        LOAD_TIMEOUT,
        "Cleo has another id",
    )?;
    ensure!(others[1] != ids[0][1], "two players have the same id");
    Ok(())
}

pub(crate) fn private_room_admits_players_with_the_link(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let index = Browser::chromium("the index", Page::SMALL)?;
    index.open(&server.index())?;
    let link = index.run("return document.getElementById('private').href")?;
    let Value::String(link) = link else {
        anyhow::bail!("the index has no link to a private room: {link}");
    };
    let (_, query) = link.split_once('?').context("a room in the link")?;
    let (room, secret) = query
        .split_once("#secret=")
        .context("a secret in the link")?;
    let room = room.strip_prefix("room=").context("a room in the link")?;

    let page = server.player(&format!("render=off&bot=2&{query}"));
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    bob.open(&page)?;
    let secret = ["--secret", secret];
    let mut ada = Native::start_with(artifacts, "Ada", &server, room, 1, &secret)?;
    let mut eve = Browser::chromium("Eve", Page::SMALL)?;
    eve.open(&server.player(&format!("render=off&bot=3&room={room}")))?;
    all_meet(
        &mut [&mut ada, &mut bob],
        LOAD_TIMEOUT,
        "the players with the link meet",
    )?;
    let reported = wait_until(
        &mut [&mut eve],
        LOAD_TIMEOUT,
        "the player without the secret sees the reason",
        |reports| {
            let reason = LinkFailure::Secret.to_string();
            let mut texts = reports[0].texts.iter();
            texts.any(|text| text.contains(&reason))
        },
    )?;
    println!("   reported after {reported:?}");
    let report = eve.report()?.context("Eve reports")?;
    ensure!(report.peers.is_empty(), "Eve is linked: {report:?}");
    Ok(())
}
