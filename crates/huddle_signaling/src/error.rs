use std::{io, net::SocketAddr, path::PathBuf};

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
    /// The server cannot listen for the other instances of its cluster.
    #[error("for the other instances of the cluster (--cluster-bind): {0}")]
    ClusterBind(Box<ServerError>),
    /// The Redis client does not accept the URL. The text does not contain it, because it may
    /// contain a password.
    #[error(
        "the Redis client does not accept the URL. Use one such as redis://10.0.0.1:6379 or, with \
         TLS, rediss://user:password@redis.example.com"
    )]
    RedisUrl,
    /// A value in [`Config`](crate::config::Config) is invalid. The text contains the field and its
    /// limit.
    #[error("{0}")]
    Config(&'static str),
}

/// The reason why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error(
        "cannot read {}: {source}. Use a file in PEM format that this user can read",
        path.display()
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file has no certificate, or an invalid one.
    #[error(
        "there is no valid certificate in {}. Use the file with the certificate and its chain in \
         PEM format (certbot and acme.sh: fullchain.pem)",
        .0.display()
    )]
    Certificate(PathBuf),
    /// The file has no private key, or an invalid one.
    #[error(
        "there is no valid private key in {}. Use the file with the unencrypted key in PEM format \
         (certbot: privkey.pem)",
        .0.display()
    )]
    Key(PathBuf),
    /// The key does not belong to the certificate.
    #[error(
        "the private key in {} does not belong to the certificate in {}. Use the two files that \
         were created together",
        key.display(), certificates.display()
    )]
    Mismatch {
        /// The file of the certificate.
        certificates: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// The TLS library does not accept the certificate.
    #[error("cannot set up TLS: {0}")]
    Setup(String),
}
