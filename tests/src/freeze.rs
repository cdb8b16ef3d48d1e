//! Stops the processes of a player, as a debugger or a closed laptop does.

use anyhow::Context;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{player::Player, process_tree::process_tree};

/// A guard that keeps all processes of a player stopped until it is dropped.
pub struct Frozen(Vec<Pid>);

impl Frozen {
    /// Stops the player's processes with SIGSTOP.
    ///
    /// # Errors
    /// Returns an error if the player has ended.
    pub fn new(player: &dyn Player) -> anyhow::Result<Self> {
        let frozen = Self(process_tree(player.process())?.into_iter().collect());
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
            // The process may have been killed.
            let _ = kill(*pid, Signal::SIGCONT);
        }
    }
}
