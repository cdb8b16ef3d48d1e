use std::time::Duration;

use huddle_mesh::{
    IceServer, Path, PeerId, Room, RoomConfig, RoomError, RoomEvent, RoomSecret, Route, Signaling,
};
use web_time::Instant;

use crate::findings::{LinkTest, SignalingTest};

/// How long a link may take to open. The mesh reports the failure of an attempt earlier.
const TIMEOUT: Duration = Duration::from_secs(25);
/// How long the path of an open link may remain unknown. Some browsers never report it.
const PATH_TIMEOUT: Duration = Duration::from_secs(3);

/// A link between two rooms of this machine, in a private room of the signaling server.
#[derive(Debug)]
pub(super) struct LinkCheck {
    server: String,
    since: Instant,
    members: Vec<Member>,
    connected: Option<Duration>,
    /// When both members had joined.
    opened: Option<Duration>,
    failure: Option<Failure>,
}

#[derive(Debug)]
struct Member {
    room: Room,
    peer_id: Option<PeerId>,
}

#[derive(Debug)]
enum Failure {
    Signaling(String),
    Link(String),
}

impl LinkCheck {
    pub(super) fn start(server: &str, ice_servers: &[IceServer], route: Route) -> Self {
        let mut check = Self {
            server: server.to_owned(),
            since: Instant::now(),
            members: Vec::new(),
            connected: None,
            opened: None,
            failure: None,
        };
        match join(server, ice_servers, route) {
            Ok(rooms) => {
                let peer_id = None;
                let rooms = rooms.into_iter();
                check.members = rooms.map(|room| Member { room, peer_id }).collect();
            }
            Err(failure) => check.failure = Some(failure),
        }
        check
    }

    pub(super) fn poll(&mut self) {
        let elapsed = self.since.elapsed();
        for member in &mut self.members {
            while let Some(event) = member.room.poll() {
                match event {
                    RoomEvent::Signaling(Signaling::Connected { .. }) => {
                        self.connected.get_or_insert(elapsed);
                    }
                    RoomEvent::Signaling(Signaling::Retrying { reason, .. }) => {
                        let reason = reason.to_string();
                        self.failure.get_or_insert(Failure::Signaling(reason));
                    }
                    RoomEvent::TokenNeeded { reason } => {
                        let reason = format!("the signaling server needs a token: {reason}");
                        self.failure.get_or_insert(Failure::Signaling(reason));
                    }
                    RoomEvent::PeerJoined { peer_id, .. } => member.peer_id = Some(peer_id),
                    RoomEvent::LinkFailed { reason, .. } => {
                        let reason = reason.to_string();
                        self.failure.get_or_insert(Failure::Link(reason));
                    }
                    RoomEvent::Failed(error) => {
                        self.failure.get_or_insert(of_room(&error));
                    }
                    _ => {}
                }
            }
        }
        let all_joined = self.members.iter().all(|member| member.peer_id.is_some());
        if self.opened.is_none() && !self.members.is_empty() && all_joined {
            self.opened = Some(elapsed);
        }
        if self.opened.is_none() && elapsed > TIMEOUT {
            let reason = format!("no link within {} s", TIMEOUT.as_secs());
            self.failure.get_or_insert(match self.connected {
                Some(_) => Failure::Link(reason),
                None => Failure::Signaling(reason),
            });
        }
    }

    /// Returns the result of the signaling server, as soon as it is certain.
    pub(super) fn signaling(&self) -> Option<SignalingTest> {
        let url = self.server.clone();
        if let Some(after) = self.connected {
            return Some(SignalingTest::Connected { url, after });
        }
        let reason = match self.failure.as_ref()? {
            Failure::Signaling(reason) | Failure::Link(reason) => reason.clone(),
        };
        Some(SignalingTest::Failed { url, reason })
    }

    /// Returns the result of the link, as soon as it is certain.
    pub(super) fn result(&self) -> Option<LinkTest> {
        if let Some(after) = self.opened {
            let path = self.path();
            let is_known = path != Path::Unknown || self.since.elapsed() > after + PATH_TIMEOUT;
            return is_known.then_some(LinkTest::Open { after, path });
        }
        match self.failure.as_ref()? {
            // The report of the server says this.
            Failure::Signaling(_) => Some(LinkTest::NotTested),
            Failure::Link(reason) => Some(LinkTest::Failed(reason.clone())),
        }
    }

    fn path(&self) -> Path {
        let paths = self.members.iter().filter_map(|member| {
            let stats = member.room.stats(member.peer_id?)?;
            Some(stats.path)
        });
        paths
            .into_iter()
            .find(|path| *path != Path::Unknown)
            .unwrap_or_default()
    }
}

/// Joins a random private room twice.
fn join(server: &str, ice_servers: &[IceServer], route: Route) -> Result<[Room; 2], Failure> {
    let name = RoomSecret::random().to_string();
    let url = format!("{}/doctor-{name}", server.trim_end_matches('/'));
    let mut config = RoomConfig::new(&url)
        .map_err(|error| Failure::Signaling(error.to_string()))?
        .with_secret(RoomSecret::random());
    config.ice_servers = ice_servers.to_vec();
    config.route = route;
    let join = |config| Room::join(config).map_err(|error| of_room(&error));
    Ok([join(config.clone())?, join(config)?])
}

fn of_room(error: &RoomError) -> Failure {
    let text = error.to_string();
    match error {
        RoomError::Refused(_)
        | RoomError::Forbidden(_)
        | RoomError::NotFound(_)
        | RoomError::BlockedByBrowser { .. } => Failure::Signaling(text),
        _ => Failure::Link(text),
    }
}
