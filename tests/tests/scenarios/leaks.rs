//! Departed peers and replaced links do not leak connections, threads, sockets or memory.
//!
//! Usage is measured after a few rounds and after many rounds, so that a leak per round shows in
//! the difference.

use std::{
    fmt, thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use huddle_mesh::{Room, RoomConfig, RoomEvent};
use huddle_tests::{
    Artifacts, Browser, Native, Page, PeerReport, Player, Report, Server, Usage, wait_until,
};
use network_lab::{Host, Lab};
use serde::Deserialize;

use crate::{
    rooms::{MEETING_TIMEOUT, until, until_connected, until_joined},
    steps::{LOAD_TIMEOUT, all_meet, is_long_run, local_id},
};

/// Counts the page's connections, and exposes the size of its wasm memory.
const COUNT: &str = "
    const connections = [];
    globalThis.RTCPeerConnection = class extends RTCPeerConnection {
        constructor(...configuration) {
            super(...configuration);
            connections.push(new WeakRef(this));
        }
    };
    let wasm = null;
    for (const name of ['instantiate', 'instantiateStreaming']) {
        const original = WebAssembly[name];
        WebAssembly[name] = async (...source) => {
            const result = await original(...source);
            wasm = (result.instance ?? result).exports.memory;
            return result;
        };
    }
    globalThis.held = () => ({
        created: connections.length,
        open: connections.filter((connection) => (connection.deref()?.connectionState ?? 'closed') !== 'closed').length,
        wasm: wasm.buffer.byteLength,
    });
";
/// The tolerated growth of the script heap in bytes.
const HEAP: u64 = 1 << 20;
/// The tolerated growth of wasm memory in bytes. It never shrinks.
const WASM: u64 = 2 << 20;
/// The tolerated growth of this process in bytes. It contains all rooms.
const MEMORY: u64 = 8 << 20;
/// The maximum time until links are closed. A replaced link stays open for a second.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// The maximum time until a new link is open.
const REPLACEMENT_TIMEOUT: Duration = Duration::from_secs(10);
/// The maximum time until the other side of a cut detects it as well.
const OTHER_END_TIMEOUT: Duration = Duration::from_millis(400);
const POLL: Duration = Duration::from_millis(20);

/// Returns the number of rounds until the first and until the second measurement.
fn rounds() -> [usize; 2] {
    if is_long_run() { [10, 100] } else { [5, 20] }
}

/// The resources that a page holds.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Held {
    /// The number of connections created so far.
    created: usize,
    /// The number of connections that are not closed.
    open: usize,
    /// The size of wasm memory in bytes.
    wasm: u64,
    /// The size of the script heap in bytes.
    #[serde(default)]
    heap: u64,
}

impl Held {
    /// Waits until exactly `open` connections are open, and measures the page.
    fn measure(page: &Browser, open: usize) -> anyhow::Result<Self> {
        let began = Instant::now();
        loop {
            let mut held: Self = serde_json::from_value(page.run("return held()")?)?;
            if held.open == open {
                held.heap = page.heap()?;
                return Ok(held);
            }
            ensure!(
                began.elapsed() < CLOSE_TIMEOUT,
                "{open} connections should be open: {held}"
            );
            thread::sleep(POLL);
        }
    }

    fn check_growth_since(&self, before: &Self) -> anyhow::Result<()> {
        println!("   before: {before}\n   after:  {self}");
        let heap = self.heap.saturating_sub(before.heap);
        let wasm = self.wasm.saturating_sub(before.wasm);
        ensure!(heap <= HEAP, "the script heap has grown by {heap} bytes");
        ensure!(wasm <= WASM, "wasm memory has grown by {wasm} bytes");
        Ok(())
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { created, open, .. } = self;
        let (heap, wasm) = (self.heap as f64 / 1e6, self.wasm as f64 / 1e6);
        write!(
            f,
            "{open} of {created} connections open, {heap:.2} MB script heap, {wasm:.2} MB wasm memory"
        )
    }
}

