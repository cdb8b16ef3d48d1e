//! The rooms of this instance of a cluster.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::sync::Notify;
use tracing::{debug, info};

use super::{Ejection, Hub, State};
use crate::{
    owned_rooms::OwnedRooms,
    rooms::{JoinRequest, RoomKey},
    store::{Epoch, Held},
};

/// The time over which the members of rooms that moved are disconnected, at least.
const MIN_SPREAD: Duration = Duration::from_secs(3);

/// The additional time for each of these members, so that many do not reconnect at once.
const SPREAD_PER_MEMBER: Duration = Duration::from_millis(2);

/// What the instance must write to the store.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// The rooms that the store must record again.
    pub(crate) unconfirmed: Vec<Held>,
    pub(crate) released: Vec<Held>,
}

impl Hub {
    /// Returns whether clients can join a room here.
    pub(crate) fn owns(&self, key: &RoomKey) -> bool {
        self.lock().owns(key)
    }

    /// Returns whether clients can join the room of the client's group here.
    pub(crate) fn has_group(&self, join_request: &JoinRequest) -> bool {
        let state = self.lock();
        let is_group = state.registry.destination(join_request) != join_request.key;
        is_group && state.is_owner(join_request)
    }

    /// Returns the notification that a room must be recorded in the store soon.
    pub(crate) fn room_formed(&self) -> Arc<Notify> {
        self.owned(|owned| Arc::clone(&owned.formed))
    }

    pub(crate) fn next_epoch(&self) -> Epoch {
        self.owned(|owned| owned.ownership.next_epoch())
    }

    /// Records that the store has accepted a claim.
    pub(crate) fn claimed(&self, room: Held, sent: Duration, now: Duration) {
        let mut state = self.lock();
        state.registry.relist(&room.key);
        if let Some(owned) = &mut state.owned {
            owned.ownership.claimed(room, sent, now);
        }
    }

    /// Records that other instances may have taken all rooms.
    pub(crate) fn lease_lapsed(&self, now: Duration) {
        self.owned(|owned| owned.ownership.lapsed(now));
    }

    /// Returns what to write to the store, and gives up rooms without members.
    pub(crate) fn changes(&self, now: Duration) -> Changes {
        let mut state = self.lock();
        let State {
            owned, registry, ..
        } = &mut *state;
        let Some(OwnedRooms { ownership, .. }) = owned else {
            return Changes::default();
        };
        let released = ownership.release_empty(now, |key| registry.is_occupied(key));
        Changes {
            unconfirmed: ownership.unconfirmed(now),
            released,
        }
    }

    /// Records that the store has confirmed rooms, except for the indices in `conflicts`. Other
    /// instances own those: disconnects their members. `sent` is the time of the request.
    pub(crate) fn confirmed(&self, rooms: &[Held], conflicts: &[usize], sent: Duration) {
        let mut state = self.lock();
        let Some(OwnedRooms { ownership, .. }) = &mut state.owned else {
            return;
        };
        let conflicts: HashSet<_> = conflicts.iter().copied().collect();
        let mut lost = Vec::new();
        for (index, room) in rooms.iter().enumerate() {
            if !conflicts.contains(&index) {
                ownership.confirmed(room, sent);
            } else if ownership.conflicted(room) {
                lost.push(&room.key);
            }
        }
        state.vacate(&lost);
    }

    /// Calls a function with the rooms of a cluster.
    fn owned<T: Default>(&self, function: impl FnOnce(&mut OwnedRooms) -> T) -> T {
        let mut state = self.lock();
        state.owned.as_mut().map(function).unwrap_or_default()
    }
}

impl State {
    /// Returns whether clients can join a room here.
    pub(super) fn owns(&self, key: &RoomKey) -> bool {
        let owned = self.owned.as_ref();
        owned.is_none_or(|owned| owned.ownership.owns(key))
    }

    /// Returns whether this instance owns the room that the client enters.
    pub(super) fn is_owner(&self, join_request: &JoinRequest) -> bool {
        let Some(owned) = &self.owned else {
            return true;
        };
        let destination = self.registry.destination(join_request);
        // Another instance may own the room of the client's group.
        let is_found = join_request.group.is_none() || destination != join_request.key;
        is_found && owned.ownership.owns(&destination)
    }

    /// Owns the rooms of new groups.
    pub(super) fn adopt_formed(&mut self) {
        let formed = self.registry.take_formed();
        let Some(owned) = self.owned.as_mut().filter(|_| !formed.is_empty()) else {
            return;
        };
        for key in formed {
            owned.ownership.adopt(key);
        }
        owned.formed.notify_one();
    }

    /// Disconnects the members of rooms that other instances own, one after the other.
    fn vacate(&mut self, lost: &[&RoomKey]) {
        if lost.is_empty() {
            return;
        }
        self.metrics.rooms_conflicted(lost.len());
        for key in lost {
            self.registry.relist(key);
        }
        let members: Vec<_> = lost
            .iter()
            .flat_map(|key| self.registry.members(key))
            .collect();
        info!(
            rooms = lost.len(),
            members = members.len(),
            "other instances own rooms of this one: disconnecting their members"
        );
        let count = u32::try_from(members.len()).unwrap_or(u32::MAX);
        let spread = MIN_SPREAD.max(SPREAD_PER_MEMBER.saturating_mul(count));
        for peer in members {
            let Some(connection) = self.members.get(&peer).map(|member| member.connection) else {
                // The client has lost its connection, and joins another instance if it returns.
                let left = self.remove(peer, Ejection::Moved);
                self.deliver_all(left);
                continue;
            };
            if let Some(owned) = &mut self.owned {
                owned.last_moved += 1;
                let time = owned.now + spread.mul_f64(fastrand::f64());
                let number = owned.last_moved;
                owned.moved.insert((time, number), (peer, connection));
            }
        }
    }

    /// Advances the clock, and disconnects the members that are due.
    pub(super) fn eject_moved(&mut self, step: Duration) {
        let Some(owned) = &mut self.owned else {
            return;
        };
        owned.now += step;
        let later = owned.moved.split_off(&(owned.now, u64::MAX));
        let due = std::mem::replace(&mut owned.moved, later);
        for (peer, connection) in due.into_values() {
            if self.is_current(peer, connection) {
                debug!(%peer, "ejected: another instance owns the room");
                let left = self.remove(peer, Ejection::Moved);
                self.deliver_all(left);
            }
        }
    }
}
