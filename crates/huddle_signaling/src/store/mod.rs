//! The store in which the instances of a cluster record which of them owns a room.
//!
//! | entry | value | lifetime |
//! |---|---|---|
//! | instance | the address where the other instances reach it | the lease. The instance renews it |
//! | room | its owner, and the epoch of the claim | [`ROOM_LIFETIME`]. The owner asserts it again |
//! | list | the listed rooms of an instance as JSON, and the version of this list | the lease. The instance renews it |
//! | secret | what the requests between instances contain | forever |
//!
//! A room whose owner has no entry is free. An owner with the address of the calling instance is a
//! former process of it, so its rooms are free, too. The store may lose all entries: each instance
//! then records its rooms again, and the first one to record a room owns it.
//!
//! An operation that fails may be executed later. Therefore each claim of an instance has a higher
//! *epoch*, and an operation with an older epoch never changes the entry of a newer claim.

use std::{collections::HashMap, fmt, net::SocketAddr, time::Duration};

use futures_util::future::BoxFuture;

use crate::{
    config::Secret,
    directory::{InstanceId, Version},
    rooms::RoomKey,
};

mod connection;
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

/// The lists in the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Lists {
    /// The version of this instance's list. `None` if the store does not have it.
    pub(crate) own: Option<Version>,
    /// The lists of all other living instances that have published one.
    pub(crate) others: Vec<OtherList>,
}

/// The list of another instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OtherList {
    pub(crate) id: InstanceId,
    pub(crate) version: Version,
    /// `None` if this instance has this version, or if the answer would be too long.
    pub(crate) json: Option<Vec<u8>>,
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

    /// Removes the entry of this instance, so that all its rooms are free, and its list.
    fn withdraw(&self) -> Answer<'_, ()>;

    /// Writes the list of this instance, unless its entry is missing or the store has a newer list.
    fn publish<'a>(&'a self, version: Version, json: &'a [u8]) -> Answer<'a, ()>;

    /// Returns the lists that have other versions than the known ones. The answer contains at least
    /// one of them.
    fn lists<'a>(&'a self, known: &'a HashMap<InstanceId, Version>) -> Answer<'a, Lists>;
}