pub(crate) fn page_frees_departed_peers_and_replaced_links(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let lab = Lab::new(1)?;
    let (server_host, local_host) = (lab.host("server")?, lab.host("page")?);
    let other_host = lab.host("others")?;
    let server = server_host.enter(|| Server::start_at(artifacts, server_host.address()))??;
    let mut page = local_host.enter(|| Browser::chromium("Ada", Page::SMALL))??;
    page.run_before_pages(COUNT)?;
    page.open(&server.player("render=off&bot=1"))?;
    wait_until(
        &mut [&mut page],
        LOAD_TIMEOUT,
        "the page waits",
        |reports| reports[0].state == "waiting",
    )?;

    let url = server.room("hello");
    let [few, many] = rounds();
    visit(&other_host, &url, few)?;
    let before = Held::measure(&page, 0)?;
    visit(&other_host, &url, many - few)?;
    let after = Held::measure(&page, 0)?;
    ensure!(
        after.created >= many && before.created >= few,
        "some visitors were not linked: {after}"
    );
    println!("   {many} players joined and left:");
    after.check_growth_since(&before)?;

    // Two players, so that each cut replaces two links.
    let start =
        |name, bot| other_host.enter(|| Native::start(artifacts, name, &server, "hello", bot))?;
    let (mut bob, mut cleo) = (start("Bob", 2)?, start("Cleo", 3)?);
    let (ids, _) = all_meet(
        &mut [&mut page, &mut bob, &mut cleo],
        LOAD_TIMEOUT,
        "three meet",
    )?;
    // Only the native players are polled, because each read of a page's report adds a kilobyte of
    // compiled script to it.
    let about_page = |reports: &[Report], holds: &dyn Fn(usize, &PeerReport) -> bool| {
        let mut both = (0..).zip(reports);
        both.all(|(i, report)| report.peer(&ids[0]).is_some_and(|peer| holds(i, peer)))
    };
    let mut replace = |links: usize| {
        for _ in 0..links.div_ceil(2) {
            let mut before = [0; 2];
            let both: &mut [&mut dyn Player] = &mut [&mut bob, &mut cleo];
            wait_until(both, REPLACEMENT_TIMEOUT, "both are connected", |reports| {
                about_page(reports, &|_, peer| peer.state == "connected") && {
                    before = [0, 1].map(|i| reports[i].peer(&ids[0]).map_or(0, |peer| peer.links));
                    true
                }
            })?;
            lab.cut(&local_host, &other_host);
            wait_until(
                both,
                REPLACEMENT_TIMEOUT,
                "both sides of the cut are reconnecting",
                |reports| about_page(reports, &|_, peer| peer.state == "reconnecting"),
            )?;
            thread::sleep(OTHER_END_TIMEOUT);
            lab.heal(&local_host, &other_host);
            wait_until(
                both,
                REPLACEMENT_TIMEOUT,
                "both links are replaced",
                |reports| about_page(reports, &|i, peer| peer.links > before[i]),
            )?;
        }
        anyhow::Ok(())
    };
    let [few, many] = if is_long_run() { [10, 100] } else { [4, 12] };
    replace(few)?;
    let before = Held::measure(&page, 2)?;
    replace(many - few)?;
    let after = Held::measure(&page, 2)?;
    println!("   {many} links were replaced:");
    ensure!(
        after.created >= before.created + many - few,
        "some links were not replaced: {after}"
    );
    after.check_growth_since(&before)
}

/// Joins the room `times` times, one after the other. Each visitor waits for a link and leaves.
fn visit(host: &Host, url: &str, times: usize) -> anyhow::Result<()> {
    for _ in 0..times {
        let config = RoomConfig::new(url)?;
        let mut room = host.enter(|| Room::join(config))??;
        until(&mut room, MEETING_TIMEOUT, "a visitor is linked", |event| {
            matches!(event, RoomEvent::PeerJoined { .. })
        })?;
        // Dropping the room waits until the departure is sent.
        drop(room);
    }
    Ok(())
}

