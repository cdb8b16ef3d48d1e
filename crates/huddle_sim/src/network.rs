use std::{
    cmp::Ordering,
    collections::{BinaryHeap, VecDeque},
    ops::{Add, Range},
    time::Duration,
};

use huddle_session::Lane;

use super::{draw::Draw, path::Path, stream::Stream, weather::Weather};

/// A network between players, who are numbered from 0, on virtual time.
///
/// [`Lane::State`] is unreliable and unordered. What befalls the first packet that a player sends to
/// another in a step depends only on the seed, the two, the step and the weather, not on what else
/// is sent or how long packets are (without [`Weather::bandwidth`]): players of different kinds can
/// meet the very same network.
///
/// The other lanes are reliable and ordered: what is lost is sent again, once after a round trip and
/// 50 ms and then every second, and what follows waits. Through a cut nothing arrives, but what is
/// reliable does so when the path has healed, unless the link was dropped.
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
    /// One per path.
    traffic: Vec<Traffic>,
    /// How often each path's link was dropped.
    drops: Vec<u32>,
    /// Two per path, for the two reliable lanes.
    streams: Vec<Stream<P>>,
    inboxes: Vec<Inbox<P>>,
}

/// What arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival<P> {
    /// When, which may be before one looked.
    pub at: Duration,
    /// Who sent it.
    pub from: usize,
    /// How it came.
    pub lane: Lane,
    /// What was sent.
    pub packet: P,
}

/// What went over one path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Packets and reliable messages that were sent, each counted once.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Tries that failed: packets that never arrive, and messages that are sent again.
    pub lost: u64,
    /// Packets that arrive twice.
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

/// What is under way to one player.
#[derive(Debug)]
struct Inbox<P> {
    events: BinaryHeap<Event<P>>,
    /// How many events there were, so that those of the same moment keep their order.
    count: u64,
    /// Reliable messages whose turn has come.
    ready: VecDeque<Arrival<P>>,
}

#[derive(Debug)]
struct Event<P> {
    at: Duration,
    order: u64,
    path: usize,
    from: usize,
    /// What [`Network::drops`] was: what was under way on a dropped link is lost.
    drops: u32,
    lane: Lane,
    kind: EventKind,
    packet: P,
}

#[derive(Debug, Clone, Copy)]
enum EventKind {
    Arrives,
    /// A reliable message arrives, perhaps before another that comes first.
    ArrivesInTurn {
        number: u64,
    },
    SentAgain {
        number: u64,
        tries: u64,
        len: usize,
    },
}

/// The lesser is the later, since a heap gives out the greatest.
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
    /// After a lost message something later arrives, and its acks tell of the gap.
    const NOTICED: Duration = Duration::from_millis(50);
    /// SCTP's timer for what was lost again.
    const TIMER: Duration = Duration::from_secs(1);

    /// A network with this weather everywhere. Fates are drawn once per `step` (at least a
    /// nanosecond), which is how often players send.
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

    /// Sends something of `len` bytes.
    ///
    /// # Panics
    /// If there is no such player, as do the other methods.
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

    /// Tries to get a reliable message across, at the time of the event.
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

    /// The next that has arrived at a player, in the order in which that happened.
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

    /// Changes the weather of one path, for what is sent from now on. Bursts keep the state they
    /// are in.
    pub fn set_weather(&mut self, from: usize, to: usize, weather: Weather) {
        let path = self.path(from, to);
        self.paths[path].weather = weather;
    }

    /// From now on the weather is the same everywhere, steps are counted from here, and so is what is
    /// sent: packets meet the very fates that they would on a new network. What is under way arrives.
    pub fn begin_anew(&mut self, now: Duration, weather: Weather) {
        for path in &mut self.paths {
            path.begin_anew(now, weather);
        }
        self.traffic.fill(Traffic::default());
    }

    /// How many players there are.
    pub const fn players(&self) -> usize {
        self.players
    }

    /// The weather of one path.
    pub fn weather(&self, from: usize, to: usize) -> Weather {
        self.paths[self.path(from, to)].weather
    }

    /// Nothing sent on this path during this time arrives. Cut both paths to cut a link, and all
    /// links between two groups for a partition; to `Duration::MAX` if the end is not known yet.
    pub fn cut(&mut self, from: usize, to: usize, time: Range<Duration>) {
        let path = self.path(from, to);
        self.paths[path].cut(time);
    }

    /// Ends what cuts this path, now and later.
    pub fn heal(&mut self, from: usize, to: usize, now: Duration) {
        let path = self.path(from, to);
        self.paths[path].heal(now);
    }

    /// Whether what is sent on this path now cannot arrive.
    pub fn is_cut(&self, from: usize, to: usize, now: Duration) -> bool {
        self.paths[self.path(from, to)].is_cut(now)
    }

    /// Ends the link between two players: whatever is under way between them never arrives. What
    /// they send next travels on a new one.
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

    /// What was sent on one path.
    pub fn traffic(&self, from: usize, to: usize) -> Traffic {
        self.traffic[self.path(from, to)]
    }

    /// What one player sent, to all others together.
    pub fn sent_by(&self, from: usize) -> Traffic {
        (0..self.players)
            .map(|to| self.traffic(from, to))
            .fold(Traffic::default(), Add::add)
    }
}

#[cfg(test)]
mod tests;
