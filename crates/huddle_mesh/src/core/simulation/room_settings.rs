//! Rooms with settings, on a server that has them, like `huddle-signaling`.

use super::*;
use crate::{
    core::signaling::close_code,
    event::{Signaling, SignalingLoss},
    settings::{RoomSettings, SettingsChange},
};

/// The rooms of a server, by URL.
pub(super) type ServerRooms = BTreeMap<String, ServerRoom>;

#[derive(Debug, Clone)]
pub(super) struct ServerRoom {
    /// The members in the order in which they joined.
    members: Vec<SignalingId>,
    is_open: bool,
    is_listed: bool,
    capacity: u16,
    metadata: String,
}

impl ServerRoom {
    /// Creates a room with the parameters of a URL.
    fn new(parameters: &str) -> Self {
        let value = |key: &str| {
            let mut pairs = parameters.split('&').filter_map(|it| it.split_once('='));
            let found = pairs.find(|(name, _)| *name == key);
            found.map(|(_, value)| value.to_owned())
        };
        Self {
            members: Vec::new(),
            is_open: true,
            is_listed: value("listed").is_some(),
            capacity: value("capacity").map_or(64, |value| value.parse().unwrap()),
            metadata: value("metadata").unwrap_or_default(),
        }
    }

    fn message(&self) -> String {
        let Self {
            members,
            is_open,
            is_listed,
            capacity,
            metadata,
        } = self;
        let keeper = members[0];
        format!(
            r#"{{"Room":{{"keeper":"{keeper}","open":{is_open},"listed":{is_listed},"capacity":{capacity},"metadata":"{metadata}"}}}}"#
        )
    }
}

/// Returns the URL without the settings of a new room, and these settings.
pub(super) fn split_settings(url: &str) -> (String, String) {
    let is_setting = |part: &&str| {
        let keys = ["listed=", "capacity=", "metadata="];
        keys.iter().any(|key| part.starts_with(key))
    };
    let (settings, others): (Vec<_>, Vec<_>) = url.split('&').partition(is_setting);
    (others.join("&"), settings.join("&"))
}

impl Simulation {
    fn with_settings(nodes: usize) -> Self {
        let mut simulation = Self::new(0);
        simulation.rooms = Some(ServerRooms::new());
        for _ in 0..nodes {
            simulation.join();
            simulation.run(seconds(1));
        }
        simulation
    }

    /// Creates a room, or refuses a node. Returns `false` if the room is closed.
    pub(super) fn enter_room(&mut self, node: usize, url: &str, settings: &str) -> bool {
        let Some(rooms) = &mut self.rooms else {
            return true;
        };
        let room = rooms.entry(url.to_owned());
        let is_open = room.or_insert_with(|| ServerRoom::new(settings)).is_open;
        if !is_open {
            let end = SocketEnd::Closed(Some(close_code::FULL), "this room is closed".into());
            self.after(LATENCY, node, Input::SocketEnded(end));
        }
        is_open
    }

    /// Adds a node to its room.
    pub(super) fn entered_room(&mut self, node: usize) {
        let (Some(rooms), Some(sid)) = (&mut self.rooms, self.nodes[node].sid) else {
            return;
        };
        if let Some(room) = rooms.get_mut(&self.nodes[node].room) {
            room.members.push(sid);
            self.announce_settings_to(node);
        }
    }

    /// Removes a member from its room, which may have another keeper then.
    pub(super) fn left_room(&mut self, node: usize, sid: SignalingId) {
        let Some(rooms) = &mut self.rooms else {
            return;
        };
        let url = self.nodes[node].room.clone();
        let Some(room) = rooms.get_mut(&url) else {
            return;
        };
        room.members.retain(|member| *member != sid);
        if room.members.is_empty() {
            rooms.remove(&url);
        } else {
            self.announce_settings(&url);
        }
    }

    /// Sends a node the settings of its room.
    pub(super) fn announce_settings_to(&mut self, node: usize) {
        let rooms = self.rooms.as_ref();
        let room = rooms.and_then(|rooms| rooms.get(&self.nodes[node].room));
        if let Some(text) = room.map(ServerRoom::message) {
            self.after(LATENCY, node, Input::SocketText(text));
        }
    }

