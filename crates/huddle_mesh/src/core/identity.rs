//! Who a peer is: a session id of their own choice, and a secret that the pair agreed over their
//! first link. Whoever proves the secret on a later link is the same peer, whatever the signaling
//! server calls them by then.
//!
//! The controller of a pair, the lower id, keeps a secret as unconfirmed when it chooses the link,
//! and as established when it hears the other on it; the other keeps it when it learns of the choice.
//! So an introduction that breaks off at any point can be made again, and nothing is kept of
//! somebody who has proven nothing. Who a session id belongs to is decided by first contact.
//!
//! The proof covers the DTLS fingerprints of the link it is given on, so that nobody in the
//! middle can pass it on.

use hmac::{Hmac, Mac};
use huddle_id::PeerId;
use sha2::{Digest, Sha256};

use super::control::{Hello, Knows};

/// What a peer knows of the secret of a pair.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Secret {
    #[default]
    Nothing,
    Unconfirmed([u8; 32]),
    Established([u8; 32]),
}

impl Secret {
    pub(crate) fn knows(&self) -> Knows {
        match self {
            Secret::Nothing => Knows::Nothing,
            Secret::Unconfirmed(_) => Knows::Unconfirmed,
            Secret::Established(_) => Knows::Established,
        }
    }

    /// The secret to prove on a link, once both have introduced themselves. `None` if the other
    /// claims an identity that they cannot know the secret of.
    pub(crate) fn agree(&self, mine: &Hello, theirs: &Hello) -> Option<[u8; 32]> {
        match (self, theirs.knows) {
            (Secret::Established(_), Knows::Nothing) => None,
            (Secret::Nothing, _) | (Secret::Unconfirmed(_), Knows::Nothing) => {
                Some(fresh_secret(mine, theirs))
            }
            (Secret::Unconfirmed(secret) | Secret::Established(secret), _) => Some(*secret),
        }
    }
}

fn fresh_secret(mine: &Hello, theirs: &Hello) -> [u8; 32] {
    let (low, high) = if mine.session < theirs.session {
        (mine, theirs)
    } else {
        (theirs, mine)
    };
    let mut hash = Sha256::new();
    hash.update(b"huddle pair secret 1");
    for hello in [low, high] {
        hash.update(hello.session.as_bytes());
        hash.update(hello.share);
    }
    hash.finalize().into()
}

/// One side of a link, as far as a proof is about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Side<'a> {
    pub hello: &'a Hello,
    /// The DTLS certificate's SHA-256 fingerprint in that side's description.
    pub fingerprint: &'a [u8; 32],
}

fn transcript(secret: &[u8; 32], prover: Side, verifier: Side) -> Option<Hmac<Sha256>> {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(secret).ok()?;
    mac.update(b"huddle proof 1");
    for side in [prover, verifier] {
        mac.update(side.hello.session.as_bytes());
        mac.update(&side.hello.nonce);
        mac.update(side.fingerprint);
    }
    Some(mac)
}

/// The proof that `prover` knows `secret`, for `verifier`, on this very link.
pub(crate) fn prove(secret: &[u8; 32], prover: Side, verifier: Side) -> [u8; 32] {
    // HMAC takes keys of any length, so there always is a transcript.
    transcript(secret, prover, verifier)
        .map(|mac| mac.finalize().into_bytes().into())
        .unwrap_or_default()
}

/// Whether `proof` was made by `prover`; in constant time.
pub(crate) fn verify(secret: &[u8; 32], prover: Side, verifier: Side, proof: &[u8; 32]) -> bool {
    transcript(secret, prover, verifier).is_some_and(|mac| mac.verify_slice(proof).is_ok())
}

/// Whether this side decides which link of a pair is used, and makes the later offers.
pub(crate) fn is_controller(local_id: PeerId, other: PeerId) -> bool {
    local_id < other
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(id: u128, knows: Knows) -> Hello {
        Hello {
            session: PeerId::from_u128(id),
            nonce: [id as u8; 16],
            share: [id as u8 + 100; 32],
            knows,
        }
    }

    #[test]
    fn two_strangers_agree_on_one_secret() {
        let (a, b) = (hello(1, Knows::Nothing), hello(2, Knows::Nothing));
        let secret = Secret::Nothing.agree(&a, &b);
        assert!(secret.is_some());
        assert_eq!(secret, Secret::Nothing.agree(&b, &a));
    }

    #[test]
    fn a_handshake_cut_short_on_either_side_can_be_taken_up_again() {
        let old = [7; 32];
        let (a, b) = (hello(1, Knows::Established), hello(2, Knows::Unconfirmed));
        assert_eq!(Secret::Established(old).agree(&a, &b), Some(old));
        assert_eq!(Secret::Unconfirmed(old).agree(&b, &a), Some(old));

        let (a, b) = (hello(1, Knows::Unconfirmed), hello(2, Knows::Nothing));
        let fresh = Secret::Unconfirmed(old).agree(&a, &b);
        assert!(fresh.is_some() && fresh != Some(old));
        assert_eq!(fresh, Secret::Nothing.agree(&b, &a));
    }

    #[test]
    fn somebody_elses_name_is_not_enough() {
        let (local_id, impostor) = (hello(1, Knows::Established), hello(2, Knows::Nothing));
        assert_eq!(
            Secret::Established([7; 32]).agree(&local_id, &impostor),
            None
        );
    }

    #[test]
    fn a_proof_holds_for_its_secret_direction_and_link_only() {
        let (a, b) = (hello(1, Knows::Nothing), hello(2, Knows::Nothing));
        let (fa, fb, other) = ([1; 32], [2; 32], [3; 32]);
        let side = |hello, fingerprint| Side { hello, fingerprint };
        let secret = [9; 32];
        let proof = prove(&secret, side(&a, &fa), side(&b, &fb));
        assert!(verify(&secret, side(&a, &fa), side(&b, &fb), &proof));
        assert!(!verify(&[8; 32], side(&a, &fa), side(&b, &fb), &proof));
        assert!(!verify(&secret, side(&b, &fb), side(&a, &fa), &proof));
        assert!(!verify(&secret, side(&a, &other), side(&b, &fb), &proof));
    }
}
