//! The packets and bytes on each link.

use std::time::Duration;

use bevy_huddle::{
    LinkStats,
    testing::{Conditions, Lab, Player},
};

use crate::game::{Activity, meet};

/// The bytes that WebRTC adds to a packet: IPv4 20, UDP 8, DTLS 1.2 with AES-GCM 37, SCTP 28.
const HEADERS: f64 = 93.0;

/// The duration of a measurement.
const SPAN: Duration = Duration::from_secs(60);

const NETWORKS: [(&str, Conditions); 2] = [
    (
        "LAN",
        Conditions {
            latency: Duration::from_micros(500),
            jitter: Duration::from_micros(500),
            loss: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            bandwidth: None,
        },
    ),
    (
        "Wi-Fi",
        Conditions {
            latency: Duration::from_millis(25),
            jitter: Duration::from_millis(20),
            loss: 0.01,
            duplicate: 0.0,
            reorder: 0.0,
            bandwidth: None,
        },
    ),
];

/// The traffic from one player to another, in total or per second.
#[derive(Clone, Copy, Default)]
struct Traffic {
    packets: f64,
    bytes: f64,
}

/// Prints a row for each room: the mean and the maximum over all links and directions.
pub(crate) fn table() {
    println!(
        "Packets and bytes from one player to another per second, and bytes with WebRTC's headers:\n"
    );
    println!(
        "| players | network | | packets | busiest link | bytes | busiest link | with headers |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for activity in [Activity::Idle, Activity::Play] {
        for (name, network) in NETWORKS {
            for count in [2, 4, 8] {
                let links = measure(count, activity, network);
                let mean = |of: fn(&Traffic) -> f64| {
                    links.iter().map(of).sum::<f64>() / links.len() as f64
                };
                let most = |of: fn(&Traffic) -> f64| links.iter().map(of).fold(0.0, f64::max);
                let (packets, bytes) = (mean(|link| link.packets), mean(|link| link.bytes));
                println!(
                    "| {count} | {name} | {activity:?} | {packets:.1} | {:.1} | {bytes:.0} | {:.0} | {:.0} |",
                    most(|link| link.packets),
                    most(|link| link.bytes),
                    bytes + packets * HEADERS,
                );
            }
        }
    }
}

/// Returns the traffic per second on each link and in each direction.
fn measure(count: usize, activity: Activity, network: Conditions) -> Vec<Traffic> {
    let (mut lab, players) = meet(count, activity, network);
    let before = sent(&lab, &players);
    lab.run_for(SPAN);
    sent(&lab, &players)
        .into_iter()
        .zip(before)
        .map(|(after, before)| Traffic {
            packets: (after.packets - before.packets) / SPAN.as_secs_f64(),
            bytes: (after.bytes - before.bytes) / SPAN.as_secs_f64(),
        })
        .collect()
}

/// Returns the total traffic on each link and in each direction.
fn sent(lab: &Lab, players: &[Player]) -> Vec<Traffic> {
    let pairs = players.iter().flat_map(|&from| {
        players
            .iter()
            .filter(move |&&to| to != from)
            .map(move |&to| (from, to))
    });
    pairs
        .map(|(from, to)| {
            let link = lab[from].world().get::<LinkStats>(lab.peer(from, to));
            link.map_or_else(Traffic::default, |link| Traffic {
                packets: link.packets_sent as f64,
                bytes: link.bytes_sent as f64,
            })
        })
        .collect()
}