pub(crate) fn native_room_frees_departed_peers_and_replaced_links(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    /// The number of peers whose links each cut replaces.
    const PEERS: usize = 5;
    let lab = Lab::new(2)?;
    let (server_host, local_host) = (lab.host("server")?, lab.host("ada")?);
    let other_host = lab.host("others")?;
    let server = server_host.enter(|| Server::start_at(artifacts, server_host.address()))??;
    let url = server.room("leaks");
    let mut ada =
        local_host.enter(|| Room::join(RoomConfig::new(&url)?).context("cannot join"))??;
    until_connected(&mut ada)?;

    let [few, many] = rounds();
    visit(&other_host, &url, few)?;
    let before = settled(&mut ada, None)?;
    visit(&other_host, &url, many - few)?;
    let after = settled(&mut ada, Some(&before))?;
    println!("   {many} players joined and left:");
    check_growth(&before, &after)?;

    let mut peers = Vec::new();
    for _ in 0..PEERS {
        let config = RoomConfig::new(&url)?;
        peers.push(other_host.enter(|| Room::join(config))??);
    }
    let ids: Vec<_> = peers.iter().map(local_id).collect();
    until_joined(&mut ada, &ids)?;
    let mut replace = |ada: &mut Room, links: usize| {
        for _ in 0..links.div_ceil(PEERS) {
            lab.cut(&local_host, &other_host);
            let mut reconnecting = ids.clone();
            until(
                ada,
                REPLACEMENT_TIMEOUT,
                "both sides of the cut are reconnecting",
                |event| {
                    reconnecting.retain(|id| *event != RoomEvent::PeerReconnecting(*id));
                    reconnecting.is_empty()
                },
            )?;
            thread::sleep(OTHER_END_TIMEOUT);
            lab.heal(&local_host, &other_host);
            let mut replaced = ids.clone();
            until(
                ada,
                REPLACEMENT_TIMEOUT,
                "all links are replaced",
                |event| {
                    replaced.retain(|id| *event != RoomEvent::LinkReplaced(*id));
                    replaced.is_empty()
                },
            )?;
            for peer in &mut peers {
                while peer.poll().is_some() {}
            }
        }
        anyhow::Ok(())
    };
    // The allocator keeps its maximum, which it reaches after some rounds.
    let [few, many] = if is_long_run() { [30, 130] } else { [10, 20] };
    replace(&mut ada, few)?;
    let before = settled(&mut ada, None)?;
    replace(&mut ada, many - few)?;
    let after = settled(&mut ada, Some(&before))?;
    println!("   {many} links were replaced:");
    check_growth(&before, &after)
}

/// Waits until the numbers of threads and sockets are stable and equal to `before`, or for a
/// limited time. Returns the usage of this process.
fn settled(room: &mut Room, before: Option<&Usage>) -> anyhow::Result<Usage> {
    let began = Instant::now();
    let mut last = Usage::here()?;
    let mut since = Instant::now();
    loop {
        while room.poll().is_some() {}
        thread::sleep(POLL);
        let now = Usage::here()?;
        let counts = |usage: &Usage| (usage.threads, usage.sockets);
        if counts(&now) != counts(&last) {
            since = Instant::now();
        }
        last = now;
        let is_as_before = before.is_none_or(|before| counts(before) == counts(&now));
        if (is_as_before && since.elapsed() > Duration::from_secs(2))
            || began.elapsed() > 2 * CLOSE_TIMEOUT
        {
            return Ok(now);
        }
    }
}

fn check_growth(before: &Usage, after: &Usage) -> anyhow::Result<()> {
    println!("   before: {before}\n   after:  {after}");
    ensure!(after.threads <= before.threads, "threads have leaked");
    ensure!(after.sockets <= before.sockets, "sockets have leaked");
    let grown = after.growth_since(before);
    ensure!(grown <= MEMORY, "{grown} bytes have leaked");
    Ok(())
}
