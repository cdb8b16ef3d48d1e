//! The subcommand `token`, which prints a token.

use std::{
    fs, io,
    num::NonZeroUsize,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, SystemTime},
};

use clap::Args;
use huddle_signaling::{Claims, Secret, SigningKey, TokenError};

/// The options of the subcommand.
#[derive(Debug, Args)]
pub(crate) struct TokenCommand {
    /// File with the key: the secret that the server has too, or an Ed25519 private key (PEM)
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,

    /// Game whose rooms the player may join
    #[arg(long, value_name = "GAME")]
    app: Option<String>,

    /// Only room that the player may join
    #[arg(long, value_name = "ROOM", conflicts_with = "room_prefix")]
    room: Option<String>,

    /// Start of the names of the rooms that the player may join
    #[arg(long, value_name = "START")]
    room_prefix: Option<String>,

    /// Time until the token expires, for example 30m or 1h
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    expires: Duration,

    /// Number of members at which a room is full for the player
    #[arg(long, value_name = "N")]
    capacity: Option<NonZeroUsize>,

    /// Let only one client at a time use the token
    #[arg(long)]
    once: bool,
}

#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error("cannot read the key in {}: {source}", path.display())]
    Key { path: PathBuf, source: io::Error },
    #[error("--expires is too far in the future")]
    Expiry,
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl TokenCommand {
    /// Prints the token on stdout, or the error on stderr.
    pub(crate) fn run(self) -> ExitCode {
        match self.token() {
            Ok(token) => {
                println!("{token}");
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }
        }
    }

    fn token(self) -> Result<String, CommandError> {
        let key = fs::read_to_string(&self.key_file);
        let key = key.map_err(|source| CommandError::Key {
            path: self.key_file,
            source,
        })?;
        let key = signing_key(&key)?;
        let expiry = SystemTime::now().checked_add(self.expires);
        let mut claims = Claims::new(expiry.ok_or(CommandError::Expiry)?);
        if let Some(app) = self.app {
            claims = claims.for_app(app);
        }
        if let Some(room) = self.room {
            claims = claims.for_room(room);
        }
        if let Some(prefix) = self.room_prefix {
            claims = claims.for_room_prefix(prefix);
        }
        if let Some(capacity) = self.capacity {
            claims = claims.with_capacity(capacity);
        }
        if self.once {
            claims = claims.for_one_client();
        }
        Ok(claims.sign(&key)?)
    }
}

/// Returns the key in a file. A secret does not contain the line break that editors add.
fn signing_key(text: &str) -> Result<SigningKey, TokenError> {
    let key = Secret::new(text.trim_end_matches(['\r', '\n']));
    if text.trim_start().starts_with("-----BEGIN") {
        SigningKey::from_pem(&key)
    } else {
        SigningKey::from_secret(&key)
    }
}
