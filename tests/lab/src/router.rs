use std::fs;

use anyhow::Context;

use crate::{
    host::{Host, Interface},
    lab::Lab,
    programs::nft,
    subnet::Subnet,
};

/// How a router translates the addresses of the hosts behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nat {
    /// A socket behind the router has one external port, whatever the destination. Only the
    /// destinations of its packets can answer. Two such routers let players connect who know their
    /// external ports from a STUN server. Most routers at home are of this kind.
    Cone,
    /// A socket behind the router has another, random external port for each destination, so a
    /// STUN server cannot tell the port that a peer will see. Such players need a TURN server.
    Symmetric,
}

/// A router that connects a network of its own to the network of a [`Lab`]. It translates
/// addresses, and lets no connections in from the outside.
pub struct Router {
    // Declared before the lab, so that the router is detached before its switch ends.
    gateway: Host,
    outside: Interface,
    lab: Lab,
}

impl Router {
    /// Connects a router to a lab. The network behind it has addresses of the same kind.
    ///
    /// # Errors
    /// Returns an error if the router's machine cannot be created, or if the kernel cannot
    /// translate addresses.
    pub fn new(outer: &Lab, name: &str, nat: Nat) -> anyhow::Result<Self> {
        let gateway = outer.host(name)?;
        let outside = gateway.interface();
        let lab = outer.with_subnet(Subnet::unused(outer.addresses()))?;
        gateway.connect_as_gateway(lab.switch())?;
        gateway
            .enter(|| {
                forward_packets()?;
                nft(&rules(outside.name(), nat))
            })?
            .with_context(|| format!("cannot configure the router {name}"))?;
        Ok(Self {
            gateway,
            outside,
            lab,
        })
    }

    /// Creates a host behind the router.
    ///
    /// # Errors
    /// Returns an error if the namespace or the interface cannot be created.
    pub fn host(&self, name: &str) -> anyhow::Result<Host> {
        self.lab.host(name)
    }

    /// Returns the network behind the router.
    pub fn lab(&self) -> &Lab {
        &self.lab
    }

    /// Returns the router's own machine.
    pub fn gateway(&self) -> &Host {
        &self.gateway
    }

    /// Returns the interface on the outside, whose address other machines see.
    pub fn outside(&self) -> &Interface {
        &self.outside
    }

    /// Drops all packets but those of TCP, like the firewalls of some companies and schools.
    ///
    /// # Errors
    /// Returns an error if the packet filter cannot be changed.
    pub fn block_udp(&self) -> anyhow::Result<()> {
        self.gateway.enter(|| nft(BLOCK_UDP))?
    }
}

const BLOCK_UDP: &str = "
table inet udp_blocked {
  chain forward {
    type filter hook forward priority 0;
    meta l4proto != tcp drop
  }
}
";

/// Returns the rules of a router. Its own services are closed to the outside: otherwise, an early
/// packet of a peer would be a connection to the router, which would take the port of the player
/// for whom it is meant.
fn rules(outside: &str, nat: Nat) -> String {
    let random = match nat {
        Nat::Cone => "",
        Nat::Symmetric => " fully-random",
    };
    format!(
        "
table inet router {{
  chain postrouting {{
    type nat hook postrouting priority 100;
    oifname \"{outside}\" masquerade{random}
  }}
  chain input {{
    type filter hook input priority 0;
    iifname \"{outside}\" ct state new drop
  }}
  chain forward {{
    type filter hook forward priority 0;
    iifname \"{outside}\" ct state new drop
  }}
}}
"
    )
}

/// Lets the machine of this thread's network forward packets.
fn forward_packets() -> anyhow::Result<()> {
    for file in [
        "/proc/sys/net/ipv4/ip_forward",
        "/proc/sys/net/ipv6/conf/all/forwarding",
    ] {
        fs::write(file, "1").with_context(|| format!("cannot write to {file}"))?;
    }
    Ok(())
}
