//! More than a player or a network takes: what is refused or dropped is told, and memory stays as it is.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use bytes::Bytes;
use huddle_mesh::{Channel, PeerId, Room, RoomConfig, RoomEvent, SendError};
use huddle_tests::{Artifacts, Native, Player, Server, Usage, wait_until};
use network_lab::{Conditions, Host, Lab};
use nix::sys::signal::{Signal, kill};

use crate::{
    rooms::{until_connected, until_joined},
    steps::{LOAD, all_meet, local_id, long},
};

const LEN: usize = 1000;
/// The most that is kept unread of a peer (see `docs/architecture.md`).
const UNREAD_STATE: usize = 256;
const UNREAD_EVENTS: usize = 2048;
/// What the queues of both players may take together, with room for the allocator's own.
const MEMORY: u64 = 32 << 20;
/// A peer that is silent for three seconds is lost.
const LOST: Duration = Duration::from_secs(4);
const STEP: Duration = Duration::from_millis(5);

/// The least number of rising sequences that these numbers can be a mixture of (Dilworth's theorem, found greedily).
fn fewest_chains(numbers: &[u32]) -> usize {
    let mut ends: Vec<u32> = Vec::new();
    for number in numbers {
        // The nearest end below it wastes least.
        match ends.iter_mut().filter(|end| **end < *number).max() {
            Some(end) => *end = *number,
            None => ends.push(*number),
        }
    }
    ends.len()
}

/// Two rooms on two hosts, linked.
struct Pair {
    lab: Lab,
    hosts: [Host; 2],
    rooms: [Room; 2],
    _server: Server,
}

impl Pair {
    fn meet(artifacts: &Artifacts, seed: u64) -> anyhow::Result<Self> {
        let lab = Lab::new(seed)?;
        let (one, other) = (lab.host("one")?, lab.host("other")?);
        let server = one.enter(|| Server::start_at(artifacts, one.address()))??;
        let config = RoomConfig::new(&server.room("overload"))?;
        let mut ada = one.enter(|| Room::join(config.clone()))??;
        until_connected(&mut ada)?;
        let mut bob = other.enter(|| Room::join(config))??;
        let (a, b) = (local_id(&ada), local_id(&bob));
        until_joined(&mut ada, &[b])?;
        until_joined(&mut bob, &[a])?;
        Ok(Self {
            lab,
            hosts: [one, other],
            rooms: [ada, bob],
            _server: server,
        })
    }
}

/// What one side has sent, and what was refused.
#[derive(Debug, Default)]
struct Sent {
    accepted: [u32; 3],
    refused: [u64; 3],
}

impl Sent {
    /// Sends a numbered message; the refusal must be the one that credit announces.
    fn send(&mut self, room: &mut Room, to: PeerId, channel: Channel) -> anyhow::Result<()> {
        let c = channel.index();
        let mut message = vec![0; LEN];
        message[1..5].copy_from_slice(&self.accepted[c].to_be_bytes());
        let fits = room.credit(to, channel) >= LEN;
        match room.send(to, channel, Bytes::from(message)) {
            Ok(()) => self.accepted[c] += 1,
            Err(SendError::Full(full)) => {
                ensure!(full == channel && !fits, "refused in spite of credit");
                self.refused[c] += 1;
            }
            Err(error) => return Err(error).context("sending"),
        }
        Ok(())
    }
}

/// What one side has read.
#[derive(Debug, Default)]
struct Read {
    /// The numbers of the messages, as they came.
    numbers: [Vec<u32>; 3],
    dropped: [u64; 3],
    others: Vec<RoomEvent>,
}

impl Read {
    fn all(&mut self, room: &mut Room) -> anyhow::Result<()> {
        while let Some(event) = room.poll() {
            match event {
                RoomEvent::Packet { channel, bytes, .. } => {
                    let number = bytes.get(1..5).context("a message was cut short")?;
                    self.numbers[channel.index()].push(u32::from_be_bytes(number.try_into()?));
                }
                RoomEvent::Overflow {
                    channel, dropped, ..
                } => self.dropped[channel.index()] += dropped,
                other => self.others.push(other),
            }
        }
        Ok(())
    }

    /// Reads until everything reliable that was accepted has been read or told as dropped.
    fn rest(&mut self, room: &mut Room, sent: &Sent, limit: Duration) -> anyhow::Result<Duration> {
        let began = Instant::now();
        loop {
            self.all(room)?;
            let is_there = |channel: Channel| {
                let c = channel.index();
                self.numbers[c].len() as u64 + self.dropped[c] >= u64::from(sent.accepted[c])
            };
            if is_there(Channel::Events) && is_there(Channel::Bulk) {
                return Ok(began.elapsed());
            }
            ensure!(
                began.elapsed() < limit,
                "not all is there within {limit:?}: {:?} and {:?} dropped of {sent:?}; told: {:#?}",
                self.numbers.each_ref().map(Vec::len),
                self.dropped,
                self.others
            );
            thread::sleep(STEP);
        }
    }

