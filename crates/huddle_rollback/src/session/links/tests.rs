use super::*;
use crate::agreement::Logs;

/// Two players with a seat each.
struct Both {
    seats: [SeatTable; 2],
    links: [Link; 2],
    scratch: Scratch,
    packets: u64,
}

const FAR: Tick = Tick(1000);

impl Both {
    fn new() -> Self {
        let peers = [PeerId::from_bytes([0; 16]), PeerId::from_bytes([1; 16])];
        let seats = [(); 2].map(|()| SeatTable::new(&peers));
        let link = |me: usize| Link::new(&seats[me], peers[me], peers[1 - me]);
        Self {
            links: [link(0), link(1)],
            seats,
            scratch: Scratch::default(),
            packets: 0,
        }
    }

    /// The first player does something in so many ticks.
    fn act(&mut self, ticks: u8) {
        let next = self.seats[0].next(Seat(0)).0 as u8;
        for tick in next..next + ticks {
            self.seats[0].append(Seat(0), &[tick]);
        }
    }

    /// What the first player sends, and its token.
    fn send(&mut self) -> (Vec<u8>, u32) {
        let head = SectionHead {
            round: 0,
            lead: 1,
            checksum: None,
            ahead: None,
        };
        let mut out = Vec::new();
        let token = self.links[0].write(head, &self.seats[0], &mut self.scratch, 1000, &mut out);
        (out, token.expect("there is room"))
    }

    /// The second player receives it; returns how many ticks it knows.
    fn receive(&mut self, packet: &[u8]) -> u32 {
        self.packets += 1;
        let (link, seats) = (&mut self.links[1], &mut self.seats[1]);
        link.receive(self.packets, packet, 0, seats, FAR, &mut self.scratch)
            .expect("an honest player sent it");
        seats.next(Seat(0)).0
    }

    fn acked(&mut self, token: u32) {
        self.links[0].delivered(token, &self.seats[0], &mut self.scratch);
    }

    fn unacked(&self) -> u32 {
        self.links[0].unacked(&self.seats[0])
    }

    /// The second player asks the first for its seat again.
    fn ask(&mut self) -> Wish {
        let next = self.seats[1].next(Seat(0));
        let wish = self.links[1].ask([(Seat(0), next)]);
        let asked = self.links[0].asked(&wish, &self.seats[0]);
        asked.expect("the seat is there");
        wish
    }
}

#[test]
fn what_is_asked_for_begins_where_nothing_is_known() {
    let mut both = Both::new();
    both.act(5);
    let (packet, _) = both.send();
    assert_eq!(both.receive(&packet), 5);
    both.act(3);
    let wish = both.ask();
    assert_eq!((wish.number, wish.seats), (1, vec![(Seat(0), 5)]));
    assert_eq!(both.unacked(), 3);
    // What was under way is of other streams.
    assert_eq!(both.receive(&packet), 5);
    let (packet, _) = both.send();
    assert_eq!(both.receive(&packet), 8);
    assert_eq!(both.seats[1].input(Seat(0), Tick(7)), Some(&[7][..]));
}

#[test]
fn an_ack_counts_for_the_streams_it_is_of_alone() {
    let mut both = Both::new();
    both.act(5);
    let (_, old) = both.send();
    both.ask();
    let (_, new) = both.send();
    both.acked(old);
    assert_eq!(both.unacked(), 5);
    both.acked(new);
    assert_eq!(both.unacked(), 0);
}

#[test]
fn an_ack_counts_for_what_its_packet_carried() {
    let mut both = Both::new();
    let tokens: Vec<_> = (0..20)
        .map(|_| {
            both.act(1);
            both.send().1
        })
        .collect();
    for (ticks, token) in (1..).zip(tokens) {
        both.acked(token);
        assert_eq!(both.unacked(), 20 - ticks);
    }
}

#[test]
fn who_is_voted_out_is_not_heard() {
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
fn packets_of_the_game_before_are_not_taken() {
    let mut both = Both::new();
    both.act(5);
    let (packet, _) = both.send();
    let (link, seats) = (&mut both.links[1], &mut both.seats[1]);
    let said = link.receive(1, &packet, 1, seats, FAR, &mut both.scratch);
    assert!(matches!(said, Ok(None)), "{said:?}");
    assert_eq!(seats.next(Seat(0)), Tick(0));
}
