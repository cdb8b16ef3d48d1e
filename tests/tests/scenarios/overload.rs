//! More data than a player or a network can handle. Refused and dropped data is reported, and
//! memory stays bounded.

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
    steps::{LOAD_TIMEOUT, all_meet, is_long_run, local_id},
};

/// The length of a message in bytes.
const LEN: usize = 1000;
/// The maximum number of unread packets of a peer, by channel (see `docs/architecture.md`).
const UNREAD_STATE: usize = 256;
const UNREAD_EVENTS: usize = 2048;
/// The tolerated growth of memory in bytes: the queues of both players and the overhead of the
/// allocator.
const MEMORY: u64 = 32 << 20;
/// The reconnect timeout of eight seconds, and time for the report.
const LOSS_TIMEOUT: Duration = Duration::from_secs(9);
const STEP: Duration = Duration::from_millis(5);

/// Returns the smallest number of increasing subsequences into which the numbers can be split. The
/// greedy algorithm is optimal by Dilworth's theorem.
fn fewest_chains(numbers: &[u32]) -> usize {
    let mut ends: Vec<u32> = Vec::new();
    for number in numbers {
        // The nearest smaller end leaves the most choices for later numbers.
        match ends.iter_mut().filter(|end| **end < *number).max() {
            Some(end) => *end = *number,
            None => ends.push(*number),
        }
    }
    ends.len()
}

/// Two linked rooms on two hosts.
struct Pair {
    lab: Lab,
    hosts: [Host; 2],
    rooms: [Room; 2],
    _server: Server,
}

impl Pair {
    fn meet(artifacts: &Artifacts, seed: u64) -> anyhow::Result<Self> {
        let lab = Lab::new(seed)?;
        let (host_a, host_b) = (lab.host("host_a")?, lab.host("host_b")?);
        let server = host_a.enter(|| Server::start_at(artifacts, host_a.address()))??;
        let config = RoomConfig::new(&server.room("overload"))?;
        let mut ada = host_a.enter(|| Room::join(config.clone()))??;
        until_connected(&mut ada)?;
        let mut bob = host_b.enter(|| Room::join(config))??;
        let (a, b) = (local_id(&ada), local_id(&bob));
        until_joined(&mut ada, &[b])?;
        until_joined(&mut bob, &[a])?;
        Ok(Self {
            lab,
            hosts: [host_a, host_b],
            rooms: [ada, bob],
            _server: server,
        })
    }
}

/// Counts of the sent and the refused messages of one side, by channel.
#[derive(Debug, Default)]
struct Sent {
    accepted: [u32; 3],
    refused: [u64; 3],
}

impl Sent {
    /// Sends a numbered message. Fails if it is refused in spite of sufficient credit.
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
            Err(error) => return Err(error).context("cannot send"),
        }
        Ok(())
    }
}

/// The messages and events that one side has read.
#[derive(Debug, Default)]
struct Read {
    /// The numbers of the messages in the order of arrival, by channel.
    numbers: [Vec<u32>; 3],
    dropped: [u64; 3],
    other_events: Vec<RoomEvent>,
}

impl Read {
    fn all(&mut self, room: &mut Room) -> anyhow::Result<()> {
        while let Some(event) = room.poll() {
            match event {
                RoomEvent::Packet { channel, bytes, .. } => {
                    let number = bytes.get(1..5).context("a message is truncated")?;
                    self.numbers[channel.index()].push(u32::from_be_bytes(number.try_into()?));
                }
                RoomEvent::Overflow {
                    channel, dropped, ..
                } => self.dropped[channel.index()] += dropped,
                event => self.other_events.push(event),
            }
        }
        Ok(())
    }

    /// Reads until all accepted reliable messages have been read or reported as dropped.
    fn rest(&mut self, room: &mut Room, sent: &Sent, limit: Duration) -> anyhow::Result<Duration> {
        let began = Instant::now();
        loop {
            self.all(room)?;
            let is_complete = |channel: Channel| {
                let c = channel.index();
                self.numbers[c].len() as u64 + self.dropped[c] >= u64::from(sent.accepted[c])
            };
            if is_complete(Channel::Events) && is_complete(Channel::Bulk) {
                return Ok(began.elapsed());
            }
            ensure!(
                began.elapsed() < limit,
                "messages are missing after {limit:?}: {:?} read and {:?} dropped of {sent:?}; events: {:#?}",
                self.numbers.each_ref().map(Vec::len),
                self.dropped,
                self.other_events
            );
            thread::sleep(STEP);
        }
    }

