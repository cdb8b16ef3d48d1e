use super::*;

const PEERS: [PeerId; 2] = [PeerId::from_u128(1), PeerId::from_u128(2)];

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn conditioner(lag: u64, jitter: u64, loss: f32) -> LinkConditioner {
    LinkConditioner {
        lag: ms(lag),
        jitter: ms(jitter),
        loss,
    }
}

/// A packet whose bytes are its number.
fn packet(peer_id: PeerId, channel: Channel, number: u32, arrived: Duration) -> Packet {
    Packet {
        peer_id,
        channel,
        bytes: Bytes::copy_from_slice(&number.to_le_bytes()),
        arrived,
    }
}

fn number(packet: &Packet) -> u32 {
    u32::from_le_bytes(packet.bytes[..4].try_into().unwrap())
}

fn drain(queue: &mut DelayQueue, now: Duration) -> Vec<Packet> {
    std::iter::from_fn(|| queue.poll(now)).collect()
}

fn numbers(queue: &mut DelayQueue, now: Duration) -> Vec<u32> {
    drain(queue, now).iter().map(number).collect()
}

fn random_conditioner(rng: &mut fastrand::Rng) -> LinkConditioner {
    conditioner(rng.u64(..300), rng.u64(..200), rng.f32() * 0.6)
}

#[test]
fn lag_delays_every_channel_by_the_same_time() {
    let mut queue = DelayQueue::new(conditioner(80, 0, 0.0), 1);
    for channel in Channel::ALL {
        queue.push(packet(PEERS[0], channel, 0, ms(10)));
    }
    assert_eq!(queue.poll(ms(89)), None);
    let packets = drain(&mut queue, ms(90));
    assert_eq!(packets.len(), 3);
    assert!(packets.iter().all(|packet| packet.arrived == ms(90)));
    assert!(queue.is_empty());
}

#[test]
fn late_poll_does_not_change_arrival_times() {
    let mut queue = DelayQueue::new(conditioner(80, 0, 0.0), 1);
    queue.push(packet(PEERS[0], Channel::State, 0, ms(10)));
    assert_eq!(queue.poll(ms(1000)).unwrap().arrived, ms(90));
}

#[test]
fn jitter_reorders_only_unreliable_packets() {
    let mut queue = DelayQueue::new(conditioner(10, 100, 0.0), 1);
    for n in 0..100 {
        for channel in Channel::ALL {
            queue.push(packet(PEERS[0], channel, n, ms(u64::from(n))));
        }
    }
    let all = drain(&mut queue, ms(1000));
    assert!(all.is_sorted_by_key(|packet| packet.arrived));
    for channel in Channel::ALL {
        let packets = all.iter().filter(|packet| packet.channel == channel);
        let order: Vec<_> = packets.map(number).collect();
        assert_eq!(order.len(), 100);
        assert_eq!(order.is_sorted(), channel.is_reliable(), "{channel}");
    }
    for packet in all {
        let delay = packet.arrived - ms(u64::from(number(&packet)));
        let earlier = if packet.channel.is_reliable() { 100 } else { 0 };
        assert!(delay >= ms(10) && delay <= ms(110 + earlier), "{delay:?}");
    }
}

#[test]
fn loss_rate_matches_the_settings() {
    for (seed, loss) in [(1, 0.0), (2, 0.05), (3, 0.2), (4, 0.5), (5, 1.0)] {
        let mut queue = DelayQueue::new(conditioner(0, 0, loss), seed);
        let mut received = 0;
        for n in 0..20_000 {
            queue.push(packet(PEERS[0], Channel::State, n, ms(1)));
            received += drain(&mut queue, ms(1)).len();
        }
        let lost = 1.0 - received as f32 / 20_000.0;
        assert!((lost - loss).abs() < 0.02, "{lost} instead of {loss}");
    }
}

#[test]
fn lost_reliable_packet_arrives_one_round_trip_late() {
    let mut queue = DelayQueue::new(conditioner(100, 0, 0.3), 1);
    let mut delays = [0; 4];
    for n in 0..1000 {
        let now = Duration::from_secs(10 * u64::from(n));
        queue.push(packet(PEERS[0], Channel::Events, n, now));
        let arrived = queue.poll(now + ms(700)).unwrap().arrived;
        let late = (arrived - now - ms(100)).as_millis();
        assert_eq!(late % 200, 0);
        delays[(late / 200) as usize] += 1;
    }
    let [on_time, once, twice, thrice] = delays;
    assert!((650..750).contains(&on_time), "{delays:?}");
    assert!((150..260).contains(&once), "{delays:?}");
    assert!(twice > 0 && thrice > 0, "{delays:?}");
}

#[test]
fn packets_behind_a_lost_reliable_packet_wait_for_it() {
    let mut queue = DelayQueue::new(conditioner(100, 0, 1.0), 1);
    queue.push(packet(PEERS[0], Channel::Events, 0, ms(0)));
    queue.set(conditioner(100, 0, 0.001));
    queue.push(packet(PEERS[0], Channel::Events, 1, ms(10)));
    queue.push(packet(PEERS[0], Channel::Bulk, 2, ms(10)));
    queue.push(packet(PEERS[1], Channel::Events, 3, ms(10)));
    assert_eq!(numbers(&mut queue, ms(110)), [2, 3]);
    assert!(numbers(&mut queue, ms(699)).is_empty());
    assert_eq!(numbers(&mut queue, ms(700)), [0, 1]);
}

