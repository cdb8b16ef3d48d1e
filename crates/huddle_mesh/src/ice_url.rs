//! The URLs of STUN and TURN servers (RFC 7064 and RFC 7065).
//!
//! Rejects the URLs that browsers reject, on every platform and with the reason.

use crate::{config::IceServer, event::RoomError};

/// The parsed URL of a STUN or TURN server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IceUrl<'a> {
    /// Whether the scheme is `turn:` or `turns:`.
    pub(crate) is_turn: bool,
    /// Whether the server uses TLS: the scheme is `stuns:` or `turns:`.
    pub(crate) is_secure: bool,
    /// The host, without the brackets of an IPv6 address.
    pub(crate) host: &'a str,
    /// The port, or the default port of the scheme.
    pub(crate) port: u16,
    /// Whether to connect to the server over TCP. TLS uses TCP too, unless the URL ends with
    /// `?transport=udp`.
    pub(crate) is_tcp: bool,
}

/// The default ports of servers without and with TLS.
const DEFAULT_PORTS: (u16, u16) = (3478, 5349);

const PORT: &str = "the port is not a number from 1 to 65535";
const STUN_QUERY: &str =
    "nothing may follow the port of a STUN server; remove the `?` and the rest";
const TURN_QUERY: &str = "only `?transport=udp` or `?transport=tcp` may follow the port";
const LOGIN: &str =
    "a TURN server needs a user name and a password; set them with `IceServer::turn`";
const NO_ADDRESS: &str = "it has no address; add at least one";

impl<'a> IceUrl<'a> {
    /// Parses a URL.
    pub(crate) fn parse(url: &'a str) -> Result<Self, RoomError> {
        let unknown = || RoomError::IceServer(url.to_owned());
        let unusable = |reason| unusable_server(url, reason);

        let (scheme, rest) = url.split_once(':').ok_or_else(unknown)?;
        let (is_turn, is_secure) = match scheme {
            "stun" => (false, false),
            "stuns" => (false, true),
            "turn" => (true, false),
            "turns" => (true, true),
            _ => return Err(unknown()),
        };
        let (address, query) = match rest.split_once('?') {
            Some((address, query)) => (address, Some(query)),
            None => (rest, None),
        };
        let (host, port) = match address.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']').ok_or_else(unknown)?;
                match after.strip_prefix(':') {
                    Some(port) => (host, Some(port)),
                    None if after.is_empty() => (host, None),
                    None => return Err(unknown()),
                }
            }
            None => match address.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (address, None),
            },
        };
        let is_invalid = |c: char| c.is_whitespace() || c.is_control() || "/@#\\".contains(c);
        if host.is_empty() || host.contains(is_invalid) {
            return Err(unknown());
        }
        let port = match port {
            Some(port) => parse_port(port).ok_or_else(|| unusable(PORT))?,
            None if is_secure => DEFAULT_PORTS.1,
            None => DEFAULT_PORTS.0,
        };
        let is_tcp = match query {
            Some(_) if !is_turn => return Err(unusable(STUN_QUERY)),
            None => is_secure,
            Some("transport=udp") => false,
            Some("transport=tcp") => true,
            Some(_) => return Err(unusable(TURN_QUERY)),
        };
        Ok(Self {
            is_turn,
            is_secure,
            host,
            port,
            is_tcp,
        })
    }
}

fn parse_port(text: &str) -> Option<u16> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| is_number && *port > 0)
}

/// Checks a server for the mistakes that do not depend on the platform.
pub(crate) fn check(server: &IceServer) -> Result<(), RoomError> {
    if server.urls.is_empty() {
        return Err(unusable_server("", NO_ADDRESS));
    }
    let is_set = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let has_login = is_set(&server.username) && is_set(&server.credential);
    for url in &server.urls {
        if IceUrl::parse(url)?.is_turn && !has_login {
            return Err(unusable_server(url, LOGIN));
        }
    }
    Ok(())
}

/// Returns the error for a server that cannot be used.
pub(crate) fn unusable_server(url: &str, reason: impl Into<String>) -> RoomError {
    RoomError::RefusedIceServer {
        url: url.to_owned(),
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usable_urls_are_parsed() {
        let url = |is_turn, is_secure, host, port, is_tcp| IceUrl {
            is_turn,
            is_secure,
            host,
            port,
            is_tcp,
        };
        for (text, expected) in [
            (
                "stun:stun.example.org",
                url(false, false, "stun.example.org", 3478, false),
            ),
            (
                "stuns:10.0.0.1:443",
                url(false, true, "10.0.0.1", 443, true),
            ),
            (
                "turn:[::1]:1?transport=udp",
                url(true, false, "::1", 1, false),
            ),
            (
                "turn:[2001:db8::1]",
                url(true, false, "2001:db8::1", 3478, false),
            ),
            (
                "turn:host?transport=tcp",
                url(true, false, "host", 3478, true),
            ),
            ("turns:host", url(true, true, "host", 5349, true)),
            (
                "turns:host:65535?transport=tcp",
                url(true, true, "host", 65535, true),
            ),
            (
                "turns:host?transport=udp",
                url(true, true, "host", 5349, false),
            ),
        ] {
            assert_eq!(IceUrl::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn unusable_urls_are_rejected_with_the_reason() {
        for (text, reason) in [
            ("stun:host?transport=udp", STUN_QUERY),
            ("stun:host:3478?", STUN_QUERY),
            ("turn:host?transport=sctp", TURN_QUERY),
            ("turn:host?transport=udp&x=1", TURN_QUERY),
            ("turn:host:99999", PORT),
            ("stun:host:0", PORT),
            ("stun:host:", PORT),
            ("stun:host:+80", PORT),
            ("stun:2001:db8::1", PORT),
        ] {
            assert_eq!(
                IceUrl::parse(text),
                Err(unusable_server(text, reason)),
                "{text}"
            );
        }
        for text in [
            "host",
            "turn:",
            "turn://host",
            "http://host",
            "STUN:host",
            "stun:a host",
            "turn:user@host",
            "turn:[::1",
            "turn:[::1]3478",
            "turn:[]",
        ] {
            let unknown = Err(RoomError::IceServer(text.to_owned()));
            assert_eq!(IceUrl::parse(text), unknown, "{text}");
        }
    }

    #[test]
    fn turn_server_needs_user_name_and_password() {
        let url = "turn:host:3478";
        assert_eq!(check(&IceServer::turn(url, "ada", "secret")), Ok(()));
        for server in [
            IceServer::stun(url),
            IceServer::turn(url, "", "secret"),
            IceServer::turn(url, "ada", ""),
        ] {
            assert_eq!(check(&server), Err(unusable_server(url, LOGIN)));
        }
        let mut server = IceServer::stun("stun:host");
        assert_eq!(check(&server), Ok(()));
        server.urls.clear();
        assert_eq!(check(&server), Err(unusable_server("", NO_ADDRESS)));
    }
}
