use super::*;
use crate::membership::agreement::Logs;

/// Two players with one seat each. The first player sends.
struct Both {
    seats: [SeatTable; 2],
    links: [Link; 2],
    packets: u64,
}

const FAR: Tick = Tick(1000);
const MATCH: u32 = 300;

const PEERS: [PeerId; 2] = [PeerId::from_bytes([0; 16]), PeerId::from_bytes([1; 16])];

fn link(seats: &SeatTable, local: usize, match_number: u32) -> Link {
    Link::new(seats, PEERS[local], PEERS[1 - local], match_number)
}

impl Both {
    fn new() -> Self {
        let seats = [(); 2].map(|()| SeatTable::new(&PEERS));
        Self {
            links: [0, 1].map(|local| link(&seats[local], local, MATCH)),
            seats,
            packets: 0,
        }
    }

    /// Adds inputs of the first player for this many ticks.
    fn act(&mut self, ticks: u8) {
        let next = self.seats[0].next(Seat(0)).0 as u8;
        for tick in next..next + ticks {
            self.seats[0].append(Seat(0), &[tick]);
        }
    }

    fn send(&mut self) -> (Vec<u8>, u32) {
        self.send_with(None)
    }

    /// Writes a packet of the first player. Returns the packet and its token.
    fn send_with(&mut self, checksum: Option<Checksum>) -> (Vec<u8>, u32) {
        let head = SectionHead {
            lead: 1,
            checksum,
            ahead: None,
        };
        let mut out = Vec::new();
        let token = self.links[0].write(head, &self.seats[0], 1000, &mut out);
        (out, token.expect("there is space"))
    }

    /// Passes a packet to the second player. Returns the number of ticks that this player has.
    fn receive(&mut self, packet: &[u8]) -> u32 {
        self.packets += 1;
        self.receive_as(self.packets, packet);
        self.seats[1].next(Seat(0)).0
    }

    fn receive_as(&mut self, number: u64, packet: &[u8]) -> Option<Received> {
        let (link, seats) = (&mut self.links[1], &mut self.seats[1]);
        let received = link.receive(number, packet, seats, FAR);
        received.expect("the sender is honest")
    }

    fn unacked(&self) -> u32 {
        self.links[0].unacked(&self.seats[0])
    }

    /// Makes the second player request the first player's seat.
    fn request(&mut self) -> InputRequest {
        let next = self.seats[1].next(Seat(0));
        let request = self.links[1].request([(Seat(0), next)]);
        let requested = self.links[0].requested(&request, &self.seats[0]);
        requested.expect("the seat exists");
        request
    }
}

#[test]
fn a_subscription_starts_at_the_first_missing_tick() {
    let mut both = Both::new();
    both.act(5);
    let (packet, _) = both.send();
    assert_eq!(both.receive(&packet), 5);
    both.act(3);
    let request = both.request();
    assert_eq!((request.number, request.seats), (1, vec![(Seat(0), 5)]));
    assert_eq!(both.unacked(), 3);
    // The packet in flight belongs to the earlier subscription.
    assert_eq!(both.receive(&packet), 5);
    let (packet, _) = both.send();
    assert_eq!(both.receive(&packet), 8);
    assert_eq!(both.seats[1].input(Seat(0), Tick(7)), Some(&[7][..]));
}

#[test]
fn an_ack_counts_only_for_its_subscription() {
    let mut both = Both::new();
    both.act(5);
    let (_, old) = both.send();
    both.request();
    let (_, new) = both.send();
    both.links[0].delivered(old);
    assert_eq!(both.unacked(), 5);
    both.links[0].delivered(new);
    assert_eq!(both.unacked(), 0);
}

#[test]
fn an_ack_counts_only_for_its_match() {
    let mut both = Both::new();
    both.act(5);
    let (_, old) = both.send();
    for later in 1..256 {
        both.links[0] = link(&both.seats[0], 0, MATCH + later);
        both.send();
        both.links[0].delivered(old);
        assert_eq!(both.unacked(), 5, "{later} matches later");
    }
}

