use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{EncodingKey, Header, encode};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{config::Secret, token::SigningKey};

const SECRET: &str = "a shared secret of at least 32 bytes";
const PRIVATE_KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIFtO/9061lhaXJbaS38S3+tDhp8cyFM78rqKbknBDEP9
-----END PRIVATE KEY-----
";
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA/KLjbZMO1FiqzALjjSpcTAv3tKMFVMkpFobNZ8CP/OE=
-----END PUBLIC KEY-----
";
const EC_PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAESzYMJdNVFhNvcsIEZKuE+63cR6gp
q6T6mROYpu0tGGMBV4Ob+JZJpEIzqDKUmOZz0p3DDXc0JVtP8Xb4K3eqXQ==
-----END PUBLIC KEY-----
";
/// An Ed25519 public key of 4 bytes.
const SHORT_PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MA4wBQYDK2VwAwUA/KLjbQ==
-----END PUBLIC KEY-----
";

fn secret_key() -> TokenKey {
    TokenKey::Secret(Secret::new(SECRET))
}

fn public_key() -> TokenKey {
    TokenKey::PublicKey(PUBLIC_KEY.to_owned())
}

fn verifier(keys: &[TokenKey]) -> Verifier {
    Verifier::new(keys).unwrap()
}

fn claims() -> Claims {
    Claims::new(SystemTime::now() + Duration::from_secs(60)).for_room("lobby")
}

/// Returns a token with any header, claims and signature.
fn raw(header: &Value, claims: &Value, signature: &[u8]) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signature = URL_SAFE_NO_PAD.encode(signature);
    format!("{}.{}.{signature}", part(header), part(claims))
}

#[test]
fn each_key_verifies_its_own_tokens() {
    let by_secret = SigningKey::from_secret(&Secret::new(SECRET)).unwrap();
    let by_private_key = SigningKey::from_pem(&Secret::new(PRIVATE_KEY)).unwrap();
    let by_secret = claims().sign(&by_secret).unwrap();
    let by_private_key = claims().sign(&by_private_key).unwrap();
    let both = verifier(&[secret_key(), public_key()]);
    assert_eq!(both.verify(&by_secret), Ok(claims()));
    assert_eq!(both.verify(&by_private_key), Ok(claims()));
    assert_eq!(verifier(&[public_key()]).verify(&by_secret), Err(Invalid));
    assert_eq!(
        verifier(&[secret_key()]).verify(&by_private_key),
        Err(Invalid)
    );
}

#[test]
fn forged_tokens_are_invalid() {
    let both = verifier(&[secret_key(), public_key()]);
    let other = SigningKey::from_secret(&Secret::new("another secret of at least 32 bytes"));
    let forged = claims().sign(&other.unwrap()).unwrap();
    assert_eq!(both.verify(&forged), Err(Invalid));

    // Other claims with the signature of a valid token.
    let key = SigningKey::from_secret(&Secret::new(SECRET)).unwrap();
    let valid = claims().sign(&key).unwrap();
    let changed = claims().for_room("other").sign(&key).unwrap();
    let (_, signature) = valid.rsplit_once('.').unwrap();
    let (message, _) = changed.rsplit_once('.').unwrap();
    assert_eq!(both.verify(&format!("{message}.{signature}")), Err(Invalid));
}

#[test]
fn token_without_a_signature_is_invalid() {
    let both = verifier(&[secret_key(), public_key()]);
    let claims = json!({ "exp": 4_000_000_000_u64 });
    for algorithm in ["none", "None", "NONE", "", "HS256", "EdDSA"] {
        let header = json!({ "alg": algorithm, "typ": "JWT" });
        assert_eq!(both.verify(&raw(&header, &claims, b"")), Err(Invalid));
    }
}

/// The public key is not secret, so a token signed with it must be invalid.
#[test]
fn public_key_is_no_secret_for_other_algorithms() {
    let public = verifier(&[public_key()]);
    let raw_key = DecodingKey::from_ed_pem(PUBLIC_KEY.as_bytes()).unwrap();
    for secret in [
        PUBLIC_KEY.as_bytes(),
        PUBLIC_KEY.trim_end().as_bytes(),
        raw_key.as_bytes(),
    ] {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let key = EncodingKey::from_secret(secret);
            let token = encode(&Header::new(algorithm), &claims(), &key).unwrap();
            assert_eq!(public.verify(&token), Err(Invalid));
            // The header claims EdDSA, and the signature is that of HS256.
            let (message, signature) = token.rsplit_once('.').unwrap();
            let (_, claims) = message.split_once('.').unwrap();
            let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA"}"#);
            let token = format!("{header}.{claims}.{signature}");
            assert_eq!(public.verify(&token), Err(Invalid));
        }
    }
}

#[test]
fn secret_verifies_only_hs256() {
    let secret = verifier(&[secret_key()]);
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    for (algorithm, is_valid) in [
        (Algorithm::HS256, true),
        (Algorithm::HS384, false),
        (Algorithm::HS512, false),
    ] {
        let token = encode(&Header::new(algorithm), &claims(), &key).unwrap();
        assert_eq!(secret.verify(&token).is_ok(), is_valid, "{algorithm:?}");
    }
}

/// Signs claims that [`Claims`] cannot express.
fn signed(claims: &Value) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
}

