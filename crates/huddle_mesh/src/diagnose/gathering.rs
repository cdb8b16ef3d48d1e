use crate::{
    config::{IceServer, RoomConfig, Route},
    event::RoomError,
    ice_url, platform,
};

use super::event::GatheringEvent;

/// A connection needs the settings of a room, and only uses its servers.
const NO_ROOM: &str = "ws://localhost/none";

/// A connection to no peer, which gathers the addresses of this machine.
///
/// It ends when it is dropped.
///
/// ```no_run
/// use huddle_mesh::{IceServer, diagnose::Gathering};
///
/// let server = IceServer::stun("stun:stun.example.org:3478");
/// let mut gathering = Gathering::start(&[server])?;
/// loop {
///     while let Some(event) = gathering.poll() {
///         println!("{event:?}");
///     }
/// #   break;
/// }
/// # Ok::<(), huddle_mesh::RoomError>(())
/// ```
#[derive(Debug)]
pub struct Gathering(platform::GatheringHandle);

impl Gathering {
    /// Starts to gather. Returns immediately, and [`Gathering::poll`] reports the progress.
    ///
    /// With several servers, it is not known which of them have answered, and a native game does
    /// not report failures. To test servers, start one gathering for each of them.
    ///
    /// # Errors
    /// Returns an error if WebRTC is not available, or if the platform does not support a server.
    pub fn start(servers: &[IceServer]) -> Result<Self, RoomError> {
        servers.iter().try_for_each(ice_url::check)?;
        let mut config =
            RoomConfig::new(NO_ROOM).map_err(|error| RoomError::Startup(error.to_string()))?;
        config.ice_servers = servers.to_vec();
        config.route = Route::Any;
        platform::check(&config)?;
        platform::GatheringHandle::start(config).map(Self)
    }

    /// Returns the next event.
    pub fn poll(&mut self) -> Option<GatheringEvent> {
        self.0.poll()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusable_server_is_refused_like_by_a_room() {
        let server = IceServer::stun("turn:host:3478");
        let error = Gathering::start(&[server]).unwrap_err();
        assert!(matches!(error, RoomError::RefusedIceServer { .. }));
    }
}
