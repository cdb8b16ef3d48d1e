use std::time::Duration;

use huddle_mesh::{Channel, DisconnectReason, LinkStats, PeerId, RoomEvent, SendError};

use super::Network;
use crate::testing::conditions::Conditions;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(8);

/// A network with some players, and the events that each of them received, with timestamps.
struct Simulation {
    network: Network,
    players: Vec<PeerId>,
    events: Vec<Vec<(Duration, RoomEvent)>>,
}

impl Simulation {
    /// Creates linked players.
    fn new(seed: u64, players: usize, conditions: Conditions) -> Self {
        let mut network = Network::new(seed);
        network.set_conditions(conditions);
        let players: Vec<_> = (0..players)
            .map(|_| network.join("room", TIMEOUT))
            .collect();
        let events = players.iter().map(|_| Vec::new()).collect();
        let mut simulation = Self {
            network,
            players,
            events,
        };
        simulation.run(2 * SECOND);
        simulation
    }

    /// Advances the clock and collects the events of each millisecond.
    fn run(&mut self, time: Duration) {
        let end = self.network.now() + time;
        while self.network.now() < end {
            self.network.advance((self.network.now() + MS).min(end));
            for (&player, events) in self.players.iter().zip(&mut self.events) {
                while let Some(event) = self.network.poll(player) {
                    events.push((self.network.now(), event));
                }
            }
        }
    }

    fn send(&mut self, from: usize, to: usize, channel: Channel, byte: u8) {
        let (from, to) = (self.players[from], self.players[to]);
        self.network
            .send(from, to, channel, vec![byte].into())
            .unwrap();
    }

    /// Returns the packets that a player received on a channel, with timestamps.
    fn packets(&self, player: usize, channel: Channel) -> Vec<(Duration, u8)> {
        let packet = |(at, event): &(Duration, RoomEvent)| match event {
            RoomEvent::Packet {
                channel: on, bytes, ..
            } if *on == channel => Some((*at, bytes[0])),
            _ => None,
        };
        self.events[player].iter().filter_map(packet).collect()
    }

    fn bytes(&self, player: usize, channel: Channel) -> Vec<u8> {
        let packets = self.packets(player, channel);
        packets.into_iter().map(|(_, byte)| byte).collect()
    }

    /// Returns the events of a player since the last call, without packets. The times are in
    /// seconds since `start`.
    fn take_notices(&mut self, player: usize, start: Duration) -> Vec<(f32, RoomEvent)> {
        std::mem::take(&mut self.events[player])
            .into_iter()
            .filter(|(_, event)| !matches!(event, RoomEvent::Packet { .. }))
            .map(|(at, event)| ((at - start).as_secs_f32(), event))
            .collect()
    }

    fn stats(&self, player: usize, peer: usize) -> LinkStats {
        let (local_id, peer_id) = (self.players[player], self.players[peer]);
        self.network.stats(local_id, peer_id).unwrap()
    }
}

fn latency(ms: u64) -> Conditions {
    Conditions {
        latency: Duration::from_millis(ms),
        ..Conditions::default()
    }
}

#[test]
fn perfect_network_delivers_immediately() {
    let mut simulation = Simulation::new(1, 2, Conditions::default());
    let now = simulation.network.now();
    for channel in Channel::ALL {
        (0..5).for_each(|n| simulation.send(0, 1, channel, n));
    }
    while let Some(event) = simulation.network.poll(simulation.players[1]) {
        simulation.events[1].push((now, event));
    }
    for channel in Channel::ALL {
        assert_eq!(simulation.bytes(1, channel), [0, 1, 2, 3, 4]);
    }
    assert_eq!(simulation.stats(0, 1).packets_sent, 15);
    assert_eq!(simulation.stats(1, 0).bytes_received, 15);
}

#[test]
fn round_trip_takes_twice_the_latency() {
    let mut simulation = Simulation::new(1, 2, latency(40));
    let sent = simulation.network.now();
    simulation.send(0, 1, Channel::State, 1);
    simulation.run(SECOND);
    assert_eq!(simulation.packets(1, Channel::State), [(sent + 40 * MS, 1)]);
    assert_eq!(simulation.stats(0, 1).rtt, Some(80 * MS));
    assert_eq!(simulation.stats(0, 1).links, 1);
}