    fn announce_settings(&mut self, url: &str) {
        let room = self.rooms.as_ref().and_then(|rooms| rooms.get(url));
        let Some(text) = room.map(ServerRoom::message) else {
            return;
        };
        for node in 0..self.nodes.len() {
            if self.nodes[node].room == url && self.nodes[node].sid.is_some() {
                self.after(LATENCY, node, Input::SocketText(text.clone()));
            }
        }
    }

    /// Handles a request to change settings. Returns `false` if the text is another one.
    pub(super) fn takes_change(&mut self, node: usize, text: &str) -> bool {
        let Some(change) = text.strip_prefix(r#"{"Room":"#) else {
            return false;
        };
        let change: serde_json::Value =
            serde_json::from_str(change.strip_suffix('}').unwrap()).unwrap();
        let url = self.nodes[node].room.clone();
        let rooms = self.rooms.as_mut().expect("a stock server got a request");
        let room = rooms.get_mut(&url).unwrap();
        if self.nodes[node].sid == Some(room.members[0]) {
            room.is_open = change["open"].as_bool().unwrap_or(room.is_open);
            room.is_listed = change["listed"].as_bool().unwrap_or(room.is_listed);
            if let Some(capacity) = change["capacity"].as_u64() {
                room.capacity = capacity.try_into().unwrap();
            }
            if let Some(metadata) = change["metadata"].as_str() {
                room.metadata = metadata.to_owned();
            }
        }
        self.announce_settings(&url);
        true
    }

    fn change(&mut self, node: usize, change: SettingsChange) {
        self.nodes[node].core.change_settings(change);
    }

    fn reported_settings(&self, node: usize) -> Vec<RoomSettings> {
        let events = self.nodes[node].events.iter();
        events
            .filter_map(|(_, event)| match event {
                CoreEvent::SettingsChanged(settings) => Some(settings.clone()),
                _ => None,
            })
            .collect()
    }

    /// Returns the settings that the node received last.
    fn settings(&self, node: usize) -> RoomSettings {
        self.reported_settings(node).pop().unwrap()
    }

    fn is_refused(&self, node: usize) -> bool {
        let refused = |event: &CoreEvent| {
            let reason = SignalingLoss::Full("this room is closed".to_owned());
            matches!(event, CoreEvent::Signaling(Signaling::Retrying { reason: it, .. }) if *it == reason)
        };
        !self.when(node, refused).is_empty()
    }
}

fn open(is_open: bool) -> SettingsChange {
    SettingsChange {
        is_open: Some(is_open),
        ..SettingsChange::default()
    }
}

#[test]
fn creator_sets_the_settings_and_all_members_receive_them() {
    let mut simulation = Simulation::new(0);
    simulation.rooms = Some(ServerRooms::new());
    let config = RoomConfig::new(simulation.url).unwrap();
    let listed = config.clone().listed().with_capacity(4);
    simulation.join_with(listed.with_metadata("dust"));
    simulation.run(seconds(1));
    // A client that does not create the room has no effect.
    simulation.join_with(config.with_metadata("ice"));
    simulation.run(seconds(1));
    let expected = RoomSettings {
        is_keeper: true,
        is_open: true,
        is_listed: true,
        capacity: 4,
        metadata: "dust".to_owned(),
    };
    let of_member = RoomSettings {
        is_keeper: false,
        ..expected.clone()
    };
    assert_eq!(simulation.reported_settings(0), [expected]);
    assert_eq!(simulation.reported_settings(1), [of_member]);
    simulation.assert_all_joined_once();
}

#[test]
fn only_the_keeper_changes_settings_and_the_next_member_succeeds_it() {
    let mut simulation = Simulation::with_settings(3);
    let is_keeper = |simulation: &Simulation, node| simulation.settings(node).is_keeper;
    assert!(is_keeper(&simulation, 0) && !is_keeper(&simulation, 1));
    simulation.change(1, open(false));
    simulation.run(seconds(1));
    assert!(simulation.settings(0).is_open);
    simulation.change(0, open(false));
    simulation.run(seconds(1));
    assert!((0..3).all(|node| !simulation.settings(node).is_open));
    simulation.kill(0);
    simulation.run(seconds(1));
    assert!(is_keeper(&simulation, 1) && !is_keeper(&simulation, 2));
    simulation.change(1, open(true));
    simulation.run(seconds(1));
    assert!(simulation.settings(2).is_open);
}

