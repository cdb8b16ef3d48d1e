//! TURN credentials that expire.

use std::time::{Duration, SystemTime};

use anyhow::anyhow;
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use sha1::Sha1;

/// The secret of a TURN server whose credentials expire. The test player knows it, too.
pub const TURN_SECRET: &str = "huddle";

/// Returns `user:password`, which expire after `lifetime`. Coturn accepts them with the option
/// `--use-auth-secret`.
///
/// # Errors
/// Returns an error if the clock of this machine is wrong.
pub fn turn_credentials(lifetime: Duration) -> anyhow::Result<String> {
    let expiry = (SystemTime::now() + lifetime).duration_since(SystemTime::UNIX_EPOCH)?;
    let user = expiry.as_secs().to_string();
    let mut mac = Hmac::<Sha1>::new_from_slice(TURN_SECRET.as_bytes())
        .map_err(|error| anyhow!("the secret cannot be used: {error}"))?;
    mac.update(user.as_bytes());
    let password = STANDARD.encode(mac.finalize().into_bytes());
    Ok(format!("{user}:{password}"))
}