#[test]
fn only_state_packets_are_lost_duplicated_or_reordered() {
    let mut simulation = Simulation::new(
        3,
        2,
        Conditions {
            jitter: 30 * MS,
            loss: 0.1,
            duplicate: 0.1,
            reorder: 0.1,
            ..latency(20)
        },
    );
    let sent: Vec<u8> = (0..200).collect();
    for &n in &sent {
        for channel in Channel::ALL {
            simulation.send(0, 1, channel, n);
        }
        simulation.run(16 * MS);
    }
    simulation.run(60 * SECOND);
    assert_eq!(simulation.bytes(1, Channel::Events), sent);
    assert_eq!(simulation.bytes(1, Channel::Bulk), sent);
    let state = simulation.bytes(1, Channel::State);
    let mut distinct = state.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert!((160..195).contains(&distinct.len()), "{}", distinct.len());
    assert!((5..40).contains(&(state.len() - distinct.len())));
    assert!(!state.is_sorted());
}

#[test]
fn lost_reliable_packet_delays_later_packets_of_its_channel() {
    let mut simulation = Simulation::new(1, 2, latency(10));
    let [a, b] = [simulation.players[0], simulation.players[1]];
    let sent = simulation.network.now();
    let outage = Conditions {
        loss: 1.0,
        ..Conditions::default()
    };
    simulation.network.set_one_way(a, b, outage);
    simulation.send(0, 1, Channel::Events, 1);
    simulation.run(MS);
    simulation.network.set_conditions(latency(10));
    simulation.send(0, 1, Channel::Events, 2);
    simulation.send(0, 1, Channel::Bulk, 3);
    simulation.run(2 * SECOND);
    let retransmitted = sent + SECOND + 10 * MS;
    assert_eq!(
        simulation.packets(1, Channel::Events),
        [(retransmitted, 1), (retransmitted, 2)]
    );
    assert_eq!(simulation.packets(1, Channel::Bulk), [(sent + 11 * MS, 3)]);
}

#[test]
fn channels_of_a_link_share_its_bandwidth() {
    let mut simulation = Simulation::new(
        1,
        2,
        Conditions {
            bandwidth: Some(10_000),
            ..latency(10)
        },
    );
    let [a, b] = [simulation.players[0], simulation.players[1]];
    let start = simulation.network.now();
    let bulk = bytes::Bytes::from(vec![0; 907]);
    for _ in 0..10 {
        simulation
            .network
            .send(a, b, Channel::Bulk, bulk.clone())
            .unwrap();
    }
    simulation.send(0, 1, Channel::State, 7);
    let credit = simulation.network.credit(a, b, Channel::Bulk);
    assert_eq!(credit, Channel::Bulk.send_limit() - 9070);
    simulation.run(5 * SECOND);
    // Ten packets of 1000 bytes and one of 94 bytes, including headers.
    let (at, _) = simulation.packets(1, Channel::State)[0];
    assert!(at - start > 1009 * MS, "{:?}", at - start);
    assert_eq!(
        simulation.network.credit(a, b, Channel::Bulk),
        Channel::Bulk.send_limit()
    );
    simulation.run(SECOND);
    assert!(
        simulation.stats(0, 1).rtt.unwrap() > 2 * 10 * MS,
        "pings wait in the same queue"
    );
}

#[test]
fn full_send_queue_refuses_packets() {
    let mut simulation = Simulation::new(
        1,
        2,
        Conditions {
            bandwidth: Some(100),
            ..Conditions::default()
        },
    );
    let [a, b] = [simulation.players[0], simulation.players[1]];
    let packet = bytes::Bytes::from(vec![0; 1000]);
    let sent = (0..100)
        .take_while(|_| {
            let sent = simulation
                .network
                .send(a, b, Channel::State, packet.clone());
            assert!(matches!(
                sent,
                Ok(()) | Err(SendError::Full(Channel::State))
            ));
            sent.is_ok()
        })
        .count();
    assert_eq!(sent, Channel::State.send_limit() / 1000);
}

#[test]
fn silent_peer_is_reconnecting_after_one_second_and_lost_after_the_timeout() {
    let mut simulation = Simulation::new(1, 2, latency(10));
    let [a, b] = [simulation.players[0], simulation.players[1]];
    let start = simulation.network.now();
    (0..2).for_each(|player| drop(simulation.take_notices(player, Duration::ZERO)));
    simulation.network.block(a, b);
    simulation.run(10 * SECOND);
    simulation.network.unblock_all();
    simulation.run(2 * SECOND);
    for (player, peer) in [(0, b), (1, a)] {
        let notices = simulation.take_notices(player, start);
        let [(reconnecting, first), (lost, second), (back, third)] = &notices[..] else {
            panic!("{notices:?}");
        };
        assert_eq!(*first, RoomEvent::PeerReconnecting(peer));
        let reason = DisconnectReason::Lost;
        assert_eq!(
            *second,
            RoomEvent::PeerLeft {
                peer_id: peer,
                reason
            }
        );
        let joined = RoomEvent::PeerJoined {
            peer_id: peer,
            rejoined: true,
            is_matchbox_client: false,
        };
        assert_eq!(*third, joined);
        assert!((0.7..1.1).contains(reconnecting), "{reconnecting}");
        assert!((7.7..8.1).contains(lost), "{lost}");
        assert!((10.0..11.2).contains(back), "{back}");
    }
    assert_eq!(simulation.stats(0, 1).links, 2);
}