    /// Everything reliable arrives, once and in order.
    fn settle(&mut self, room: &mut Room, sent: &Sent, channels: &[Channel]) -> anyhow::Result<()> {
        let rest = self.rest(room, sent, Duration::from_secs(15));
        let replaced = |event: &&RoomEvent| matches!(event, RoomEvent::LinkReplaced(_));
        let links = 1 + self.others.iter().filter(replaced).count();
        if links > 1 {
            // SCTP was silent for so long that another link took over, which is told because what was under way on
            // the old one may be lost, or come late. Each link keeps its own order, and nothing comes twice.
            println!("   the link was replaced");
            for channel in channels {
                let numbers = &self.numbers[channel.index()];
                let distinct: BTreeSet<u32> = numbers.iter().copied().collect();
                ensure!(
                    distinct.len() == numbers.len(),
                    "{channel}: some came twice"
                );
                let chains = fewest_chains(numbers);
                ensure!(
                    chains <= links,
                    "{channel}: {chains} orders on {links} links"
                );
            }
            return Ok(());
        }
        println!(
            "   what was accepted is there {} ms later",
            rest?.as_millis()
        );
        ensure!(self.dropped == [0; 3], "dropped: {:?}", self.dropped);
        let doubt = |event: &RoomEvent| {
            matches!(
                event,
                RoomEvent::PeerUnresponsive(_) | RoomEvent::PeerRecovered(_)
            )
        };
        ensure!(
            self.others.iter().all(doubt),
            "more happened: {:?}",
            self.others
        );
        for channel in channels {
            ensure!(self.is_in_order(*channel), "{channel} is not in order");
        }
        Ok(())
    }

    fn is_in_order(&self, channel: Channel) -> bool {
        (0..)
            .zip(&self.numbers[channel.index()])
            .all(|(expected, number)| expected == *number)
    }
}

pub(crate) fn who_does_not_read_keeps_the_link_and_a_bounded_rest(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let silence = Duration::from_secs(if long() { 60 } else { 12 });
    let pair = Pair::meet(artifacts, 1)?;
    let [mut ada, mut bob] = pair.rooms;
    let to = local_id(&ada);
    let mut sent = Sent::default();
    let mut full = None;
    let began = Instant::now();
    while began.elapsed() < silence {
        sent.send(&mut bob, to, Channel::State)?;
        for _ in 0..2 {
            sent.send(&mut bob, to, Channel::Events)?;
        }
        // From then on nothing more may be kept.
        if full.is_none() && sent.accepted[Channel::Events.index()] as usize > UNREAD_EVENTS + 100 {
            full = Some(Usage::here()?);
        }
        thread::sleep(STEP);
    }
    let grown = Usage::here()?.growth_since(&full.context("too little was sent to judge")?);
    println!("   unread for {silence:?}: {sent:?}, {grown} bytes more once full");
    ensure!(grown < 1 << 20, "what is not read takes {grown} bytes more");

    let mut read = Read::default();
    read.rest(&mut ada, &sent, Duration::from_secs(10))?;
    let [states, events, _] = read.numbers.each_ref().map(Vec::len);
    println!(
        "   read {states} and {events}, told of {:?} dropped",
        read.dropped
    );
    ensure!(read.others.is_empty(), "more happened: {:?}", read.others);
    ensure!(events == UNREAD_EVENTS && read.is_in_order(Channel::Events));
    ensure!(states == UNREAD_STATE && read.dropped[0] > 0);
    let last = read.numbers[0].last().copied().unwrap_or_default();
    let newest = sent.accepted[0].saturating_sub(1);
    ensure!(
        newest - last < 10,
        "the newest state read is {last} of {newest}"
    );
    Ok(())
}

pub(crate) fn a_flood_is_refused_where_it_is_sent(artifacts: &Artifacts) -> anyhow::Result<()> {
    /// What a loop offers in a second is many times what a link of this kind takes.
    const FLOOD: Duration = Duration::from_secs(5);
    let pair = Pair::meet(artifacts, 2)?;
    let [mut ada, mut bob] = pair.rooms;
    let [one, other] = &pair.hosts;
    let slow = Conditions {
        latency: Duration::from_millis(40),
        ..Conditions::GOOD
    };
    pair.lab.set_between(one, other, slow);
    let to = local_id(&ada);
    let (mut sent, mut read) = (Sent::default(), Read::default());
    let before = Usage::here()?;
    let mut most = 0;
    let began = Instant::now();
    while began.elapsed() < FLOOD {
        for _ in 0..100 {
            for channel in Channel::ALL {
                sent.send(&mut bob, to, channel)?;
            }
        }
        read.all(&mut ada)?;
        most = most.max(Usage::here()?.growth_since(&before));
        thread::sleep(Duration::from_millis(1));
    }
    let queued = bob.stats(to).context("the link is gone")?.queued;
    println!("   {sent:?}, {queued:?} bytes queued, {most} bytes more at most");
    for channel in Channel::ALL {
        let c = channel.index();
        let offered = u64::from(sent.accepted[c]) + sent.refused[c];
        ensure!(
            offered > 10 * u64::from(sent.accepted[c]),
            "{channel}: this was no flood"
        );
        ensure!(sent.accepted[c] > 0, "{channel} took nothing");
        ensure!(queued[c] <= channel.send_limit(), "{channel}: {queued:?}");
    }
    // The numbers that are kept to compare take some, too.
    ensure!(most < MEMORY, "the flood took {most} bytes");
    read.settle(&mut ada, &sent, &[Channel::Events, Channel::Bulk])?;
    Ok(())
}

