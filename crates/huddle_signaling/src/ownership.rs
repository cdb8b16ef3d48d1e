//! The rooms that this instance of a cluster owns, as a state machine without sockets, locks or
//! clocks. Times are durations since the start of the instance.
//!
//! | state of a room | event | next state |
//! |---|---|---|
//! | not owned | the store accepts a claim | owned |
//! | not owned | a `?next=N` group that formed here becomes a room | owned, unconfirmed |
//! | owned | [`CONFIRM_INTERVAL`] passes, or the lease has lapsed | unconfirmed |
//! | unconfirmed | the store records the room again | owned |
//! | unconfirmed | another living instance owns the room: a *conflict* | not owned. The caller disconnects the members |
//! | any | it has no members for [`RELEASE_DELAY`] | not owned. The caller releases it in the store |
//!
//! Clients join an unconfirmed room, too: while the store does not answer, an instance cannot know
//! whether it still owns its rooms. Each conflict is detected as soon as the store answers, so no
//! room stays at two instances.

use std::{collections::HashMap, time::Duration};

use crate::{
    rooms::RoomKey,
    store::{Epoch, Held},
};

#[cfg(test)]
mod tests;

/// The interval at which the owner of a room records it in the store again.
pub(crate) const CONFIRM_INTERVAL: Duration = Duration::from_secs(15);

/// The time after which an instance releases a room without members. The client that claimed the
/// room joins in this time.
pub(crate) const RELEASE_DELAY: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy)]
struct Owned {
    epoch: Epoch,
    /// The time when the store was last asked to record the room and did so. `None` if the room is
    /// unconfirmed.
    confirmed: Option<Duration>,
    /// The time since when the room has no members.
    empty_since: Option<Duration>,
}

/// The rooms that an instance owns.
#[derive(Debug, Default)]
pub(crate) struct Ownership {
    rooms: HashMap<RoomKey, Owned>,
    last_epoch: Epoch,
    /// The time of the last call of [`Ownership::lapsed`].
    last_lapse: Duration,
}

impl Ownership {
    /// Returns whether clients can join a room here.
    pub(crate) fn owns(&self, key: &RoomKey) -> bool {
        self.rooms.contains_key(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.rooms.len()
    }

    /// Returns the epoch for a new claim.
    pub(crate) fn next_epoch(&mut self) -> Epoch {
        self.last_epoch += 1;
        self.last_epoch
    }

    /// Records that the store has accepted a claim, which this instance made at `sent`.
    pub(crate) fn claimed(&mut self, room: Held, sent: Duration, now: Duration) {
        let owned = self.rooms.entry(room.key).or_insert(Owned {
            epoch: room.epoch,
            confirmed: None,
            empty_since: Some(now),
        });
        owned.epoch = owned.epoch.max(room.epoch);
        // The lease may have lapsed after the store accepted the claim.
        if sent >= self.last_lapse {
            owned.confirmed = owned.confirmed.max(Some(sent));
        }
    }

    /// Owns a room that has formed here. Its name is random, so no other instance owns it.
    pub(crate) fn adopt(&mut self, key: RoomKey) {
        let epoch = self.next_epoch();
        self.rooms.entry(key).or_insert(Owned {
            epoch,
            confirmed: None,
            empty_since: None,
        });
    }

    /// Records that the entry of this instance was missing in the store, so that other instances may
    /// own its rooms.
    pub(crate) fn lapsed(&mut self, now: Duration) {
        self.last_lapse = now;
        for owned in self.rooms.values_mut() {
            owned.confirmed = None;
        }
    }

    /// Returns the rooms that the store must record again.
    pub(crate) fn unconfirmed(&self, now: Duration) -> Vec<Held> {
        let is_due = |owned: &Owned| {
            let confirmed = owned.confirmed;
            confirmed.is_none_or(|time| now.saturating_sub(time) >= CONFIRM_INTERVAL)
        };
        let rooms = self.rooms.iter();
        rooms
            .filter(|(_, owned)| is_due(owned))
            .map(|(key, owned)| Held {
                key: key.clone(),
                epoch: owned.epoch,
            })
            .collect()
    }

    /// Records that the store has recorded a room again, as this instance requested at `sent`.
    pub(crate) fn confirmed(&mut self, room: &Held, sent: Duration) {
        if let Some(owned) = self.current(room) {
            owned.confirmed = owned.confirmed.max(Some(sent));
        }
    }

    /// Records that another instance owned a room when this one wanted to confirm it. Returns whether
    /// this instance loses the room: it may have claimed it again in the meantime.
    pub(crate) fn conflicted(&mut self, room: &Held) -> bool {
        let is_current = self.current(room).is_some();
        if is_current {
            self.rooms.remove(&room.key);
        }
        is_current
    }

    /// Gives up the rooms that have had no members for a while. The caller must release them in the
    /// store.
    pub(crate) fn release_empty(
        &mut self,
        now: Duration,
        is_occupied: impl Fn(&RoomKey) -> bool,
    ) -> Vec<Held> {
        let mut released = Vec::new();
        self.rooms.retain(|key, owned| {
            if is_occupied(key) {
                owned.empty_since = None;
                return true;
            }
            let since = *owned.empty_since.get_or_insert(now);
            let is_kept = now.saturating_sub(since) < RELEASE_DELAY;
            if !is_kept {
                released.push(Held {
                    key: key.clone(),
                    epoch: owned.epoch,
                });
            }
            is_kept
        });
        released
    }

    /// Returns the state of a room, unless it has changed since this claim.
    fn current(&mut self, room: &Held) -> Option<&mut Owned> {
        let owned = self.rooms.get_mut(&room.key);
        owned.filter(|owned| owned.epoch == room.epoch)
    }
}
