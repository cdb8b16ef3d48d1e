//! Players who come and go, and links that are replaced, leave nothing behind.
//!
//! What is held is looked at twice, after a few rounds and after many: whatever a round left behind would show as often.

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
    rooms::{MEETING, until, until_connected, until_joined},
    steps::{LOAD, all_meet, local_id, long},
};

/// Counts the page's connections, and shows the memory of its wasm.
const COUNT: &str = "
    const made = [];
    globalThis.RTCPeerConnection = class extends RTCPeerConnection {
        constructor(...configuration) {
            super(...configuration);
            made.push(new WeakRef(this));
        }
    };
    let wasm = null;
    for (const name of ['instantiate', 'instantiateStreaming']) {
        const usual = WebAssembly[name];
        WebAssembly[name] = async (...source) => {
            const made = await usual(...source);
            wasm = (made.instance ?? made).exports.memory;
            return made;
        };
    }
    globalThis.held = () => ({
        made: made.length,
        open: made.filter((one) => (one.deref()?.connectionState ?? 'closed') !== 'closed').length,
        wasm: wasm.buffer.byteLength,
    });
";
/// Memory of scripts that may come and go, in bytes.
const HEAP: u64 = 1 << 20;
/// The same of wasm, which only grows.
const WASM: u64 = 2 << 20;
/// The same of this process, in which all those rooms were.
const MEMORY: u64 = 8 << 20;
/// Links close within that: a replaced one stays for a second.
const CLOSED: Duration = Duration::from_secs(5);
const REPLACED: Duration = Duration::from_secs(10);
/// The other end of a cut notices when one does, more or less.
const OTHER_END: Duration = Duration::from_millis(400);
const POLL: Duration = Duration::from_millis(20);

/// How many rounds until the first look, and until the second.
fn rounds() -> [usize; 2] {
    if long() { [10, 100] } else { [5, 20] }
}

/// What a page holds.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Held {
    /// Connections that it has ever made.
    made: usize,
    /// Those that are not closed.
    open: usize,
    /// Bytes of wasm memory.
    wasm: u64,
    /// Bytes of its scripts.
    #[serde(default)]
    heap: u64,
}

impl Held {
    /// What a page holds once only so many connections are open.
    fn by(page: &Browser, open: usize) -> anyhow::Result<Self> {
        let began = Instant::now();
        loop {
            let mut held: Self = serde_json::from_value(page.run("return held()")?)?;
            if held.open == open {
                held.heap = page.heap()?;
                return Ok(held);
            }
            ensure!(
                began.elapsed() < CLOSED,
                "{open} connections should be open: {held}"
            );
            thread::sleep(POLL);
        }
    }

    fn check_growth_since(&self, before: &Self) -> anyhow::Result<()> {
        println!("   before: {before}\n   after:  {self}");
        let heap = self.heap.saturating_sub(before.heap);
        let wasm = self.wasm.saturating_sub(before.wasm);
        ensure!(heap <= HEAP, "scripts hold {heap} bytes more");
        ensure!(wasm <= WASM, "wasm has taken {wasm} bytes more");
        Ok(())
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { made, open, .. } = self;
        let (heap, wasm) = (self.heap as f64 / 1e6, self.wasm as f64 / 1e6);
        write!(
            f,
            "{open} of {made} connections open, {heap:.2} MB of scripts, {wasm:.2} MB of wasm"
        )
    }
}

pub(crate) fn a_page_keeps_nothing_of_who_left_and_of_replaced_links(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let lab = Lab::new(1)?;
    let (far, near) = (lab.host("server")?, lab.host("page")?);
    let others = lab.host("others")?;
    let server = far.enter(|| Server::start_at(artifacts, far.address()))??;
    let mut page = near.enter(|| Browser::chromium("Ada", Page::SMALL))??;
    page.run_before_pages(COUNT)?;
    page.open(&server.player("render=off&bot=1"))?;
    wait_until(&mut [&mut page], LOAD, "the page waits", |reports| {
        reports[0].state == "waiting"
    })?;

    let url = server.room("hello");
    let [few, many] = rounds();
    visit(&others, &url, few)?;
    let before = Held::by(&page, 0)?;
    visit(&others, &url, many - few)?;
    let after = Held::by(&page, 0)?;
    ensure!(
        after.made >= many && before.made >= few,
        "they were not all linked: {after}"
    );
    println!("   {many} players came and went:");
    after.check_growth_since(&before)?;

    // Two, so that each cut replaces two links.
    let start =
        |name, bot| others.enter(|| Native::start(artifacts, name, &server, "hello", bot))?;
    let (mut bob, mut cleo) = (start("Bob", 2)?, start("Cleo", 3)?);
    let (ids, _) = all_meet(&mut [&mut page, &mut bob, &mut cleo], LOAD, "three meet")?;
    // Only the others are watched: each look into a page costs it a kilobyte of compiled script.
    let about_page = |reports: &[Report], holds: &dyn Fn(usize, &PeerReport) -> bool| {
        let mut both = (0..).zip(reports);
        both.all(|(i, report)| report.peer(&ids[0]).is_some_and(|peer| holds(i, peer)))
    };
    let mut replace = |links: usize| {
        for _ in 0..links.div_ceil(2) {
            let mut before = [0; 2];
            let both: &mut [&mut dyn Player] = &mut [&mut bob, &mut cleo];
            wait_until(both, REPLACED, "both are well", |reports| {
                about_page(reports, &|_, peer| peer.state == "connected") && {
                    before = [0, 1].map(|i| reports[i].peer(&ids[0]).map_or(0, |peer| peer.links));
                    true
                }
            })?;
            lab.cut(&near, &others);
            wait_until(both, REPLACED, "the cut is noticed", |reports| {
                about_page(reports, &|_, peer| peer.state == "unresponsive")
            })?;
            thread::sleep(OTHER_END);
            lab.heal(&near, &others);
            wait_until(both, REPLACED, "both links are replaced", |reports| {
                about_page(reports, &|i, peer| peer.links > before[i])
            })?;
        }
        anyhow::Ok(())
    };
    let [few, many] = if long() { [10, 100] } else { [4, 12] };
    replace(few)?;
    let before = Held::by(&page, 2)?;
    replace(many - few)?;
    let after = Held::by(&page, 2)?;
    println!("   {many} links were replaced:");
    ensure!(
        after.made >= before.made + many - few,
        "they were not: {after}"
    );
    after.check_growth_since(&before)
}

