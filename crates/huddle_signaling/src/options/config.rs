use huddle_signaling::{Config, Tls};
use ipnet::IpNet;

use super::{
    error::Error,
    secrets,
    text::Span,
    values::{DRAIN, Options},
};

/// Returns the configuration, with the contents of the secret files.
pub(crate) fn config(options: Options) -> Result<Config, Error> {
    let default = Config::default();
    let token_keys = secrets::token_keys(&options)?;
    let turn = secrets::turn(&options)?;
    let cluster = secrets::cluster(&options)?;
    let tls = match (options.tls_cert, options.tls_key) {
        (Some(certificates), Some(key)) => Some(Tls { certificates, key }),
        (None, None) => None,
        (Some(_), None) => return Err(Error::Incomplete("tls_cert", "tls_key")),
        (None, Some(_)) => return Err(Error::Incomplete("tls_key", "tls_cert")),
    };
    let trusted_proxies = options
        .trusted_proxies
        .map(|networks| networks.into_iter().map(IpNet::from).collect());
    let duration = |span: Option<Span>, default| span.map_or(default, |Span(time)| time);
    Ok(Config {
        bind: options.bind.unwrap_or(default.bind),
        serve: options.serve,
        tls,
        metrics: options.metrics,
        drain: duration(options.drain, DRAIN),
        resume_timeout: duration(options.resume_timeout, default.resume_timeout),
        max_clients: options.max_clients.unwrap_or(default.max_clients),
        max_room_members: options.max_room_members.unwrap_or(default.max_room_members),
        max_message_bytes: options
            .max_message_bytes
            .unwrap_or(default.max_message_bytes),
        max_queue_bytes: options.max_queue_bytes.unwrap_or(default.max_queue_bytes),
        max_total_queue_bytes: options
            .max_total_queue_bytes
            .unwrap_or(default.max_total_queue_bytes),
        max_invalid_messages: options
            .max_invalid_messages
            .unwrap_or(default.max_invalid_messages),
        messages_per_second: options
            .messages_per_second
            .unwrap_or(default.messages_per_second),
        message_burst: options.message_burst.unwrap_or(default.message_burst),
        max_clients_per_address: options
            .max_clients_per_address
            .unwrap_or(default.max_clients_per_address),
        max_http_per_address: options
            .max_http_per_address
            .unwrap_or(default.max_http_per_address),
        joins_per_second: options.joins_per_second.unwrap_or(default.joins_per_second),
        join_burst: options.join_burst.unwrap_or(default.join_burst),
        trusted_proxies: trusted_proxies.unwrap_or(default.trusted_proxies),
        allowed_origins: options.allowed_origins.unwrap_or_default(),
        apps: options.apps.unwrap_or_default(),
        token_keys,
        turn,
        cluster,
        ..Config::default()
    })
}
