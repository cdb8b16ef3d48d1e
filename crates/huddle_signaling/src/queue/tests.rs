//! Players with different behaviors in one queue, on a virtual clock.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::group_id::GroupIds;
use crate::message::{Event, Extension};

const SECOND: Duration = Duration::from_secs(1);
const STEP: Duration = Duration::from_millis(250);

/// The behavior of a player.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Links with every player that can link, and reports its links.
    Honest,
    /// Answers the server and sends no signals.
    Mute,
    /// Sends signals, but none of its links opens.
    Unlinkable,
    /// Sends nothing.
    Frozen,
    /// Has no links, and reports a link to every member.
    Liar,
    /// Links with every player that can link, and reports no links.
    Denier,
    /// A stock client, which links with every player that can link.
    Stock,
}

impl Kind {
    fn links(self) -> bool {
        matches!(self, Kind::Honest | Kind::Denier | Kind::Stock)
    }
}

/// A client, and the messages that it has received from the queue.
#[derive(Debug)]
struct Client {
    kind: Kind,
    mates: BTreeSet<PeerId>,
    stage: Option<Stage>,
}

struct World {
    queue: Queue,
    now: Duration,
    last: Ticket,
    clients: BTreeMap<Ticket, Client>,
    /// Pairs of players whose links never open.
    unlinkable: BTreeSet<(Ticket, Ticket)>,
    finished: Vec<(BTreeSet<Ticket>, Option<Uuid>)>,
    dropped: Vec<Ticket>,
    /// The number of group messages that each player received.
    group_messages: HashMap<Ticket, usize>,
}

fn peer(ticket: Ticket) -> PeerId {
    PeerId(Uuid::from_u128(u128::from(ticket)))
}

fn ticket(peer: PeerId) -> Ticket {
    peer.0.as_u128() as Ticket
}

impl World {
    fn new(size: usize) -> Self {
        let timing = Timing {
            request_interval: 2 * SECOND,
            silence_timeout: 5 * SECOND,
            link_timeout: 10 * SECOND,
        };
        Self {
            queue: Queue::new(size, timing, GroupIds::new(&[]).of_app("")),
            now: Duration::ZERO,
            last: 0,
            clients: BTreeMap::new(),
            unlinkable: BTreeSet::new(),
            finished: Vec::new(),
            dropped: Vec::new(),
            group_messages: HashMap::new(),
        }
    }

    fn join(&mut self, kind: Kind) -> Ticket {
        self.last += 1;
        let client = Client {
            kind,
            mates: BTreeSet::new(),
            stage: None,
        };
        self.clients.insert(self.last, client);
        let has_extensions = kind != Kind::Stock;
        self.queue
            .join(self.last, peer(self.last), has_extensions, self.now);
        self.deliver();
        self.last
    }

