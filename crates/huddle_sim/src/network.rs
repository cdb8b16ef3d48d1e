use std::{
    cmp::Ordering,
    collections::{BinaryHeap, VecDeque},
    ops::{Add, Range},
    time::Duration,
};

use huddle_session::Lane;

use super::{draw::Draw, path::Path, stream::Stream, weather::Weather};

/// A network between players on a virtual clock. Players are numbered from 0.
///
/// [`Lane::State`] is unreliable and unordered. The fate of the first packet that a player sends to
/// another one in a step depends only on the seed, the two players, the step and the weather. Other
/// traffic and the lengths of packets do not matter, unless [`Weather::bandwidth`] is limited. Different
/// implementations can therefore be compared over the same network.
///
/// The other lanes are reliable and ordered. A lost message is sent again, first after a round trip and
/// 50 ms and then every second, and later messages wait for it. Nothing passes a path that is cut.
/// Reliable messages arrive after the cut, unless the link was dropped.
///
/// ```
/// use std::time::Duration;
///
/// use huddle_session::Lane;
/// use huddle_sim::{Network, Weather};
///
/// let ms = Duration::from_millis;
/// let mut network = Network::new(1, 2, ms(16), Weather::from_rtt(ms(50)));
/// network.send(ms(0), 0, 1, Lane::State, 5, "hello");
/// assert!(network.receive(ms(24), 1).is_none());
/// let arrival = network.receive(ms(32), 1).unwrap();
/// assert_eq!((arrival.packet, arrival.from, arrival.at), ("hello", 0, ms(25)));
/// ```
#[derive(Debug)]
pub struct Network<P> {
    players: usize,
    paths: Vec<Path>,
    /// One for each path.
    traffic: Vec<Traffic>,
    /// The number of times that each path's link was dropped.
    drops: Vec<u32>,
    /// Two for each path, one for each reliable lane.
    streams: Vec<Stream<P>>,
    inboxes: Vec<Inbox<P>>,
}

/// A packet or message that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival<P> {
    /// The time of arrival, which may be earlier than the call that returned it.
    pub at: Duration,
    /// The sender.
    pub from: usize,
    /// The lane.
    pub lane: Lane,
    /// The packet or message.
    pub packet: P,
}

/// The traffic of one path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// The number of packets and reliable messages. Each is counted once.
    pub packets: u64,
    /// The number of their bytes.
    pub bytes: u64,
    /// The number of lost packets, and of messages that are sent again.
    pub lost: u64,
    /// The number of packets that arrive twice.
    pub duplicated: u64,
}

impl Add for Traffic {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            packets: self.packets + other.packets,
            bytes: self.bytes + other.bytes,
            lost: self.lost + other.lost,
            duplicated: self.duplicated + other.duplicated,
        }
    }
}

/// Everything that is in transit to one player.
#[derive(Debug)]
struct Inbox<P> {
    events: BinaryHeap<Event<P>>,
    /// The number of events so far. It keeps events with the same time in order.
    count: u64,
    /// The reliable messages that can be received next.
    ready: VecDeque<Arrival<P>>,
}

#[derive(Debug)]
struct Event<P> {
    at: Duration,
    order: u64,
    path: usize,
    from: usize,
    /// The value of [`Network::drops`] when it was sent. Packets on a dropped link are lost.
    drops: u32,
    lane: Lane,
    kind: EventKind,
    packet: P,
}

#[derive(Debug, Clone, Copy)]
enum EventKind {
    Arrives,
    /// A reliable message arrives, possibly before an earlier one.
    ArrivesInTurn {
        number: u64,
    },
    SentAgain {
        number: u64,
        tries: u64,
        len: usize,
    },
}

/// A later event is less than an earlier one, because a heap returns its greatest element.
impl<P> Ord for Event<P> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

impl<P> PartialOrd for Event<P> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<P> Eq for Event<P> {}

impl<P> PartialEq for Event<P> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<P> Inbox<P> {
    fn push(&mut self, event: Event<P>) {
        self.count += 1;
        self.events.push(Event {
            order: self.count,
            ..event
        });
    }
}

