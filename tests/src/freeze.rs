//! Stopping a player, as a debugger or a laptop's lid does.

use anyhow::Context;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{family::family, player::Player};

/// A player whose processes are all stopped, until this is dropped.
pub struct Frozen(Vec<Pid>);

impl Frozen {
    /// SIGSTOP to all of them.
    ///
    /// # Errors
    /// If it has ended.
    pub fn new(player: &dyn Player) -> anyhow::Result<Self> {
        let frozen = Self(family(player.process())?.into_iter().collect());
        for pid in &frozen.0 {
            kill(*pid, Signal::SIGSTOP)
                .with_context(|| format!("cannot freeze {}", player.name()))?;
        }
        Ok(frozen)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for pid in &self.0 {
            // It may have been killed meanwhile.
            let _ = kill(*pid, Signal::SIGCONT);
        }
    }
}
