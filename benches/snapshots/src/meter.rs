//! The traffic of links.

use std::collections::{BTreeMap, VecDeque};

use crate::{network::Traffic, time::HZ};

/// The traffic of all directions of all links.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    links: BTreeMap<(usize, usize), Link>,
    ticks: u32,
}

#[derive(Debug, Default)]
struct Link {
    total: Traffic,
    /// The bytes of each tick of the last second.
    second: VecDeque<u64>,
    busiest_second: u64,
}

/// What a meter has measured, in bytes per second.
pub(crate) struct Rates {
    pub(crate) mean: f64,
    pub(crate) busiest: f64,
    /// The most bytes of any link in any second.
    pub(crate) busiest_second: u64,
    /// The packets with snapshots per second, the mean of all links.
    pub(crate) packets: f64,
    /// The mean bytes of packets that have only an ack.
    pub(crate) acks: f64,
}

impl Meter {
    /// Adds the traffic of a tick.
    pub(crate) fn add(&mut self, traffic: Vec<((usize, usize), Traffic)>) {
        self.ticks += 1;
        for (link, traffic) in traffic {
            let link = self.links.entry(link).or_default();
            link.total.packets += traffic.packets;
            link.total.bytes += traffic.bytes;
            link.total.ack_bytes += traffic.ack_bytes;
            link.second.push_back(traffic.bytes);
            if link.second.len() > HZ as usize {
                link.second.pop_front();
            }
            let second = link.second.iter().sum();
            link.busiest_second = link.busiest_second.max(second);
        }
    }

    /// Returns the bytes of a direction of a link.
    pub(crate) fn bytes(&self, from: usize, to: usize) -> u64 {
        self.links.get(&(from, to)).map_or(0, |it| it.total.bytes)
    }

    /// Returns the rates of all links.
    pub(crate) fn rates(&self) -> Rates {
        let seconds = f64::from(self.ticks) / f64::from(HZ);
        let links = self.links.values();
        let sum = |of: fn(&Traffic) -> u64| {
            let all: u64 = links.clone().map(|it| of(&it.total)).sum();
            all as f64 / seconds / self.links.len() as f64
        };
        let busiest = links.clone().map(|it| it.total.bytes).max();
        Rates {
            mean: sum(|it| it.bytes),
            busiest: busiest.unwrap_or_default() as f64 / seconds,
            busiest_second: links
                .clone()
                .map(|it| it.busiest_second)
                .max()
                .unwrap_or_default(),
            packets: sum(|it| it.packets),
            acks: sum(|it| it.ack_bytes),
        }
    }
}
