//! Players that hide their addresses behind a relay.

use std::{thread, time::Duration};

use anyhow::{bail, ensure};
use huddle_tests::{
    Artifacts, Browser, Native, Page, Player, Server, Spy, TURN_ADDRESS, Turn, wait_until,
};

use crate::steps::{LOAD_TIMEOUT, all_measure_their_links, all_meet, all_see_movement};

const MEETING_TIMEOUT: Duration = Duration::from_secs(12);
const ROOM: &str = "hello";

pub(crate) fn relay_only_hides_addresses(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let turn = Turn::start()?;
    let ice = turn.udp();
    let relayed = ["--relay", "--ice", &ice];
    let mut ada = Native::start_with(artifacts, "Ada", &server, ROOM, 1, &relayed)?;
    let mut bob = Native::start_with(artifacts, "Bob", &server, ROOM, 2, &relayed)?;
    let mut eve = Browser::chromium("Eve", Page::SMALL)?;
    eve.open(&server.player(&format!("render=off&bot=3&relay=on&ice={ice}")))?;
    let players: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob, &mut eve];
    wait_until(players, LOAD_TIMEOUT, "all report", |_| true)?;
    all_meet(players, MEETING_TIMEOUT, "three meet over the relay")?;
    all_see_movement(players, "each sees the other players move")?;
    all_measure_their_links(players, "relayed")?;

    // A new member receives an offer and then the ICE candidates of every player.
    let spy = Spy::join(&server.room(ROOM))?;
    thread::sleep(Duration::from_secs(4));
    let received = spy.received();
    let signals = |kind: &str| received.iter().filter(|text| text.contains(kind)).count();
    ensure!(
        signals("Offer") >= 3,
        "the spy received too few signals: {received:#?}"
    );
    ensure!(
        received.iter().any(|text| text.contains("typ relay")),
        "no relay candidate: {received:#?}"
    );
    for text in &received {
        for hidden in ["10.77.0.1", ".local", "typ host", "typ srflx"] {
            if text.contains(hidden) {
                bail!("the spy received {hidden}: {text}");
            }
        }
    }
    let addresses = received.iter().filter(|text| text.contains("typ ")).count();
    println!("   the spy received {addresses} candidates, all with {TURN_ADDRESS}");
    Ok(())
}