pub(crate) fn what_does_not_drain_is_refused_and_arrives_when_it_can(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    const STORM: Duration = Duration::from_secs(8);
    let pair = Pair::meet(artifacts, 3)?;
    let [mut ada, mut bob] = pair.rooms;
    let [one, other] = &pair.hosts;
    // It carries far less than the 200 kB that are asked of it each second.
    let storm = Conditions {
        latency: Duration::from_millis(150),
        loss: 0.08,
        ..Conditions::GOOD
    };
    pair.lab.set_between(one, other, storm);
    let to = local_id(&ada);
    let (mut sent, mut read) = (Sent::default(), Read::default());
    let before = Usage::here()?;
    let mut most = 0;
    let began = Instant::now();
    while began.elapsed() < STORM {
        sent.send(&mut bob, to, Channel::Events)?;
        read.all(&mut ada)?;
        most = most.max(Usage::here()?.growth_since(&before));
        thread::sleep(STEP);
    }
    let c = Channel::Events.index();
    println!("   in the storm: {sent:?}, {most} bytes more at most");
    ensure!(sent.refused[c] > 0, "nothing was refused");
    ensure!(most < MEMORY, "the queue took {most} bytes");
    pair.lab.set_between(one, other, Conditions::GOOD);
    read.settle(&mut ada, &sent, &[Channel::Events])?;

    // With nothing coming through at all it is over as soon as for who sends nothing.
    pair.lab.cut(one, other);
    let (before, cut, mut full) = (Usage::here()?, Instant::now(), 0_u64);
    let is_over = |room: &mut Room| {
        std::iter::from_fn(|| room.poll())
            .any(|event| matches!(event, RoomEvent::PeerLeft { peer_id: peer, .. } if peer == to))
    };
    while !is_over(&mut bob) {
        let message = Bytes::from(vec![0; LEN]);
        full += u64::from(bob.send(to, Channel::Events, message).is_err());
        ensure!(cut.elapsed() < LOST, "Ada is still there after {LOST:?}");
        thread::sleep(Duration::from_millis(1));
    }
    let (took, grown) = (cut.elapsed(), Usage::here()?.growth_since(&before));
    println!(
        "   cut: {full} refused, over after {} ms, {grown} bytes more",
        took.as_millis()
    );
    ensure!(full > 0 && grown < MEMORY, "refused {full}, {grown} bytes");
    let late = bob.send(to, Channel::Events, Bytes::from_static(b"late"));
    ensure!(late == Err(SendError::NoLink), "sent to nobody: {late:?}");
    Ok(())
}

pub(crate) fn a_frozen_game_is_let_go_and_takes_nothing_from_others(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    const BACK: Duration = Duration::from_secs(15);
    let frozen = Duration::from_secs(if long() { 60 } else { 10 });
    let server = Server::start(artifacts)?;
    let start =
        |name, bot| Native::measuring(artifacts, name, &server, "hello", bot, &[("probe", "200")]);
    let (mut ada, mut bob, mut cleo) = (start("Ada", 1)?, start("Bob", 2)?, start("Cleo", 3)?);
    let (ids, _) = all_meet(&mut [&mut ada, &mut bob, &mut cleo], LOAD, "three meet")?;
    let before = Usage::of(bob.process())?;
    kill(ada.process(), Signal::SIGSTOP)?;
    let stopped = Instant::now();
    let took = wait_until(
        &mut [&mut bob, &mut cleo],
        LOST,
        "who hangs is gone",
        |reports| reports.iter().all(|report| !report.lists(&ids[0])),
    )?;
    println!("   who hangs is gone: {} ms", took.as_millis());
    thread::sleep(frozen.saturating_sub(stopped.elapsed()));
    let grown = Usage::of(bob.process())?.growth_since(&before);
    println!("   meanwhile Bob has grown by {grown} bytes");
    ensure!(grown < MEMORY, "Bob has grown by {grown} bytes");
    kill(ada.process(), Signal::SIGCONT)?;
    all_meet(
        &mut [&mut ada, &mut bob, &mut cleo],
        BACK,
        "who hung plays on",
    )
    .map(drop)
}