#[test]
fn an_ack_counts_for_the_ticks_of_its_packet() {
    let mut both = Both::new();
    let tokens: Vec<_> = (0..20)
        .map(|_| {
            both.act(1);
            both.send().1
        })
        .collect();
    for (ticks, token) in (1..).zip(tokens) {
        both.links[0].delivered(token);
        assert_eq!(both.unacked(), 20 - ticks);
    }
}

#[test]
fn an_ack_of_an_old_packet_does_not_count() {
    let mut both = Both::new();
    both.act(1);
    let (_, old) = both.send();
    for _ in 0..256 {
        both.send();
    }
    both.links[0].delivered(old);
    assert_eq!(both.unacked(), 1);
}

#[test]
fn an_overtaken_packet_delivers_its_checksum_and_inputs() {
    let mut both = Both::new();
    let checksum = Checksum {
        tick: Tick(30),
        hash: 7,
    };
    both.act(5);
    let (late, token) = both.send_with(Some(checksum));
    let (newest, _) = both.send();
    assert!(
        both.receive_as(2, &newest)
            .is_some_and(|received| received.clock.is_some())
    );
    let received = both.receive_as(1, &late);
    // The clock of an overtaken packet is out of date.
    let (checksum, clock) = (Some(checksum), None);
    assert_eq!(received, Some(Received { checksum, clock }));
    assert_eq!(both.links[0].delivered(token), Some(Tick(30)));
}

#[test]
fn a_packet_of_an_earlier_subscription_delivers_its_checksum() {
    let mut both = Both::new();
    let checksum = Checksum {
        tick: Tick(7),
        hash: 9,
    };
    let (packet, _) = both.send_with(Some(checksum));
    both.links[1].request([(Seat(0), Tick(0))]);
    let (checksum, clock) = (Some(checksum), None);
    let received = both.receive_as(1, &packet);
    assert_eq!(received, Some(Received { checksum, clock }));
}

#[test]
fn a_dropped_member_is_ignored() {
    let mut both = Both::new();
    both.act(5);
    let (packet, _) = both.send();
    assert_eq!(both.receive(&packet), 5);
    both.act(1);
    let (packet, _) = both.send();
    both.seats[1].freeze(Seat(0));
    assert_eq!(both.receive(&packet), 5);
}

#[test]
fn packets_of_earlier_matches_are_ignored() {
    let mut both = Both::new();
    both.act(5);
    let (packet, _) = both.send();
    for later in 1..256 {
        both.links[1] = link(&both.seats[1], 1, MATCH + later);
        assert_eq!(both.receive_as(1, &packet), None, "{later} matches later");
        assert_eq!(both.seats[1].next(Seat(0)), Tick(0));
    }
    assert!(!has_inputs(&packet, MATCH + 2, PEERS[0], &PEERS));
    assert!(has_inputs(&packet, MATCH, PEERS[0], &PEERS));
}

#[test]
fn link_is_stuck_after_a_second_without_news_at_any_rate() {
    for hz in [5, 60, 240] {
        let mut link = Both::new().links.into_iter().next().unwrap();
        link.has_had_news = true;
        let arrival = |packet: u32| Duration::from_secs(1) * packet / hz;
        link.record_progress(true, Duration::ZERO);
        let stuck = (1..).find(|&packet| {
            link.record_progress(false, arrival(packet));
            link.is_stuck()
        });
        assert_eq!(stuck, Some(hz + 1));
        link.record_progress(true, arrival(hz + 2));
        assert!(!link.is_stuck());
    }
}

#[test]
fn time_in_which_a_peer_was_stopped_does_not_make_its_link_stuck() {
    let mut link = Both::new().links.into_iter().next().unwrap();
    link.has_had_news = true;
    for ms in [0, 20, 600, 620] {
        link.record_progress(false, Duration::from_millis(ms));
    }
    link.record_progress(false, Duration::from_secs(60));
    assert!(!link.is_stuck());
}
