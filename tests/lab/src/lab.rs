use std::sync::Arc;

use anyhow::Context;

use crate::{
    host::Host,
    switch::{Conditions, Switch, Way},
};

/// Hosts on a switch. They stay as long as their values; the switch stays as long as one of them does.
pub struct Lab {
    switch: Arc<Switch>,
}

impl Lab {
    /// A switch without hosts; the seed decides what is lost.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn new(seed: u64) -> anyhow::Result<Self> {
        let switch = Switch::start(seed)?;
        Ok(Self { switch })
    }

    /// Makes a host. Its address is one nobody had before, in 10.78.0.0/24.
    ///
    /// # Errors
    /// If the kernel gives no namespace or interface; the text says which.
    pub fn host(&self, name: &str) -> anyhow::Result<Host> {
        Host::new(name, Arc::clone(&self.switch))
            .with_context(|| format!("cannot make the host {name}"))
    }

    /// Sets what happens between all hosts for which nothing else is set.
    pub fn set_everywhere(&self, conditions: Conditions) {
        self.switch.set_everywhere(conditions);
    }

    /// Sets what happens between two hosts, both ways.
    pub fn set_between(&self, a: &Host, b: &Host, conditions: Conditions) {
        for way in ways(a, b) {
            self.switch.set(way, conditions);
        }
    }

    /// Lets nothing through between two hosts any more; they are not told.
    pub fn cut(&self, a: &Host, b: &Host) {
        self.switch.cut(ways(a, b));
    }

    /// Ends a [`Self::cut`].
    pub fn heal(&self, a: &Host, b: &Host) {
        self.switch.heal(ways(a, b));
    }

    /// How many frames have been delivered, and how many were lost on purpose.
    pub fn counts(&self) -> (u64, u64) {
        self.switch.counts()
    }
}

fn ways(a: &Host, b: &Host) -> [Way; 2] {
    [(a.id(), b.id()), (b.id(), a.id())]
}
