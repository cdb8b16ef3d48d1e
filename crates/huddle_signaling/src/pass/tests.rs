use std::num::NonZeroUsize;

use super::*;
use crate::{
    config::{Secret, TokenKey},
    group_id::GroupIds,
    request,
    token::{Claims, SigningKey},
};

const SECRET: &str = "a shared secret of at least 32 bytes";

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// Returns claims that expire in a minute.
fn claims() -> Claims {
    Claims::new(now() + Duration::from_secs(60))
}

fn check_at(now: SystemTime, claims: &Claims, uri: &str) -> Result<JoinRequest, Refusal> {
    let key = TokenKey::Secret(Secret::new(SECRET));
    let verifier = Verifier::new(&[key]).unwrap();
    let signing_key = SigningKey::from_secret(&Secret::new(SECRET)).unwrap();
    let token = claims.sign(&signing_key).unwrap();
    let join_request = request::join_request(&uri.parse().unwrap(), 64).unwrap();
    check(&verifier, Some(&token), join_request, now)
}

fn refusal(claims: &Claims, uri: &str) -> Option<Refusal> {
    check_at(now(), claims, uri).err()
}

#[test]
fn server_without_keys_ignores_tokens() {
    let verifier = Verifier::new(&[]).unwrap();
    let join_request = request::join_request(&"/lobby".parse().unwrap(), 64).unwrap();
    for token in [None, Some("anything")] {
        let checked = check(&verifier, token, join_request.clone(), now());
        assert_eq!(checked.unwrap(), join_request);
    }
}

#[test]
fn token_is_for_one_room_or_a_prefix_or_every_room() {
    assert_eq!(refusal(&claims(), "/any"), None);
    let one = claims().for_room("lobby");
    assert_eq!(refusal(&one, "/lobby"), None);
    assert_eq!(refusal(&one, "/lobby?next=2"), None);
    for other in ["/", "/lobby2", "/lob", "/Lobby", "/lobby%20"] {
        let expected = Some(Refusal::TokenForOtherRoom);
        assert_eq!(refusal(&one, other), expected, "{other}");
    }
    let nameless = claims().for_room("");
    assert_eq!(refusal(&nameless, "/"), None);
    assert!(refusal(&nameless, "/lobby").is_some());
    let prefix = claims().for_room_prefix("match-");
    assert_eq!(refusal(&prefix, "/match-7"), None);
    assert_eq!(refusal(&prefix, "/match-"), None);
    assert!(refusal(&prefix, "/match").is_some());
}

/// A client with extensions returns to the room of its group, whose name no token contains.
#[test]
fn room_of_a_group_needs_no_token_of_its_own() {
    let claims = claims().for_room("lobby");
    let key = TokenKey::Secret(Secret::new(SECRET));
    let ids = GroupIds::new(&[key]);
    let id = ids.of_app("").create().simple().to_string();
    assert_eq!(refusal(&claims, &format!("/{id}?huddle=1")), None);
    for other in [
        format!("/{id}"),
        format!("/{id}0?huddle=1"),
        format!("/{}?huddle=1", id.to_uppercase()),
        format!("/{id}?huddle=1&next=2"),
        "/0123456789abcdef0123456789abcdef?huddle=1".to_owned(),
        format!("/{}?huddle=1", ids.of_app("duel").create().simple()),
    ] {
        assert!(refusal(&claims, &other).is_some(), "{other}");
    }
}

#[test]
fn app_of_the_token_is_that_of_the_room() {
    let joined = check_at(now(), &claims().for_app("duel"), "/lobby").unwrap();
    assert_eq!(joined.key.app, "duel");
    let mut other = request::join_request(&"/lobby".parse().unwrap(), 64).unwrap();
    "cubes".clone_into(&mut other.key.app);
    let key = TokenKey::Secret(Secret::new(SECRET));
    let verifier = Verifier::new(&[key]).unwrap();
    let signing_key = SigningKey::from_secret(&Secret::new(SECRET)).unwrap();
    let token = claims().for_app("duel").sign(&signing_key).unwrap();
    let refused = check(&verifier, Some(&token), other.clone(), now());
    assert_eq!(refused, Err(Refusal::TokenForOtherRoom));
    // A token without a game is for every game.
    let token = claims().sign(&signing_key).unwrap();
    let joined = check(&verifier, Some(&token), other, now()).unwrap();
    assert_eq!(joined.key.app, "cubes");
}

#[test]
fn times_are_checked_with_a_small_leeway() {
    let claims = claims().valid_from(now());
    let at = |seconds: i64| {
        let time = now().checked_add(Duration::from_secs(100)).unwrap();
        let time = time - Duration::from_secs((100 - seconds).try_into().unwrap());
        check_at(time, &claims, "/lobby").map(|joined| joined.access.has_expired)
    };
    assert_eq!(at(-11), Err(Refusal::TokenEarly));
    assert_eq!(at(-10), Ok(false));
    assert_eq!(at(69), Ok(false));
    assert_eq!(at(70), Ok(true));
}

#[test]
fn capacity_limits_rooms_and_groups() {
    let claims = claims().with_capacity(NonZeroUsize::new(2).unwrap());
    let joined = check_at(now(), &claims, "/lobby").unwrap();
    assert_eq!(joined.access.limit(64), 2);
    assert_eq!(joined.access.limit(1), 1);
    assert_eq!(refusal(&claims, "/lobby?next=2"), None);
    let too_big = refusal(&claims, "/lobby?next=3");
    assert_eq!(too_big, Some(Refusal::BadNext { max: 2 }));
}

#[test]
fn token_comes_as_subprotocol_or_in_the_query() {
    let find = |protocols: &[&'static str], uri: &str| {
        let protocols: Vec<_> = protocols
            .iter()
            .map(|protocol| HeaderValue::from_static(protocol))
            .collect();
        token(protocols.iter(), &uri.parse().unwrap())
    };
    assert_eq!(find(&[], "/lobby"), None);
    assert_eq!(find(&["huddle"], "/lobby?huddle=1&token="), None);
    assert_eq!(find(&[], "/lobby?token=a.b.c").as_deref(), Some("a.b.c"));
    let both = find(&["huddle", "huddle.token.x.y.z"], "/lobby?token=a.b.c");
    assert_eq!(both.as_deref(), Some("x.y.z"));
}