#[test]
fn short_silence_ends_with_recovery_and_loses_no_reliable_packet() {
    let mut simulation = Simulation::new(1, 2, latency(10));
    let [a, b] = [simulation.players[0], simulation.players[1]];
    let start = simulation.network.now();
    simulation.take_notices(1, Duration::ZERO);
    simulation.network.block(a, b);
    simulation.send(0, 1, Channel::Events, 9);
    simulation.run(2 * SECOND);
    simulation.network.unblock_all();
    simulation.run(4 * SECOND);
    assert_eq!(simulation.bytes(1, Channel::Events), [9]);
    let notices: Vec<_> = simulation
        .take_notices(1, start)
        .into_iter()
        .map(|(_, event)| event)
        .collect();
    assert_eq!(
        notices,
        [
            RoomEvent::PeerReconnecting(a),
            RoomEvent::PeerReconnected(a)
        ]
    );
}

#[test]
fn one_way_outage_is_noticed_by_both_peers() {
    let mut simulation = Simulation::new(1, 2, latency(10));
    let [a, b] = [simulation.players[0], simulation.players[1]];
    let outage = Conditions {
        loss: 1.0,
        ..latency(10)
    };
    simulation.network.set_one_way(a, b, outage);
    simulation.run(10 * SECOND);
    let left = RoomEvent::PeerLeft {
        peer_id: a,
        reason: DisconnectReason::Lost,
    };
    let of = |player: usize| simulation.events[player].iter().map(|(_, event)| event);
    assert!(of(1).any(|event| *event == left));
    // The side that still receives packets gets a new link.
    assert!(of(0).any(|event| *event == RoomEvent::PeerReconnecting(b)));
    assert!(of(0).any(|event| *event == RoomEvent::LinkReplaced(b)));
}

#[test]
fn goodbye_arrives_after_earlier_events() {
    let mut simulation = Simulation::new(
        1,
        3,
        Conditions {
            loss: 0.3,
            ..latency(30)
        },
    );
    let a = simulation.players[0];
    (0..20).for_each(|n| simulation.send(0, 1, Channel::Events, n));
    simulation.network.leave(a);
    simulation.run(30 * SECOND);
    assert_eq!(
        simulation.bytes(1, Channel::Events),
        (0..20).collect::<Vec<u8>>()
    );
    let left = RoomEvent::PeerLeft {
        peer_id: a,
        reason: DisconnectReason::Left,
    };
    assert_eq!(simulation.events[1].last().unwrap().1, left);
    assert_eq!(simulation.events[2].last().unwrap().1, left);
}

#[test]
fn killed_player_is_reconnecting_and_then_lost() {
    let mut simulation = Simulation::new(1, 2, latency(10));
    let a = simulation.players[0];
    simulation.network.kill(a);
    simulation.run(2 * SECOND);
    assert_eq!(
        simulation.events[1].last().unwrap().1,
        RoomEvent::PeerReconnecting(a)
    );
    simulation.run(20 * SECOND);
    let lost = RoomEvent::PeerLeft {
        peer_id: a,
        reason: DisconnectReason::Lost,
    };
    assert_eq!(simulation.events[1].last().unwrap().1, lost);
}

#[test]
fn disconnected_peer_does_not_reconnect() {
    let mut simulation = Simulation::new(1, 2, latency(10));
    let [a, b] = [simulation.players[0], simulation.players[1]];
    simulation.network.disconnect(a, b);
    simulation.run(20 * SECOND);
    let reasons = [
        (0, b, DisconnectReason::DisconnectedLocally),
        (1, a, DisconnectReason::DisconnectedByPeer),
    ];
    for (player, peer, reason) in reasons {
        let left = RoomEvent::PeerLeft {
            peer_id: peer,
            reason,
        };
        assert_eq!(simulation.events[player].last().unwrap().1, left);
    }
    assert!(simulation.network.is_connected(a) && simulation.network.is_connected(b));
}

#[test]
fn replaced_link_loses_packets_in_flight() {
    let mut simulation = Simulation::new(1, 2, latency(100));
    let [a, b] = [simulation.players[0], simulation.players[1]];
    simulation.send(0, 1, Channel::Events, 1);
    simulation.run(50 * MS);
    assert!(simulation.network.replace_link(a, b, Duration::ZERO));
    simulation.send(0, 1, Channel::Events, 2);
    simulation.run(SECOND);
    assert_eq!(simulation.bytes(1, Channel::Events), [2]);
    assert_eq!(simulation.stats(0, 1).links, 2);
    for (player, peer) in [(0, b), (1, a)] {
        let replaced = RoomEvent::LinkReplaced(peer);
        let events = simulation.events[player].iter().map(|(_, event)| event);
        assert_eq!(events.filter(|event| **event == replaced).count(), 1);
    }
}

