use std::{net::SocketAddr, path::PathBuf};

use anyhow::bail;
use clap::{Parser, Subcommand};

use crate::{cell::Cell, target::Target};

/// Drives a signaling server with scripted clients and measures it: CPU time, memory, joins per
/// second, and the latency of signals
///
/// Without --url, it starts huddle-signaling and the stock server matchbox_signaling, one after the
/// other, and prints a table with both.
#[derive(Debug, Parser)]
#[command(name = "huddle-swarm", after_long_help = HELP, args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// What to measure; repeat it for several [default: everything]
    #[arg(long, value_name = "CELL")]
    pub(crate) cell: Vec<Cell>,

    /// The number of runs, of which the table shows the median
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    pub(crate) rounds: u32,

    /// A tenth of the clients and of the time, to check that it works; the figures mean nothing
    #[arg(long)]
    pub(crate) quick: bool,

    /// The program to start [default: huddle-signaling in the folder of this program]
    #[arg(long, value_name = "FILE")]
    pub(crate) server: Option<PathBuf>,

    /// Another argument for huddle-signaling; repeat it for several
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    pub(crate) server_arg: Vec<String>,

    /// Measure a running server instead; repeat it for several instances, among which the clients
    /// alternate. Only servers on this machine
    #[arg(long, value_name = "URL", conflicts_with_all = ["server", "server_arg"])]
    pub(crate) url: Vec<Target>,

    /// The process id of the server at --url, for CPU time and memory; one for each instance
    #[arg(long, value_name = "PID", requires = "url")]
    pub(crate) pid: Vec<u32>,

    /// The certificate of a server at wss://, in PEM format
    #[arg(long, value_name = "FILE", requires = "url")]
    pub(crate) ca: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the stock server with which huddle-signaling is compared
    Stock {
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3536")]
        bind: SocketAddr,
    },
}

const HELP: &str = "\
Test your own server:
  On the machine of the server, start an instance for the test, then this program:
      huddle-signaling --bind 127.0.0.1:3600 --trusted-proxy 192.0.2.0/24 &
      huddle-swarm --url ws://127.0.0.1:3600 --pid $!
  --trusted-proxy with an address that does not exist makes the server count its clients by
  address, as on the internet. Each client has its own address in 127.0.0.0/8. Cell big-room
  also needs --max-room-members 1000.
  A cell has at most 9000 clients and takes at most four minutes. The server and this program each
  need an open file for each client: see `ulimit -n`.
  The clients use the same CPUs as the server, so a server alone on a machine can do more.

Only this machine:
  The program connects to loopback addresses only: 127.0.0.0/8, [::1] and localhost. It refuses all
  other addresses, because the load would disturb the server and the network of others.";

impl Options {
    /// Returns the measurements.
    pub(crate) fn cells(&self) -> Vec<Cell> {
        let all = <Cell as clap::ValueEnum>::value_variants();
        let tls = self.url.iter().all(|target| target.tls);
        let is_possible = |cell: &Cell| self.url.is_empty() || cell.works_with_given(tls);
        let is_wanted = |cell: &Cell| self.cell.is_empty() || self.cell.contains(cell);
        let wanted = |cell: &&Cell| is_wanted(cell) && is_possible(cell);
        all.iter().filter(wanted).copied().collect()
    }

    /// Checks what clap cannot check.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        if !self.pid.is_empty() && self.pid.len() != self.url.len() {
            bail!("pass one --pid for each --url");
        }
        if self.cells().is_empty() {
            bail!(
                "this cannot be measured with --url: cell restart restarts the server, and cell tls \
                 needs wss://"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_consistent() {
        use clap::CommandFactory;
        Options::command().debug_assert();
    }

    #[test]
    fn other_machines_are_refused() {
        let parse = |url| Options::try_parse_from(["huddle-swarm", "--url", url]);
        assert!(parse("ws://127.0.0.1:3536").is_ok());
        let error = parse("ws://192.0.2.1:3536").unwrap_err().to_string();
        assert!(error.contains("not a loopback address"), "{error}");
    }

    #[test]
    fn process_ids_belong_to_instances() {
        let urls = [
            "huddle-swarm",
            "--url",
            "ws://127.0.0.1:1",
            "--url",
            "ws://127.0.0.1:2",
        ];
        let parse = |rest: &[&str]| Options::parse_from(urls.iter().chain(rest));
        assert!(parse(&["--pid", "1"]).check().is_err());
        assert!(parse(&["--pid", "1", "--pid", "2"]).check().is_ok());
        assert!(parse(&["--cell", "restart"]).check().is_err());
    }
}
