//! Credentials for TURN servers, in the format of coturn's `use-auth-secret`: the user name
//! contains the expiry, and the password is its HMAC-SHA1 with the secret of the servers.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use matchbox_protocol::PeerId;
use sha1::Sha1;

use crate::{
    config::Turn,
    message::{Event, Extension, IceServers},
};

/// Returns the message with new credentials for a client. `None` if they cannot be created.
pub(crate) fn ice_servers(turn: &Turn, peer: PeerId, now: SystemTime) -> Option<Event<'static>> {
    let expiry = now.checked_add(turn.lifetime)?;
    let expiry = expiry.duration_since(UNIX_EPOCH).ok()?.as_secs();
    let username = format!("{expiry}:{}", peer.0.simple());
    let credential = password(turn.secret.expose(), &username)?;
    Some(Event::Extension(Extension::IceServers(IceServers {
        urls: turn.urls.clone(),
        username,
        credential,
        lifetime_s: turn.lifetime.as_secs(),
    })))
}

fn password(secret: &str, username: &str) -> Option<String> {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(username.as_bytes());
    Some(STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;
    use crate::config::Secret;

    /// `printf 1700000000:ada | openssl dgst -sha1 -hmac secret -binary | base64`
    #[test]
    fn password_is_that_of_the_turn_rest_api() {
        let password = password("secret", "1700000000:ada");
        assert_eq!(password.as_deref(), Some("lV8v9c9TsajfLXLkZIc5nnmtEng="));
    }

    #[test]
    fn user_name_contains_expiry_and_id() {
        let turn = Turn {
            urls: vec!["turn:turn.example.com:3478".to_owned()],
            secret: Secret::new("secret"),
            lifetime: Duration::from_secs(3600),
        };
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let event = ice_servers(&turn, PeerId(Uuid::from_u128(1)), now);
        let Some(Event::Extension(Extension::IceServers(servers))) = event else {
            panic!("credentials can be created");
        };
        let expected = "1700003600:00000000000000000000000000000001";
        assert_eq!(servers.username, expected);
        assert_eq!(servers.lifetime_s, 3600);
        assert_eq!(servers.urls, turn.urls);
        // No credentials without a usable clock.
        let early = UNIX_EPOCH - Duration::from_secs(7200);
        assert_eq!(ice_servers(&turn, PeerId(Uuid::nil()), early), None);
        let endless = Turn {
            lifetime: Duration::MAX,
            ..turn
        };
        assert_eq!(ice_servers(&endless, PeerId(Uuid::nil()), now), None);
    }
}
