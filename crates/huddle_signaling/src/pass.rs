//! The token of a client that wants to join: where it is in the request, and what it allows.

use std::time::{Duration, SystemTime};

use http::{HeaderValue, Uri};

use crate::{
    access::{Access, TokenId},
    request::{Refusal, query_value},
    rooms::JoinRequest,
    verifier::Verifier,
};

#[cfg(test)]
mod tests;

/// The WebSocket subprotocol of this server. A client that sends its token as a subprotocol also
/// offers this one, because the server must select one and must not repeat the token.
pub(crate) const PROTOCOL: &str = "huddle";

/// The start of the subprotocol that contains a token.
const TOKEN_PROTOCOL: &str = "huddle.token.";

/// The tolerated difference between the clocks of the game's server and of this one.
const LEEWAY: Duration = Duration::from_secs(10);

/// Returns the token of a request: the subprotocol `huddle.token.TOKEN` or `?token=TOKEN`.
pub(crate) fn token<'a>(
    mut protocols: impl Iterator<Item = &'a HeaderValue>,
    uri: &Uri,
) -> Option<String> {
    let protocol = protocols.find_map(|protocol| {
        let protocol = protocol.to_str().ok()?;
        protocol.strip_prefix(TOKEN_PROTOCOL).map(str::to_owned)
    });
    let token = protocol.or_else(|| query_value(uri, "token"));
    token.filter(|token| !token.is_empty())
}

/// Checks that the token is valid for the requested room, and adds what the token allows.
pub(crate) fn check(
    verifier: &Verifier,
    token: Option<&str>,
    mut join_request: JoinRequest,
    now: SystemTime,
) -> Result<JoinRequest, Refusal> {
    if verifier.is_empty() {
        return Ok(join_request);
    }
    let token = token.ok_or(Refusal::TokenMissing)?;
    let claims = verifier.verify(token);
    let claims = claims.map_err(|_| Refusal::TokenInvalid)?;
    if claims.is_early(now, LEEWAY) {
        return Err(Refusal::TokenEarly);
    }
    let key = &mut join_request.key;
    if let Some(app) = claims.app() {
        if !key.app.is_empty() && key.app != app {
            return Err(Refusal::TokenForOtherRoom);
        }
        app.clone_into(&mut key.app);
    }
    if !claims.allows_room(&key.name) && !names_group(verifier, &join_request) {
        return Err(Refusal::TokenForOtherRoom);
    }
    let capacity = claims.capacity();
    let group_size = join_request.key.next;
    if let Some(max) = capacity.filter(|max| group_size.is_some_and(|size| size > *max)) {
        return Err(Refusal::BadNext { max: max.get() });
    }
    let token = claims.id().map(|id| TokenId {
        app: claims.app().unwrap_or_default().to_owned(),
        id: id.to_owned(),
    });
    join_request.access = Access {
        capacity,
        token,
        // Only the registry knows whether the client has a place to return to.
        has_expired: claims.has_expired(now, LEEWAY),
        ..join_request.access
    };
    Ok(join_request)
}

/// Returns whether the room is that of a linked `?next=N` group of this server. Only its members
/// know the name, and their tokens are for the name of the queue.
fn names_group(verifier: &Verifier, join_request: &JoinRequest) -> bool {
    let JoinRequest {
        key,
        has_extensions,
        ..
    } = join_request;
    let is_group = verifier.group_ids().is_name(&key.app, &key.name);
    *has_extensions && key.next.is_none() && is_group
}
