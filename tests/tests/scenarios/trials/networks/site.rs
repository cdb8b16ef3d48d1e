//! The networks between two players and their servers.

use std::{any::Any, time::Duration};

use huddle_tests::{Access, Artifacts, DeadStun, Server, Testbed};
use network_lab::{Addresses, Conditions, Host, Nat};

/// The number of interfaces that are connected to nothing.
const DEAD_INTERFACES: usize = 20;
/// The latency of the slow signaling server, in each direction.
const SLOW: Duration = Duration::from_secs(3);

/// A kind of network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Network {
    /// One LAN.
    Lan,
    /// Each player is behind a router of the usual kind. There is a STUN server.
    Cone,
    /// Each player is behind a router with a port for each destination. There is a TURN server.
    Symmetric,
    /// Each player is behind a router that lets only TCP pass. There is a TURN server with TCP.
    TcpOnly,
    /// The same, with TLS.
    TlsOnly,
    /// One LAN without a router to the internet.
    Offline,
    /// One LAN. The STUN servers, one with IPv4 and one with IPv6, do not answer.
    DeadStun,
    /// One LAN with IPv6 alone, and a STUN server. Without IPv4, Chromium cannot hide local
    /// addresses behind mDNS names, so it uses only those that a STUN server reports.
    Ipv6,
    /// Two machines with a cable and no settings.
    LinkLocal,
    /// One machine without any network.
    Loopback,
    /// One LAN. Both players have many interfaces that are connected to nothing.
    DeadInterfaces,
    /// One LAN. The way to the signaling server takes 3 s.
    SlowSignaling,
}

impl Network {
    /// Returns a short description.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Lan => "one LAN",
            Self::Cone => "cone NAT, STUN",
            Self::Symmetric => "symmetric NAT, TURN over UDP",
            Self::TcpOnly => "UDP blocked, TURN over TCP",
            Self::TlsOnly => "UDP blocked, TURN over TLS",
            Self::Offline => "LAN without a default route",
            Self::DeadStun => "LAN, dead STUN servers",
            Self::Ipv6 => "LAN with IPv6 alone, STUN",
            Self::LinkLocal => "link-local addresses alone",
            Self::Loopback => "loopback alone",
            Self::DeadInterfaces => "LAN, 20 dead interfaces",
            Self::SlowSignaling => "LAN, signaling with 3 s one way",
        }
    }

    /// Returns the maximum time until players meet.
    pub(super) fn bound(self) -> Duration {
        Duration::from_secs(match self {
            Self::Lan | Self::Offline | Self::Ipv6 | Self::DeadInterfaces => 2,
            Self::DeadStun => 3,
            Self::Cone
            | Self::Symmetric
            | Self::TcpOnly
            | Self::TlsOnly
            | Self::LinkLocal
            | Self::Loopback => 5,
            Self::SlowSignaling => 60,
        })
    }

    /// Returns the path of a link.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Symmetric | Self::TcpOnly | Self::TlsOnly => "relayed",
            _ => "direct",
        }
    }

    fn addresses(self) -> Addresses {
        match self {
            Self::DeadStun => Addresses::Both,
            Self::Ipv6 => Addresses::V6,
            Self::LinkLocal => Addresses::LinkLocal,
            _ => Addresses::V4,
        }
    }

    fn nat(self) -> Option<Nat> {
        match self {
            Self::Cone | Self::TcpOnly | Self::TlsOnly => Some(Nat::Cone),
            Self::Symmetric => Some(Nat::Symmetric),
            _ => None,
        }
    }
}

/// The hosts of two players, and everything between them.
pub(super) struct Site {
    /// The servers that the players are given.
    pub(super) access: Access,
    /// A server on the players' own machine, or with a slow network.
    other_server: Option<Server>,
    /// One host if both players share it.
    hosts: Vec<Host>,
    testbed: Testbed,
    /// Other parts of the network.
    kept: Vec<Box<dyn Any>>,
}

impl Site {
    pub(super) fn new(artifacts: &Artifacts, network: Network) -> anyhow::Result<Self> {
        let testbed = Testbed::with_addresses(artifacts, network.addresses())?;
        let mut site = Self {
            access: Access::default(),
            other_server: None,
            hosts: Vec::new(),
            testbed,
            kept: Vec::new(),
        };
        site.add_hosts(network)?;
        if network.nat().is_some() || network == Network::Ipv6 {
            site.add_turn(network)?;
        }
        match network {
            Network::Offline => {
                for host in &site.hosts {
                    host.remove_default_route()?;
                }
            }
            Network::DeadInterfaces => {
                for host in &site.hosts {
                    (0..DEAD_INTERFACES).try_for_each(|_| host.add_dead_interface())?;
                }
            }
            Network::DeadStun => {
                let host = site.testbed.lab.host("dead")?;
                let stun = DeadStun::start(&host)?;
                site.access.ice_servers = stun.servers();
                site.kept.push(Box::new((stun, host)));
            }
            Network::Loopback => {
                let host = &site.hosts[0];
                host.take_down(&host.interface())?;
                site.other_server = Some(host.enter(|| Server::start(artifacts))??);
            }
            Network::SlowSignaling => site.add_slow_server(artifacts)?,
            _ => {}
        }
        Ok(site)
    }

    /// Returns the server of the pages, and of signaling unless `access` names another one.
    pub(super) fn server(&self) -> &Server {
        match &self.other_server {
            Some(server) if self.access.signaling.is_none() => server,
            _ => &self.testbed.server,
        }
    }

    /// Returns the hosts of both players.
    pub(super) fn hosts(&self) -> [&Host; 2] {
        let first = &self.hosts[0];
        [first, self.hosts.get(1).unwrap_or(first)]
    }

    fn add_hosts(&mut self, network: Network) -> anyhow::Result<()> {
        for name in ["ada", "bob"] {
            let Some(nat) = network.nat() else {
                self.hosts.push(self.testbed.lab.host(name)?);
                if network == Network::Loopback {
                    break;
                }
                continue;
            };
            let router = self.testbed.router(&format!("{name}'s router"), nat)?;
            if matches!(network, Network::TcpOnly | Network::TlsOnly) {
                router.block_udp()?;
            }
            self.hosts.push(router.host(name)?);
            self.kept.push(Box::new(router));
        }
        Ok(())
    }

    fn add_turn(&mut self, network: Network) -> anyhow::Result<()> {
        let hosted = self.testbed.turn()?;
        let server = match network {
            Network::Cone | Network::Ipv6 => hosted.turn.stun(),
            Network::TcpOnly => hosted.turn.tcp(),
            Network::TlsOnly => hosted.turn.tls(),
            _ => hosted.turn.udp(),
        };
        self.access = hosted.access(vec![server]);
        self.kept.push(Box::new(hosted));
        Ok(())
    }

    /// Adds a signaling server with a slow network. The pages come from the fast one.
    fn add_slow_server(&mut self, artifacts: &Artifacts) -> anyhow::Result<()> {
        let lab = &self.testbed.lab;
        let slow = lab.host("slow")?;
        let server = slow.enter(|| Server::start_at(artifacts, slow.address()))??;
        for host in &self.hosts {
            // The kernel gives up the search for an address after 3 s.
            host.add_arp_entry(&slow)?;
            slow.add_arp_entry(host)?;
            let conditions = Conditions {
                latency: SLOW,
                ..Conditions::GOOD
            };
            lab.set_between(&slow, host, conditions);
        }
        self.access.signaling = Some(format!("ws://{}", server.address()));
        self.other_server = Some(server);
        self.kept.push(Box::new(slow));
        Ok(())
    }
}
