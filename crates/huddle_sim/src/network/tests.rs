use super::*;
use crate::weather::Bandwidth;

const STEP: Duration = Duration::from_millis(16);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn rough() -> Weather {
    Weather {
        loss: 0.2,
        jitter: ms(40),
        duplication: 0.1,
        ..Weather::from_rtt(ms(60))
    }
}

/// Returns everything that arrived up to a time.
fn received(network: &mut Network<u32>, now: Duration, to: usize) -> Vec<Arrival<u32>> {
    std::iter::from_fn(|| network.receive(now, to)).collect()
}

fn packets(arrivals: &[Arrival<u32>]) -> Vec<u32> {
    arrivals.iter().map(|arrival| arrival.packet).collect()
}

#[test]
fn restarted_network_is_like_a_new_one() {
    let (mut new, mut used) = (
        Network::new(1, 2, STEP, rough()),
        Network::new(1, 2, STEP, Weather::default()),
    );
    let start = STEP * 7;
    for n in 0..7 {
        used.send(STEP * n, 0, 1, Lane::State, 1, n);
    }
    while used.receive(start, 1).is_some() {}
    used.restart(start, rough());
    for n in 0..200 {
        new.send(STEP * n, 0, 1, Lane::State, 1, n);
        used.send(start + STEP * n, 0, 1, Lane::State, 1, n);
    }
    let later = Duration::from_secs(60);
    let all = |network: &mut Network<u32>, since| -> Vec<_> {
        let arrivals = std::iter::from_fn(|| network.receive(later, 1));
        arrivals.map(|it| (it.at - since, it.packet)).collect()
    };
    let expected = all(&mut new, Duration::ZERO);
    assert_eq!(all(&mut used, start), expected);
    assert!(expected.len() > 100);
    assert_eq!(used.sent_by(0), new.sent_by(0));
}

#[test]
fn same_seed_loses_reorders_and_duplicates_the_same_packets() {
    let play = |seed| {
        let mut network = Network::new(seed, 3, STEP, rough());
        for n in 0..1000 {
            network.send(STEP * n, 0, 2, Lane::State, 10, n);
            network.send(STEP * n, 1, 2, Lane::State, 10, n);
        }
        let arrivals = received(&mut network, STEP * 1010, 2);
        (arrivals, network.traffic(0, 2))
    };
    let (arrivals, traffic) = play(1);
    assert_eq!(play(1), (arrivals.clone(), traffic));
    assert_ne!(play(2).0, arrivals);

    assert_eq!((traffic.packets, traffic.bytes), (1000, 10_000));
    let of_first: Vec<_> = arrivals.iter().filter(|a| a.from == 0).collect();
    let expected = 1000 - traffic.lost + traffic.duplicated;
    assert_eq!(of_first.len() as u64, expected);
    assert!((150..250).contains(&traffic.lost) && (50..110).contains(&traffic.duplicated));
    assert!(arrivals.is_sorted_by_key(|arrival| arrival.at));
    assert!(!of_first.is_sorted_by_key(|arrival| arrival.packet));
}

#[test]
fn other_traffic_does_not_change_a_fate() {
    let arrivals = |crowded| {
        let mut network = Network::new(5, 3, STEP, rough());
        for n in 0..500 {
            network.send(STEP * n, 0, 1, Lane::State, 10, n);
            if crowded {
                network.send(STEP * n, 0, 1, Lane::State, 1000, 1 << 20);
                network.send(STEP * n, 0, 1, Lane::Bulk, 1000, 1 << 20);
                network.send(STEP * n, 2, 1, Lane::State, 10, 1 << 20);
            }
        }
        let mut arrivals = received(&mut network, STEP * 10_000, 1);
        arrivals.retain(|arrival| arrival.packet < 500);
        arrivals
    };
    assert_eq!(arrivals(false), arrivals(true));
}

#[test]
fn reliable_lanes_lose_nothing_and_keep_the_order() {
    let mut network = Network::new(3, 2, STEP, rough());
    let mut arrivals = Vec::new();
    for n in 0..2000 {
        let lane = [Lane::Events, Lane::Bulk][n as usize % 2];
        network.send(STEP * n, 0, 1, lane, 100, n);
        arrivals.extend(received(&mut network, STEP * n, 1));
    }
    arrivals.extend(received(&mut network, STEP * 2000 + ms(20_000), 1));
    for (lane, first) in [(Lane::Events, 0), (Lane::Bulk, 1)] {
        let of_lane: Vec<_> = arrivals
            .iter()
            .filter(|a| a.lane == lane)
            .cloned()
            .collect();
        let all: Vec<u32> = (first..2000).step_by(2).collect();
        assert_eq!(packets(&of_lane), all);
        // Some messages waited for a second attempt, or for an earlier message.
        let late = of_lane
            .iter()
            .filter(|arrival| arrival.at - STEP * arrival.packet > ms(70));
        assert!(late.count() > 100);
    }
}

