//! The DTLS certificate of the local peer: a new one for each room, or one stored in a file.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    time::{Duration, SystemTime},
};

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, pem::PemObject};
use sha2::{Digest, Sha256};
use webrtc::peer_connection::{
    RTCCertificate,
    crypto::{SignatureScheme, default_provider},
};

use crate::{core::Identity, event::RoomError};

/// The maximum length of a file, in bytes. A longer one is not an identity.
const MAX_FILE_LEN: u64 = 64 * 1024;
/// The `webrtc` crate rejects expired certificates. Peers do not check the dates.
const VALID_FOR: Duration = Duration::from_secs(365 * 24 * 3600);

/// The certificate of the local peer, used for all of its links in one room.
#[derive(Debug)]
pub(super) struct Certificate {
    pub(super) rtc: RTCCertificate,
    pub(super) identity: Identity,
    /// The locked file that stores the certificate. Its lock ends when the game leaves the room, so
    /// that the next room has the same identity.
    pub(super) lock: Option<File>,
}

impl Certificate {
    /// Creates a certificate, or loads it from the file at `slot`, which is created if necessary.
    pub(super) fn new(slot: Option<&str>) -> Result<Self, RoomError> {
        let Some(slot) = slot else {
            return Self::generate();
        };
        let identity_error = |reason: String| RoomError::Identity {
            slot: slot.to_owned(),
            reason,
        };
        let mut file = open(slot).map_err(|error| identity_error(error.to_string()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                log::warn!(
                    "the identity stored in {slot} is in use; this room uses a temporary identity"
                );
                return Self::generate();
            }
            Err(TryLockError::Error(error)) => return Err(identity_error(error.to_string())),
        }
        let pem = read(&mut file).map_err(|error| identity_error(error.to_string()))?;
        let (pem, is_new) = match pem.is_empty() {
            true => (generate_pem().map_err(startup)?, true),
            false => (pem, false),
        };
        let mut certificate = Self::from_pem(&pem).map_err(identity_error)?;
        if is_new {
            write(&mut file, &pem).map_err(|error| identity_error(error.to_string()))?;
        }
        certificate.lock = Some(file);
        Ok(certificate)
    }

    fn generate() -> Result<Self, RoomError> {
        let pem = generate_pem().map_err(startup)?;
        Self::from_pem(&pem).map_err(RoomError::Startup)
    }

    /// Parses a private key and its certificate.
    fn from_pem(pem: &str) -> Result<Self, String> {
        let key = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes())
            .map_err(|error| format!("it has no private key ({error})"))?;
        let der = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|error| format!("it has no certificate ({error})"))?
            .into_owned();
        let fingerprint = Sha256::digest(&der).into();
        let crypto = default_provider().map_err(|error| error.to_string())?;
        let rtc = RTCCertificate::from_pkcs8(
            crypto.crypto(),
            SignatureScheme::EcdsaP256Sha256,
            vec![der],
            key.secret_pkcs8_der(),
            SystemTime::now() + VALID_FOR,
        )
        .map_err(|error| format!("its private key cannot be used ({error})"))?;
        Ok(Self {
            rtc,
            identity: Identity { fingerprint },
            lock: None,
        })
    }
}

/// Creates a private key and a self-signed certificate.
fn generate_pem() -> Result<String, rcgen::Error> {
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::default().self_signed(&key)?;
    Ok(key.serialize_pem() + &certificate.pem())
}

fn startup(error: rcgen::Error) -> RoomError {
    RoomError::Startup(error.to_string())
}

/// Opens or creates the file of an identity. Other users of the machine cannot read it.
fn open(slot: &str) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(slot)
}

fn read(file: &mut File) -> io::Result<String> {
    let mut pem = String::new();
    file.take(MAX_FILE_LEN).read_to_string(&mut pem)?;
    Ok(pem)
}

fn write(file: &mut File, pem: &str) -> io::Result<()> {
    file.rewind()?;
    file.write_all(pem.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;

    /// The path of a file that does not exist yet. The test removes it at the end.
    struct Slot(PathBuf);

    impl Slot {
        fn new(name: &str) -> Self {
            let name = format!("huddle-identity-{}-{name}.pem", std::process::id());
            Self(std::env::temp_dir().join(name))
        }

        fn certificate(&self) -> Result<Certificate, RoomError> {
            Certificate::new(self.0.to_str())
        }
    }

    impl Drop for Slot {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    fn id(certificate: &Certificate) -> [u8; 32] {
        certificate.identity.fingerprint
    }

    #[test]
    fn each_room_gets_a_new_certificate() {
        let [a, b] = [(); 2].map(|()| Certificate::new(None).unwrap());
        assert_ne!(id(&a), id(&b));
    }

    #[test]
    fn kept_identity_survives_a_restart() {
        let slot = Slot::new("restart");
        let first = id(&slot.certificate().unwrap());
        assert_eq!(id(&slot.certificate().unwrap()), first);
    }

    #[test]
    fn second_room_does_not_use_an_identity_in_use() {
        let slot = Slot::new("twice");
        let first = slot.certificate().unwrap();
        assert_ne!(id(&slot.certificate().unwrap()), id(&first));
        let first_id = id(&first);
        drop(first);
        assert_eq!(id(&slot.certificate().unwrap()), first_id);
    }

    #[test]
    fn other_files_are_rejected_and_not_overwritten() {
        let slot = Slot::new("other");
        for text in [
            "hello",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        ] {
            fs::write(&slot.0, text).unwrap();
            let error = slot.certificate().unwrap_err();
            assert!(matches!(error, RoomError::Identity { .. }), "{error}");
            assert_eq!(fs::read_to_string(&slot.0).unwrap(), text);
        }
        let error = Certificate::new(Some("/no such folder/identity")).unwrap_err();
        assert!(error.to_string().contains("/no such folder/identity"));
    }

    #[cfg(unix)]
    #[test]
    fn other_users_cannot_read_the_private_key() {
        use std::os::unix::fs::PermissionsExt;
        let slot = Slot::new("mode");
        slot.certificate().unwrap();
        let mode = fs::metadata(&slot.0).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }
}
