//! Verifies the signatures of tokens.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, crypto, decode};

use crate::{
    config::TokenKey,
    error::ServerError,
    group_id::GroupIds,
    token::{Claims, MAX_TOKEN_BYTES},
};

#[cfg(test)]
mod tests;

/// The length of an Ed25519 public key.
const PUBLIC_KEY_BYTES: usize = 32;

/// The token is not signed with one of the keys, or is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Invalid;

/// The keys of a server. Each one verifies tokens of a single algorithm. Its debug output hides
/// them.
#[derive(Debug)]
pub(crate) struct Verifier {
    keys: Vec<(DecodingKey, Validation)>,
    group_ids: GroupIds,
}

impl Verifier {
    pub(crate) fn new(keys: &[TokenKey]) -> Result<Self, ServerError> {
        let group_ids = GroupIds::new(keys);
        let keys = keys.iter().map(|key| {
            let (key, algorithm) = match key {
                TokenKey::Secret(secret) => {
                    let key = DecodingKey::from_secret(secret.expose().as_bytes());
                    (key, Algorithm::HS256)
                }
                TokenKey::PublicKey(pem) => (public_key(pem)?, Algorithm::EdDSA),
            };
            Ok::<_, ServerError>((key, validation(algorithm)))
        });
        let keys = keys.collect::<Result<_, _>>()?;
        Ok(Self { keys, group_ids })
    }

    /// Returns the ids of groups, whose rooms no token contains.
    pub(crate) fn group_ids(&self) -> &GroupIds {
        &self.group_ids
    }

    /// Returns whether there is no key, so that clients need no tokens.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns the claims of a token. The caller must check their times.
    pub(crate) fn verify(&self, token: &str) -> Result<Claims, Invalid> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Invalid);
        }
        let mut keys = self.keys.iter();
        let claims = keys.find_map(|(key, validation)| decode(token, key, validation).ok());
        let claims = claims.map(|token| token.claims);
        claims.filter(Claims::is_well_formed).ok_or(Invalid)
    }
}

fn public_key(pem: &str) -> Result<DecodingKey, ServerError> {
    let error = ServerError::Config(
        "token_keys contains a public key that is not an Ed25519 key in PEM format. Create it from \
         the private key, for example with `openssl pkey -in private.pem -pubout`",
    );
    let key = DecodingKey::from_ed_pem(pem.as_bytes());
    match key {
        Ok(key) if key.as_bytes().len() == PUBLIC_KEY_BYTES => {
            // An error means that the bytes are no public key. An invalid signature is no error.
            let verified = crypto::verify("", b"", &key, Algorithm::EdDSA);
            verified.map(|_| key).map_err(|_| error)
        }
        _ => Err(error),
    }
}

fn validation(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    // The caller checks the times: a client with an expired token may take its place again.
    validation.validate_exp = false;
    // The game may use the same token for other purposes.
    validation.validate_aud = false;
    validation
}
