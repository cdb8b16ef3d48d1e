//! The `huddle-signaling` program.

mod open_files;
mod options;
mod signals;
mod token_command;

use std::{
    env,
    error::Error,
    io::{self, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use huddle_signaling::{Config, Server};
use options::Options;
use token_command::TokenCommand;
use tracing::info;

/// Signaling server for peer-to-peer games: players meet in its rooms, then connect directly
#[derive(Debug, Parser)]
#[command(
    name = "huddle-signaling",
    version,
    after_long_help = include_str!("help.txt"),
    args_conflicts_with_subcommands = true
)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    /// File with options in TOML format; --print-config shows their names [env: HUDDLE_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Print the effective options in the format of --config, and exit
    #[arg(long)]
    print_config: bool,

    #[command(flatten)]
    options: Options,
}

/// What to do instead of running the server.
#[derive(Debug, Subcommand)]
enum Command {
    /// Print a token with which a player can join; a game's server can also create tokens itself
    Token(TokenCommand),
}

impl Args {
    /// Parses the command line. For an error or a request for help, prints the text and exits.
    fn parse_with_defaults() -> Self {
        let matches = options::describe(Self::command()).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// Combines the options of all sources.
    fn all_options(self) -> Result<Options, options::Error> {
        let variable = env::var_os("HUDDLE_CONFIG").filter(|path| !path.is_empty());
        let file = match self.config.or(variable.map(PathBuf::from)) {
            Some(path) => options::from_file(&path)?,
            None => Options::default(),
        };
        let environment = options::from_environment()?;
        options::merge([Options::defaults(), file, environment, self.options])
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse_with_defaults();
    if let Some(Command::Token(command)) = args.command {
        return command.run();
    }
    match run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), Box<dyn Error>> {
    let print_config = args.print_config;
    let options = args.all_options()?;
    if print_config {
        let text = options::print(&options)?;
        options::config(options)?.check()?;
        return Ok(io::stdout().write_all(text.as_bytes())?);
    }
    tracing_subscriber::fmt()
        .with_max_level(options.log_level())
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    serve(options::config(options)?).await
}

async fn serve(config: Config) -> Result<(), Box<dyn Error>> {
    // Registers the signal handlers first, so that an early signal is not lost.
    let (drain, stop) = signals::first_and_second()?;
    open_files::raise_limit(config.max_clients, config.cluster.is_some());
    let scheme = if config.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let server = Server::bind(config).await?;
    // The write fails if stdout is closed. The server runs anyway.
    let mut stdout = io::stdout();
    let _ = writeln!(stdout, "listening on {scheme}://{}", server.local_addr());
    let _ = stdout.flush();
    if let Some(addr) = server.metrics_addr() {
        info!("metrics on http://{addr}/metrics");
    }
    if let Some(addr) = server.cluster_addr() {
        info!("other instances of the cluster can connect to {addr}");
    }
    let drain = async {
        drain.await;
        info!("a second signal disconnects all clients at once");
    };
    server.run_until(drain, stop).await;
    Ok(())
}
