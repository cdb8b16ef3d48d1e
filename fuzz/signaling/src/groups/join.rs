//! Requests to join, and their expected results.

use std::num::NonZeroUsize;

use arbitrary::Arbitrary;
use http::Uri;
use matchbox_protocol::PeerId;
use uuid::Uuid;

use super::{
    client::{Client, Location},
    world::World,
};
use crate::{
    access::{Access, TokenId},
    members::{MAX_MEMBERS, MAX_PEERS},
    message::ResumeSecret,
    request::join_request,
    rooms::{JoinError, JoinRequest, RoomKey},
};

/// A request of a client. The numbers select among all clients.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub(super) struct Join {
    room: Room,
    has_extensions: bool,
    /// The client requests the group whose id this client received last.
    group_of: Option<u8>,
    access: Allowed,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Room {
    Queue {
        size: u8,
        has_app: bool,
    },
    Named {
        has_app: bool,
    },
    /// The room with the name of the group whose id this client received last.
    OfGroup(u8),
}

/// What the token and the address of a client allow.
#[derive(Debug, Clone, Copy, Arbitrary)]
struct Allowed {
    token: Option<u8>,
    capacity: u8,
    has_expired: bool,
    is_extra: bool,
}

impl Allowed {
    fn access(self) -> Access {
        Access {
            capacity: NonZeroUsize::new(usize::from(self.capacity % 8)),
            token: self.token.map(token_id),
            has_expired: self.has_expired,
            is_extra: self.is_extra,
        }
    }
}

fn token_id(token: u8) -> TokenId {
    TokenId {
        app: String::new(),
        id: token.to_string(),
    }
}

/// The connection of a client that returns.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub(super) struct Return {
    /// The age of the secret that the client presents: 0 is the newest one of its place. A client
    /// without a secret of this age presents a wrong one.
    secret: u8,
    /// The client uses the name of the room of its group, instead of the queue and the group.
    by_name: bool,
    /// The request, if it is not for the client's own room with the client's own token.
    other: Option<Join>,
    /// The client loses the connection before it receives a message.
    pub(super) unheard: bool,
}

impl World {
    /// Returns the request of a client.
    pub(super) fn request(&self, join: Join) -> JoinRequest {
        let group = |n: u8| self.clients[&self.at(n)?].group;
        let path = |has_app: bool| if has_app { "/duel/a" } else { "/a" };
        let mut url = match join.room {
            Room::Queue { size, has_app } => format!("{}?next={}&", path(has_app), size % 4 + 1),
            Room::Named { has_app } => format!("{}?", path(has_app)),
            Room::OfGroup(n) => match group(n) {
                Some(id) => format!("/{}?", id.simple()),
                None => "/b?".to_owned(),
            },
        };
        if let Some(id) = join.group_of.and_then(group) {
            url += &format!("group={}&", id.simple());
        }
        url += &format!("huddle={}", u8::from(join.has_extensions));
        let mut request = parse(&url);
        request.access = join.access.access();
        request
    }

    /// Returns the request of a client that returns.
    pub(super) fn returning(&self, id: PeerId, back: Return) -> JoinRequest {
        let client = &self.clients[&id];
        let mut issued = client.issued.iter().rev();
        let secret = issued.nth(usize::from(back.secret)).copied();
        let mut request = match back.other {
            Some(join) => self.request(join),
            None => self.own_request(client, back.by_name),
        };
        request.resume = Some(secret.unwrap_or_else(ResumeSecret::random));
        request
    }

    fn own_request(&self, client: &Client, by_name: bool) -> JoinRequest {
        let mut request = parse("/a?huddle=1");
        if let Some(key) = client.key() {
            request.key = key.clone();
        }
        let is_own = |id: &Uuid| client.room() == Some(&self.room_of(*id));
        if let Some(id) = client.group.filter(|id| !by_name && is_own(id)) {
            request.key.name = "a".to_owned();
            request.key.next = NonZeroUsize::new(2);
            request.group = Some(id);
        }
        request.access.token = client.token.map(token_id);
        request
    }

    /// Returns the key of the room of a group.
    pub(super) fn room_of(&self, group: Uuid) -> RoomKey {
        let app = self.apps.get(&group).cloned();
        group_room(app.unwrap_or_default(), group)
    }

    /// Returns the client with the secret of a request.
    pub(super) fn holder(&self, request: &JoinRequest) -> Option<PeerId> {
        let secret = request.resume.filter(|_| request.has_extensions)?;
        let mut clients = self.clients.iter();
        let holder = clients.find(|(_, client)| client.valid.contains(&secret));
        holder.map(|(id, _)| *id)
    }

    /// Returns the client that takes its place again.
    pub(super) fn expected_return(&self, request: &JoinRequest) -> Option<PeerId> {
        let JoinRequest { key, group, .. } = request;
        let group = group.filter(|_| key.next.is_some());
        let group = group.map(|id| group_room(key.app.clone(), id));
        let requested = group.as_ref().unwrap_or(key);
        let holder = self.holder(request);
        holder.filter(|id| self.clients[id].room() == Some(requested))
    }

    /// Returns whether a client other than the one that returns uses the token of a request.
    pub(super) fn is_token_taken(&self, request: &JoinRequest, returning: Option<PeerId>) -> bool {
        let token = request.access.token.as_ref();
        let mut clients = self.clients.iter();
        token.is_some_and(|token| {
            clients.any(|(id, client)| {
                returning != Some(*id) && client.token.map(token_id).as_ref() == Some(token)
            })
        })
    }

    /// Returns the location of a new client.
    pub(super) fn expected_location(&self, request: &JoinRequest) -> Result<Location, JoinError> {
        let JoinRequest { key, access, .. } = request;
        if access.has_expired {
            return Err(JoinError::TokenExpired);
        }
        if access.is_extra {
            return Err(JoinError::TooManyClients);
        }
        if self.is_token_taken(request, None) {
            return Err(JoinError::TokenInUse);
        }
        if self.clients.len() >= MAX_PEERS {
            return Err(JoinError::ServerFull);
        }
        let group = request.group.filter(|id| {
            request.has_extensions
                && self.apps.get(id) == Some(&key.app)
                && self.members(&self.room_of(*id)) > 0
        });
        let room = match group {
            Some(id) if key.next.is_some() => self.room_of(id),
            _ if key.next.is_some() => return Ok(Location::Queue(key.clone())),
            _ => key.clone(),
        };
        let max = access.limit(MAX_MEMBERS);
        if self.members(&room) >= max {
            return Err(JoinError::RoomFull { max });
        }
        Ok(Location::Room(Some(room)))
    }

    fn members(&self, room: &RoomKey) -> usize {
        let clients = self.clients.values();
        clients.filter(|client| client.room() == Some(room)).count()
    }
}

fn group_room(app: String, group: Uuid) -> RoomKey {
    RoomKey {
        app,
        name: group.simple().to_string(),
        next: None,
    }
}

fn parse(url: &str) -> JoinRequest {
    let uri: Uri = url.parse().expect("a valid URL");
    join_request(&uri, 64).expect("a valid request")
}
