//! The certificate for TLS, which is loaded again when its files change.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use rustls::{
    InconsistentKeys, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::{net::TcpStream, task::spawn_blocking, time::sleep};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tracing::{error, info};

use crate::{config::Tls, metrics::Metrics};

/// The interval at which the server checks whether the files changed.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The time that a client has for the TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

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

/// Encrypts connections with the current certificate.
#[derive(Clone)]
pub(crate) struct Acceptor {
    tls: TlsAcceptor,
    certificate: Arc<Certificate>,
}

/// The certificate for new connections.
#[derive(Debug)]
struct Certificate {
    files: Tls,
    loaded: RwLock<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    contents: Contents,
    pair: Arc<CertifiedKey>,
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&loaded.pair))
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Acceptor")
            .field(&self.certificate.files)
            .finish()
    }
}

impl Acceptor {
    /// Loads the certificate.
    pub(crate) fn new(files: &Tls) -> Result<Self, TlsError> {
        let certificate = Arc::new(Certificate::load(files.clone())?);
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Setup(error.to_string()))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&certificate) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let tls = TlsAcceptor::from(Arc::new(config));
        Ok(Self { tls, certificate })
    }

    /// Performs the handshake with a client.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let handshake = self.tls.accept(stream);
        tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await?
    }

    /// Loads the certificate when its files change. If the new one is invalid, the server keeps the
    /// old one.
    pub(crate) async fn reload(&self, metrics: &Metrics) {
        let mut last_error = String::new();
        loop {
            sleep(CHECK_INTERVAL).await;
            let certificate = Arc::clone(&self.certificate);
            // The files can be on a slow disk.
            match spawn_blocking(move || certificate.check()).await {
                Ok(Ok(false)) => last_error.clear(),
                Ok(Ok(true)) => {
                    let path = self.certificate.files.certificates.display();
                    info!("loaded the new certificate from {path}");
                    metrics.certificate_reloaded(true);
                    last_error.clear();
                }
                Ok(Err(error)) => {
                    let text = error.to_string();
                    if text != last_error {
                        error!("the server keeps its old certificate: {text}");
                        metrics.certificate_reloaded(false);
                        last_error = text;
                    }
                }
                Err(error) => error!(%error, "cannot check the certificate"),
            }
        }
    }
}

impl Certificate {
    fn load(files: Tls) -> Result<Self, TlsError> {
        let contents = Contents::read(&files)?;
        let pair = Arc::new(contents.parse(&files)?);
        Ok(Self {
            files,
            loaded: RwLock::new(Loaded { contents, pair }),
        })
    }

    /// Loads the certificate again if its files changed. Returns whether they did.
    fn check(&self) -> Result<bool, TlsError> {
        let contents = Contents::read(&self.files)?;
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        if contents == loaded.contents {
            return Ok(false);
        }
        drop(loaded);
        let pair = Arc::new(contents.parse(&self.files)?);
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = Loaded { contents, pair };
        Ok(true)
    }
}

/// The contents of the files. They are small, and comparing them also finds a file whose time of
/// modification stayed the same.
#[derive(PartialEq, Eq)]
struct Contents {
    certificates: Vec<u8>,
    key: Vec<u8>,
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Contents(..)")
    }
}

impl Contents {
    fn read(files: &Tls) -> Result<Self, TlsError> {
        Ok(Self {
            certificates: read(&files.certificates)?,
            key: read(&files.key)?,
        })
    }

    fn parse(&self, files: &Tls) -> Result<CertifiedKey, TlsError> {
        let bad_certificate = || TlsError::Certificate(files.certificates.clone());
        let bad_key = || TlsError::Key(files.key.clone());
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&self.certificates)
            .collect::<Result<_, _>>()
            .map_err(|_| bad_certificate())?;
        if chain.is_empty() {
            return Err(bad_certificate());
        }
        // The text of the error could contain a part of the key.
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| bad_key())?;
        let provider = ring::default_provider();
        let key = provider
            .key_provider
            .load_private_key(key)
            .map_err(|_| bad_key())?;
        let pair = CertifiedKey::new(chain, key);
        match pair.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(pair),
            Err(rustls::Error::InconsistentKeys(_)) => Err(TlsError::Mismatch {
                certificates: files.certificates.clone(),
                key: files.key.clone(),
            }),
            Err(_) => Err(bad_certificate()),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Read {
        path: path.to_owned(),
        source,
    })
}
