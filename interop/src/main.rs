//! A stock matchbox client: `stock_client ws://HOST/ROOM`.
//!
//! It sends numbered messages to every peer on three channels like those of `huddle_mesh`. Five
//! times per second it prints a report of the received messages as a line of JSON. It leaves when a
//! peer sends [`LEAVE`].

use std::{
    collections::BTreeMap,
    io::Write,
    process::ExitCode,
    time::{Duration, Instant},
};

use matchbox_socket::{PeerId, PeerState, RtcIceServerConfig, WebRtcSocket};
use numbered::{LEAVE, LENGTHS, Report};

const SEND_INTERVAL: Duration = Duration::from_millis(50);
const REPORT_INTERVAL: Duration = Duration::from_millis(200);
const POLL_INTERVAL: Duration = Duration::from_millis(5);
/// The time for background tasks to close the connections after the socket is dropped.
const SHUTDOWN: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(room), None) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: stock_client ws://HOST/ROOM");
        return ExitCode::FAILURE;
    };
    match smol::block_on(run(&room)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(room: &str) -> Result<(), Box<dyn std::error::Error>> {
    let (socket, messages) = WebRtcSocket::builder(room)
        // No STUN server, because all peers are on one machine.
        .ice_server(RtcIceServerConfig {
            urls: Vec::new(),
            username: None,
            credential: None,
        })
        .add_unreliable_channel()
        .add_reliable_channel()
        .add_reliable_channel()
        .build();
    // When `exchange` drops the socket, the message loop closes all connections and ends.
    let (ended, exchanged) = smol::future::zip(messages, exchange(socket)).await;
    smol::Timer::after(SHUTDOWN).await;
    ended?;
    exchanged
}

async fn exchange(mut socket: WebRtcSocket) -> Result<(), Box<dyn std::error::Error>> {
    let mut report = Report::default();
    let mut next: BTreeMap<PeerId, u32> = BTreeMap::new();
    let (mut sent, mut reported) = (Instant::now(), Instant::now());
    loop {
        for (peer, state) in socket.try_update_peers()? {
            let counts = report.peers.entry(peer.to_string()).or_default();
            counts.connected = state == PeerState::Connected;
            counts.connections += u32::from(counts.connected);
        }
        for channel in 0..LENGTHS.len() {
            for (peer, bytes) in socket.channel_mut(channel).receive() {
                if *bytes == *LEAVE {
                    return Ok(());
                }
                let counts = report.peers.entry(peer.to_string()).or_default();
                counts.channels[channel].record(channel, &bytes);
            }
        }
        if sent.elapsed() >= SEND_INTERVAL {
            sent = Instant::now();
            for peer in socket.connected_peers().collect::<Vec<_>>() {
                let number = next.entry(peer).or_default();
                // Every fourth message starts with the byte that `huddle_mesh` reserves for control
                // messages.
                let first_byte = if number.is_multiple_of(4) { 0xFF } else { 0x20 };
                for channel in 0..LENGTHS.len() {
                    let bytes = numbered::message(first_byte, channel, *number);
                    socket.channel_mut(channel).send(bytes.into(), peer);
                }
                *number += 1;
            }
        }
        if reported.elapsed() >= REPORT_INTERVAL {
            reported = Instant::now();
            report.local_id = socket.id().map(|id| id.to_string());
            let mut stdout = std::io::stdout().lock();
            serde_json::to_writer(&mut stdout, &report)?;
            writeln!(stdout)?;
            stdout.flush()?;
        }
        smol::Timer::after(POLL_INTERVAL).await;
    }
}
