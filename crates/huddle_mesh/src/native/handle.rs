use std::{
    fs::File,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering, mpsc as std_mpsc},
    time::Duration,
};

use bytes::Bytes;
use huddle_id::PeerId;
use tokio::sync::mpsc;

use super::{
    certificate::Certificate,
    driver::Driver,
    ice,
    shared::{Command, Shared, lock},
    tls,
};
use crate::{
    channel::Channel,
    config::{IceServer, RoomConfig},
    event::{RoomError, RoomEvent, SendError},
    settings::SettingsChange,
    stats::LinkStats,
    token::Token,
};

/// The time that dropping a room may wait until its goodbye is sent.
const GOODBYE_TIMEOUT: Duration = Duration::from_millis(200);

/// Rejects a configuration that the `webrtc` crate cannot use.
pub(crate) fn check(config: &RoomConfig) -> Result<(), RoomError> {
    ice::check(&config.ice_servers)
}

/// The game's handle to a room on the network thread.
#[derive(Debug)]
pub(crate) struct Handle {
    local_id: PeerId,
    /// Dropped with the handle, although the thread still sends goodbyes.
    _identity_lock: Option<File>,
    commands: mpsc::UnboundedSender<Command>,
    shared: Arc<Shared>,
    /// Closes when the thread ends. `None` if dropping the handle must not wait for that.
    done: Option<Mutex<std_mpsc::Receiver<()>>>,
}

impl Handle {
    pub(crate) fn join(config: RoomConfig) -> Result<Self, RoomError> {
        let mut certificate = Certificate::new(config.identity.as_deref())?;
        let identity_lock = certificate.lock.take();
        let local_id = certificate.identity.peer_id();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| RoomError::Startup(error.to_string()))?;
        let tls = tls::client_config().map_err(|error| RoomError::Startup(error.to_string()))?;
        let shared = Arc::new(Shared::default());
        // The send limits of the channels bound this queue.
        let (commands, received) = mpsc::unbounded_channel();
        let (done_tx, done) = std_mpsc::channel();
        let driver = Driver::new(certificate, config, tls, Arc::clone(&shared), received);
        std::thread::Builder::new()
            .name("huddle-mesh".into())
            .spawn(move || {
                runtime.block_on(driver.run());
                drop(done_tx);
                // Do not wait for name lookups, which may hang.
                runtime.shutdown_background();
            })
            .map_err(|error| RoomError::Startup(error.to_string()))?;
        Ok(Self {
            local_id,
            _identity_lock: identity_lock,
            commands,
            shared,
            done: Some(Mutex::new(done)),
        })
    }

    pub(crate) fn local_id(&self) -> Option<PeerId> {
        Some(self.local_id)
    }

    pub(crate) fn poll(&mut self) -> Option<RoomEvent> {
        self.shared.is_polled.store(true, Ordering::Relaxed);
        lock(&self.shared.inbox).pop()
    }

    pub(crate) fn queued(&self, peer: PeerId, channel: Channel) -> Option<usize> {
        lock(&self.shared.peers)
            .get(&peer)
            .and_then(|view| Some(view.queued.as_ref()?.get(channel)))
    }

    pub(crate) fn send(
        &mut self,
        peer: PeerId,
        channel: Channel,
        bytes: Bytes,
    ) -> Result<(), SendError> {
        let peers = lock(&self.shared.peers);
        let queued = peers.get(&peer).and_then(|view| view.queued.as_ref());
        queued
            .ok_or(SendError::NoLink)?
            .accept(channel, bytes.len());
        self.commands
            .send(Command::Send(peer, channel, bytes))
            .map_err(|_| SendError::NoLink)
    }

    pub(crate) fn stats(&self, peer: PeerId) -> Option<LinkStats> {
        let view = lock(&self.shared.peers).get(&peer)?.clone();
        let mut stats = view.stats;
        if let Some(queued) = &view.queued {
            stats.queued = Channel::ALL.map(|channel| queued.get(channel));
        }
        stats.packets_unread = lock(&self.shared.inbox).dropped(peer);
        Some(stats)
    }

    pub(crate) fn disconnect(&mut self, peer: PeerId) {
        let _ = self.commands.send(Command::Disconnect(peer));
    }

    pub(crate) fn set_frozen(&mut self, is_frozen: bool) {
        let _ = self.commands.send(Command::SetFrozen(is_frozen));
    }

    pub(crate) fn set_ice_servers(&mut self, servers: Vec<IceServer>) {
        let _ = self.commands.send(Command::SetIceServers(servers));
    }

    pub(crate) fn set_token(&mut self, token: Option<Token>) {
        let _ = self.commands.send(Command::SetToken(token));
    }

    pub(crate) fn change_settings(&mut self, change: SettingsChange) {
        let _ = self.commands.send(Command::ChangeSettings(change));
    }

    pub(crate) fn leave(mut self) {
        self.done = None;
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let _ = self.commands.send(Command::Leave);
        if let Some(done) = self.done.take() {
            let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
            let _ = done.recv_timeout(GOODBYE_TIMEOUT);
        }
    }
}
