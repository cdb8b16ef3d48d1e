//! The settings of rooms, and the list of rooms.

use std::{
    collections::HashSet,
    sync::{Arc, MutexGuard, PoisonError},
};

use super::{Hub, Membership};
use crate::{
    directory::{BadList, Directory, InstanceId, ListRequest, Page, Rooms, Version},
    settings::SettingsChange,
};

impl Hub {
    /// Updates the list of rooms.
    pub(crate) fn update_list(&self) {
        let mut state = self.lock();
        let keys = state.registry.take_listing_changes();
        let changes: Vec<_> = keys
            .into_iter()
            .map(|key| {
                let listing = state.registry.listing(&key);
                // The members of other rooms are about to move.
                let listing = listing.filter(|_| state.owns(&key));
                (key, listing)
            })
            .collect();
        drop(state);
        let mut directory = self.directory();
        for (key, listing) in changes {
            directory.set(&key, listing.as_ref());
        }
    }

    /// Returns a part of the list of rooms, as it was at the last update.
    pub(crate) fn list(&self, request: &ListRequest) -> Page {
        self.directory().page(request)
    }

    /// Returns the listed rooms of this instance as they were at the last update, and their version.
    pub(crate) fn own_rooms(&self) -> (Version, Arc<Rooms>) {
        self.directory().own()
    }

    /// Lists the rooms of another instance, as JSON, instead of its previous ones. If the JSON is not
    /// valid, lists no rooms of that instance.
    pub(crate) fn set_other_rooms(&self, id: InstanceId, json: &[u8]) -> Result<(), BadList> {
        let change = self.directory().change_other(&id);
        let (rooms, result) = match change.parse(json) {
            Ok(rooms) => (rooms, Ok(())),
            Err(problem) => (Rooms::default(), Err(problem)),
        };
        let previous = self.directory().set_other(id, Arc::new(rooms));
        // This needs time, and here no list request waits for it.
        drop((previous, change));
        result
    }

    /// Lists no more rooms of other instances but these.
    pub(crate) fn remove_other_rooms(&self, except: &HashSet<&str>) {
        let removed = self.directory().remove_others(except);
        drop(removed);
    }

    fn directory(&self) -> MutexGuard<'_, Directory> {
        let directory = self.directory.lock();
        directory.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Membership {
    /// Changes the settings of the client's room. Returns the number of messages that the server
    /// sends because of it.
    pub(crate) fn change_room(&self, change: SettingsChange) -> usize {
        let mut state = self.hub.lock();
        let delivery = state.registry.change_room(self.id, change);
        let receivers = delivery.as_ref().map_or(0, |delivery| delivery.to.len());
        state.deliver_all(delivery);
        receivers
    }
}