#[test]
fn closed_room_refuses_newcomers_until_it_is_open_again() {
    let mut simulation = Simulation::with_settings(2);
    simulation.change(0, open(false));
    simulation.run(seconds(1));
    let newcomer = simulation.join();
    simulation.run(seconds(5));
    assert!(simulation.is_refused(newcomer));
    assert!(simulation.joins(0, newcomer).is_empty());
    simulation.change(0, open(true));
    simulation.run(seconds(6));
    simulation.assert_all_joined_once();
}

#[test]
fn server_without_settings_receives_no_change() {
    let mut simulation = Simulation::new(2);
    simulation.run(seconds(1));
    // The server fails the test if it receives the request.
    simulation.change(0, open(false));
    simulation.run(seconds(5));
    assert_eq!(simulation.reported_settings(0), []);
    simulation.assert_all_joined_once();
}

#[test]
fn closed_room_survives_a_server_restart_with_all_its_members() {
    let mut simulation = Simulation::with_settings(0);
    let config = RoomConfig::new(simulation.url).unwrap();
    let listed = config.clone().listed().with_metadata("dust");
    simulation.join_with(listed);
    simulation.run(seconds(1));
    for _ in 0..3 {
        simulation.join_with(config.clone());
    }
    simulation.run(seconds(2));
    simulation.change(0, open(false));
    simulation.run(seconds(1));
    simulation.kill_server();
    simulation.run(seconds(1));
    simulation.server_up = true;
    simulation.run(seconds(40));
    let rooms = simulation.rooms.as_ref().unwrap();
    let room = rooms.values().next().unwrap();
    assert_eq!(room.members.len(), 4, "all members are back");
    assert!(!room.is_listed, "players do not find a running match");
    simulation.run(seconds(60));
    for node in 0..4 {
        let settings = simulation.settings(node);
        let expected = (false, true, "dust");
        let RoomSettings {
            is_open, is_listed, ..
        } = settings;
        assert_eq!((is_open, is_listed, settings.metadata.as_str()), expected);
        assert!(!simulation.is_refused(node), "{node}");
    }
    simulation.assert_all_joined_once();
}

#[test]
fn member_that_takes_its_place_again_is_not_affected_by_a_closed_room() {
    let mut simulation = Simulation::with_settings(0);
    simulation.keep_places(seconds(10));
    for _ in 0..2 {
        simulation.join();
        simulation.run(seconds(1));
    }
    simulation.change(0, open(false));
    simulation.run(seconds(1));
    let before = simulation.settings(1);
    for node in 0..2 {
        simulation.lose_websocket(node);
        simulation.run(seconds(40));
        assert!(!simulation.is_refused(node));
        assert!(simulation.nodes[node].sid.is_some());
    }
    assert_eq!(simulation.settings(1), before);
    assert!(simulation.settings(0).is_keeper);
    simulation.assert_all_joined_once();
}

#[test]
fn flood_of_settings_reaches_the_game_once_per_tick() {
    let mut simulation = Simulation::new(1);
    simulation.run(seconds(1));
    let keeper = simulation.nodes[0].sid.unwrap();
    for n in 0..1000 {
        let text = format!(
            r#"{{"Room":{{"keeper":"{keeper}","open":true,"listed":true,"capacity":{n},"metadata":""}}}}"#
        );
        simulation.after(Duration::from_millis(n), 0, Input::SocketText(text));
    }
    simulation.run(seconds(2));
    let reported = simulation.reported_settings(0);
    assert!((10..=21).contains(&reported.len()), "{}", reported.len());
    assert_eq!(simulation.settings(0).capacity, 999);
}

#[test]
fn invalid_settings_are_a_violation_of_the_server() {
    let mut simulation = Simulation::new(1);
    simulation.is_honest = false;
    simulation.run(seconds(1));
    let keeper = simulation.nodes[0].sid.unwrap();
    let text = format!(
        r#"{{"Room":{{"keeper":"{keeper}","open":true,"listed":true,"capacity":8,"metadata":"{}"}}}}"#,
        "x".repeat(257)
    );
    simulation.after(LATENCY, 0, Input::SocketText(text));
    simulation.run(seconds(1));
    let violations = simulation.violations(0);
    assert!(
        matches!(
            &violations[..],
            [(ViolationSource::Server, ProtocolViolation::NotMatchbox(why), 1)]
                if why.contains("metadata")
        ),
        "{violations:?}"
    );
    assert_eq!(simulation.reported_settings(0), []);
}
