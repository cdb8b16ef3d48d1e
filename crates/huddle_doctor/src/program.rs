//! The program: checks this machine, and prints the report.

use std::{process::ExitCode, thread::sleep, time::Duration};

use clap::Parser;
use huddle_doctor::{Addresses, Check, CheckOptions, Conclusion, Report};
use huddle_mesh::IceServer;

const POLL: Duration = Duration::from_millis(10);

/// Finds out why players cannot connect: this machine's addresses, its NAT, and whether STUN, TURN
/// and signaling servers answer.
///
/// Exits with 0 if links to other players can work, and with 1 otherwise.
#[derive(Parser)]
#[command(name = "huddle-doctor", version)]
struct Arguments {
    /// The signaling server, such as ws://host:3536. Links are tested in a private room of it
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// A STUN or TURN server, such as stun:host:3478 or user:secret@turn:host:3478; can be repeated.
    /// Two STUN servers reveal the kind of NAT
    #[arg(long, value_name = "SERVER")]
    ice: Vec<String>,
    /// Print public IP addresses completely
    #[arg(long)]
    show_addresses: bool,
}

pub(crate) fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let mut check = Check::start(CheckOptions {
        server: arguments.server,
        ice_servers: arguments
            .ice
            .iter()
            .map(|text| IceServer::from(text.as_str()))
            .collect(),
    })
    .on_platform(format!(
        "native, {} {}",
        std::env::consts::OS,
        std::env::consts::ARCH
    ));
    while !check.is_done() {
        for step in check.poll() {
            // The report is the only output, so that it can be written to a file.
            eprintln!("{step}");
        }
        sleep(POLL);
    }
    let addresses = match arguments.show_addresses {
        true => Addresses::Full,
        false => Addresses::Shortened,
    };
    eprintln!();
    print!("{}", Report::new(check.findings(), addresses));
    match Conclusion::of(check.findings()).can_link() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