#[test]
fn packets_of_replaced_link_arrive_during_the_overlap() {
    let mut simulation = Simulation::new(1, 2, latency(100));
    let [a, b] = [simulation.players[0], simulation.players[1]];
    simulation.send(0, 1, Channel::Events, 1);
    simulation.run(50 * MS);
    simulation.send(0, 1, Channel::Events, 2);
    simulation.run(MS);
    simulation.network.replace_link(a, b, 80 * MS);
    simulation.network.set_conditions(latency(20));
    simulation.send(0, 1, Channel::Events, 3);
    simulation.run(SECOND);
    assert_eq!(simulation.bytes(1, Channel::Events), [3, 1]);
}

#[test]
fn players_link_once_partition_heals_and_server_runs() {
    let mut network = Network::new(1);
    let [a, b] = [(); 2].map(|()| network.join("room", TIMEOUT));
    let elsewhere = network.join("elsewhere", TIMEOUT);
    network.block(a, b);
    network.advance(10 * SECOND);
    assert!(network.stats(a, b).is_none());
    network.unblock_all();
    network.set_server_running(false);
    network.advance(20 * SECOND);
    assert!(network.stats(a, b).is_none(), "no link without a server");
    network.set_server_running(true);
    network.advance(22 * SECOND);
    assert!(network.stats(a, b).is_some());
    assert!(network.stats(a, elsewhere).is_none());
}

#[test]
fn same_seed_produces_same_run() {
    let run = |seed| {
        let conditions = Conditions {
            jitter: 50 * MS,
            loss: 0.2,
            duplicate: 0.1,
            reorder: 0.1,
            bandwidth: Some(20_000),
            ..latency(30)
        };
        let mut simulation = Simulation::new(seed, 3, conditions);
        let players = simulation.players.clone();
        for n in 0..200 {
            for channel in Channel::ALL {
                let (from, to) = (usize::from(n % 3), usize::from((n + 1) % 3));
                let bytes = vec![n; 20].into();
                let _ = simulation
                    .network
                    .send(players[from], players[to], channel, bytes);
            }
            simulation.run(10 * MS);
        }
        // Leave out `arrived`, which depends on when the network was created.
        let events = simulation.events.into_iter().flatten();
        events
            .map(|(at, event)| match event {
                RoomEvent::Packet {
                    peer_id: peer,
                    channel,
                    bytes,
                    ..
                } => format!("{at:?} {peer} {channel} {bytes:?}"),
                other => format!("{at:?} {other:?}"),
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}

#[test]
fn broken_link_is_replaced_and_no_peer_leaves() {
    let mut simulation = Simulation::new(1, 2, latency(100));
    let [a, b] = [simulation.players[0], simulation.players[1]];
    let start = simulation.network.now();
    (0..2).for_each(|player| drop(simulation.take_notices(player, Duration::ZERO)));
    simulation.send(0, 1, Channel::Events, 1);
    assert!(simulation.network.break_link(a, b));
    assert_eq!(simulation.network.credit(a, b, Channel::Events), 0);
    let sent = simulation
        .network
        .send(a, b, Channel::Events, vec![2].into());
    assert_eq!(sent, Err(SendError::NoLink));
    simulation.run(2 * SECOND);
    assert!(simulation.bytes(1, Channel::Events).is_empty());
    simulation.send(0, 1, Channel::Events, 3);
    simulation.run(SECOND);
    for (player, peer) in [(0, b), (1, a)] {
        let notices = simulation.take_notices(player, start);
        let events: Vec<_> = notices.into_iter().map(|(_, event)| event).collect();
        let expected = [
            RoomEvent::PeerReconnecting(peer),
            RoomEvent::PeerReconnected(peer),
            RoomEvent::LinkReplaced(peer),
        ];
        assert_eq!(events, expected);
    }
    assert_eq!(simulation.stats(0, 1).links, 2);
}

#[test]
fn peer_whose_link_breaks_is_lost_after_the_timeout_if_no_link_can_be_established() {
    let mut simulation = Simulation::new(1, 2, latency(10));
    let [a, b] = [simulation.players[0], simulation.players[1]];
    simulation.network.set_server_running(false);
    simulation.network.break_link(a, b);
    simulation.run(7 * SECOND);
    assert!(simulation.network.stats(a, b).is_some());
    simulation.run(2 * SECOND);
    assert!(simulation.network.stats(a, b).is_none());
}