    fn leave(&mut self, ticket: Ticket) {
        if self.clients.remove(&ticket).is_some() {
            self.queue.leave(ticket, self.now);
            self.deliver();
        }
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += STEP;
            let stopped = self.queue.tick(self.now);
            self.deliver();
            for stopped in stopped {
                self.dropped.push(ticket(stopped));
                self.leave(ticket(stopped));
            }
            let tickets: Vec<_> = self.clients.keys().copied().collect();
            for ticket in tickets {
                self.report(ticket);
            }
            self.check();
        }
    }

    /// Returns whether a link between two players opens.
    fn opens(&self, a: Ticket, b: Ticket) -> bool {
        let links = |ticket| self.clients.get(&ticket).is_some_and(|c| c.kind.links());
        links(a) && links(b) && !self.unlinkable.contains(&(a.min(b), a.max(b)))
    }

    fn report(&mut self, ticket: Ticket) {
        let Some(client) = self.clients.get(&ticket) else {
            return;
        };
        let mates = client.mates.iter().copied();
        let linked: Vec<_> = match client.kind {
            Kind::Frozen | Kind::Stock => return,
            Kind::Liar => mates.collect(),
            Kind::Mute | Kind::Unlinkable | Kind::Denier => Vec::new(),
            Kind::Honest => mates
                .filter(|mate| self.opens(ticket, mate.0.as_u128() as Ticket))
                .collect(),
        };
        if client.kind != Kind::Mute {
            // A client sends offers to later clients, and answers to earlier ones.
            for mate in client.mates.iter().map(|mate| self::ticket(*mate)) {
                if ticket < mate || self.queue.players[&mate].signaled.contains(&ticket) {
                    assert!(self.queue.signal(ticket, mate));
                }
            }
        }
        self.queue.message_received(ticket, self.now);
        self.queue.set_links(ticket, &linked);
        self.deliver();
    }

    /// Delivers the queue's messages to the clients.
    fn deliver(&mut self) {
        for Delivery { event, to } in self.queue.take_deliveries() {
            for to in to {
                let Some(client) = self.clients.get_mut(&ticket(to)) else {
                    panic!("{event:?} for {to}, which has left");
                };
                match event {
                    Event::Matchbox(PeerEvent::NewPeer(new)) => {
                        assert!(client.mates.insert(new), "{to} received {new} twice");
                        let new = self.clients.get_mut(&ticket(new)).unwrap();
                        assert!(new.mates.insert(to), "both received `NewPeer`");
                    }
                    Event::Matchbox(PeerEvent::PeerLeft(left)) => {
                        assert!(
                            client.mates.remove(&left),
                            "{left} was not announced to {to}"
                        );
                    }
                    Event::Extension(Extension::Group(stage)) => {
                        assert_ne!(
                            client.kind,
                            Kind::Stock,
                            "a stock client received {stage:?}"
                        );
                        client.stage = Some(stage);
                        *self.group_messages.entry(ticket(to)).or_default() += 1;
                    }
                    ref other => panic!("unexpected {other:?}"),
                }
            }
        }
        for group in self.queue.take_finished() {
            let members: BTreeSet<_> = group.members.iter().map(|(ticket, _)| *ticket).collect();
            for ticket in &members {
                let client = self.clients.remove(ticket).unwrap();
                let mates: BTreeSet<_> = client.mates.iter().map(|p| self::ticket(*p)).collect();
                let others = members.iter().copied().filter(|other| other != ticket);
                assert_eq!(mates, others.collect(), "members announced to {ticket}");
                if let (Some(id), true) = (group.room, client.kind != Kind::Stock) {
                    assert_eq!(client.stage, Some(Stage::Linked(id)));
                }
            }
            self.finished.push((members, group.room));
        }
    }

    /// Checks that the state of every client agrees with the queue.
    fn check(&self) {
        for (ticket, client) in &self.clients {
            let mates = self.queue.mates(*ticket);
            assert_eq!(client.mates, mates.into_iter().map(peer).collect());
            let player = &self.queue.players[ticket];
            let stage = self.queue.groups[&player.group].stage();
            if client.kind != Kind::Stock {
                assert_eq!(client.stage, Some(stage));
            }
        }
        let waiting = &self.queue.groups[&WAITING].members;
        assert!(
            waiting.len() < self.queue.size,
            "{waiting:?} wait although they are enough for a group"
        );
    }

    /// Returns the linked groups, in the order in which they finished.
    fn linked(&self) -> Vec<Vec<Ticket>> {
        let linked = self.finished.iter().filter(|(_, room)| room.is_some());
        linked
            .map(|(members, _)| members.iter().copied().collect())
            .collect()
    }
}

#[test]
fn linked_groups_leave_the_queue_in_order_of_arrival() {
    let mut world = World::new(2);
    for _ in 0..5 {
        world.join(Kind::Honest);
    }
    world.run(SECOND);
    assert_eq!(world.linked(), [[1, 2], [3, 4]]);
    assert_eq!(world.clients[&5].stage, Some(Stage::Waiting));
}

#[test]
fn groups_have_different_ids() {
    let mut world = World::new(2);
    for _ in 0..4 {
        world.join(Kind::Honest);
    }
    world.run(SECOND);
    assert_ne!(world.finished[0].1, world.finished[1].1);
}

#[test]
fn waiting_player_receives_a_request_every_two_seconds() {
    let mut world = World::new(2);
    let player = world.join(Kind::Honest);
    world.run(20 * SECOND);
    assert_eq!(world.group_messages[&player], 11);
}

#[test]
fn frozen_player_is_dropped_after_five_seconds() {
    let mut world = World::new(2);
    let frozen = world.join(Kind::Frozen);
    world.run(4 * SECOND);
    assert!(world.dropped.is_empty());
    world.run(SECOND);
    assert_eq!(world.dropped, [frozen]);
}

#[test]
fn player_in_a_group_with_a_frozen_one_links_with_the_next() {
    let mut world = World::new(2);
    world.join(Kind::Frozen);
    let second = world.join(Kind::Honest);
    let third = world.join(Kind::Honest);
    world.run(5 * SECOND + STEP);
    assert_eq!(world.linked(), [[second, third]]);
}

#[test]
fn player_that_never_negotiates_is_replaced_after_ten_seconds() {
    for is_mute_first in [true, false] {
        let mut world = World::new(2);
        let first = world.join(if is_mute_first {
            Kind::Mute
        } else {
            Kind::Honest
        });
        let second = world.join(if is_mute_first {
            Kind::Honest
        } else {
            Kind::Mute
        });
        let third = world.join(Kind::Honest);
        world.run(9 * SECOND);
        assert_eq!(world.linked(), [[0; 2]; 0]);
        world.run(2 * SECOND);
        let player = if is_mute_first { second } else { first };
        assert_eq!(world.linked(), [[player, third]]);
    }
}

