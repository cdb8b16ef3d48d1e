use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use bytes::Bytes;
use huddle_id::PeerId;

use super::driver::Driver;
use crate::{
    channel::Channel,
    config::RoomConfig,
    event::{RoomError, RoomEvent, SendError},
    stats::LinkStats,
};

thread_local! {
    /// What a browser gives is bound to the page's thread; the game's side only keeps a number.
    static ROOMS: RefCell<BTreeMap<u64, Rc<RefCell<Driver>>>> = const { RefCell::new(BTreeMap::new()) };
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

/// The game's side of a room. Does nothing on another thread than the one it was made on.
#[derive(Debug)]
pub(crate) struct Handle {
    room: u64,
    failed: bool,
}

impl Handle {
    pub(crate) fn join(local_id: PeerId, config: RoomConfig) -> Result<Self, RoomError> {
        let driver = Driver::start(local_id, config)?;
        let room = NEXT.replace(NEXT.get() + 1);
        ROOMS.with_borrow_mut(|rooms| rooms.insert(room, driver));
        Ok(Self {
            room,
            failed: false,
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Driver) -> T) -> Option<T> {
        let driver = ROOMS.with_borrow(|rooms| rooms.get(&self.room).cloned())?;
        let mut driver = driver.try_borrow_mut().ok()?;
        Some(act(&mut driver))
    }

    pub(crate) fn poll(&mut self) -> Option<RoomEvent> {
        if let Some(event) = self.with(Driver::poll) {
            return event;
        }
        // Nothing calls the game while the driver works. So an exception has passed through it.
        let is_stuck = ROOMS.with_borrow(|rooms| rooms.contains_key(&self.room));
        let told = std::mem::replace(&mut self.failed, is_stuck);
        (is_stuck && !told).then_some(RoomEvent::Failed(RoomError::Stopped))
    }

    pub(crate) fn queued(&self, peer: PeerId, channel: Channel) -> Option<usize> {
        self.with(|driver| driver.queued(peer, channel))?
    }

    pub(crate) fn send(
        &mut self,
        peer: PeerId,
        channel: Channel,
        bytes: Bytes,
    ) -> Result<(), SendError> {
        match self.with(|driver| driver.send(peer, channel, bytes)) {
            Some(true) => Ok(()),
            _ => Err(SendError::NoLink),
        }
    }

    pub(crate) fn stats(&self, peer: PeerId) -> Option<LinkStats> {
        self.with(|driver| driver.stats(peer))?
    }

    pub(crate) fn disconnect(&mut self, peer: PeerId) {
        self.with(|driver| driver.disconnect(peer));
    }

    pub(crate) fn set_frozen(&mut self, is_frozen: bool) {
        self.with(|driver| driver.set_frozen(is_frozen));
    }

    pub(crate) fn leave(self) {
        // What is dropped leaves.
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(driver) = ROOMS.with_borrow_mut(|rooms| rooms.remove(&self.room)) {
            Driver::leave(driver);
        }
    }
}
