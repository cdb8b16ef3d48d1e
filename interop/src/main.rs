//! A stock matchbox client: `stock_client ws://HOST/ROOM`.
//!
//! It sends numbered messages to everybody on three channels like those of `huddle_mesh`, and prints what it receives:
//! a report in a line of JSON, five times a second. It leaves when somebody tells it to.

use std::{
    collections::BTreeMap,
    io::Write,
    process::ExitCode,
    time::{Duration, Instant},
};

use matchbox_socket::{PeerId, PeerState, RtcIceServerConfig, WebRtcSocket};
use numbered::{LEAVE, LENGTHS, Report};

const SENDING: Duration = Duration::from_millis(50);
const REPORTING: Duration = Duration::from_millis(200);
const POLLING: Duration = Duration::from_millis(5);
/// What is left to be said when the socket is gone is said in the background.
const FAREWELL: Duration = Duration::from_millis(500);

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
        // No STUN: what is tested is on one machine.
        .ice_server(RtcIceServerConfig {
            urls: Vec::new(),
            username: None,
            credential: None,
        })
        .add_unreliable_channel()
        .add_reliable_channel()
        .add_reliable_channel()
        .build();
    // Without the socket the other one ends, and says so to everybody.
    let (ended, played) = smol::future::zip(messages, play(socket)).await;
    smol::Timer::after(FAREWELL).await;
    ended?;
    played
}

async fn play(mut socket: WebRtcSocket) -> Result<(), Box<dyn std::error::Error>> {
    let mut report = Report::default();
    let mut next: BTreeMap<PeerId, u32> = BTreeMap::new();
    let (mut sent, mut reported) = (Instant::now(), Instant::now());
    loop {
        for (peer, state) in socket.try_update_peers()? {
            let met = report.peers.entry(peer.to_string()).or_default();
            met.connected = state == PeerState::Connected;
            met.times += u32::from(met.connected);
        }
        for channel in 0..LENGTHS.len() {
            for (peer, bytes) in socket.channel_mut(channel).receive() {
                if *bytes == *LEAVE {
                    return Ok(());
                }
                let met = report.peers.entry(peer.to_string()).or_default();
                met.channels[channel].take(channel, &bytes);
            }
        }
        if sent.elapsed() >= SENDING {
            sent = Instant::now();
            for peer in socket.connected_peers().collect::<Vec<_>>() {
                let number = next.entry(peer).or_default();
                // Often the byte that `huddle_mesh` keeps for itself among its own.
                let lead = if number.is_multiple_of(4) { 0xFF } else { 0x20 };
                for channel in 0..LENGTHS.len() {
                    let bytes = numbered::message(lead, channel, *number);
                    socket.channel_mut(channel).send(bytes.into(), peer);
                }
                *number += 1;
            }
        }
        if reported.elapsed() >= REPORTING {
            reported = Instant::now();
            report.me = socket.id().map(|id| id.to_string());
            let mut stdout = std::io::stdout().lock();
            serde_json::to_writer(&mut stdout, &report)?;
            writeln!(stdout)?;
            stdout.flush()?;
        }
        smol::Timer::after(POLLING).await;
    }
}