impl<P: Clone> Network<P> {
    /// The delay after which acks of later messages reveal a lost one.
    const NOTICED: Duration = Duration::from_millis(50);
    /// SCTP's timer for a message that is lost again.
    const TIMER: Duration = Duration::from_secs(1);

    /// Creates a network with the same weather on all paths. Fates are drawn once per `step`, which is
    /// the time between two packets of a player, and at least a nanosecond.
    pub fn new(seed: u64, players: usize, step: Duration, weather: Weather) -> Self {
        let step = u64::try_from(step.as_nanos()).unwrap_or(u64::MAX).max(1);
        let seed = Draw::seeded(seed);
        let paths: Vec<_> = (0..players * players)
            .map(|path| {
                let (from, to) = (path / players, path % players);
                Path::new(seed.at(from as u64).at(to as u64), weather, step)
            })
            .collect();
        Self {
            players,
            traffic: vec![Traffic::default(); paths.len()],
            drops: vec![0; paths.len()],
            streams: (0..paths.len() * 2).map(|_| Stream::default()).collect(),
            paths,
            inboxes: (0..players)
                .map(|_| Inbox {
                    events: BinaryHeap::new(),
                    count: 0,
                    ready: VecDeque::new(),
                })
                .collect(),
        }
    }

    fn path(&self, from: usize, to: usize) -> usize {
        assert!(
            from < self.players && to < self.players,
            "no path from {from} to {to} among {} players",
            self.players
        );
        from * self.players + to
    }

    /// Sends a packet or message of `len` bytes.
    ///
    /// # Panics
    /// Panics if a player does not exist. The other methods panic in this case as well.
    pub fn send(
        &mut self,
        now: Duration,
        from: usize,
        to: usize,
        lane: Lane,
        len: usize,
        packet: P,
    ) {
        let path = self.path(from, to);
        self.traffic[path].packets += 1;
        self.traffic[path].bytes += len as u64;
        let stream = match lane {
            Lane::State => return self.send_packet(now, from, to, len, packet),
            Lane::Events => 0,
            Lane::Bulk => 1,
        };
        let number = self.streams[path * 2 + stream].number();
        let event = Event {
            at: now,
            order: 0,
            path,
            from,
            drops: self.drops[path],
            lane,
            kind: EventKind::Arrives,
            packet,
        };
        self.attempt(to, event, number, 0, len);
    }

    fn send_packet(&mut self, now: Duration, from: usize, to: usize, len: usize, packet: P) {
        let path = self.path(from, to);
        let fate = self.paths[path].next_fate(now);
        let leaves = self.paths[path].leaves(now, len);
        let (Some(delay), Some(leaves)) = (fate.delay, leaves) else {
            self.traffic[path].lost += 1;
            return;
        };
        let event = |delay, packet| Event {
            at: leaves + delay,
            order: 0,
            path,
            from,
            drops: self.drops[path],
            lane: Lane::State,
            kind: EventKind::Arrives,
            packet,
        };
        if let Some(delay) = fate.copy {
            self.traffic[path].duplicated += 1;
            self.inboxes[to].push(event(delay, packet.clone()));
        }
        self.inboxes[to].push(event(delay, packet));
    }

    /// Tries to deliver a reliable message, at the time of the event.
    fn attempt(&mut self, to: usize, mut event: Event<P>, number: u64, tries: u64, len: usize) {
        let path = &mut self.paths[event.path];
        let now = event.at;
        let leaves = path.leaves(now, len);
        let delay = path.attempt(now, event.lane as u64, number, tries);
        (event.at, event.kind) = match (leaves, delay) {
            (Some(leaves), Some(delay)) => (leaves + delay, EventKind::ArrivesInTurn { number }),
            _ => {
                self.traffic[event.path].lost += 1;
                let Weather { delay, jitter, .. } = path.weather;
                let wait = match tries {
                    0 => 2 * delay + jitter + Self::NOTICED,
                    _ => Self::TIMER,
                };
                let tries = tries + 1;
                (now + wait, EventKind::SentAgain { number, tries, len })
            }
        };
        self.inboxes[to].push(event);
    }

