use proptest::prelude::*;

use super::*;

fn peer(n: u8) -> PeerId {
    PeerId::from_bytes([n; 16])
}

fn checksums() -> Checksums {
    Checksums::new([peer(1), peer(2)])
}

fn mismatch(n: u8, tick: u32, mine: u64, theirs: u64) -> Mismatch {
    Mismatch {
        peer: peer(n),
        tick: Tick(tick),
        mine,
        theirs,
    }
}

#[test]
fn tick_is_compared_once_with_each_peer_in_any_order_of_arrival() {
    let mut checksums = checksums();
    assert_eq!(checksums.receive(peer(1), Tick(10), 7), None);
    assert_eq!(checksums.add(Tick(10), 7), []);
    assert_eq!(checksums.compared(), 1);
    assert!(checksums.awaits(Tick(10)));
    assert_eq!(checksums.add(Tick(20), 8), []);
    for _ in 0..2 {
        assert_eq!(checksums.receive(peer(2), Tick(10), 7), None);
        assert_eq!(checksums.compared(), 2);
    }
    assert!(!checksums.awaits(Tick(10)) && checksums.awaits(Tick(20)));
    // A wrong copy of what was compared already does not count.
    assert_eq!(checksums.receive(peer(2), Tick(10), 9), None);
    assert_eq!(checksums.receive(peer(2), Tick(20), 8), None);
    assert_eq!(checksums.receive(peer(1), Tick(20), 8), None);
    assert_eq!(checksums.compared(), 4);
    assert!(!checksums.awaits(Tick(20)));
}

#[test]
fn newest_local_checksum_is_that_of_the_latest_tick() {
    let mut checksums = checksums();
    checksums.receive(peer(1), Tick(30), 9);
    assert_eq!(checksums.newest(), None);
    for (tick, checksum) in [(10, 7), (20, 8), (10, 9), (20, 9)] {
        checksums.add(Tick(tick), checksum);
    }
    assert_eq!(checksums.newest(), Some((Tick(20), 8)));
}

#[test]
fn first_difference_is_found_although_a_later_checksum_arrives_first() {
    let mut checksums = checksums();
    for tick in [10, 20, 30] {
        checksums.add(Tick(tick), u64::from(tick));
    }
    assert_eq!(checksums.receive(peer(1), Tick(30), 99), None);
    assert_eq!(checksums.receive(peer(1), Tick(10), 10), None);
    let found = checksums.receive(peer(1), Tick(20), 98);
    assert_eq!(found, Some(mismatch(1, 20, 20, 98)));
}

#[test]
fn mismatch_is_found_once_and_ends_the_comparison() {
    let mut checksums = checksums();
    for n in [1, 2] {
        checksums.receive(peer(n), Tick(30), 99);
    }
    assert_eq!(checksums.add(Tick(30), 30).len(), 2);
    assert!(!checksums.is_comparing());
    assert_eq!(checksums.add(Tick(40), 40), []);
    assert_eq!(checksums.receive(peer(1), Tick(40), 99), None);
    assert!(!checksums.awaits(Tick(40)));
    // The peer still has to learn that its state differs.
    let sent = checksums.next_to_send(peer(1), 0);
    assert_eq!(sent, Some((Tick(30), 30)));
}

#[test]
fn silent_peer_costs_bounded_memory() {
    let mut checksums = checksums();
    for tick in 1..=1000 {
        checksums.add(Tick(tick), 0);
        checksums.receive(peer(1), Tick(tick), 0);
    }
    assert_eq!(checksums.compared(), 1000);
    assert_eq!(checksums.peers[&peer(2)].local.len(), KEPT);
    assert_eq!(checksums.peers[&peer(2)].unacked.len(), KEPT);
    // Too late to be compared.
    assert_eq!(checksums.receive(peer(2), Tick(800), 5), None);
    checksums.forget(peer(2));
    assert!(!checksums.awaits(Tick(1000)));
}

#[test]
fn gap_that_is_never_filled_delays_the_comparison_but_does_not_end_it() {
    let mut checksums = Checksums::new([peer(1)]);
    for tick in 0..=KEPT as u32 {
        checksums.add(Tick(tick), 0);
        if tick > 0 {
            checksums.receive(peer(1), Tick(tick), 0);
        }
    }
    assert_eq!(checksums.compared(), KEPT as u64);
}