#[test]
fn cut_affects_one_direction_and_delays_reliable_messages() {
    let mut network = Network::new(1, 2, STEP, Weather::from_rtt(ms(20)));
    network.cut(0, 1, ms(100)..ms(1500));
    for lane in [Lane::State, Lane::Events] {
        network.send(ms(200), 0, 1, lane, 10, 7);
        network.send(ms(200), 1, 0, lane, 10, 8);
    }
    assert_eq!(packets(&received(&mut network, ms(300), 0)), [8, 8]);
    assert!(network.is_cut(0, 1, ms(300)) && !network.is_cut(1, 0, ms(300)));
    assert!(received(&mut network, ms(1499), 1).is_empty());
    let arrivals = received(&mut network, ms(3000), 1);
    assert_eq!(packets(&arrivals), [7]);
    assert_eq!(arrivals[0].lane, Lane::Events);
    // The attempts are at 200 ms, at 270 ms when the loss was noticed, and then every second.
    assert_eq!(arrivals[0].at, ms(2280));
}

#[test]
fn dropped_link_loses_packets_in_transit_and_is_replaced() {
    let mut network = Network::new(1, 2, STEP, Weather::from_rtt(ms(20)));
    network.cut(0, 1, ms(0)..Duration::MAX);
    network.send(ms(0), 0, 1, Lane::Events, 10, 1);
    network.send(ms(500), 1, 0, Lane::State, 10, 2);
    network.drop_link(0, 1);
    network.heal(0, 1, ms(500));
    network.send(ms(600), 0, 1, Lane::Events, 10, 3);
    assert_eq!(packets(&received(&mut network, ms(10_000), 1)), [3]);
    assert!(received(&mut network, ms(10_000), 0).is_empty());
}

#[test]
fn arrived_messages_are_dropped_with_the_link() {
    let mut network = Network::new(1, 3, STEP, Weather::from_rtt(ms(20)));
    network.cut(0, 1, ms(0)..ms(1));
    for packet in [1, 2] {
        network.send(ms(u64::from(packet) - 1), 0, 1, Lane::Events, 10, packet);
    }
    network.send(ms(300), 2, 1, Lane::Events, 10, 3);
    // The second message arrived first, so both can be received at the same time.
    assert_eq!(network.receive(ms(500), 1).unwrap().packet, 1);
    network.drop_link(1, 0);
    assert_eq!(packets(&received(&mut network, ms(500), 1)), [3]);
}

#[test]
fn packets_that_arrive_at_the_same_time_keep_their_order() {
    let mut network = Network::new(1, 3, STEP, Weather::default());
    for n in 0..50 {
        network.send(ms(0), n as usize % 2, 2, Lane::State, 1, n);
    }
    let all: Vec<u32> = (0..50).collect();
    assert_eq!(packets(&received(&mut network, ms(0), 2)), all);
}

#[test]
fn bottleneck_delays_packets_before_they_travel() {
    let narrow = Weather {
        bandwidth: Some(Bandwidth {
            rate: 1000,
            queue: 250,
        }),
        ..Weather::from_rtt(ms(20))
    };
    let mut network = Network::new(1, 2, STEP, narrow);
    for lane in [Lane::State, Lane::Events, Lane::State, Lane::Bulk] {
        network.send(ms(0), 0, 1, lane, 100, 0);
    }
    let arrivals = received(&mut network, ms(5000), 1);
    let times: Vec<_> = arrivals.iter().map(|a| (a.lane, a.at)).collect();
    // The queue holds two. The reliable message is sent again.
    let expected = [
        (Lane::State, ms(110)),
        (Lane::Events, ms(210)),
        (Lane::Bulk, ms(310)),
    ];
    assert_eq!(times, expected);
    assert_eq!(network.traffic(0, 1).lost, 2);
}

#[test]
fn each_path_has_its_own_weather() {
    let mut network = Network::new(1, 2, STEP, Weather::default());
    network.set_weather(0, 1, Weather::from_rtt(ms(400)));
    network.send(ms(0), 0, 1, Lane::State, 1, 1);
    network.send(ms(0), 1, 0, Lane::State, 1, 2);
    assert_eq!(network.receive(ms(300), 0).unwrap().at, ms(0));
    assert_eq!(network.receive(ms(300), 1).unwrap().at, ms(200));
}
