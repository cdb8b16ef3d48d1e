//! A certificate authority for servers with TLS.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, PublicKeyData,
};
use sha2::{Digest, Sha256};

use crate::driver::Folder;

/// A certificate authority that nobody trusts but the players that are started with it.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: Folder,
}

/// The files of a server's certificate.
pub(crate) struct ServerCertificate {
    /// The certificate, in PEM.
    pub(crate) certificate: PathBuf,
    /// The private key, in PEM.
    pub(crate) key: PathBuf,
}

impl Authority {
    /// Creates an authority with a new key.
    ///
    /// # Errors
    /// Returns an error if the certificate cannot be created or written.
    pub fn new() -> anyhow::Result<Self> {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let name = &mut parameters.distinguished_name;
        name.push(DnType::CommonName, "bevy_huddle test authority");
        let issuer = CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)?;
        let folder = Folder::new()?;
        let authority = Self { issuer, folder };
        write(&authority.file(), &authority.issuer.pem())?;
        Ok(authority)
    }

    /// Returns the file with the authority's certificate, in PEM.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// Returns the authority's certificate, as Base64 of its DER encoding.
    pub(crate) fn base64(&self) -> String {
        base64(self.issuer.der())
    }

    /// Returns the Base64 of the SHA-256 hash of the authority's public key.
    pub(crate) fn key_hash(&self) -> String {
        base64(&Sha256::digest(self.issuer.key().subject_public_key_info()))
    }

    /// Creates a certificate for a server.
    pub(crate) fn certify(&self, name: &str) -> anyhow::Result<ServerCertificate> {
        let mut parameters = CertificateParams::new(vec![name.to_owned()])?;
        parameters.use_authority_key_identifier_extension = true;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = parameters.signed_by(&key, &self.issuer)?;
        let file = |extension: &str| self.folder.path().join(format!("{name}.{extension}"));
        let files = ServerCertificate {
            certificate: file("pem"),
            key: file("key"),
        };
        // A server sends its chain, because Chromium looks for the hash of a key in it.
        write(
            &files.certificate,
            &(certificate.pem() + &self.issuer.pem()),
        )?;
        write(&files.key, &key.serialize_pem())?;
        Ok(files)
    }
}

fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// Encodes bytes as Base64 (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = (byte(0) << 16) | (byte(1) << 8) | byte(2);
        for digit in 0..4 {
            if digit > group.len() {
                text.push('=');
                continue;
            }
            let value = (bits >> (18 - 6 * digit)) & 63;
            text.push(char::from(DIGITS[value as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_has_the_padding_of_the_standard() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xff, 0xef, 0xfe]), "/+/+");
    }
}