#[test]
fn shorter_lag_applies_to_waiting_packets() {
    let mut queue = DelayQueue::new(conditioner(2000, 0, 0.0), 1);
    for n in 0..3 {
        queue.push(packet(PEERS[0], Channel::Events, n, ms(u64::from(n))));
    }
    queue.set(conditioner(50, 0, 0.0));
    assert_eq!(numbers(&mut queue, ms(50)), [0]);
    assert_eq!(numbers(&mut queue, ms(52)), [1, 2]);
}

#[test]
fn waiting_packets_are_due_in_order_without_conditions() {
    let mut queue = DelayQueue::new(conditioner(100, 500, 0.0), 1);
    for n in 0..50 {
        let channel = Channel::ALL[n as usize % 3];
        queue.push(packet(PEERS[0], channel, n, ms(u64::from(n))));
    }
    queue.set(LinkConditioner::default());
    assert!(numbers(&mut queue, ms(50)).into_iter().eq(0..50));
}

#[test]
fn released_packets_keep_their_arrival_order() {
    let mut queue = DelayQueue::new(conditioner(100, 500, 0.0), 1);
    for n in 0..30 {
        let peer_id = PEERS[n as usize / 3 % 2];
        queue.push(packet(peer_id, Channel::ALL[n as usize % 3], n, ms(0)));
    }
    queue.release(PEERS[0], ms(1));
    let released = drain(&mut queue, ms(1));
    assert_eq!(released.len(), 15);
    assert!(released.is_sorted_by_key(number));
    assert!(released.iter().all(|packet| packet.peer_id == PEERS[0]));
    assert!(released.iter().all(|packet| packet.arrived == ms(1)));
    queue.forget(PEERS[1]);
    assert!(queue.is_empty());
    assert_eq!(drain(&mut queue, ms(10_000)), []);
}

#[test]
fn oldest_packets_are_removed_to_bound_memory() {
    let conditions = conditioner(5000, 0, 0.0);
    let total = MAX_PACKETS as u32 + 100;
    for channel in Channel::ALL {
        let mut queue = DelayQueue::new(conditions, 1);
        let mut early = Vec::new();
        for n in 0..total {
            queue.push(packet(PEERS[0], channel, n, ms(1)));
            early.extend(numbers(&mut queue, ms(1)));
            assert!(queue.schedule.len() <= MAX_PACKETS);
        }
        let late = numbers(&mut queue, ms(5001));
        assert!(late.into_iter().eq(100..total));
        let expected = if channel.is_reliable() { 100 } else { 0 };
        assert!(early.into_iter().eq(0..expected), "{channel}");
    }

    let mut queue = DelayQueue::new(conditions, 1);
    for n in 0..1000 {
        let large = Packet {
            bytes: vec![0; 16_000].into(),
            ..packet(PEERS[0], Channel::Bulk, n, ms(1))
        };
        queue.push(large);
        drain(&mut queue, ms(1));
        let lane = &queue.lanes[&(PEERS[0], Channel::Bulk)];
        let sum: usize = lane.waiting.values().map(|packet| packet.bytes.len()).sum();
        assert_eq!(lane.bytes, sum);
        assert!(sum <= MAX_BYTES);
    }
}

/// Tests random packets, settings and polls. Reliable packets arrive once and in order, unreliable
/// packets arrive at most once, no packet arrives early, and none is left.
#[test]
fn reliable_packets_always_arrive_once_and_in_order() {
    for seed in 0..300 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut queue = DelayQueue::new(random_conditioner(&mut rng), seed);
        let mut now = ms(0);
        let (mut sent, mut received) = (BTreeMap::new(), BTreeMap::new());
        let mut take = |queue: &mut DelayQueue, now: Duration| {
            for packet in drain(queue, now) {
                assert!(packet.arrived <= now, "seed {seed}");
                let lane = received.entry((packet.peer_id, packet.channel));
                lane.or_insert_with(Vec::new).push(number(&packet));
            }
        };
        for n in 0..500 {
            now += ms(rng.u64(..10));
            let lane = (PEERS[rng.usize(..2)], Channel::ALL[rng.usize(..3)]);
            queue.push(packet(lane.0, lane.1, n, now));
            sent.entry(lane).or_insert_with(Vec::new).push(n);
            match rng.u8(..50) {
                0 => queue.set(random_conditioner(&mut rng)),
                1 => queue.set(LinkConditioner::default()),
                2 => queue.release(PEERS[rng.usize(..2)], now),
                3..20 => take(&mut queue, now),
                _ => {}
            }
        }
        take(&mut queue, now + Duration::from_secs(60));
        assert!(queue.is_empty(), "seed {seed}");
        for ((peer_id, channel), sent) in sent {
            let mut received = received.remove(&(peer_id, channel)).unwrap_or_default();
            if channel.is_reliable() {
                assert_eq!(received, sent, "seed {seed}, {channel}");
            } else {
                received.sort_unstable();
                let is_once = received.windows(2).all(|pair| pair[0] < pair[1]);
                assert!(is_once, "seed {seed}");
                assert!(received.iter().all(|n| sent.contains(n)), "seed {seed}");
            }
        }
    }
}

#[test]
fn same_seed_produces_same_delays() {
    let run = |seed| {
        let mut queue = DelayQueue::new(conditioner(50, 50, 0.2), seed);
        for n in 0..200 {
            queue.push(packet(PEERS[0], Channel::ALL[n as usize % 3], n, ms(0)));
        }
        drain(&mut queue, ms(10_000))
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}