#[test]
fn lost_checksum_is_sent_again_although_newer_ones_keep_coming() {
    for (every, round_trip) in (2..=20).flat_map(|every| (1..=16).map(move |rtt| (every, rtt))) {
        let mut checksums = Checksums::new([peer(1)]);
        let mut acks = VecDeque::new();
        let mut sent_first = 0;
        for frame in 0..8 * SEND_EVERY + 2 * every {
            if frame.is_multiple_of(every) {
                checksums.add(Tick(1 + frame / every), 0);
            }
            match checksums.next_to_send(peer(1), frame) {
                // The packet is lost.
                Some((Tick(1), _)) => sent_first += 1,
                Some((tick, _)) => acks.push_back((frame + round_trip, tick)),
                None => {}
            }
            while let Some((_, tick)) = acks.pop_front_if(|(at, _)| *at <= frame) {
                checksums.acked(peer(1), tick);
            }
        }
        assert!(
            sent_first >= 3,
            "every {every}, round trip {round_trip}: {sent_first}"
        );
    }
}

#[test]
fn all_checksums_are_sent_until_they_are_acked() {
    let mut checksums = checksums();
    let mut frame = 0;
    let mut sent = |checksums: &mut Checksums, frames: u32| {
        let before = frame;
        frame += frames;
        let sent = (before..frame).filter_map(|frame| checksums.next_to_send(peer(1), frame));
        sent.map(|(tick, _)| tick.0).collect::<Vec<_>>()
    };
    assert_eq!(sent(&mut checksums, 16), []);
    checksums.add(Tick(10), 1);
    assert_eq!(sent(&mut checksums, 16), [10, 10]);
    checksums.add(Tick(20), 2);
    checksums.add(Tick(15), 3);
    assert_eq!(sent(&mut checksums, 16), [10, 20, 10, 20]);
    checksums.acked(peer(1), Tick(10));
    // A checksum that was never sent cannot be acked.
    checksums.acked(peer(1), Tick(30));
    assert_eq!(sent(&mut checksums, 16), [20, 20]);
    checksums.add(Tick(30), 4);
    checksums.acked(peer(1), Tick(20));
    assert_eq!(sent(&mut checksums, 8), [30]);
    checksums.acked(peer(1), Tick(30));
    assert_eq!(sent(&mut checksums, 16), []);
    assert_eq!(checksums.next_to_send(peer(9), 0), None);
}

proptest! {
    /// Packets are lost, and arrive late and twice. All checksums are compared nevertheless, including the last
    /// one, and the first difference is found.
    #[test]
    fn every_checksum_is_compared_over_a_bad_link(
        fates in prop::collection::vec(0u8..8, 1..400),
        differs_from in 1u32..60,
        every in 1u32..12,
    ) {
        let mut sides = [Checksums::new([peer(1)]), Checksums::new([peer(0)])];
        let hash = |side: usize, tick: u32| u64::from(side == 1 && tick >= differs_from);
        let mut found = [None; 2];
        let mut count = 0;
        let mut on_its_way = [vec![], vec![]];
        // After the fates come frames without loss, and without new checksums.
        let frames = fates.len() as u32;
        for frame in 0..frames + 400 {
            let fate = fates.get(frame as usize).copied().unwrap_or(7);
            if frame < frames && frame.is_multiple_of(every) {
                count += 1;
                for (me, side) in sides.iter_mut().enumerate() {
                    found[me] = found[me].or(side.add(Tick(count), hash(me, count)).pop());
                }
            }
            for me in 0..2 {
                let other = peer(1 - me as u8);
                let sent = sides[me].next_to_send(other, frame);
                on_its_way[me].extend(sent.filter(|_| fate > 1));
                let arrived = match fate {
                    2 => on_its_way[me].first().copied(),
                    3 | 4 => on_its_way[me].pop(),
                    5.. if !on_its_way[me].is_empty() => Some(on_its_way[me].remove(0)),
                    _ => None,
                };
                let Some((tick, hash)) = arrived else { continue };
                found[1 - me] = found[1 - me].or(sides[1 - me].receive(peer(me as u8), tick, hash));
                if fate != 4 {
                    sides[me].acked(other, tick);
                }
            }
        }
        prop_assume!(count < KEPT as u32);
        let first = (differs_from <= count).then_some(Tick(differs_from));
        for (me, side) in sides.iter().enumerate() {
            prop_assert_eq!(found[me].map(|mismatch| mismatch.tick), first);
            prop_assert_eq!(side.compared(), u64::from(count.min(differs_from)));
        }
    }
}
