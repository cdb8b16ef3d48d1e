//! TLS to the signaling server and to TURN servers.

use std::{
    env,
    ffi::OsStr,
    sync::{Arc, LazyLock},
};

use rustls::{
    ClientConfig, Error, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

/// The environment variable with the path of a file with more certificate authorities, for servers
/// in a private network. OpenSSL and many other programs use it too.
const AUTHORITIES: &str = "SSL_CERT_FILE";

/// Returns the settings for TLS connections of this process.
///
/// # Errors
/// Returns an error if the cryptography library supports no version of TLS.
pub(super) fn client_config() -> Result<Arc<ClientConfig>, Error> {
    static CONFIG: LazyLock<Result<Arc<ClientConfig>, Error>> = LazyLock::new(|| {
        let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        if let Some(path) = env::var_os(AUTHORITIES) {
            add_authorities(&mut roots, &path);
        }
        config_with(roots)
    });
    CONFIG.clone()
}

/// Returns the settings for TLS connections that trust only `roots`.
pub(super) fn config_with(roots: RootCertStore) -> Result<Arc<ClientConfig>, Error> {
    // The provider is explicit, because other crates of the program may choose another default.
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Adds the certificate authorities in the PEM file at `path`.
fn add_authorities(roots: &mut RootCertStore, path: &OsStr) {
    let found =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match found {
        Ok(certificates) => {
            let (added, _) = roots.add_parsable_certificates(certificates);
            log::debug!("trusts {added} more certificate authorities, because of {AUTHORITIES}");
        }
        Err(error) => log::warn!("cannot read the certificates in {AUTHORITIES}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    #[test]
    fn authorities_come_from_a_file() {
        let path = env::temp_dir().join(format!("huddle-authorities-{}.pem", std::process::id()));
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::default().self_signed(&key).unwrap();
        std::fs::write(&path, certificate.pem()).unwrap();
        let mut roots = RootCertStore::empty();
        add_authorities(&mut roots, path.as_os_str());
        assert_eq!(roots.len(), 1);
        std::fs::remove_file(&path).unwrap();
        add_authorities(&mut roots, path.as_os_str());
        assert_eq!(roots.len(), 1, "a missing file changes nothing");
        assert!(client_config().is_ok());
    }
}
