//! Checks of the decoder of tokens.

use std::{
    sync::LazyLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use http::{HeaderValue, Uri};
use serde_json::Value;
use sha2::Sha256;

use crate::{
    config::{Secret, TokenKey},
    decoders::check_refusal,
    pass,
    request::join_request,
    rooms::JoinRequest,
    token::{Claims, MAX_TOKEN_BYTES, SigningKey},
    verifier::{Invalid, Verifier},
};

const SECRET: &str = "a shared secret of at least 32 bytes";
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA/KLjbZMO1FiqzALjjSpcTAv3tKMFVMkpFobNZ8CP/OE=
-----END PUBLIC KEY-----
";
/// The current time in seconds, and the tolerated difference of the clocks.
const NOW: u64 = 1_800_000_000;
const LEEWAY: u64 = 10;

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    let secret = TokenKey::Secret(Secret::new(SECRET));
    let public_key = TokenKey::PublicKey(PUBLIC_KEY.to_owned());
    Verifier::new(&[secret, public_key]).expect("valid keys")
});

/// Reads four lines: the URL of a client, the header and claims of a token, and subprotocols. The
/// token with these parts is checked as if the game's server had signed it. No other text is valid.
pub fn token(text: &str) {
    let mut lines = text.splitn(4, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (url, header, claims, protocols) = (line(), line(), line(), line());
    let Some((uri, request)) = url.parse::<Uri>().ok().and_then(|uri| {
        let request = join_request(&uri, 64).ok()?;
        Some((uri, request))
    }) else {
        return;
    };
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(sign(&message)));
    check_source(protocols, &uri, &token);
    for forged in [
        protocols,
        claims,
        &message,
        &format!("{message}."),
        &format!("{message}.{}", URL_SAFE_NO_PAD.encode(protocols)),
        &format!("{token}{token}"),
    ] {
        assert_eq!(VERIFIER.verify(forged), Err(Invalid));
    }
    let now = UNIX_EPOCH + Duration::from_secs(NOW);
    let verified = VERIFIER.verify(&token);
    if let Ok(claims) = &verified {
        check_claims(claims, header, &token, now);
    }
    match pass::check(&VERIFIER, Some(&token), request.clone(), now) {
        Ok(checked) => {
            assert!(verified.is_ok());
            if let Ok(claims) = serde_json::from_str(claims) {
                check_access(&claims, &request, &checked);
            }
        }
        Err(refusal) => check_refusal(refusal),
    }
}

fn sign(message: &str) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length is valid");
    let mac = mac.chain_update(message).finalize();
    mac.into_bytes().to_vec()
}

/// Checks where the token of a request comes from.
fn check_source(protocols: &str, uri: &Uri, token: &str) {
    let protocols = protocols
        .split(',')
        .filter_map(|protocol| protocol.trim().parse().ok());
    let mut protocols: Vec<HeaderValue> = protocols.collect();
    if let Some(found) = pass::token(protocols.iter(), uri) {
        assert!(!found.is_empty());
        assert_eq!(VERIFIER.verify(&found), Err(Invalid));
    }
    protocols.retain(|protocol| !protocol.as_bytes().starts_with(b"huddle.token."));
    protocols.push(format!("huddle.token.{token}").parse().expect("a header"));
    let found = pass::token(protocols.iter(), uri);
    assert_eq!(found.as_deref(), Some(token));
}

/// Checks a valid token: it has the algorithm of the key, and its claims can be signed again.
fn check_claims(claims: &Claims, header: &str, token: &str, now: SystemTime) {
    assert!(token.len() <= MAX_TOKEN_BYTES);
    let header: Value = serde_json::from_str(header).expect("JSON");
    assert_eq!(header["alg"], "HS256");
    let key = SigningKey::from_secret(&Secret::new(SECRET)).expect("a long secret");
    let again = claims.sign(&key).expect("short names");
    assert_eq!(VERIFIER.verify(&again).as_ref(), Ok(claims));
    for leeway in [Duration::ZERO, Duration::MAX] {
        claims.has_expired(now, leeway);
        claims.is_early(now, leeway);
    }
}

/// Compares what an accepted token allows with its claims.
fn check_access(claims: &Value, requested: &JoinRequest, checked: &JoinRequest) {
    let text = |name: &str| claims[name].as_str();
    // The conversion saturates.
    let seconds = |name: &str| claims[name].as_f64().map(|seconds| seconds as u64);
    let key = &checked.key;
    assert_eq!(
        (&key.name, key.next),
        (&requested.key.name, requested.key.next)
    );
    let app = text("app").filter(|app| !app.is_empty());
    assert_eq!(key.app, app.unwrap_or(&requested.key.app));
    assert!(requested.key.app.is_empty() || key.app == requested.key.app);
    assert!(text("room").is_none_or(|room| room == key.name));
    assert!(text("room_prefix").is_none_or(|prefix| key.name.starts_with(prefix)));
    assert!(seconds("nbf").is_none_or(|start| start <= NOW + LEEWAY));

    let access = &checked.access;
    let expiry = seconds("exp").expect("a required claim");
    assert_eq!(access.has_expired, expiry.saturating_add(LEEWAY) <= NOW);
    let capacity = access.capacity.map(|capacity| capacity.get() as u64);
    assert_eq!(capacity, claims["capacity"].as_u64());
    let size = key.next.map(|size| size.get() as u64);
    assert!(size.is_none_or(|size| capacity.is_none_or(|capacity| size <= capacity)));
    let id = access.token.as_ref();
    assert_eq!(id.map(|token| token.id.as_str()), text("jti"));
    assert!(id.is_none_or(|token| token.id.len() <= 128 && token.app == app.unwrap_or_default()));
}
