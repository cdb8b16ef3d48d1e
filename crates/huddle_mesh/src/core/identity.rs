//! The identity of peers, and the proof that a peer has the room's secret.
//!
//! A peer has one DTLS certificate in a room, and its id is the fingerprint of that certificate.
//! Each session description carries the fingerprint, and DTLS opens a link only to the owner of the
//! certificate's private key. So an open link proves the id of the peer at its other end.
//!
//! A room can have a secret, which the server does not have. Then each description also carries a
//! proof: an HMAC-SHA-256 (RFC 2104) of the fingerprint, with the secret as the key. A copied proof
//! is useless without the private key that belongs to the fingerprint.

use hmac::{Hmac, Mac};
use huddle_id::PeerId;
use sha2::Sha256;

use crate::secret::RoomSecret;

/// The local peer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity {
    /// The SHA-256 fingerprint of the local peer's certificate.
    pub(crate) fingerprint: [u8; 32],
}

impl Identity {
    pub(crate) fn peer_id(&self) -> PeerId {
        PeerId::of_certificate(&self.fingerprint)
    }
}

/// Proof that the owner of a certificate has the room's secret.
pub(crate) type SecretProof = [u8; 32];

fn mac(secret: &RoomSecret, fingerprint: &[u8; 32]) -> Option<Hmac<Sha256>> {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(b"huddle room secret 1");
    mac.update(fingerprint);
    Some(mac)
}

pub(crate) fn prove(secret: &RoomSecret, fingerprint: &[u8; 32]) -> SecretProof {
    // HMAC accepts keys of any length, so creating the proof never fails.
    mac(secret, fingerprint)
        .map(|mac| mac.finalize().into_bytes().into())
        .unwrap_or_default()
}

/// Returns whether the owner of the certificate has the room's secret, or has none if the room has
/// none. The comparison of proofs takes constant time.
pub(crate) fn verify(
    secret: Option<&RoomSecret>,
    fingerprint: &[u8; 32],
    proof: Option<&SecretProof>,
) -> bool {
    match (secret, proof) {
        (None, None) => true,
        (Some(secret), Some(proof)) => {
            mac(secret, fingerprint).is_some_and(|mac| mac.verify_slice(proof).is_ok())
        }
        _ => false,
    }
}

/// Returns whether the local peer decides which link of a pair is used, and makes the later offers.
pub(crate) fn is_controller(local_id: PeerId, other: PeerId) -> bool {
    local_id < other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proof_is_valid_for_its_secret_and_certificate_only() {
        let (secret, other) = (
            RoomSecret::from_bytes([1; 16]),
            RoomSecret::from_bytes([2; 16]),
        );
        let proof = prove(&secret, &[7; 32]);
        assert!(verify(Some(&secret), &[7; 32], Some(&proof)));
        assert!(!verify(Some(&secret), &[8; 32], Some(&proof)));
        assert!(!verify(Some(&other), &[7; 32], Some(&proof)));
    }

    #[test]
    fn peers_with_and_without_a_secret_do_not_match() {
        let secret = RoomSecret::from_bytes([1; 16]);
        let proof = prove(&secret, &[7; 32]);
        assert!(verify(None, &[7; 32], None));
        assert!(!verify(None, &[7; 32], Some(&proof)));
        assert!(!verify(Some(&secret), &[7; 32], None));
    }
}