    /// Returns the next packet or message that has arrived at a player, in order of arrival.
    pub fn receive(&mut self, now: Duration, to: usize) -> Option<Arrival<P>> {
        assert!(to < self.players, "no player {to} among {}", self.players);
        loop {
            if let Some(arrival) = self.inboxes[to].ready.pop_front() {
                return Some(arrival);
            }
            let event = {
                let events = &mut self.inboxes[to].events;
                if events.peek()?.at > now {
                    return None;
                }
                events.pop()?
            };
            if event.drops != self.drops[event.path] {
                continue;
            }
            let Event { at, from, lane, .. } = event;
            match event.kind {
                EventKind::Arrives => {
                    let packet = event.packet;
                    return Some(Arrival {
                        at,
                        from,
                        lane,
                        packet,
                    });
                }
                EventKind::SentAgain { number, tries, len } => {
                    self.attempt(to, event, number, tries, len);
                }
                EventKind::ArrivesInTurn { number } => {
                    let stream = event.path * 2 + usize::from(lane == Lane::Bulk);
                    let stream = &mut self.streams[stream];
                    stream.arrived(number, event.packet);
                    while let Some(packet) = stream.next() {
                        self.inboxes[to].ready.push_back(Arrival {
                            at,
                            from,
                            lane,
                            packet,
                        });
                    }
                }
            }
        }
    }

    /// Changes the weather of one path, for everything that is sent from now on. A burst continues.
    pub fn set_weather(&mut self, from: usize, to: usize, weather: Weather) {
        let path = self.path(from, to);
        self.paths[path].weather = weather;
    }

    /// Restarts the network with the same weather on all paths. Steps and traffic are counted from now
    /// on, so packets have the same fates as on a new network. Packets in transit arrive.
    pub fn restart(&mut self, now: Duration, weather: Weather) {
        for path in &mut self.paths {
            path.restart(now, weather);
        }
        self.traffic.fill(Traffic::default());
    }

    /// Returns the number of players.
    pub const fn players(&self) -> usize {
        self.players
    }

    /// Returns the weather of one path.
    pub fn weather(&self, from: usize, to: usize) -> Weather {
        self.paths[self.path(from, to)].weather
    }

    /// Cuts a path. Packets that are sent on it during this time do not arrive. To cut a link, cut both of
    /// its paths. For a partition, cut all links between two groups. Use `Duration::MAX` if the end is not
    /// known yet.
    pub fn cut(&mut self, from: usize, to: usize, time: Range<Duration>) {
        let path = self.path(from, to);
        self.paths[path].cut(time);
    }

    /// Ends all cuts of a path, including later ones.
    pub fn heal(&mut self, from: usize, to: usize, now: Duration) {
        let path = self.path(from, to);
        self.paths[path].heal(now);
    }

    /// Returns whether a path is cut now.
    pub fn is_cut(&self, from: usize, to: usize, now: Duration) -> bool {
        self.paths[self.path(from, to)].is_cut(now)
    }

    /// Ends the link between two players. Everything in transit between them is lost. Later packets use
    /// a new link.
    pub fn drop_link(&mut self, a: usize, b: usize) {
        for path in [self.path(a, b), self.path(b, a)] {
            self.drops[path] = self.drops[path].wrapping_add(1);
            self.streams[path * 2] = Stream::default();
            self.streams[path * 2 + 1] = Stream::default();
        }
        for (to, other) in [(a, b), (b, a)] {
            let ready = &mut self.inboxes[to].ready;
            ready.retain(|arrival| arrival.from != other);
        }
    }

    /// Returns the traffic of one path.
    pub fn traffic(&self, from: usize, to: usize) -> Traffic {
        self.traffic[self.path(from, to)]
    }

    /// Returns the traffic that one player sent to all other players.
    pub fn sent_by(&self, from: usize) -> Traffic {
        (0..self.players)
            .map(|to| self.traffic(from, to))
            .fold(Traffic::default(), Add::add)
    }
}

#[cfg(test)]
mod tests;
