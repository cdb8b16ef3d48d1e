use std::{io, path::PathBuf};

/// The reason why the options are invalid.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(
        "cannot read the configuration file {}: {source}. Pass an existing file to --config",
        path.display()
    )]
    File { path: PathBuf, source: io::Error },
    #[error("in the configuration file {}{place}: {text}", path.display())]
    Syntax {
        path: PathBuf,
        place: String,
        text: String,
    },
    #[error("in the environment variable {name}: {text}")]
    Variable { name: String, text: String },
    #[error("the environment variable {name} is not an option. Did you mean {suggestion}?")]
    UnknownVariable { name: String, suggestion: String },
    #[error("{0} is set, but {1} is not. Set both or neither")]
    Incomplete(&'static str, &'static str),
    #[error("both {0} and {1} are set. Remove one of them")]
    TwoSecrets(&'static str, &'static str),
    #[error(
        "the URL of the option redis contains a password, which every user of this machine can see. \
         Write the URL to a file and pass it to --redis-url-file, or set HUDDLE_REDIS_URL"
    )]
    RedisPassword,
    #[error(
        "cannot read a secret from {}: {source}. Use a file that this user can read",
        path.display()
    )]
    Secret { path: PathBuf, source: io::Error },
    #[error("the secret in the environment variable {0} is not valid UTF-8")]
    SecretVariable(&'static str),
    #[error("the secret file {} is empty. Write the secret into it", .0.display())]
    EmptySecret(PathBuf),
    #[error("cannot combine the options: {0}")]
    Merge(String),
}
