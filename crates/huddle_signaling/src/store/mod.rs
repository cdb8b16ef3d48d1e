//! The store in which the instances of a cluster record which of them owns a room.
//!
//! | entry | value | lifetime |
//! |---|---|---|
//! | instance | the address where the other instances reach it | the lease. The instance renews it |
//! | room | its owner, and the epoch of the claim | [`ROOM_LIFETIME`]. The owner asserts it again |
//! | secret | what the requests between instances contain | forever |
//!
//! A room whose owner has no entry is free. An owner with the address of the calling instance is a
//! former process of it, so its rooms are free, too. The store may lose all entries: each instance
//! then records its rooms again, and the first one to record a room owns it.
//!
//! An operation that fails may be executed later. Therefore each claim of an instance has a higher
//! *epoch*, and an operation with an older epoch never changes the entry of a newer claim.

use std::{fmt, net::SocketAddr, time::Duration};

use futures_util::future::BoxFuture;

use crate::{config::Secret, rooms::RoomKey};

#[cfg(test)]
pub(crate) mod memory;
pub(crate) mod redis;
mod scripts;
#[cfg(test)]
mod tests;

/// The time after which the store forgets a room whose owner does not assert it.
pub(crate) const ROOM_LIFETIME: Duration = Duration::from_secs(60);

/// The number of a claim. Each claim of an instance has a higher one.
pub(crate) type Epoch = u64;

/// A room that an instance owns or wants to own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) key: RoomKey,
    pub(crate) epoch: Epoch,
}

/// The result of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The instance owns the room.
    Here,
    /// Another instance owns the room.
    There(SocketAddr),
    /// The entry of this instance is missing. It must renew its lease first.
    Lapsed,
}

/// The result of a renewal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Renewal {
    /// Whether the entry of this instance was missing. Other instances may have taken its rooms.
    pub(crate) had_lapsed: bool,
    /// The secret of the cluster.
    pub(crate) secret: Secret,
}

/// The store did not answer. Contains the cause.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unavailable(pub(crate) String);

/// The result of an operation.
pub(crate) type Answer<'a, T> = BoxFuture<'a, Result<T, Unavailable>>;

/// The connection of one instance to the store. All operations end within a few seconds.
pub(crate) trait Store: fmt::Debug + Send + Sync {
    /// Writes the entry of this instance, and the secret of the cluster if there is none.
    fn renew(&self) -> Answer<'_, Renewal>;

    /// Takes a room for this instance, unless another living instance owns it.
    fn claim<'a>(&'a self, room: &'a Held) -> Answer<'a, Claim>;

    /// Returns the address of the other living instance that owns a room.
    fn find<'a>(&'a self, key: &'a RoomKey) -> Answer<'a, Option<SocketAddr>>;

    /// Records rooms of this instance again. Returns the indices of those that another living
    /// instance owns.
    fn assert<'a>(&'a self, rooms: &'a [Held]) -> Answer<'a, Vec<usize>>;

    /// Removes the entries of rooms, unless they have changed since these claims.
    fn release<'a>(&'a self, rooms: &'a [Held]) -> Answer<'a, ()>;

    /// Removes the entry of this instance, so that all its rooms are free.
    fn withdraw(&self) -> Answer<'_, ()>;
}
