use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use bytes::Bytes;
use huddle_id::PeerId;
use wasm_bindgen_futures::spawn_local;

use super::{certificate::Certificate, driver::Driver};
use crate::{
    channel::Channel,
    config::RoomConfig,
    event::{RoomError, RoomEvent, SendError},
    stats::LinkStats,
};

thread_local! {
    /// What a browser gives is bound to the page's thread; the game's side only keeps a number.
    static ROOMS: RefCell<BTreeMap<u64, Stage>> = const { RefCell::new(BTreeMap::new()) };
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

/// How far a room has come.
#[derive(Debug)]
enum Stage {
    /// The browser makes the local peer's certificate.
    Starting {
        is_frozen: bool,
    },
    Running(Rc<RefCell<Driver>>),
    /// `None` once the error is reported.
    Failed(Option<RoomError>),
}

/// The game's side of a room. Does nothing on another thread than the one it was made on.
#[derive(Debug)]
pub(crate) struct Handle {
    room: u64,
    failed: bool,
}

impl Handle {
    pub(crate) fn join(config: RoomConfig) -> Result<Self, RoomError> {
        let room = NEXT.replace(NEXT.get() + 1);
        let stage = Stage::Starting { is_frozen: false };
        ROOMS.with_borrow_mut(|rooms| rooms.insert(room, stage));
        spawn_local(async move {
            let certificate = Certificate::new(config.identity.as_deref()).await;
            let driver = certificate.and_then(|certificate| Driver::start(certificate, config));
            ROOMS.with_borrow_mut(|rooms| {
                // The game may have left the room in the meantime.
                let Some(stage) = rooms.get_mut(&room) else {
                    return;
                };
                if let (Ok(driver), Stage::Starting { is_frozen: true }) = (&driver, &*stage) {
                    driver.borrow_mut().set_frozen(true);
                }
                *stage = match driver {
                    Ok(driver) => Stage::Running(driver),
                    Err(error) => Stage::Failed(Some(error)),
                };
            });
        });
        Ok(Self {
            room,
            failed: false,
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Driver) -> T) -> Option<T> {
        let driver = ROOMS.with_borrow(|rooms| match rooms.get(&self.room) {
            Some(Stage::Running(driver)) => Some(Rc::clone(driver)),
            _ => None,
        })?;
        let mut driver = driver.try_borrow_mut().ok()?;
        Some(act(&mut driver))
    }

    pub(crate) fn local_id(&self) -> Option<PeerId> {
        self.with(|driver| driver.local_id())
    }

    pub(crate) fn poll(&mut self) -> Option<RoomEvent> {
        if let Some(event) = self.with(Driver::poll) {
            return event;
        }
        let error = ROOMS.with_borrow_mut(|rooms| match rooms.get_mut(&self.room)? {
            Stage::Starting { .. } => None,
            Stage::Failed(error) => error.take(),
            // Nothing calls the game while the driver works. So an exception has passed through
            // it.
            Stage::Running(_) => {
                (!std::mem::replace(&mut self.failed, true)).then_some(RoomError::Stopped)
            }
        });
        error.map(RoomEvent::Failed)
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
        ROOMS.with_borrow_mut(|rooms| {
            if let Some(Stage::Starting { is_frozen: wanted }) = rooms.get_mut(&self.room) {
                *wanted = is_frozen;
            }
        });
    }

    pub(crate) fn leave(self) {
        // What is dropped leaves.
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let stage = ROOMS.with_borrow_mut(|rooms| rooms.remove(&self.room));
        if let Some(Stage::Running(driver)) = stage {
            Driver::leave(driver);
        }
    }
}
