use std::{io, net::SocketAddr, path::PathBuf};

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// Another program listens on the address.
    #[error(
        "port {} is already taken: {addr} is in use by another program, maybe by another \
         signaling server. Stop it, or pick another port, such as {}:{} (port 0 takes any \
         free one)",
        addr.port(), addr.ip(), addr.port().checked_add(1).unwrap_or(3536)
    )]
    AddressInUse {
        /// The address that was asked for.
        addr: SocketAddr,
    },
    /// The system does not let the server listen on the address.
    #[error(
        "cannot listen on {addr}: {source}. Use an address of this machine (0.0.0.0 for all) and \
         a port above 1023"
    )]
    Bind {
        /// The address that was asked for.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The folder to serve cannot be read.
    #[error("cannot serve files from {}: {source}. Give an existing folder", path.display())]
    Serve {
        /// The folder that was asked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A value in [`Config`](crate::config::Config) makes no sense; the text says which and why.
    #[error("{0}")]
    Config(&'static str),
}