    /// Checks that all reliable messages arrive once and in order.
    fn check_all_arrive(
        &mut self,
        room: &mut Room,
        sent: &Sent,
        channels: &[Channel],
    ) -> anyhow::Result<()> {
        let rest = self.rest(room, sent, Duration::from_secs(15));
        let replaced = |event: &&RoomEvent| matches!(event, RoomEvent::LinkReplaced(_));
        let links = 1 + self.other_events.iter().filter(replaced).count();
        if links > 1 {
            // SCTP was silent for so long that another link replaced this one. Messages
            // in flight on the old link may be lost or late. Each link keeps its own order, and no
            // message arrives twice.
            println!("   the link was replaced");
            for channel in channels {
                let numbers = &self.numbers[channel.index()];
                let distinct: BTreeSet<u32> = numbers.iter().copied().collect();
                ensure!(
                    distinct.len() == numbers.len(),
                    "{channel}: some messages arrived twice"
                );
                let chains = fewest_chains(numbers);
                ensure!(
                    chains <= links,
                    "{channel}: {chains} sequences on {links} links"
                );
            }
            return Ok(());
        }
        println!(
            "   all accepted messages have arrived {} ms later",
            rest?.as_millis()
        );
        ensure!(
            self.dropped == [0; 3],
            "dropped messages: {:?}",
            self.dropped
        );
        let is_reconnecting = |event: &RoomEvent| {
            matches!(
                event,
                RoomEvent::PeerReconnecting(_) | RoomEvent::PeerReconnected(_)
            )
        };
        ensure!(
            self.other_events.iter().all(is_reconnecting),
            "unexpected events: {:?}",
            self.other_events
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

pub(crate) fn unread_packets_are_bounded_and_keep_the_link(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let silence = Duration::from_secs(if is_long_run() { 60 } else { 12 });
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
        // Once the queue is full, memory must no longer grow.
        if full.is_none() && sent.accepted[Channel::Events.index()] as usize > UNREAD_EVENTS + 100 {
            full = Some(Usage::here()?);
        }
        thread::sleep(STEP);
    }
    let grown = Usage::here()?.growth_since(&full.context("too few messages were sent")?);
    println!(
        "   unread for {silence:?}: {sent:?}, memory has grown by {grown} bytes since the queue was full"
    );
    ensure!(grown < 1 << 20, "unread messages take {grown} more bytes");

    let mut read = Read::default();
    read.rest(&mut ada, &sent, Duration::from_secs(10))?;
    let [states, events, _] = read.numbers.each_ref().map(Vec::len);
    println!(
        "   read {states} states and {events} events, {:?} dropped",
        read.dropped
    );
    ensure!(
        read.other_events.is_empty(),
        "unexpected events: {:?}",
        read.other_events
    );
    ensure!(events == UNREAD_EVENTS && read.is_in_order(Channel::Events));
    ensure!(states == UNREAD_STATE && read.dropped[0] > 0);
    let last = read.numbers[0].last().copied().unwrap_or_default();
    let newest = sent.accepted[0].saturating_sub(1);
    ensure!(
        newest - last < 10,
        "the newest state that was read is {last} of {newest}"
    );
    Ok(())
}

pub(crate) fn flood_is_refused_at_the_sender(artifacts: &Artifacts) -> anyhow::Result<()> {
    /// A loop sends many times the capacity of this link per second.
    const FLOOD: Duration = Duration::from_secs(5);
    let pair = Pair::meet(artifacts, 2)?;
    let [mut ada, mut bob] = pair.rooms;
    let [host_a, host_b] = &pair.hosts;
    let slow = Conditions {
        latency: Duration::from_millis(40),
        ..Conditions::GOOD
    };
    pair.lab.set_between(host_a, host_b, slow);
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
    let queued = bob.stats(to).context("the link has closed")?.queued;
    println!("   {sent:?}, {queued:?} bytes queued, memory grew by at most {most} bytes");
    for channel in Channel::ALL {
        let c = channel.index();
        let offered = u64::from(sent.accepted[c]) + sent.refused[c];
        ensure!(
            offered > 10 * u64::from(sent.accepted[c]),
            "{channel}: the test sent too little"
        );
        ensure!(sent.accepted[c] > 0, "{channel} accepted no message");
        ensure!(queued[c] <= channel.send_limit(), "{channel}: {queued:?}");
    }
    // This includes the recorded numbers.
    ensure!(most < MEMORY, "the flood took {most} bytes");
    read.check_all_arrive(&mut ada, &sent, &[Channel::Events, Channel::Bulk])?;
    Ok(())
}

pub(crate) fn full_send_queue_refuses_events_and_drains_after_recovery(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    const LOSSY: Duration = Duration::from_secs(8);
    let pair = Pair::meet(artifacts, 3)?;
    let [mut ada, mut bob] = pair.rooms;
    let [host_a, host_b] = &pair.hosts;
    // The link carries far less than the 200 kB that are sent per second.
    let lossy = Conditions {
        latency: Duration::from_millis(150),
        loss: 0.08,
        ..Conditions::GOOD
    };
    pair.lab.set_between(host_a, host_b, lossy);
    let to = local_id(&ada);
    let (mut sent, mut read) = (Sent::default(), Read::default());
    let before = Usage::here()?;
    let mut most = 0;
    let began = Instant::now();
    while began.elapsed() < LOSSY {
        sent.send(&mut bob, to, Channel::Events)?;
        read.all(&mut ada)?;
        most = most.max(Usage::here()?.growth_since(&before));
        thread::sleep(STEP);
    }
    let c = Channel::Events.index();
    println!("   at 8% loss: {sent:?}, memory grew by at most {most} bytes");
    ensure!(sent.refused[c] > 0, "no message was refused");
    ensure!(most < MEMORY, "the queue took {most} bytes");
    pair.lab.set_between(host_a, host_b, Conditions::GOOD);
    read.check_all_arrive(&mut ada, &sent, &[Channel::Events])?;

    // A full queue does not delay the detection of a cut.
    pair.lab.cut(host_a, host_b);
    let (before, cut, mut full) = (Usage::here()?, Instant::now(), 0_u64);
    let is_lost = |room: &mut Room| {
        std::iter::from_fn(|| room.poll())
            .any(|event| matches!(event, RoomEvent::PeerLeft { peer_id: peer, .. } if peer == to))
    };
    while !is_lost(&mut bob) {
        let message = Bytes::from(vec![0; LEN]);
        full += u64::from(bob.send(to, Channel::Events, message).is_err());
        ensure!(
            cut.elapsed() < LOSS_TIMEOUT,
            "Ada is still in the room after {LOSS_TIMEOUT:?}"
        );
        thread::sleep(Duration::from_millis(1));
    }
    let (took, grown) = (cut.elapsed(), Usage::here()?.growth_since(&before));
    println!(
        "   cut: {full} messages refused, lost after {} ms, memory has grown by {grown} bytes",
        took.as_millis()
    );
    ensure!(
        full > 0 && grown < MEMORY,
        "{full} messages refused, memory has grown by {grown} bytes"
    );
    let late = bob.send(to, Channel::Events, Bytes::from_static(b"late"));
    ensure!(
        late == Err(SendError::NoLink),
        "a message to a lost peer returned {late:?}"
    );
    Ok(())
}

pub(crate) fn frozen_game_is_removed_and_costs_other_peers_no_memory(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    const RETURN_TIMEOUT: Duration = Duration::from_secs(15);
    let frozen = Duration::from_secs(if is_long_run() { 60 } else { 15 });
    let server = Server::start(artifacts)?;
    let start =
        |name, bot| Native::measuring(artifacts, name, &server, "hello", bot, &[("probe", "200")]);
    let (mut ada, mut bob, mut cleo) = (start("Ada", 1)?, start("Bob", 2)?, start("Cleo", 3)?);
    let (ids, _) = all_meet(
        &mut [&mut ada, &mut bob, &mut cleo],
        LOAD_TIMEOUT,
        "three meet",
    )?;
    let before = Usage::of(bob.process())?;
    kill(ada.process(), Signal::SIGSTOP)?;
    let stopped = Instant::now();
    let took = wait_until(
        &mut [&mut bob, &mut cleo],
        LOSS_TIMEOUT,
        "the frozen player is removed",
        |reports| reports.iter().all(|report| !report.lists(&ids[0])),
    )?;
    println!("   the frozen player is removed: {} ms", took.as_millis());
    thread::sleep(frozen.saturating_sub(stopped.elapsed()));
    let grown = Usage::of(bob.process())?.growth_since(&before);
    println!("   Bob's memory has grown by {grown} bytes");
    ensure!(grown < MEMORY, "Bob's memory has grown by {grown} bytes");
    kill(ada.process(), Signal::SIGCONT)?;
    all_meet(
        &mut [&mut ada, &mut bob, &mut cleo],
        RETURN_TIMEOUT,
        "the frozen player is back",
    )
    .map(drop)
}
