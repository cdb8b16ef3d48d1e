use std::sync::Arc;

use anyhow::Context;

use crate::{
    host::Host,
    subnet::{Addresses, Subnet},
    switch::{Conditions, Direction, Switch},
};

/// A switch that connects [`Host`]s. The switch runs as long as the lab or one of its hosts exists.
pub struct Lab {
    switch: Arc<Switch>,
    seed: u64,
}

impl Lab {
    /// Creates a switch without hosts, whose addresses are in 10.78.0.0/24. The seed determines
    /// which frames are lost.
    ///
    /// # Errors
    /// Returns an error if the switch's thread cannot be started.
    pub fn new(seed: u64) -> anyhow::Result<Self> {
        Self::with_addresses(seed, Addresses::V4)
    }

    /// Creates a switch without hosts, whose hosts have addresses of this kind.
    ///
    /// # Errors
    /// Returns an error if the switch's thread cannot be started.
    pub fn with_addresses(seed: u64, addresses: Addresses) -> anyhow::Result<Self> {
        let switch = Switch::start(seed, Subnet::outer(addresses))?;
        Ok(Self { switch, seed })
    }

    /// Creates a switch with another subnet.
    pub(crate) fn with_subnet(&self, subnet: Subnet) -> anyhow::Result<Self> {
        let seed = self.seed;
        let switch = Switch::start(seed, subnet)?;
        Ok(Self { switch, seed })
    }

    pub(crate) fn switch(&self) -> &Arc<Switch> {
        &self.switch
    }

    pub(crate) fn addresses(&self) -> Addresses {
        self.switch.subnet().kind()
    }

    /// Creates a host with unused addresses.
    ///
    /// # Errors
    /// Returns an error if the namespace or the interface cannot be created.
    pub fn host(&self, name: &str) -> anyhow::Result<Host> {
        Host::new(name, Arc::clone(&self.switch))
            .with_context(|| format!("cannot create the host {name}"))
    }

    /// Sets the conditions between all hosts that have no other conditions.
    pub fn set_everywhere(&self, conditions: Conditions) {
        self.switch.set_everywhere(conditions);
    }

    /// Sets the conditions between two hosts, in both directions.
    pub fn set_between(&self, a: &Host, b: &Host, conditions: Conditions) {
        for direction in directions(a, b) {
            self.switch.set(direction, conditions);
        }
    }

    /// Drops all frames between two hosts. The hosts receive no error.
    pub fn cut(&self, a: &Host, b: &Host) {
        self.switch.cut(directions(a, b));
    }

    /// Ends a [`cut`](Self::cut).
    pub fn heal(&self, a: &Host, b: &Host) {
        self.switch.heal(directions(a, b));
    }

    /// Returns the number of delivered frames and the number of dropped frames.
    pub fn counts(&self) -> (u64, u64) {
        self.switch.counts()
    }
}

fn directions(a: &Host, b: &Host) -> [Direction; 2] {
    [(a.id(), b.id()), (b.id(), a.id())]
}
