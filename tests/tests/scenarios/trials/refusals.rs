//! Browsers and platforms that refuse what a room needs.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use huddle_tests::{Artifacts, Browser, Native, Page, Player, Server, wait_until};

use crate::{
    pictures::{SLOWLY, picture},
    steps::{LOAD, all_meet, all_see_movement, long},
};

/// A page whose game is loaded.
const AT_ONCE: Duration = Duration::from_secs(2);

/// What an extension or a setting does to a page, and what the player reads.
const WITHOUT_WEBRTC: &[(&str, &str, &str)] = &[
    (
        "gone",
        "delete globalThis.RTCPeerConnection; delete globalThis.webkitRTCPeerConnection",
        "RTCPeerConnection is not defined",
    ),
    (
        "undefined",
        "globalThis.RTCPeerConnection = undefined",
        "RTCPeerConnection is not defined",
    ),
    (
        "throws",
        "globalThis.RTCPeerConnection = class { constructor() { throw new Error('blocked by an extension'); } }",
        "blocked by an extension",
    ),
    (
        "useless",
        "globalThis.RTCPeerConnection = function () {}",
        "createDataChannel is not a function",
    ),
    (
        "no-channels",
        "RTCPeerConnection.prototype.createDataChannel = () => { throw new Error('no channels here'); }",
        "no channels here",
    ),
    (
        "no-socket",
        "globalThis.WebSocket = class { constructor() { throw new DOMException('insecure connection', 'SecurityError'); } }",
        "insecure connection",
    ),
];

pub(super) fn browser_without_webrtc_says_so(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    for (name, script, expected) in WITHOUT_WEBRTC {
        let is_seen = *name == "throws";
        if !is_seen && *name != "no-channels" && !long() {
            continue;
        }
        let page = if is_seen { Page::LARGE } else { Page::SMALL };
        let mut browser = Browser::chromium(&format!("WebRTC {name}"), page)?;
        browser.run_before_pages(script)?;
        let render = if is_seen { "" } else { "render=off" };
        browser.open(&server.player(render))?;
        let said = wait_failed(&mut browser, LOAD)?;
        ensure!(said.contains(expected), "{name}: the player reads: {said}");
        if is_seen {
            browser.wait_shown(SLOWLY)?;
            picture(artifacts, &browser, "no-webrtc")?;
        }
    }
    Ok(())
}

/// Waits until the room has failed; returns what the player reads.
fn wait_failed(player: &mut dyn Player, timeout: Duration) -> anyhow::Result<String> {
    let mut said = None;
    wait_until(
        &mut [&mut *player],
        timeout,
        "the room has failed",
        |reports| {
            said = reports[0].failure.clone();
            reports[0].state == "failed" && said.is_some()
        },
    )?;
    let said = said.context("no reason is given")?;
    println!("   {} reads: {said}", player.name());
    Ok(said)
}

/// What every platform refuses.
const REFUSED: &[(&str, &str)] = &[
    ("turn:127.0.0.1:3478", "a user name and a password"),
    (
        "stun:127.0.0.1:3478?transport=udp",
        "nothing may follow the port",
    ),
    ("stun:127.0.0.1:99999", "not a number from 1 to 65535"),
    ("stun:", "is not the address of a STUN or TURN server"),
];
/// What native games refuse.
const REFUSED_NATIVELY: &[(&str, &str)] = &[
    ("ada:secret@turns:127.0.0.1:5349", "TLS"),
    (
        "ada:secret@turn:127.0.0.1:3478?transport=tcp",
        "over UDP only",
    ),
];
/// Chromium refuses longer names of users, in words of its own.
const LONG_NAME: usize = 600;
const TOO_LONG: &str = "TURN server username is too long";

pub(super) fn refused_configuration_is_named(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut browser = Browser::chromium("Ada", Page::SMALL)?;
    refused_in_page(&server, &mut browser, REFUSED)?;
    let long_name = format!("{}:secret@turn:127.0.0.1:3478", "a".repeat(LONG_NAME));
    refused_in_page(&server, &mut browser, &[(&long_name, TOO_LONG)])?;
    for (address, reason) in REFUSED.iter().chain(REFUSED_NATIVELY) {
        let mut native =
            Native::start_with(artifacts, "Bob", &server, "hello", 1, &["--ice", address])?;
        names_it(&wait_failed(&mut native, LOAD)?, address, reason)?;
    }
    Ok(())
}

pub(super) fn refused_configuration_is_named_in_firefox(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    refused_in_page(&server, &mut Browser::firefox("Ada", Page::SMALL)?, REFUSED)
}

fn refused_in_page(
    server: &Server,
    browser: &mut Browser,
    refused: &[(&str, &str)],
) -> anyhow::Result<()> {
    for (address, reason) in refused {
        let encoded: String = url::form_urlencoded::byte_serialize(address.as_bytes()).collect();
        browser.open(&server.player(&format!("render=off&ice={encoded}")))?;
        names_it(&wait_failed(browser, LOAD)?, address, reason)?;
    }
    Ok(())
}

fn names_it(said: &str, address: &str, reason: &str) -> anyhow::Result<()> {
    let url = address.rsplit('@').next().unwrap_or(address);
    ensure!(said.contains(url), "{url} is not named: {said}");
    ensure!(said.contains(reason), "{reason:?} is not said: {said}");
    Ok(())
}

/// The probe at join needs three channels. The first two links after it fail.
const FAILS_TWICE: &str = "
    const create = RTCPeerConnection.prototype.createDataChannel;
    let calls = 0;
    RTCPeerConnection.prototype.createDataChannel = function (...args) {
        calls += 1;
        if (calls === 4 || calls === 5) throw new Error('no more channels');
        return create.apply(this, args);
    };
";

pub(super) fn exceptions_end_an_attempt_and_not_the_room(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Browser::chromium("Ada", Page::SMALL)?;
    ada.run_before_pages(FAILS_TWICE)?;
    ada.open(&server.player("render=off&bot=1"))?;
    wait_until(&mut [&mut ada], LOAD, "Ada waits", |reports| {
        reports[0].state == "waiting"
    })?;
    let mut bob = Native::start(artifacts, "Bob", &server, "hello", 2)?;
    wait_until(&mut [&mut bob], LOAD, "Bob reports", |_| true)?;
    let start = Instant::now();
    let mut log = ada.log();
    while !log.contains("no more channels") {
        ensure!(start.elapsed() < AT_ONCE, "the reason is not told:\n{log}");
        thread::sleep(Duration::from_millis(50));
        log.push_str(&ada.log());
    }
    println!("   the browser's words: {} ms", start.elapsed().as_millis());
    let both: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob];
    all_meet(both, LOAD, "they meet all the same")?;
    all_see_movement(both, "each sees the other move")
}
