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
    config::{IceServer, RoomConfig},
    event::{RoomError, RoomEvent, SendError},
    settings::SettingsChange,
    stats::LinkStats,
    token::Token,
};

thread_local! {
    /// The rooms of this thread. JavaScript objects are bound to the thread that created them, so a
    /// [`Handle`] has only a number.
    static ROOMS: RefCell<BTreeMap<u64, Stage>> = const { RefCell::new(BTreeMap::new()) };
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

/// The state of a room.
#[derive(Debug)]
enum Stage {
    /// The browser creates the local peer's certificate.
    Starting {
        /// Whether the game is frozen. The driver receives this when it starts.
        is_frozen: bool,
        /// The ICE servers that the game has set since it joined. The driver receives them when it
        /// starts.
        ice_servers: Option<Vec<IceServer>>,
        /// The token that the game has set since it joined.
        token: Option<Token>,
    },
    /// The driver runs.
    Running(Rc<RefCell<Driver>>),
    /// The room could not start. `None` after the error has been reported.
    Failed(Option<RoomError>),
}

/// The game's handle to a room. It works only on the thread that created it, and does nothing on
/// other threads.
#[derive(Debug)]
pub(crate) struct Handle {
    room: u64,
    /// Whether [`RoomError::Stopped`] has been reported.
    failed: bool,
}

impl Handle {
    pub(crate) fn join(config: RoomConfig) -> Result<Self, RoomError> {
        let room = NEXT.replace(NEXT.get() + 1);
        let stage = Stage::Starting {
            is_frozen: false,
            ice_servers: None,
            token: None,
        };
        ROOMS.with_borrow_mut(|rooms| rooms.insert(room, stage));
        spawn_local(async move {
            let certificate = Certificate::new(config.identity.as_deref()).await;
            let driver = certificate.and_then(|certificate| Driver::start(certificate, config));
            ROOMS.with_borrow_mut(|rooms| {
                // The game may have left the room in the meantime.
                let Some(stage) = rooms.get_mut(&room) else {
                    return;
                };
                if let (
                    Ok(driver),
                    Stage::Starting {
                        is_frozen,
                        ice_servers,
                        token,
                    },
                ) = (&driver, &mut *stage)
                {
                    let mut driver = driver.borrow_mut();
                    if let Some(servers) = ice_servers.take() {
                        driver.set_ice_servers(servers);
                    }
                    if let Some(token) = token.take() {
                        driver.set_token(Some(token));
                    }
                    if *is_frozen {
                        driver.set_frozen(true);
                    }
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
            // The driver is still borrowed. The game never runs while the driver does, so an
            // exception has passed through the driver.
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
            if let Some(Stage::Starting {
                is_frozen: stored, ..
            }) = rooms.get_mut(&self.room)
            {
                *stored = is_frozen;
            }
        });
    }

    pub(crate) fn set_ice_servers(&mut self, servers: Vec<IceServer>) {
        ROOMS.with_borrow_mut(|rooms| {
            if let Some(Stage::Starting { ice_servers, .. }) = rooms.get_mut(&self.room) {
                *ice_servers = Some(servers.clone());
            }
        });
        self.with(|driver| driver.set_ice_servers(servers));
    }

    pub(crate) fn set_token(&mut self, set: Option<Token>) {
        ROOMS.with_borrow_mut(|rooms| {
            if let Some(Stage::Starting { token, .. }) = rooms.get_mut(&self.room) {
                token.clone_from(&set);
            }
        });
        self.with(|driver| driver.set_token(set));
    }

    /// Has no effect before the room is connected, when its settings are not known either.
    pub(crate) fn change_settings(&mut self, change: SettingsChange) {
        self.with(|driver| driver.change_settings(change));
    }

    pub(crate) fn leave(self) {
        // Dropping the handle leaves the room.
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