#[test]
fn player_without_links_is_replaced_after_two_tries() {
    for kind in [Kind::Unlinkable, Kind::Liar, Kind::Denier] {
        let mut world = World::new(2);
        let first = world.join(kind);
        let second = world.join(Kind::Honest);
        let third = world.join(Kind::Honest);
        world.run(21 * SECOND);
        assert_eq!(world.linked(), [[second, third]], "{kind:?}");
        assert!(world.clients.contains_key(&first), "{kind:?} still waits");
    }
}

#[test]
fn returning_players_precede_later_players_and_stay_together() {
    for (kind, wait) in [(Kind::Frozen, 5), (Kind::Unlinkable, 10), (Kind::Mute, 10)] {
        let mut world = World::new(3);
        let first = world.join(Kind::Honest);
        world.join(kind);
        let third = world.join(Kind::Honest);
        let fourth = world.join(Kind::Honest);
        let fifth = world.join(Kind::Honest);
        world.run(wait * SECOND + STEP);
        assert_eq!(world.linked(), [[first, third, fourth]], "{kind:?}");
        let last = world.join(Kind::Honest);
        // The player that could not link arrived earlier, but it has a strike.
        let more = world.join(Kind::Honest);
        world.run(11 * SECOND);
        assert_eq!(world.linked()[1], [fifth, last, more], "{kind:?}");
    }
}

#[test]
fn member_that_leaves_an_unlinked_group_is_replaced() {
    let mut world = World::new(3);
    let first = world.join(Kind::Honest);
    let leaver = world.join(Kind::Honest);
    world.join(Kind::Honest);
    world.leave(leaver);
    world.run(SECOND);
    assert_eq!(world.linked(), [[0; 3]; 0]);
    assert_eq!(world.clients[&first].stage, Some(Stage::Waiting));
    world.join(Kind::Honest);
    world.run(SECOND);
    assert_eq!(world.linked(), [[1, 3, 4]]);
}

#[test]
fn member_that_leaves_a_linked_group_is_not_replaced() {
    let mut world = World::new(2);
    world.join(Kind::Honest);
    world.join(Kind::Honest);
    world.run(STEP);
    world.queue.leave(1, world.now);
    world.join(Kind::Honest);
    world.run(SECOND);
    assert_eq!(world.linked(), [[1, 2]]);
    assert_eq!(world.clients[&3].mates.len(), 0);
}

#[test]
fn link_needs_reports_of_both_members_at_the_same_time() {
    let mut world = World::new(2);
    world.join(Kind::Honest);
    world.join(Kind::Honest);
    world.queue.set_links(1, &[peer(2)]);
    world.deliver();
    assert_eq!(world.linked(), [[0; 2]; 0]);
    // The link breaks before the other member reports it.
    world.queue.set_links(1, &[]);
    world.queue.set_links(2, &[peer(1)]);
    world.deliver();
    assert_eq!(world.linked(), [[0; 2]; 0]);
    world.queue.set_links(1, &[peer(2)]);
    world.deliver();
    assert_eq!(world.linked(), [[1, 2]]);
}

#[test]
fn report_about_a_member_that_left_does_not_count_for_its_successor() {
    let mut world = World::new(2);
    world.join(Kind::Honest);
    world.join(Kind::Honest);
    world.queue.set_links(1, &[peer(2)]);
    world.leave(2);
    let successor = world.join(Kind::Honest);
    world.queue.set_links(successor, &[peer(1)]);
    world.deliver();
    assert_eq!(world.linked(), [[0; 2]; 0]);
    world.run(STEP);
    assert_eq!(world.linked(), [[1, successor]]);
}

#[test]
fn slow_pair_stays_together_while_no_other_player_waits() {
    let mut world = World::new(2);
    world.join(Kind::Honest);
    world.join(Kind::Honest);
    world.unlinkable.insert((1, 2));
    world.run(25 * SECOND);
    assert_eq!(world.clients[&1].mates, BTreeSet::from([peer(2)]));
    world.unlinkable.clear();
    world.run(STEP);
    assert_eq!(world.linked(), [[1, 2]]);
}

#[test]
fn members_of_an_unlinkable_pair_link_with_other_players() {
    let mut world = World::new(2);
    world.join(Kind::Honest);
    world.join(Kind::Honest);
    world.unlinkable.insert((1, 2));
    world.run(12 * SECOND);
    world.join(Kind::Honest);
    world.run(STEP);
    assert_eq!(world.linked(), [[1, 3]]);
    world.join(Kind::Honest);
    world.run(STEP);
    assert_eq!(world.linked(), [[1, 3], [2, 4]]);
}

