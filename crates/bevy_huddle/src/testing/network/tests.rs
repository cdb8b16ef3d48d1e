use std::time::Duration;

use huddle_mesh::{Channel, DisconnectReason, LinkStats, PeerId, RoomEvent, SendError};

use super::Network;
use crate::testing::conditions::Conditions;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// A network with some players, and what has happened to each, with the time.
struct World {
    network: Network,
    players: Vec<PeerId>,
    told: Vec<Vec<(Duration, RoomEvent)>>,
}

impl World {
    /// Players who have met.
    fn new(seed: u64, players: usize, conditions: Conditions) -> Self {
        let mut network = Network::new(seed);
        network.set_conditions(conditions);
        let players: Vec<_> = (0..players).map(|_| network.join("room")).collect();
        let told = players.iter().map(|_| Vec::new()).collect();
        let mut world = Self {
            network,
            players,
            told,
        };
        world.run(2 * SECOND);
        world
    }

    /// Lets time pass and looks what happens, each millisecond.
    fn run(&mut self, time: Duration) {
        let end = self.network.now() + time;
        while self.network.now() < end {
            self.network.advance((self.network.now() + MS).min(end));
            for (&player, told) in self.players.iter().zip(&mut self.told) {
                while let Some(event) = self.network.poll(player) {
                    told.push((self.network.now(), event));
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

    /// The packets that a player got on a channel, with the time.
    fn packets(&self, player: usize, channel: Channel) -> Vec<(Duration, u8)> {
        let packet = |(at, event): &(Duration, RoomEvent)| match event {
            RoomEvent::Packet {
                channel: on, bytes, ..
            } if *on == channel => Some((*at, bytes[0])),
            _ => None,
        };
        self.told[player].iter().filter_map(packet).collect()
    }

    fn bytes(&self, player: usize, channel: Channel) -> Vec<u8> {
        let packets = self.packets(player, channel);
        packets.into_iter().map(|(_, byte)| byte).collect()
    }

    /// What a player was told beside packets since it was last asked, with seconds since `start`.
    fn notices(&mut self, player: usize, start: Duration) -> Vec<(f32, RoomEvent)> {
        std::mem::take(&mut self.told[player])
            .into_iter()
            .filter(|(_, event)| !matches!(event, RoomEvent::Packet { .. }))
            .map(|(at, event)| ((at - start).as_secs_f32(), event))
            .collect()
    }

    fn stats(&self, me: usize, peer: usize) -> LinkStats {
        let (me, peer) = (self.players[me], self.players[peer]);
        self.network.stats(me, peer).unwrap()
    }
}

fn latency(ms: u64) -> Conditions {
    Conditions {
        latency: Duration::from_millis(ms),
        ..Conditions::default()
    }
}

#[test]
fn a_perfect_network_brings_everything_at_once() {
    let mut world = World::new(1, 2, Conditions::default());
    let now = world.network.now();
    for channel in Channel::ALL {
        (0..5).for_each(|n| world.send(0, 1, channel, n));
    }
    while let Some(event) = world.network.poll(world.players[1]) {
        world.told[1].push((now, event));
    }
    for channel in Channel::ALL {
        assert_eq!(world.bytes(1, channel), [0, 1, 2, 3, 4]);
    }
    assert_eq!(world.stats(0, 1).packets_sent, 15);
    assert_eq!(world.stats(1, 0).bytes_received, 15);
}

#[test]
fn latency_is_one_way_and_the_round_trip_is_measured() {
    let mut world = World::new(1, 2, latency(40));
    let sent = world.network.now();
    world.send(0, 1, Channel::State, 1);
    world.run(SECOND);
    assert_eq!(world.packets(1, Channel::State), [(sent + 40 * MS, 1)]);
    assert_eq!(world.stats(0, 1).rtt, Some(80 * MS));
    assert_eq!(world.stats(0, 1).links, 1);
}

#[test]
fn state_may_be_lost_doubled_and_overtaken_and_the_rest_stays_in_order() {
    let mut world = World::new(
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
            world.send(0, 1, channel, n);
        }
        world.run(16 * MS);
    }
    world.run(60 * SECOND);
    assert_eq!(world.bytes(1, Channel::Events), sent);
    assert_eq!(world.bytes(1, Channel::Bulk), sent);
    let state = world.bytes(1, Channel::State);
    let mut distinct = state.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert!((160..195).contains(&distinct.len()), "{}", distinct.len());
    assert!((5..40).contains(&(state.len() - distinct.len())));
    assert!(!state.is_sorted());
}

#[test]
fn a_lost_reliable_packet_holds_up_what_is_behind_it() {
    let mut world = World::new(1, 2, latency(10));
    let [a, b] = [world.players[0], world.players[1]];
    let sent = world.network.now();
    let deaf = Conditions {
        loss: 1.0,
        ..Conditions::default()
    };
    world.network.set_one_way(a, b, deaf);
    world.send(0, 1, Channel::Events, 1);
    world.run(MS);
    world.network.set_conditions(latency(10));
    world.send(0, 1, Channel::Events, 2);
    world.send(0, 1, Channel::Bulk, 3);
    world.run(2 * SECOND);
    let again = sent + SECOND + 10 * MS;
    assert_eq!(world.packets(1, Channel::Events), [(again, 1), (again, 2)]);
    assert_eq!(world.packets(1, Channel::Bulk), [(sent + 11 * MS, 3)]);
}

#[test]
fn all_channels_of_a_link_share_its_bandwidth() {
    let mut world = World::new(
        1,
        2,
        Conditions {
            bandwidth: Some(10_000),
            ..latency(10)
        },
    );
    let [a, b] = [world.players[0], world.players[1]];
    let start = world.network.now();
    let bulk = bytes::Bytes::from(vec![0; 907]);
    for _ in 0..10 {
        world
            .network
            .send(a, b, Channel::Bulk, bulk.clone())
            .unwrap();
    }
    world.send(0, 1, Channel::State, 7);
    let credit = world.network.credit(a, b, Channel::Bulk);
    assert_eq!(credit, Channel::Bulk.send_limit() - 9070);
    world.run(5 * SECOND);
    // Ten times 1000 bytes with headers, and 94.
    let (at, _) = world.packets(1, Channel::State)[0];
    assert!(at - start > 1009 * MS, "{:?}", at - start);
    assert_eq!(
        world.network.credit(a, b, Channel::Bulk),
        Channel::Bulk.send_limit()
    );
    world.run(SECOND);
    assert!(
        world.stats(0, 1).rtt.unwrap() > 2 * 10 * MS,
        "pings waited in line too"
    );
}

#[test]
fn a_full_queue_refuses() {
    let mut world = World::new(
        1,
        2,
        Conditions {
            bandwidth: Some(100),
            ..Conditions::default()
        },
    );
    let [a, b] = [world.players[0], world.players[1]];
    let packet = bytes::Bytes::from(vec![0; 1000]);
    let sent = (0..100)
        .take_while(|_| {
            let sent = world.network.send(a, b, Channel::State, packet.clone());
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
fn silence_is_unresponsive_after_a_second_and_lost_after_three_and_both_return() {
    let mut world = World::new(1, 2, latency(10));
    let [a, b] = [world.players[0], world.players[1]];
    let start = world.network.now();
    (0..2).for_each(|player| drop(world.notices(player, Duration::ZERO)));
    world.network.block(a, b);
    world.run(5 * SECOND);
    world.network.unblock_all();
    world.run(2 * SECOND);
    for (player, peer) in [(0, b), (1, a)] {
        let notices = world.notices(player, start);
        let [(unresponsive, s), (lost, l), (back, j)] = &notices[..] else {
            panic!("{notices:?}");
        };
        assert_eq!(*s, RoomEvent::PeerUnresponsive(peer));
        let reason = DisconnectReason::Lost;
        assert_eq!(
            *l,
            RoomEvent::PeerLeft {
                peer_id: peer,
                reason
            }
        );
        let joined = RoomEvent::PeerJoined {
            peer_id: peer,
            returning: true,
            is_matchbox_client: false,
        };
        assert_eq!(*j, joined);
        assert!((0.7..1.1).contains(unresponsive), "{unresponsive}");
        assert!((2.7..3.1).contains(lost), "{lost}");
        assert!((5.0..6.2).contains(back), "{back}");
    }
    assert_eq!(world.stats(0, 1).links, 2);
}

#[test]
fn a_short_silence_ends_with_recovery_and_nothing_reliable_is_lost() {
    let mut world = World::new(1, 2, latency(10));
    let [a, b] = [world.players[0], world.players[1]];
    let start = world.network.now();
    world.notices(1, Duration::ZERO);
    world.network.block(a, b);
    world.send(0, 1, Channel::Events, 9);
    world.run(2 * SECOND);
    world.network.unblock_all();
    world.run(4 * SECOND);
    assert_eq!(world.bytes(1, Channel::Events), [9]);
    let notices: Vec<_> = world
        .notices(1, start)
        .into_iter()
        .map(|(_, event)| event)
        .collect();
    assert_eq!(
        notices,
        [RoomEvent::PeerUnresponsive(a), RoomEvent::PeerRecovered(a)]
    );
}

#[test]
fn one_deaf_side_ends_it_for_both() {
    let mut world = World::new(1, 2, latency(10));
    let [a, b] = [world.players[0], world.players[1]];
    let deaf = Conditions {
        loss: 1.0,
        ..latency(10)
    };
    world.network.set_one_way(a, b, deaf);
    world.run(5 * SECOND);
    for (player, peer) in [(0, b), (1, a)] {
        let left = RoomEvent::PeerLeft {
            peer_id: peer,
            reason: DisconnectReason::Lost,
        };
        assert!(world.told[player].iter().any(|(_, event)| *event == left));
    }
}

#[test]
fn a_farewell_comes_behind_what_was_said_before() {
    let mut world = World::new(
        1,
        3,
        Conditions {
            loss: 0.3,
            ..latency(30)
        },
    );
    let a = world.players[0];
    (0..20).for_each(|n| world.send(0, 1, Channel::Events, n));
    world.network.leave(a);
    world.run(30 * SECOND);
    assert_eq!(
        world.bytes(1, Channel::Events),
        (0..20).collect::<Vec<u8>>()
    );
    let left = RoomEvent::PeerLeft {
        peer_id: a,
        reason: DisconnectReason::Left,
    };
    assert_eq!(world.told[1].last().unwrap().1, left);
    assert_eq!(world.told[2].last().unwrap().1, left);
}

#[test]
fn whoever_is_killed_says_nothing_and_is_lost() {
    let mut world = World::new(1, 2, latency(10));
    let a = world.players[0];
    world.network.kill(a);
    world.run(2 * SECOND);
    assert_eq!(
        world.told[1].last().unwrap().1,
        RoomEvent::PeerUnresponsive(a)
    );
    world.run(20 * SECOND);
    let lost = RoomEvent::PeerLeft {
        peer_id: a,
        reason: DisconnectReason::Lost,
    };
    assert_eq!(world.told[1].last().unwrap().1, lost);
}

#[test]
fn a_cut_is_final() {
    let mut world = World::new(1, 2, latency(10));
    let [a, b] = [world.players[0], world.players[1]];
    world.network.disconnect(a, b);
    world.run(20 * SECOND);
    let reasons = [
        (0, b, DisconnectReason::DisconnectedLocally),
        (1, a, DisconnectReason::DisconnectedByPeer),
    ];
    for (player, peer, reason) in reasons {
        let left = RoomEvent::PeerLeft {
            peer_id: peer,
            reason,
        };
        assert_eq!(world.told[player].last().unwrap().1, left);
    }
    assert!(world.network.has(a) && world.network.has(b));
}

#[test]
fn a_replaced_link_loses_what_was_under_way() {
    let mut world = World::new(1, 2, latency(100));
    let [a, b] = [world.players[0], world.players[1]];
    world.send(0, 1, Channel::Events, 1);
    world.run(50 * MS);
    assert!(world.network.replace_link(a, b, Duration::ZERO));
    world.send(0, 1, Channel::Events, 2);
    world.run(SECOND);
    assert_eq!(world.bytes(1, Channel::Events), [2]);
    assert_eq!(world.stats(0, 1).links, 2);
    for (player, peer) in [(0, b), (1, a)] {
        let replaced = RoomEvent::LinkReplaced(peer);
        let told = world.told[player].iter().map(|(_, event)| event);
        assert_eq!(told.filter(|event| **event == replaced).count(), 1);
    }
}

#[test]
fn the_old_link_and_the_new_one_interleave() {
    let mut world = World::new(1, 2, latency(100));
    let [a, b] = [world.players[0], world.players[1]];
    world.send(0, 1, Channel::Events, 1);
    world.run(50 * MS);
    world.send(0, 1, Channel::Events, 2);
    world.run(MS);
    world.network.replace_link(a, b, 80 * MS);
    world.network.set_conditions(latency(20));
    world.send(0, 1, Channel::Events, 3);
    world.run(SECOND);
    assert_eq!(world.bytes(1, Channel::Events), [3, 1]);
}

#[test]
fn a_partition_before_they_met_keeps_them_apart_until_it_heals() {
    let mut network = Network::new(1);
    let [a, b] = [network.join("room"), network.join("room")];
    let elsewhere = network.join("elsewhere");
    network.block(a, b);
    network.advance(10 * SECOND);
    assert!(network.stats(a, b).is_none());
    network.unblock_all();
    network.set_server(false);
    network.advance(20 * SECOND);
    assert!(network.stats(a, b).is_none(), "without a server no link");
    network.set_server(true);
    network.advance(22 * SECOND);
    assert!(network.stats(a, b).is_some());
    assert!(network.stats(a, elsewhere).is_none());
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_a_different_one() {
    let run = |seed| {
        let conditions = Conditions {
            jitter: 50 * MS,
            loss: 0.2,
            duplicate: 0.1,
            reorder: 0.1,
            bandwidth: Some(20_000),
            ..latency(30)
        };
        let mut world = World::new(seed, 3, conditions);
        let players = world.players.clone();
        for n in 0..200 {
            for channel in Channel::ALL {
                let (from, to) = (usize::from(n % 3), usize::from((n + 1) % 3));
                let bytes = vec![n; 20].into();
                let _ = world
                    .network
                    .send(players[from], players[to], channel, bytes);
            }
            world.run(10 * MS);
        }
        // Points in time are relative to when the network was made.
        let told = world.told.into_iter().flatten();
        told.map(|(at, event)| match event {
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
