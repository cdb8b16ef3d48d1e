//! Players of several kinds in a queue, on a virtual clock.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const STEP: Duration = Duration::from_millis(250);

/// What a player does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Links with all who link, and reports it.
    Honest,
    /// Answers, and does not negotiate.
    Mute,
    /// Negotiates, and links with nobody.
    Unlinkable,
    /// Is frozen: says nothing.
    Frozen,
    /// Links with nobody, and reports that it has linked with all.
    Liar,
    /// Links with all who link, and reports that it has linked with nobody.
    Denier,
    /// A stock client, which links with all who link.
    Stock,
}

impl Kind {
    fn links(self) -> bool {
        matches!(self, Kind::Honest | Kind::Denier | Kind::Stock)
    }
}

/// What a client knows.
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
    /// Players whose links all fail.
    apart: BTreeSet<(Ticket, Ticket)>,
    finals: Vec<(BTreeSet<Ticket>, Option<Uuid>)>,
    dropped: Vec<Ticket>,
    asked: HashMap<Ticket, usize>,
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
            ask_every: 2 * SECOND,
            silence: 5 * SECOND,
            link: 10 * SECOND,
        };
        Self {
            queue: Queue::new(size, timing),
            now: Duration::ZERO,
            last: 0,
            clients: BTreeMap::new(),
            apart: BTreeSet::new(),
            finals: Vec::new(),
            dropped: Vec::new(),
            asked: HashMap::new(),
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
        let extends = kind != Kind::Stock;
        self.queue
            .join(self.last, peer(self.last), extends, self.now);
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
            let silent = self.queue.tick(self.now);
            self.deliver();
            for silent in silent {
                self.dropped.push(ticket(silent));
                self.leave(ticket(silent));
            }
            let tickets: Vec<_> = self.clients.keys().copied().collect();
            for ticket in tickets {
                self.report(ticket);
            }
            self.check();
        }
    }

    /// Whether a link between the two opens.
    fn opens(&self, a: Ticket, b: Ticket) -> bool {
        let links = |ticket| self.clients.get(&ticket).is_some_and(|c| c.kind.links());
        links(a) && links(b) && !self.apart.contains(&(a.min(b), a.max(b)))
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
            // It offers to those who came later, and answers those before.
            for mate in client.mates.iter().map(|mate| self::ticket(*mate)) {
                if ticket < mate || self.queue.players[&mate].signaled.contains(&ticket) {
                    assert!(self.queue.signal(ticket, mate));
                }
            }
        }
        self.queue.heard(ticket, self.now);
        self.queue.linked(ticket, &linked);
        self.deliver();
    }

    /// Clients take what the queue sends.
    fn deliver(&mut self) {
        for Delivery { event, to } in self.queue.take_out() {
            for to in to {
                let Some(client) = self.clients.get_mut(&ticket(to)) else {
                    panic!("{event:?} for {to}, who is gone");
                };
                match event {
                    Event::Matchbox(PeerEvent::NewPeer(new)) => {
                        assert!(client.mates.insert(new), "{to} was told of {new} twice");
                        let new = self.clients.get_mut(&ticket(new)).unwrap();
                        assert!(new.mates.insert(to), "both were told of the other");
                    }
                    Event::Matchbox(PeerEvent::PeerLeft(left)) => {
                        assert!(client.mates.remove(&left), "{to} did not know {left}");
                    }
                    Event::Extension(Extension::Group(stage)) => {
                        assert_ne!(client.kind, Kind::Stock, "a stock client was told");
                        client.stage = Some(stage);
                        *self.asked.entry(ticket(to)).or_default() += 1;
                    }
                    ref other => panic!("unexpected {other:?}"),
                }
            }
        }
        for group in self.queue.take_finals() {
            let members: BTreeSet<_> = group.members.iter().map(|(ticket, _)| *ticket).collect();
            for ticket in &members {
                let client = self.clients.remove(ticket).unwrap();
                let mates: BTreeSet<_> = client.mates.iter().map(|p| self::ticket(*p)).collect();
                let others = members.iter().copied().filter(|other| other != ticket);
                assert_eq!(mates, others.collect(), "{ticket} knows its group");
                if let (Some(id), true) = (group.room, client.kind != Kind::Stock) {
                    assert_eq!(client.stage, Some(Stage::Linked(id)));
                }
            }
            self.finals.push((members, group.room));
        }
    }

    /// What every client knows is how it is.
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
        assert!(waiting.len() < self.queue.size, "{waiting:?} make a group");
    }

    /// The groups whose members are linked, in the order in which they came to be.
    fn linked(&self) -> Vec<Vec<Ticket>> {
        let linked = self.finals.iter().filter(|(_, room)| room.is_some());
        linked
            .map(|(members, _)| members.iter().copied().collect())
            .collect()
    }
}

