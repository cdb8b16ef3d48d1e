use std::path::PathBuf;

use clap::Parser;

/// Compares the transport of huddle_mesh with matchbox_socket
#[derive(Debug, Parser)]
pub(crate) struct Options {
    /// The program `huddle-signaling`
    #[arg(long)]
    server: PathBuf,
    /// The folder with the programs `transport_huddle` and `transport_matchbox`
    #[arg(long)]
    peers: PathBuf,
    /// One short pair per cell, to check the benchmark; the figures mean nothing
    #[arg(long)]
    quick: bool,
    /// Measure only the cells whose titles contain this text
    #[arg(long)]
    pub(crate) only: Option<String>,
    /// Write the figures of all runs to this file
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

/// A library to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Library {
    Huddle,
    Matchbox,
}

impl Library {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Huddle => "huddle_mesh",
            Self::Matchbox => "matchbox_socket",
        }
    }
}

impl Options {
    pub(crate) fn server(&self) -> &PathBuf {
        &self.server
    }

    pub(crate) fn peer(&self, library: Library) -> PathBuf {
        self.peers.join(match library {
            Library::Huddle => "transport_huddle",
            Library::Matchbox => "transport_matchbox",
        })
    }

    /// The number of pairs of runs per cell.
    pub(crate) fn pairs(&self) -> u64 {
        if self.quick { 1 } else { 3 }
    }

    /// The length of a measurement in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        if self.quick { 2.0 } else { 10.0 }
    }

    /// The number of joins per run.
    pub(crate) fn joins(&self) -> u32 {
        if self.quick { 2 } else { 10 }
    }
}
