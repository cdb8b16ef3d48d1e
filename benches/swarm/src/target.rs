//! The servers that the clients connect to. All of them run on this machine.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    str::FromStr,
};

use thiserror::Error;
use url::{Host, Url};

/// The address of a server on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) addr: SocketAddr,
    pub(crate) tls: bool,
}

/// The reason why a URL cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum TargetError {
    #[error("this is not a URL: use ws://127.0.0.1:PORT")]
    NotUrl,
    #[error("the scheme is not ws or wss: use ws://127.0.0.1:PORT")]
    Scheme,
    #[error(
        "{0} is not a loopback address: this program generates load, so it only connects to \
         servers on its own machine. Run it there, with 127.0.0.1, [::1] or localhost"
    )]
    NotLoopback(String),
    #[error("the URL has a path or a query: the clients choose their rooms")]
    Path,
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|_| TargetError::NotUrl)?;
        let tls = match url.scheme() {
            "ws" => false,
            "wss" => true,
            _ => return Err(TargetError::Scheme),
        };
        // The name is not resolved, because the system could have any address for it.
        let ip: IpAddr = match url.host().ok_or(TargetError::NotUrl)? {
            Host::Ipv4(ip) => ip.into(),
            Host::Ipv6(ip) => ip.into(),
            Host::Domain("localhost") => Ipv4Addr::LOCALHOST.into(),
            Host::Domain(name) => return Err(TargetError::NotLoopback(name.to_owned())),
        };
        if !ip.is_loopback() {
            return Err(TargetError::NotLoopback(ip.to_string()));
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(TargetError::Path);
        }
        let port = url.port_or_known_default().ok_or(TargetError::NotUrl)?;
        let addr = SocketAddr::new(ip, port);
        Ok(Self { addr, tls })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_on_this_machine_are_accepted() {
        for (url, addr, tls) in [
            ("ws://127.0.0.1:3536", "127.0.0.1:3536", false),
            ("ws://localhost:3536/", "127.0.0.1:3536", false),
            ("wss://127.1.2.3", "127.1.2.3:443", true),
            ("ws://[::1]:80", "[::1]:80", false),
        ] {
            let addr = addr.parse().unwrap();
            assert_eq!(url.parse(), Ok(Target { addr, tls }), "{url}");
        }
    }

    #[test]
    fn other_machines_are_refused() {
        for url in [
            "ws://192.0.2.1:3536",
            "ws://0.0.0.0:3536",
            "ws://10.0.0.1",
            "wss://example.com",
            "ws://localhost.example.com",
            "ws://127.0.0.1.example.com",
            "ws://127.0.0.1@192.0.2.1",
            "ws://[2001:db8::1]",
            "ws://[::ffff:192.0.2.1]",
        ] {
            let error = url.parse::<Target>().unwrap_err();
            assert!(
                matches!(error, TargetError::NotLoopback(_)),
                "{url}: {error}"
            );
        }
    }

    #[test]
    fn other_urls_are_refused() {
        for (url, error) in [
            ("127.0.0.1:3536", TargetError::NotUrl),
            ("http://127.0.0.1", TargetError::Scheme),
            ("ws://127.0.0.1/room", TargetError::Path),
            ("ws://127.0.0.1/?next=2", TargetError::Path),
        ] {
            assert_eq!(url.parse::<Target>(), Err(error), "{url}");
        }
    }
}