#[test]
fn players_who_link_leave_the_queue_as_they_arrived() {
    let mut world = World::new(2);
    for _ in 0..5 {
        world.join(Kind::Honest);
    }
    world.run(SECOND);
    assert_eq!(world.linked(), [[1, 2], [3, 4]]);
    assert_eq!(world.clients[&5].stage, Some(Stage::Waiting));
}

#[test]
fn groups_have_ids_of_their_own() {
    let mut world = World::new(2);
    for _ in 0..4 {
        world.join(Kind::Honest);
    }
    world.run(SECOND);
    assert_ne!(world.finals[0].1, world.finals[1].1);
}

#[test]
fn a_waiting_player_is_asked_every_two_seconds() {
    let mut world = World::new(2);
    let player = world.join(Kind::Honest);
    world.run(20 * SECOND);
    assert_eq!(world.asked[&player], 11);
}

#[test]
fn a_frozen_waiter_is_dropped_after_five_seconds() {
    let mut world = World::new(2);
    let frozen = world.join(Kind::Frozen);
    world.run(4 * SECOND);
    assert!(world.dropped.is_empty());
    world.run(SECOND);
    assert_eq!(world.dropped, [frozen]);
}

#[test]
fn a_player_bound_to_a_frozen_one_gets_the_next() {
    let mut world = World::new(2);
    world.join(Kind::Frozen);
    let second = world.join(Kind::Honest);
    let third = world.join(Kind::Honest);
    world.run(5 * SECOND + STEP);
    assert_eq!(world.linked(), [[second, third]]);
}

#[test]
fn a_player_that_answers_and_never_negotiates_is_passed_over_after_ten_seconds() {
    for ghost_is_first in [true, false] {
        let mut world = World::new(2);
        let first = world.join(if ghost_is_first {
            Kind::Mute
        } else {
            Kind::Honest
        });
        let second = world.join(if ghost_is_first {
            Kind::Honest
        } else {
            Kind::Mute
        });
        let third = world.join(Kind::Honest);
        world.run(9 * SECOND);
        assert_eq!(world.linked(), [[0; 2]; 0]);
        world.run(2 * SECOND);
        let player = if ghost_is_first { second } else { first };
        assert_eq!(world.linked(), [[player, third]]);
    }
}

#[test]
fn a_player_with_whom_no_link_opens_is_passed_over_after_two_tries() {
    for kind in [Kind::Unlinkable, Kind::Liar, Kind::Denier] {
        let mut world = World::new(2);
        let ghost = world.join(kind);
        let second = world.join(Kind::Honest);
        let third = world.join(Kind::Honest);
        world.run(21 * SECOND);
        assert_eq!(world.linked(), [[second, third]], "{kind:?}");
        assert!(world.clients.contains_key(&ghost), "{kind:?} still waits");
    }
}

#[test]
fn those_who_return_go_ahead_of_later_players_and_stay_together() {
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
        // The one who could not link with others has the better claim, and cannot.
        let more = world.join(Kind::Honest);
        world.run(11 * SECOND);
        assert_eq!(world.linked()[1], [fifth, last, more], "{kind:?}");
    }
}

