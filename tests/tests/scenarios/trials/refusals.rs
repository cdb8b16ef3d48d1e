//! Browsers and platforms that block features or refuse settings.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use huddle_tests::{Artifacts, Browser, Native, Page, Player, Server, wait_until};

use crate::{
    pictures::{SLOW_DRAWING, save_screenshot},
    steps::{LOAD_TIMEOUT, all_meet, all_see_movement, is_long_run},
};

/// The maximum time until a loaded page has logged an exception.
const LOG_TIMEOUT: Duration = Duration::from_secs(2);

/// Changes that extensions or settings make to a page, and the expected error text.
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

pub(super) fn browser_without_webrtc_shows_the_reason(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    for (name, script, expected) in WITHOUT_WEBRTC {
        let is_drawn = *name == "throws";
        if !is_drawn && *name != "no-channels" && !is_long_run() {
            continue;
        }
        let page = if is_drawn { Page::LARGE } else { Page::SMALL };
        let mut browser = Browser::chromium(&format!("WebRTC {name}"), page)?;
        browser.run_before_pages(script)?;
        let render = if is_drawn { "" } else { "render=off" };
        browser.open(&server.player(render))?;
        let text = wait_failed(&mut browser, LOAD_TIMEOUT)?;
        ensure!(text.contains(expected), "{name}: the text is: {text}");
        if is_drawn {
            browser.wait_shown(SLOW_DRAWING)?;
            save_screenshot(artifacts, &browser, "no-webrtc")?;
        }
    }
    Ok(())
}

/// Waits until the room has failed, and returns the error text.
fn wait_failed(player: &mut dyn Player, timeout: Duration) -> anyhow::Result<String> {
    let mut text = None;
    wait_until(
        &mut [&mut *player],
        timeout,
        "the room has failed",
        |reports| {
            text = reports[0].failure.clone();
            reports[0].state == "failed" && text.is_some()
        },
    )?;
    let text = text.context("the report has no failure")?;
    println!("   {} shows: {text}", player.name());
    Ok(text)
}

/// ICE servers that every platform refuses, and the expected reason.
const REFUSED: &[(&str, &str)] = &[
    ("turn:127.0.0.1:3478", "a user name and a password"),
    (
        "stun:127.0.0.1:3478?transport=udp",
        "nothing may follow the port",
    ),
    ("stun:127.0.0.1:99999", "not a number from 1 to 65535"),
    ("stun:", "is not the address of a STUN or TURN server"),
];
/// ICE servers that native games refuse, and the expected reason.
const REFUSED_NATIVELY: &[(&str, &str)] = &[
    ("stuns:127.0.0.1:5349", "use `stun:`"),
    (
        "ada:secret@turns:127.0.0.1:5349?transport=udp",
        "TLS over UDP",
    ),
];
/// The length of a user name that Chromium refuses, and Chromium's error text.
const LONG_NAME: usize = 600;
const TOO_LONG: &str = "TURN server username is too long";

pub(super) fn refused_ice_server_is_named(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut browser = Browser::chromium("Ada", Page::SMALL)?;
    refused_in_page(&server, &mut browser, REFUSED)?;
    let long_name = format!("{}:secret@turn:127.0.0.1:3478", "a".repeat(LONG_NAME));
    refused_in_page(&server, &mut browser, &[(&long_name, TOO_LONG)])?;
    for (address, reason) in REFUSED.iter().chain(REFUSED_NATIVELY) {
        let mut native =
            Native::start_with(artifacts, "Bob", &server, "hello", 1, &["--ice", address])?;
        check_reason(&wait_failed(&mut native, LOAD_TIMEOUT)?, address, reason)?;
    }
    Ok(())
}

pub(super) fn refused_ice_server_is_named_in_firefox(artifacts: &Artifacts) -> anyhow::Result<()> {
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
        check_reason(&wait_failed(browser, LOAD_TIMEOUT)?, address, reason)?;
    }
    Ok(())
}

fn check_reason(text: &str, address: &str, reason: &str) -> anyhow::Result<()> {
    let url = address.rsplit('@').next().unwrap_or(address);
    ensure!(
        text.contains(url),
        "the text does not contain {url}: {text}"
    );
    ensure!(
        text.contains(reason),
        "the text does not contain {reason:?}: {text}"
    );
    Ok(())
}

/// Makes the first two links fail. The WebRTC check at startup creates three channels, and reading
/// the certificate's fingerprint creates one.
const FAILS_TWICE: &str = "
    const create = RTCPeerConnection.prototype.createDataChannel;
    let calls = 0;
    RTCPeerConnection.prototype.createDataChannel = function (...args) {
        calls += 1;
        if (calls === 5 || calls === 6) throw new Error('no more channels');
        return create.apply(this, args);
    };
";

pub(super) fn exceptions_end_link_attempts_but_not_the_room(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Browser::chromium("Ada", Page::SMALL)?;
    ada.run_before_pages(FAILS_TWICE)?;
    ada.open(&server.player("render=off&bot=1"))?;
    wait_until(&mut [&mut ada], LOAD_TIMEOUT, "Ada waits", |reports| {
        reports[0].state == "waiting"
    })?;
    let mut bob = Native::start(artifacts, "Bob", &server, "hello", 2)?;
    wait_until(&mut [&mut bob], LOAD_TIMEOUT, "Bob reports", |_| true)?;
    let start = Instant::now();
    let mut log = ada.log();
    while !log.contains("no more channels") {
        ensure!(
            start.elapsed() < LOG_TIMEOUT,
            "the exception was not logged:\n{log}"
        );
        thread::sleep(Duration::from_millis(50));
        log.push_str(&ada.log());
    }
    println!(
        "   the exception was logged after {} ms",
        start.elapsed().as_millis()
    );
    let both: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob];
    all_meet(both, LOAD_TIMEOUT, "they still meet")?;
    all_see_movement(both, "each sees the other move")
}
