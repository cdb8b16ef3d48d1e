use std::{io, net::SocketAddr, path::PathBuf};

use crate::tls::TlsError;

/// The reason why a server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// Another program listens on the address.
    #[error(
        "port {} is already taken: another program uses {addr}, possibly another signaling \
         server. Stop it or choose another port, for example {} (port 0 chooses any free port)",
        addr.port(), SocketAddr::new(addr.ip(), addr.port().checked_add(1).unwrap_or(3536))
    )]
    AddressInUse {
        /// The requested address.
        addr: SocketAddr,
    },
    /// The system does not let the server listen on the address.
    #[error(
        "cannot listen on {addr}: {source}. Use an address of this machine ([::] for all \
         addresses, 0.0.0.0 for all of IPv4) and a port above 1023"
    )]
    Bind {
        /// The requested address.
        addr: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// The folder to serve cannot be read.
    #[error("cannot serve files from {}: {source}. Use an existing folder", path.display())]
    Serve {
        /// The requested folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The certificate for TLS cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A value in [`Config`](crate::config::Config) is invalid. The text contains the field and its
    /// limit.
    #[error("{0}")]
    Config(&'static str),
}
