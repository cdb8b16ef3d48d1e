//! The `huddle-signaling` program.

use std::{
    io::{self, IsTerminal, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
};

use clap::{
    Parser,
    builder::{PossibleValuesParser, TypedValueParser},
};
use huddle_signaling::{Config, Server};
use tracing::{level_filters::LevelFilter, warn};

/// Signaling server for peer-to-peer games: players meet in rooms here, then talk directly.
#[derive(Debug, Parser)]
#[command(version, after_long_help = GUIDE)]
struct Args {
    /// Address and port to listen on; port 0 takes any free one
    #[arg(long, value_name = "ADDR", default_value_t = Config::default().bind)]
    bind: SocketAddr,

    /// Also serve the files of this folder by HTTP, such as a web build of a game
    #[arg(long, value_name = "DIR")]
    serve: Option<PathBuf>,

    /// Clients connected at once, in all rooms together
    #[arg(long, value_name = "N", default_value_t = Config::default().max_clients)]
    max_clients: usize,

    /// Members of one room, and the largest ?next=N
    #[arg(long, value_name = "N", default_value_t = Config::default().max_room_members)]
    max_room_members: usize,

    /// Largest message a client may send
    #[arg(long, value_name = "BYTES", default_value_t = Config::default().max_message_bytes)]
    max_message_bytes: usize,

    /// How much may wait for a client that reads slowly, before it is disconnected
    #[arg(long, value_name = "BYTES", default_value_t = Config::default().max_queue_bytes)]
    max_queue_bytes: usize,

    /// Invalid messages a client may send before it is disconnected
    #[arg(long, value_name = "N", default_value_t = Config::default().max_invalid_messages)]
    max_invalid_messages: u32,

    /// Messages a client may send per second in the long run; each KiB counts as one more
    #[arg(long, value_name = "N", default_value_t = Config::default().messages_per_second)]
    messages_per_second: u32,

    /// Messages a client may send at once before --messages-per-second holds it back
    #[arg(long, value_name = "N", default_value_t = Config::default().message_burst)]
    message_burst: u32,

    /// What to log on stderr
    #[arg(long, value_name = "LEVEL", default_value = "info", value_parser = log_level())]
    log: LevelFilter,
}

/// Levels by name, so that a typing error is told and not taken for silence.
fn log_level() -> impl TypedValueParser<Value = LevelFilter> {
    PossibleValuesParser::new(["off", "error", "warn", "info", "debug", "trace"])
        .try_map(|level| level.parse::<LevelFilter>())
}

const GUIDE: &str = "\
Examples:
  huddle-signaling
      Listen on port 3536 of all addresses.
  huddle-signaling --bind 127.0.0.1:8080 --serve dist
      Also serve the web build in dist/: http://localhost:8080/ is dist/index.html.
  huddle-signaling --bind 127.0.0.1:0
      Take any free port; the one line on stdout says which.

How a game connects:
  ws://HOST:3536/ROOM          everybody who uses the same ROOM meets there
  ws://HOST:3536/ROOM?next=2   players are put in groups of 2 as they arrive
  bevy_huddle and matchbox games take such a URL as it is. A room exists while somebody is in it.

For the internet:
  A page loaded by https:// may only connect to wss://, so put a reverse proxy that does TLS in
  front. With Caddy this is the whole Caddyfile; certificates are automatic:
      signaling.example.com
      reverse_proxy 127.0.0.1:3536
  With nginx, forward the upgrade and let quiet connections live:
      location / {
          proxy_pass http://127.0.0.1:3536;
          proxy_http_version 1.1;
          proxy_set_header Upgrade $http_upgrade;
          proxy_set_header Connection \"upgrade\";
          proxy_read_timeout 60s;
      }
  Bind to 127.0.0.1 then, so that the proxy is the only way in. Games connect to
  wss://signaling.example.com/ROOM.

Watching it:
  GET /health answers with JSON: rooms, clients, uptime and version.
  SIGTERM or Ctrl-C closes every client politely and exits with 0.";

impl Args {
    fn config(&self) -> Config {
        Config {
            bind: self.bind,
            serve: self.serve.clone(),
            max_clients: self.max_clients,
            max_room_members: self.max_room_members,
            max_message_bytes: self.max_message_bytes,
            max_queue_bytes: self.max_queue_bytes,
            max_invalid_messages: self.max_invalid_messages,
            messages_per_second: self.messages_per_second,
            message_burst: self.message_burst,
            ..Config::default()
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let config = args.config();
    tracing_subscriber::fmt()
        .with_max_level(args.log)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    match run(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: Config) -> Result<(), Box<dyn std::error::Error>> {
    // From here on signals are not lost, however early they come.
    let stop = stop_requested()?;
    allow_open_files(config.max_clients);
    let server = Server::bind(config).await?;
    // Nobody may be reading stdout, which is no reason to stop.
    let mut stdout = io::stdout();
    let _ = writeln!(stdout, "listening on http://{}", server.local_addr());
    let _ = stdout.flush();
    server.run(stop).await;
    Ok(())
}

/// Every client is an open file, of which systems allow few unless asked.
fn allow_open_files(clients: usize) {
    let wanted = u64::try_from(clients)
        .unwrap_or(u64::MAX)
        .saturating_add(FILES_BESIDE_CLIENTS);
    match rlimit::increase_nofile_limit(wanted) {
        Ok(allowed) if allowed < wanted => warn!(
            allowed,
            wanted, "the system allows too few open files for --max-clients: raise `ulimit -n`"
        ),
        Ok(_) => {}
        Err(error) => warn!(%error, "cannot raise the limit of open files"),
    }
}

/// Page loads, files being served, and what the program itself has open.
const FILES_BESIDE_CLIENTS: u64 = 4096;

/// Completes on SIGTERM or Ctrl-C.
#[cfg(unix)]
fn stop_requested() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Completes on Ctrl-C.
#[cfg(not(unix))]
fn stop_requested() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
