//! The networks between the peers of one run.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use network_lab::{Conditions, Host, Lab};

/// The conditions between all peers, and between the peers and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    /// All peers share one network, and the kernel delivers their packets.
    Clean,
    /// Each peer is on a host of its own, behind a switch that delays and loses frames.
    Lossy,
}

/// The conditions of [`Network::Lossy`], in each direction.
const LOSSY: Conditions = Conditions {
    latency: Duration::from_millis(25),
    jitter: Duration::ZERO,
    loss: 0.05,
};

impl Network {
    pub(crate) const ALL: [Self; 2] = [Self::Clean, Self::Lossy];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Lossy => "5% loss + 50 ms",
        }
    }
}

/// The hosts of one run.
pub(crate) struct Hosts {
    /// The network, unless all processes share that of this program.
    lab: Option<Lab>,
    /// The host of the server, followed by those of the peers.
    hosts: Vec<Host>,
}

impl Hosts {
    /// Creates the network, without delay and loss. The seed determines which frames are lost later.
    pub(crate) fn new(network: Network, peers: usize, seed: u64) -> anyhow::Result<Self> {
        if network == Network::Clean {
            return Ok(Self {
                lab: None,
                hosts: Vec::new(),
            });
        }
        let lab = Lab::new(seed)?;
        let names = (0..=peers).map(|number| format!("host{number}"));
        let hosts = names.map(|name| lab.host(&name));
        Ok(Self {
            hosts: hosts.collect::<anyhow::Result<_>>()?,
            lab: Some(lab),
        })
    }

    /// Starts delay and loss in a network that has them.
    pub(crate) fn degrade(&self) {
        if let Some(lab) = &self.lab {
            lab.set_everywhere(LOSSY);
        }
    }

    /// Returns the address of the server.
    pub(crate) fn server_address(&self) -> IpAddr {
        let address = self.hosts.first().map(Host::address);
        address.unwrap_or(Ipv4Addr::LOCALHOST).into()
    }

    /// Runs a function on the server's host.
    pub(crate) fn on_server<T: Send>(
        &self,
        function: impl FnOnce() -> anyhow::Result<T> + Send,
    ) -> anyhow::Result<T> {
        self.on(0, function)
    }

    /// Runs a function on the host of a peer, counted from 0.
    pub(crate) fn on_peer<T: Send>(
        &self,
        peer: usize,
        function: impl FnOnce() -> anyhow::Result<T> + Send,
    ) -> anyhow::Result<T> {
        self.on(peer + 1, function)
    }

    fn on<T: Send>(
        &self,
        number: usize,
        function: impl FnOnce() -> anyhow::Result<T> + Send,
    ) -> anyhow::Result<T> {
        match self.hosts.get(number) {
            Some(host) => host.enter(function)?,
            None => function(),
        }
    }
}