#[test]
fn a_member_that_leaves_before_all_are_linked_is_replaced() {
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
fn a_member_that_leaves_a_linked_group_is_not_replaced() {
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
fn two_reports_at_different_times_make_a_link_only_together() {
    let mut world = World::new(2);
    world.join(Kind::Honest);
    world.join(Kind::Honest);
    world.queue.linked(1, &[peer(2)]);
    world.deliver();
    assert_eq!(world.linked(), [[0; 2]; 0]);
    // The link breaks before the other one reports it.
    world.queue.linked(1, &[]);
    world.queue.linked(2, &[peer(1)]);
    world.deliver();
    assert_eq!(world.linked(), [[0; 2]; 0]);
    world.queue.linked(1, &[peer(2)]);
    world.deliver();
    assert_eq!(world.linked(), [[1, 2]]);
}

#[test]
fn a_report_of_a_member_that_left_says_nothing_of_its_successor() {
    let mut world = World::new(2);
    world.join(Kind::Honest);
    world.join(Kind::Honest);
    world.queue.linked(1, &[peer(2)]);
    world.leave(2);
    let successor = world.join(Kind::Honest);
    world.queue.linked(successor, &[peer(1)]);
    world.deliver();
    assert_eq!(world.linked(), [[0; 2]; 0]);
    world.run(STEP);
    assert_eq!(world.linked(), [[1, successor]]);
}

#[test]
fn two_who_link_slowly_are_left_alone_while_nobody_else_waits() {
    let mut world = World::new(2);
    world.join(Kind::Honest);
    world.join(Kind::Honest);
    world.apart.insert((1, 2));
    world.run(25 * SECOND);
    assert_eq!(world.clients[&1].mates, BTreeSet::from([peer(2)]));
    world.apart.clear();
    world.run(STEP);
    assert_eq!(world.linked(), [[1, 2]]);
}

#[test]
fn two_who_cannot_link_both_play_with_others() {
    let mut world = World::new(2);
    world.join(Kind::Honest);
    world.join(Kind::Honest);
    world.apart.insert((1, 2));
    world.run(12 * SECOND);
    world.join(Kind::Honest);
    world.run(STEP);
    assert_eq!(world.linked(), [[1, 3]]);
    world.join(Kind::Honest);
    world.run(STEP);
    assert_eq!(world.linked(), [[1, 3], [2, 4]]);
}

#[test]
fn a_player_that_links_with_nobody_costs_newcomers_no_more_than_one_try() {
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
fn stock_clients_are_never_asked_dropped_or_refilled() {
    let mut world = World::new(2);
    world.join(Kind::Stock);
    world.run(60 * SECOND);
    assert!(world.dropped.is_empty());
    world.join(Kind::Stock);
    assert_eq!(world.finals, [(BTreeSet::from([1, 2]), None)]);
}

#[test]
fn one_of_ours_answers_for_its_links_with_stock_clients() {
    let mut world = World::new(3);
    world.join(Kind::Stock);
    world.join(Kind::Honest);
    world.join(Kind::Stock);
    world.run(STEP);
    assert_eq!(world.linked(), [[1, 2, 3]]);
}

#[test]
fn a_stock_client_that_never_links_keeps_its_group_and_binds_none_of_ours() {
    let mut world = World::new(2);
    let stock = world.join(Kind::Stock);
    let ours = world.join(Kind::Honest);
    world.apart.insert((stock, ours));
    world.run(11 * SECOND);
    let other = world.join(Kind::Honest);
    world.run(STEP);
    assert_eq!(world.linked(), [[ours, other]]);
    assert_eq!(world.finals[0], (BTreeSet::from([stock]), None));
}

#[derive(Debug, Clone, Copy)]
enum Happens {
    Join(Kind),
    /// Whoever is at this index, modulo the number of clients there are.
    Leave(usize),
    /// Milliseconds.
    Wait(u64),
}

fn life(kinds: &'static [Kind]) -> impl Strategy<Value = Vec<Happens>> {
    let join = prop::sample::select(kinds).prop_map(Happens::Join);
    let leave = any::<usize>().prop_map(Happens::Leave);
    let wait = (0..12_000_u64).prop_map(Happens::Wait);
    prop::collection::vec(prop_oneof![6 => join, 1 => leave, 3 => wait], 1..40)
}

fn play(world: &mut World, life: Vec<Happens>) {
    for event in life {
        match event {
            Happens::Join(kind) => drop(world.join(kind)),
            Happens::Leave(index) if !world.clients.is_empty() => {
                let index = index % world.clients.len();
                let ticket = world.clients.keys().nth(index).copied();
                world.leave(ticket.unwrap());
            }
            Happens::Leave(_) => {}
            Happens::Wait(time) => world.run(Duration::from_millis(time)),
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

const OURS: &[Kind] = &[
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
    fn whatever_members_do_a_linked_group_holds_no_honest_player_without_its_links(
        size in 1..5_usize,
        life in life(ALL),
    ) {
        let mut world = World::new(size);
        let mut kinds = BTreeMap::new();
        let mut arrived = 0;
        for event in &life {
            if let Happens::Join(kind) = event {
                arrived += 1;
                kinds.insert(arrived, *kind);
            }
        }
        play(&mut world, life);
        for group in world.linked() {
            prop_assert_eq!(group.len(), size);
            let honest = group.iter().any(|ticket| kinds[ticket] == Kind::Honest);
            let links = group.iter().all(|ticket| kinds[ticket].links());
            prop_assert!(!honest || links, "{:?}", group);
        }
    }

    #[test]
    fn the_honest_all_play_in_the_end(size in 2..5_usize, life in life(OURS)) {
        let mut world = World::new(size);
        play(&mut world, life);
        // Each pair that cannot link costs a try of ten seconds once.
        world.run(40 * 11 * SECOND);
        let left = world.clients.values().filter(|client| client.kind == Kind::Honest);
        let left = left.count();
        prop_assert!(left < size, "{left} wait for groups of {size}");
    }
}