#[test]
fn player_without_links_delays_each_newcomer_by_at_most_one_try() {
    let mut world = World::new(2);
    world.join(Kind::Unlinkable);
    for _ in 0..4 {
        world.join(Kind::Honest);
    }
    world.run(11 * SECOND);
    for _ in 0..6 {
        world.join(Kind::Honest);
        world.run(SECOND);
    }
    world.run(11 * SECOND);
    let waiting = world.clients.values();
    assert_eq!(waiting.filter(|c| c.kind == Kind::Honest).count(), 0);
}

#[test]
fn stock_clients_receive_no_requests_and_are_not_dropped() {
    let mut world = World::new(2);
    world.join(Kind::Stock);
    world.run(60 * SECOND);
    assert!(world.dropped.is_empty());
    world.join(Kind::Stock);
    assert_eq!(world.finished, [(BTreeSet::from([1, 2]), None)]);
}

#[test]
fn client_with_extensions_reports_its_links_with_stock_clients() {
    let mut world = World::new(3);
    world.join(Kind::Stock);
    world.join(Kind::Honest);
    world.join(Kind::Stock);
    world.run(STEP);
    assert_eq!(world.linked(), [[1, 2, 3]]);
}

#[test]
fn stock_client_that_never_links_keeps_its_group_and_releases_other_members() {
    let mut world = World::new(2);
    let stock = world.join(Kind::Stock);
    let honest = world.join(Kind::Honest);
    world.unlinkable.insert((stock, honest));
    world.run(11 * SECOND);
    let other = world.join(Kind::Honest);
    world.run(STEP);
    assert_eq!(world.linked(), [[honest, other]]);
    assert_eq!(world.finished[0], (BTreeSet::from([stock]), None));
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Join(Kind),
    /// The client at this index, modulo the number of clients.
    Leave(usize),
    /// Milliseconds.
    Wait(u64),
}

fn steps(kinds: &'static [Kind]) -> impl Strategy<Value = Vec<Step>> {
    let join = prop::sample::select(kinds).prop_map(Step::Join);
    let leave = any::<usize>().prop_map(Step::Leave);
    let wait = (0..12_000_u64).prop_map(Step::Wait);
    prop::collection::vec(prop_oneof![6 => join, 1 => leave, 3 => wait], 1..40)
}

fn play(world: &mut World, steps: Vec<Step>) {
    for step in steps {
        match step {
            Step::Join(kind) => drop(world.join(kind)),
            Step::Leave(index) if !world.clients.is_empty() => {
                let index = index % world.clients.len();
                let ticket = world.clients.keys().nth(index).copied();
                world.leave(ticket.unwrap());
            }
            Step::Leave(_) => {}
            Step::Wait(time) => world.run(Duration::from_millis(time)),
        }
        world.check();
    }
}

const ALL: &[Kind] = &[
    Kind::Honest,
    Kind::Honest,
    Kind::Honest,
    Kind::Mute,
    Kind::Unlinkable,
    Kind::Frozen,
    Kind::Liar,
    Kind::Denier,
    Kind::Stock,
];

const WITH_EXTENSIONS: &[Kind] = &[
    Kind::Honest,
    Kind::Honest,
    Kind::Honest,
    Kind::Mute,
    Kind::Unlinkable,
    Kind::Frozen,
    Kind::Liar,
    Kind::Denier,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn honest_members_of_a_linked_group_have_all_links(
        size in 1..5_usize,
        steps in steps(ALL),
    ) {
        let mut world = World::new(size);
        let mut kinds = BTreeMap::new();
        let mut arrived = 0;
        for step in &steps {
            if let Step::Join(kind) = step {
                arrived += 1;
                kinds.insert(arrived, *kind);
            }
        }
        play(&mut world, steps);
        for group in world.linked() {
            prop_assert_eq!(group.len(), size);
            let has_honest = group.iter().any(|ticket| kinds[ticket] == Kind::Honest);
            let is_linked = group.iter().all(|ticket| kinds[ticket].links());
            prop_assert!(!has_honest || is_linked, "{:?}", group);
        }
    }

    #[test]
    fn all_honest_players_link_eventually(size in 2..5_usize, steps in steps(WITH_EXTENSIONS)) {
        let mut world = World::new(size);
        play(&mut world, steps);
        // Each pair that cannot link costs one try of ten seconds.
        world.run(40 * 11 * SECOND);
        let waiting = world.clients.values().filter(|client| client.kind == Kind::Honest);
        let waiting = waiting.count();
        prop_assert!(waiting < size, "{waiting} wait for groups of {size}");
    }
}
