//! The settings of rooms, and the rooms whose entries in the list of rooms have changed.

use std::collections::HashSet;

use matchbox_protocol::PeerId;

use super::{Location, Registry, Room, RoomId, RoomKey};
use crate::{
    message::{Delivery, Event, Extension},
    settings::{Listing, RoomStatus, Settings, SettingsChange},
};

#[cfg(test)]
mod tests;

impl Room {
    /// Returns the name of the room if the list of rooms contains it.
    pub(super) fn listed_name(&self) -> Option<&RoomKey> {
        let settings = self.settings.as_ref();
        settings.filter(|settings| settings.open && settings.listed)?;
        self.name.as_ref()
    }

    /// Returns the member that may change the settings.
    pub(super) fn keeper(&self) -> Option<PeerId> {
        self.members.first().copied()
    }
}

impl Registry {
    /// Changes the settings of the sender's room, if the sender is its keeper. If nothing changes,
    /// only the sender receives the settings: the keeper may just have changed.
    pub(crate) fn change_room(
        &mut self,
        sender: PeerId,
        change: SettingsChange,
    ) -> Option<Delivery<'static>> {
        let Some(&Location::Room(id)) = self.peers.get(&sender) else {
            return None;
        };
        let room = self.rooms.get_mut(&id)?;
        let is_keeper = room.keeper() == Some(sender);
        let listed_before = room.listed_name().cloned();
        let settings = room.settings.as_mut()?;
        if !is_keeper || !settings.apply(change, self.limits.max_members) {
            return self.room_status(id, vec![sender]);
        }
        let listed_after = room.listed_name().cloned();
        self.listing_changes.extend(listed_before);
        self.listing_changes.extend(listed_after);
        self.announce_status(id)
    }

    /// Returns the settings of a new room, or `None` if it is the room of a linked group.
    pub(super) fn new_settings(&self, name: &RoomKey, change: SettingsChange) -> Option<Settings> {
        let max_members = self.limits.max_members;
        let ids = self.group_ids.of_app(&name.app);
        (!ids.names_group(&name.name)).then(|| {
            let mut settings = Settings::new(max_members);
            settings.apply(change, max_members);
            settings
        })
    }

    /// Returns the message with the settings of a room.
    pub(super) fn room_status(&self, id: RoomId, to: Vec<PeerId>) -> Option<Delivery<'static>> {
        let room = self.rooms.get(&id)?;
        let status = RoomStatus {
            keeper: room.keeper()?,
            settings: room.settings.clone()?,
        };
        Some(Delivery::new(Event::Extension(Extension::Room(status)), to))
    }

    /// Returns the message with the settings of a room for all connected members with extensions.
    pub(super) fn announce_status(&self, id: RoomId) -> Option<Delivery<'static>> {
        let members = self.rooms.get(&id)?.members.iter().copied();
        let is_informed =
            |member: &PeerId| self.extended.contains(member) && !self.places.is_doubtful(*member);
        let to: Vec<_> = members.filter(is_informed).collect();
        if to.is_empty() {
            return None;
        }
        self.room_status(id, to)
    }

    /// Returns the entry of a room in the list of rooms, which contains the listed open rooms.
    pub(crate) fn listing(&self, key: &RoomKey) -> Option<Listing> {
        let room = self.rooms.get(self.names.get(key)?)?;
        let name = room.listed_name()?.name.clone();
        let settings = room.settings.as_ref()?;
        Some(Listing {
            name,
            players: room.members.len(),
            capacity: settings.capacity,
            metadata: settings.metadata.clone(),
        })
    }

    /// Records that the list of rooms may contain the room from now on, or not any more.
    pub(crate) fn relist(&mut self, key: &RoomKey) {
        let room = self.names.get(key).and_then(|id| self.rooms.get(id));
        let name = room.and_then(Room::listed_name).cloned();
        self.listing_changes.extend(name);
    }

    /// Returns the rooms whose [`listing`](Self::listing) may have changed since the previous call.
    pub(crate) fn take_listing_changes(&mut self) -> HashSet<RoomKey> {
        std::mem::take(&mut self.listing_changes)
    }
}
