//! Detects that this machine's addresses have changed, for example on another Wi-Fi network.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use rtc_shared::ifaces::ifaces;
use tokio::time::Instant;

/// The time between two checks of the addresses. A check takes a fraction of a millisecond.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The addresses of this machine.
#[derive(Debug)]
pub(super) struct Network {
    addresses: BTreeSet<IpAddr>,
    looked: Instant,
}

impl Network {
    pub(super) fn new() -> Self {
        Self {
            addresses: addresses().unwrap_or_default(),
            looked: Instant::now(),
        }
    }

    /// Returns whether the addresses have changed since the last check. Checks about once a second.
    pub(super) fn has_changed(&mut self) -> bool {
        if self.looked.elapsed() < LOOK_EVERY {
            return false;
        }
        self.looked = Instant::now();
        addresses().is_some_and(|addresses| self.update(addresses))
    }

    fn update(&mut self, addresses: BTreeSet<IpAddr>) -> bool {
        let has_changed = self.addresses != addresses;
        if has_changed {
            log::info!("this machine's addresses are now {addresses:?}");
        }
        self.addresses = addresses;
        has_changed
    }
}

/// Returns the addresses at which other machines may reach this one, or `None` if the system does
/// not list them.
fn addresses() -> Option<BTreeSet<IpAddr>> {
    let interfaces = ifaces()
        .inspect_err(|error| log::debug!("the interfaces cannot be listed: {error}"))
        .ok()?;
    let addresses = interfaces.iter().filter_map(|interface| interface.addr);
    Some(
        addresses
            .map(|address| address.ip())
            .filter(reaches_other_machines)
            .collect(),
    )
}

/// Returns whether other machines may reach this address. Link-local IPv6 addresses do not count:
/// they appear and disappear with virtual interfaces, which is not a change of the network.
fn reaches_other_machines(address: &IpAddr) -> bool {
    let is_of_a_link = match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !address.is_loopback() && !address.is_unspecified() && !is_of_a_link
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(texts: &[&str]) -> BTreeSet<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn other_addresses_are_a_change_and_the_same_ones_are_none() {
        let mut network = Network {
            addresses: set(&["192.168.0.2"]),
            looked: Instant::now(),
        };
        assert!(!network.update(set(&["192.168.0.2"])));
        assert!(network.update(set(&[])));
        assert!(network.update(set(&["10.0.0.7", "2001:db8::1"])));
        assert!(!network.update(set(&["2001:db8::1", "10.0.0.7"])));
        assert!(!network.has_changed(), "it checks once a second");
    }

    #[test]
    fn addresses_that_no_other_machine_reaches_do_not_count() {
        let all = set(&["127.0.0.1", "::1", "fe80::1", "169.254.1.2", "192.168.0.2"]);
        let kept: BTreeSet<_> = all.into_iter().filter(reaches_other_machines).collect();
        assert_eq!(kept, set(&["169.254.1.2", "192.168.0.2"]));
        assert!(addresses().is_some(), "this system lists its interfaces");
    }
}
