//! Hostile members of a room, and hostile servers.

mod linked;
mod member;
mod server;
mod tampering;

use std::fs;

use anyhow::Context;
use huddle_mesh::ProtocolViolation;
use nix::unistd::Pid;

pub use linked::LinkedMember;
pub use member::HostileMember;
pub use server::{HostileServer, ServerAttack};
pub use tampering::TamperingServer;

/// Returns the resident memory of a process in MiB.
///
/// # Errors
/// Returns an error if there is no such process.
pub fn resident_mib(process: Pid) -> anyhow::Result<f64> {
    let path = format!("/proc/{process}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB"))
        .and_then(|kib| kib.trim().parse::<f64>().ok())
        .with_context(|| format!("{path} contains no resident size"))?;
    Ok(kib / 1024.0)
}

/// Returns the beginning of a violation's text, up to the first detail.
pub fn violation_text(violation: &ProtocolViolation) -> String {
    let text = violation.to_string();
    let detail = match violation {
        ProtocolViolation::Text(_) => text.find(" on the "),
        ProtocolViolation::Description(_) | ProtocolViolation::Candidate(_) => text.find(':'),
        ProtocolViolation::NotMatchbox(_) => text.find('('),
        _ => text.find(|c: char| c.is_ascii_digit()),
    };
    text[..detail.unwrap_or(text.len())].to_owned()
}
