//! Secrets: the contents of files, or environment variables. They are not options, so they appear
//! neither in the list of processes nor in the printed configuration.

use std::{
    env::{self, VarError},
    fs,
    path::Path,
};

use huddle_signaling::{Cluster, Secret, TokenKey, Turn};

use super::{
    error::Error,
    text::Span,
    values::{Options, TURN_LIFETIME},
};

/// A secret that verifies tokens, in addition to those in files.
pub(super) const TOKEN_SECRET: &str = "HUDDLE_TOKEN_SECRET";

/// The secret of the TURN servers, instead of a file.
pub(super) const TURN_SECRET: &str = "HUDDLE_TURN_SECRET";

/// The URL of the Redis server, instead of a file.
pub(super) const REDIS_URL: &str = "HUDDLE_REDIS_URL";

/// The names of all environment variables that contain a secret.
pub(super) const VARIABLES: [&str; 3] = [TOKEN_SECRET, TURN_SECRET, REDIS_URL];

pub(super) fn token_keys(options: &Options) -> Result<Vec<TokenKey>, Error> {
    let secrets = options.token_secret_files.iter().flatten();
    let public_keys = options.token_public_key_files.iter().flatten();
    let secrets = secrets.map(|path| read(path).map(Secret::new).map(TokenKey::Secret));
    let public_keys = public_keys.map(|path| read(path).map(TokenKey::PublicKey));
    let variable = variable(TOKEN_SECRET)?.map(|secret| Ok(TokenKey::Secret(secret)));
    secrets.chain(variable).chain(public_keys).collect()
}

pub(super) fn turn(options: &Options) -> Result<Option<Turn>, Error> {
    let secret = match (&options.turn_secret_file, variable(TURN_SECRET)?) {
        (Some(_), Some(_)) => return Err(Error::TwoSecrets("turn_secret_file", TURN_SECRET)),
        (Some(path), None) => Some(Secret::new(read(path)?)),
        (None, secret) => secret,
    };
    let urls = options.turn_urls.clone().unwrap_or_default();
    match secret {
        None if urls.is_empty() => Ok(None),
        None => Err(Error::Incomplete("turn_urls", "turn_secret_file")),
        Some(_) if urls.is_empty() => Err(Error::Incomplete("turn_secret_file", "turn_urls")),
        Some(secret) => {
            let Span(lifetime) = options.turn_lifetime.unwrap_or(Span(TURN_LIFETIME));
            Ok(Some(Turn {
                urls,
                secret,
                lifetime,
            }))
        }
    }
}

pub(super) fn cluster(options: &Options) -> Result<Option<Cluster>, Error> {
    let file = options.redis_url_file.as_ref();
    let redis = match (&options.redis, file, variable(REDIS_URL)?) {
        (None, None, None) => return Ok(None),
        (Some(url), None, None) if has_password(url) => return Err(Error::RedisPassword),
        (Some(url), None, None) => Secret::new(url),
        (None, Some(path), None) => Secret::new(read(path)?),
        (None, None, Some(url)) => url,
        (Some(_), Some(_), _) => return Err(Error::TwoSecrets("redis", "redis_url_file")),
        (Some(_), _, Some(_)) => return Err(Error::TwoSecrets("redis", REDIS_URL)),
        (_, Some(_), Some(_)) => return Err(Error::TwoSecrets("redis_url_file", REDIS_URL)),
    };
    let default = Cluster::new(redis);
    let lease = options.lease.map_or(default.lease, |Span(lease)| lease);
    Ok(Some(Cluster {
        bind: options.cluster_bind.unwrap_or(default.bind),
        address: options.cluster_address,
        prefix: options.redis_prefix.clone().unwrap_or(default.prefix),
        lease,
        redis: default.redis,
    }))
}

/// Returns whether a URL contains a password: `redis://user:password@host`.
fn has_password(url: &str) -> bool {
    let user = url
        .split_once("://")
        .and_then(|(_, rest)| rest.rsplit_once('@'));
    user.is_some_and(|(user, _)| user.contains(':'))
}

/// Returns the secret in an environment variable. An empty variable counts as not set.
fn variable(name: &'static str) -> Result<Option<Secret>, Error> {
    match env::var(name) {
        Ok(secret) if secret.is_empty() => Ok(None),
        Ok(secret) => Ok(Some(Secret::new(secret))),
        Err(VarError::NotPresent) => Ok(None),
        // Ignoring it would leave the server open.
        Err(VarError::NotUnicode(_)) => Err(Error::SecretVariable(name)),
    }
}

/// Returns the names of the environment variables that contain a secret.
pub(super) fn variables() -> Vec<&'static str> {
    let mut names = VARIABLES.to_vec();
    names.retain(|name| !matches!(variable(name), Ok(None)));
    names
}

/// Reads a secret from a file, without the line break that editors add.
fn read(path: &Path) -> Result<String, Error> {
    let secret = fs::read_to_string(path).map_err(|source| Error::Secret {
        path: path.to_owned(),
        source,
    })?;
    match secret.trim_end_matches(['\r', '\n']) {
        "" => Err(Error::EmptySecret(path.to_owned())),
        secret => Ok(secret.to_owned()),
    }
}