/// So many players, one after the other, link with who is in the room, and leave.
fn visit(host: &Host, url: &str, times: usize) -> anyhow::Result<()> {
    for _ in 0..times {
        let config = RoomConfig::new(url)?;
        let mut room = host.enter(|| Room::join(config))??;
        until(&mut room, MEETING, "a visitor is linked", |event| {
            matches!(event, RoomEvent::PeerJoined { .. })
        })?;
        // Dropping waits for the farewell.
        drop(room);
    }
    Ok(())
}

pub(crate) fn a_native_room_keeps_nothing_of_who_left_and_of_replaced_links(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    /// Each cut replaces the link to each of them.
    const MANY: usize = 5;
    let lab = Lab::new(2)?;
    let (far, near) = (lab.host("server")?, lab.host("ada")?);
    let others = lab.host("others")?;
    let server = far.enter(|| Server::start_at(artifacts, far.address()))??;
    let url = server.room("leaks");
    let mut ada = near.enter(|| Room::join(RoomConfig::new(&url)?).context("joining"))??;
    until_connected(&mut ada)?;

    let [few, many] = rounds();
    visit(&others, &url, few)?;
    let before = settled(&mut ada, None)?;
    visit(&others, &url, many - few)?;
    let after = settled(&mut ada, Some(&before))?;
    println!("   {many} players came and went:");
    check_growth(&before, &after)?;

    let mut friends = Vec::new();
    for _ in 0..MANY {
        let config = RoomConfig::new(&url)?;
        friends.push(others.enter(|| Room::join(config))??);
    }
    let ids: Vec<_> = friends.iter().map(local_id).collect();
    until_joined(&mut ada, &ids)?;
    let mut replace = |ada: &mut Room, links: usize| {
        for _ in 0..links.div_ceil(MANY) {
            lab.cut(&near, &others);
            let mut unresponsive = ids.clone();
            until(ada, REPLACED, "the cut is noticed", |event| {
                unresponsive.retain(|id| *event != RoomEvent::PeerUnresponsive(*id));
                unresponsive.is_empty()
            })?;
            thread::sleep(OTHER_END);
            lab.heal(&near, &others);
            let mut replaced = ids.clone();
            until(ada, REPLACED, "all links are replaced", |event| {
                replaced.retain(|id| *event != RoomEvent::LinkReplaced(*id));
                replaced.is_empty()
            })?;
            for friend in &mut friends {
                while friend.poll().is_some() {}
            }
        }
        anyhow::Ok(())
    };
    // The allocator keeps what it has had at most, which takes some rounds to show.
    let [few, many] = if long() { [30, 130] } else { [10, 20] };
    replace(&mut ada, few)?;
    let before = settled(&mut ada, None)?;
    replace(&mut ada, many - few)?;
    let after = settled(&mut ada, Some(&before))?;
    println!("   {many} links were replaced:");
    check_growth(&before, &after)
}

/// What this process holds once nothing closes any more: as much as before, or what does not change for a while.
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
        let as_before = before.is_none_or(|before| counts(before) == counts(&now));
        if (as_before && since.elapsed() > Duration::from_secs(2)) || began.elapsed() > 2 * CLOSED {
            return Ok(now);
        }
    }
}

fn check_growth(before: &Usage, after: &Usage) -> anyhow::Result<()> {
    println!("   before: {before}\n   after:  {after}");
    ensure!(after.threads <= before.threads, "threads are left behind");
    ensure!(after.sockets <= before.sockets, "sockets are left behind");
    let grown = after.growth_since(before);
    ensure!(grown <= MEMORY, "{grown} bytes are left behind");
    Ok(())
}
