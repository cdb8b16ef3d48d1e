//! The settings of rooms, and the list of rooms.

use std::sync::{MutexGuard, PoisonError};

use super::{Hub, Membership};
use crate::{
    directory::{Directory, ListRequest, Page},
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
                (key, listing)
            })
            .collect();
        drop(state);
        let mut directory = self.directory();
        for (key, listing) in changes {
            directory.set(key, listing.as_ref());
        }
    }

    /// Returns a part of the list of rooms, as it was at the last update.
    pub(crate) fn list(&self, request: &ListRequest) -> Page {
        self.directory().page(request)
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
