//! The `huddle-signaling` program.

mod token_command;

use std::{
    io::{self, IsTerminal, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
};

use clap::{
    Parser, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use huddle_signaling::{Config, Server};
use token_command::TokenCommand;
use tracing::{level_filters::LevelFilter, warn};

/// Signaling server for peer-to-peer games: players meet in its rooms, then connect directly
#[derive(Debug, Parser)]
#[command(version, after_long_help = AFTER_HELP, args_conflicts_with_subcommands = true)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    /// Address and port to listen on; port 0 chooses any free port
    #[arg(long, value_name = "ADDR", default_value_t = Config::default().bind)]
    bind: SocketAddr,

    /// Also serve the files of this folder by HTTP, for example the web build of a game
    #[arg(long, value_name = "DIR")]
    serve: Option<PathBuf>,

    /// Maximum number of connected clients, in all rooms together
    #[arg(long, value_name = "N", default_value_t = Config::default().max_clients)]
    max_clients: usize,

    /// Maximum number of members of one room, and the largest ?next=N
    #[arg(long, value_name = "N", default_value_t = Config::default().max_room_members)]
    max_room_members: usize,

    /// Maximum length of a client's message
    #[arg(long, value_name = "BYTES", default_value_t = Config::default().max_message_bytes)]
    max_message_bytes: usize,

    /// Maximum length of the queue for a client that reads slowly; a longer queue disconnects it
    #[arg(long, value_name = "BYTES", default_value_t = Config::default().max_queue_bytes)]
    max_queue_bytes: usize,

    /// Number of invalid messages after which a client is disconnected
    #[arg(long, value_name = "N", default_value_t = Config::default().max_invalid_messages)]
    max_invalid_messages: u32,

    /// Messages read from a client per second on average; each KiB counts as one more message
    #[arg(long, value_name = "N", default_value_t = Config::default().messages_per_second)]
    messages_per_second: u32,

    /// Messages a client may send at once before --messages-per-second limits it
    #[arg(long, value_name = "N", default_value_t = Config::default().message_burst)]
    message_burst: u32,

    /// Level of the log on stderr
    #[arg(long, value_name = "LEVEL", default_value = "info", value_parser = log_level())]
    log: LevelFilter,
}

/// What to do instead of running the server.
#[derive(Debug, Subcommand)]
enum Command {
    /// Print a token with which a player can join; a game's server can also create tokens itself
    Token(TokenCommand),
}

/// Parses the name of a log level. The error for an unknown name lists the valid names.
fn log_level() -> impl TypedValueParser<Value = LevelFilter> {
    PossibleValuesParser::new(["off", "error", "warn", "info", "debug", "trace"])
        .try_map(|level| level.parse::<LevelFilter>())
}

const AFTER_HELP: &str = "\
Examples:
  huddle-signaling
      Listen on port 3536, on all addresses.
  huddle-signaling --bind 127.0.0.1:8080 --serve dist
      Also serve the web build in dist/: http://localhost:8080/ is dist/index.html.
  huddle-signaling --bind 127.0.0.1:0
      Listen on any free port. The line on stdout contains its number.

How a game connects:
  ws://HOST:3536/ROOM          all players that use the same ROOM meet
  ws://HOST:3536/ROOM?next=2   players form groups of 2 in the order of arrival
  Pass such a URL to bevy_huddle or matchbox. A room exists while it has members.

On the internet:
  A page loaded from https:// can only connect to wss://. Put a reverse proxy with TLS in front of
  this server. With Caddy, this is the whole Caddyfile; Caddy obtains the certificates:
      signaling.example.com
      reverse_proxy 127.0.0.1:3536
  With nginx, forward the upgrade and keep idle connections open:
      location / {
          proxy_pass http://127.0.0.1:3536;
          proxy_http_version 1.1;
          proxy_set_header Upgrade $http_upgrade;
          proxy_set_header Connection \"upgrade\";
          proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
          proxy_read_timeout 60s;
      }
  In both cases use --bind 127.0.0.1:3536, so that clients can connect only through the proxy. Games
  connect to wss://signaling.example.com/ROOM.

Operation:
  GET /health returns JSON: rooms, clients, uptime and version.
  SIGTERM or Ctrl-C closes every connection with a close frame and exits with 0.";

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
    if let Some(Command::Token(command)) = args.command {
        return command.run();
    }
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
    // Registers the signal handlers first, so that an early signal is not lost.
    let shutdown = shutdown_signal()?;
    raise_open_file_limit(config.max_clients);
    let server = Server::bind(config).await?;
    // The write fails if stdout is closed. The server runs anyway.
    let mut stdout = io::stdout();
    let _ = writeln!(stdout, "listening on http://{}", server.local_addr());
    let _ = stdout.flush();
    server.run(shutdown).await;
    Ok(())
}

/// Raises the limit of open files. Every client needs one, and the default limit is low.
fn raise_open_file_limit(clients: usize) {
    let wanted = u64::try_from(clients)
        .unwrap_or(u64::MAX)
        .saturating_add(OTHER_OPEN_FILES);
    match rlimit::increase_nofile_limit(wanted) {
        Ok(allowed) if allowed < wanted => warn!(
            allowed,
            wanted, "the system allows too few open files for --max-clients. Raise `ulimit -n`"
        ),
        Ok(_) => {}
        Err(error) => warn!(%error, "cannot raise the limit for open files"),
    }
}

/// Open files for page loads, served files and the program itself.
const OTHER_OPEN_FILES: u64 = 4096;

/// Completes on SIGTERM or Ctrl-C.
#[cfg(unix)]
fn shutdown_signal() -> io::Result<impl Future<Output = ()>> {
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
fn shutdown_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
