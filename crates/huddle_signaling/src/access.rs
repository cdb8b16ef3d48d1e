//! What a client's token allows, and the tokens in use.

use std::{collections::HashMap, num::NonZeroUsize};

use matchbox_protocol::PeerId;

/// What a client's token and address allow in addition to its room. The default is everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Access {
    /// The number of members at which the room is full for this client.
    pub(crate) capacity: Option<NonZeroUsize>,
    /// Set if only one client at a time may use the token.
    pub(crate) token: Option<TokenId>,
    /// Whether the token has expired. Then the client can only take its place again.
    pub(crate) has_expired: bool,
    /// Whether the client's address already has as many clients as allowed. Then the client can
    /// only take its place again.
    pub(crate) is_extra: bool,
}

impl Access {
    /// Returns the number of members at which a room is full for this client.
    pub(crate) fn limit(&self, max_members: usize) -> usize {
        self.capacity
            .map_or(max_members, |capacity| capacity.get().min(max_members))
    }
}

/// The claims `app` and `jti` of a token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct TokenId {
    pub(crate) app: String,
    pub(crate) id: String,
}

/// The tokens that only one client at a time may use, and the clients that use them.
#[derive(Debug, Default)]
pub(crate) struct TokensInUse {
    users: HashMap<TokenId, PeerId>,
    tokens: HashMap<PeerId, TokenId>,
}

impl TokensInUse {
    /// Returns whether a client other than `peer` uses the token.
    pub(crate) fn is_taken(&self, token: Option<&TokenId>, peer: PeerId) -> bool {
        let user = token.and_then(|token| self.users.get(token));
        user.is_some_and(|user| *user != peer)
    }

    /// Records the token of a client, instead of its previous one.
    pub(crate) fn set(&mut self, peer: PeerId, token: Option<TokenId>) {
        self.remove(peer);
        if let Some(token) = token {
            self.users.insert(token.clone(), peer);
            self.tokens.insert(peer, token);
        }
    }

    pub(crate) fn remove(&mut self, peer: PeerId) {
        if let Some(token) = self.tokens.remove(&peer) {
            self.users.remove(&token);
        }
    }
}
