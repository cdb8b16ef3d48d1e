use std::io::{self, Write};

use serde::{Deserialize, Serialize};

/// A line that a peer prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Report {
    /// The peer is in the room.
    InRoom,
    /// The links to all other peers are open.
    Linked,
    /// The measurement of a peer of the mesh.
    Mesh(MeshReport),
    /// The time from joining the room to the first message, in milliseconds.
    Joined(f64),
    /// The throughput at the receiver, in bytes per second.
    Throughput(f64),
}

/// The measurement of a peer of the mesh.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MeshReport {
    /// The round-trip times of the answered probes, in milliseconds.
    pub round_trips: Vec<f64>,
    /// The number of probes that this peer tried to send.
    pub probes: u64,
    /// The CPU time per second of the measurement.
    pub cpu: f64,
    /// The resident memory in bytes.
    pub memory: u64,
    /// The number of links that this peer has lost.
    pub lost: u64,
}

impl Report {
    pub(crate) fn print(&self) -> anyhow::Result<()> {
        let mut stdout = io::stdout().lock();
        serde_json::to_writer(&mut stdout, self)?;
        writeln!(stdout)?;
        stdout.flush()?;
        Ok(())
    }
}