#[test]
fn malformed_claims_are_invalid() {
    let verifier = verifier(&[secret_key()]);
    for valid in [
        json!({ "exp": 4_000_000_000_u64 }),
        json!({ "exp": 4e9, "nbf": 1.5 }),
        json!({ "exp": 1, "aud": "a website", "sub": "ada", "name": { "first": "Ada" } }),
        json!({ "exp": 1, "room": "", "capacity": 1, "jti": "x" }),
    ] {
        assert!(verifier.verify(&signed(&valid)).is_ok(), "{valid}");
    }
    for malformed in [
        json!({}),
        json!([]),
        json!({ "exp": "tomorrow" }),
        json!({ "exp": null }),
        json!({ "exp": 1e300 }),
        json!({ "exp": -1 }),
        json!({ "exp": 1, "nbf": "today" }),
        json!({ "exp": 1, "room": 7 }),
        json!({ "exp": 1, "room": "a", "room_prefix": "a" }),
        json!({ "exp": 1, "capacity": 0 }),
        json!({ "exp": 1, "capacity": -1 }),
        json!({ "exp": 1, "app": ["duel"] }),
        json!({ "exp": 1, "app": "x".repeat(129) }),
        json!({ "exp": 1, "jti": "x".repeat(129) }),
    ] {
        let verified = verifier.verify(&signed(&malformed));
        assert_eq!(verified, Err(Invalid), "{malformed}");
    }
}

#[test]
fn too_long_token_is_invalid() {
    let verifier = verifier(&[secret_key()]);
    let padded = |length| signed(&json!({ "exp": 1, "padding": "x".repeat(length) }));
    assert!(verifier.verify(&padded(1400)).is_ok());
    let long = padded(1500);
    assert!(long.len() > MAX_TOKEN_BYTES);
    assert_eq!(verifier.verify(&long), Err(Invalid));
}

#[test]
fn unusable_public_keys_are_rejected() {
    for pem in [
        "",
        "not a key",
        PRIVATE_KEY,
        EC_PUBLIC_KEY,
        SHORT_PUBLIC_KEY,
    ] {
        let error = Verifier::new(&[TokenKey::PublicKey(pem.to_owned())]).unwrap_err();
        assert!(error.to_string().contains("Ed25519"), "{error}");
    }
}

#[test]
fn unusable_signing_keys_are_rejected() {
    use crate::token::TokenError;
    for pem in ["", "not a key", PUBLIC_KEY, EC_PUBLIC_KEY, SECRET] {
        let error = SigningKey::from_pem(&Secret::new(pem)).unwrap_err();
        assert_eq!(error, TokenError::PrivateKey);
    }
    let error = SigningKey::from_secret(&Secret::new("short")).unwrap_err();
    assert_eq!(error, TokenError::ShortSecret);
    let key = SigningKey::from_secret(&Secret::new(SECRET)).unwrap();
    let long = claims().for_app("x".repeat(129)).sign(&key);
    assert_eq!(long, Err(TokenError::LongName));
}

#[test]
fn debug_output_contains_no_key() {
    let verifier = verifier(&[secret_key(), public_key()]);
    let by_secret = SigningKey::from_secret(&Secret::new(SECRET)).unwrap();
    let by_private_key = SigningKey::from_pem(&Secret::new(PRIVATE_KEY)).unwrap();
    let output = format!(
        "{verifier:?} {by_secret:?} {by_private_key:?} {:?}",
        secret_key()
    );
    assert!(!output.contains("shared"), "{output}");
    // The private key as text, and as a list of bytes.
    assert!(
        !output.contains("FtO") && !output.contains("91, 78"),
        "{output}"
    );
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z]{1,4}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_invalid(token in "[ -~]{0,100}|.{0,100}|[A-Za-z0-9_.-]{0,200}") {
        let verifier = verifier(&[secret_key(), public_key()]);
        prop_assert_eq!(verifier.verify(&token), Err(Invalid));
    }

    #[test]
    fn any_header_and_signature_is_invalid(
        header in json_value(),
        algorithm in prop_oneof![Just("HS256"), Just("EdDSA"), Just("RS256"), Just("none")],
        signature in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let verifier = verifier(&[secret_key(), public_key()]);
        let claims = json!({ "exp": 4_000_000_000_u64 });
        prop_assert_eq!(verifier.verify(&raw(&header, &claims, &signature)), Err(Invalid));
        let header = json!({ "alg": algorithm, "kid": header });
        prop_assert_eq!(verifier.verify(&raw(&header, &claims, &signature)), Err(Invalid));
    }

    #[test]
    fn signed_claims_never_panic(
        name in prop_oneof![
            Just("exp"), Just("nbf"), Just("room"), Just("room_prefix"), Just("app"),
            Just("capacity"), Just("jti"), Just("aud"),
        ],
        value in json_value(),
    ) {
        let verifier = verifier(&[secret_key()]);
        let mut claims = json!({ "exp": 1 });
        claims[name] = value;
        if let Ok(claims) = verifier.verify(&signed(&claims)) {
            let now = SystemTime::now();
            for leeway in [Duration::ZERO, Duration::MAX] {
                claims.has_expired(now, leeway);
                claims.is_early(now, leeway);
            }
            claims.allows_room("lobby");
        }
    }
}
