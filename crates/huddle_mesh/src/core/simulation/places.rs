//! A server that keeps the places of members that lost their connection, like `huddle-signaling`.

use super::*;

/// The places of all members.
#[derive(Default)]
pub(super) struct Places {
    /// The time for which a place is kept.
    timeout: Duration,
    /// The node with each secret, and its signaling id and room.
    secrets: BTreeMap<u128, (usize, SignalingId, String)>,
    /// The doubtful members, and when their places end.
    doubtful: BTreeMap<SignalingId, Duration>,
}

impl Simulation {
    /// Makes the server keep places.
    pub(super) fn with_places(mut self) -> Self {
        self.keep_places(seconds(10));
        self
    }

    pub(super) fn keep_places(&mut self, timeout: Duration) {
        let places = Places {
            timeout,
            ..Places::default()
        };
        self.places = Some(places);
    }

    pub(super) fn forget_places(&mut self) {
        if let Some(places) = &mut self.places {
            places.secrets.clear();
            places.doubtful.clear();
        }
    }

    fn send_extension(&mut self, node: usize, text: String) {
        self.after(LATENCY, node, Input::SocketText(text));
    }

    /// Gives a node a new secret. `members` is set if it has taken its place again.
    pub(super) fn issue_place(&mut self, node: usize, members: Option<Vec<SignalingId>>) {
        let (sid, room) = (self.nodes[node].sid, self.nodes[node].room.clone());
        self.next_id += 1;
        let secret = self.next_id;
        let (Some(places), Some(sid)) = (&mut self.places, sid) else {
            return;
        };
        places.secrets.retain(|_, place| place.1 != sid);
        places.secrets.insert(secret, (node, sid, room));
        let members = members.map(|members| {
            let members: Vec<_> = members.iter().map(|sid| format!("\"{sid}\"")).collect();
            format!(",\"members\":[{}]", members.join(","))
        });
        let members = members.unwrap_or_default();
        let text =
            format!(r#"{{"Session":{{"resume":"{secret:032x}","timeout_ms":10000{members}}}}}"#);
        self.send_extension(node, text);
    }

    /// Makes the place of a node doubtful. Returns `false` if the server keeps none.
    pub(super) fn lose_place(&mut self, node: usize) -> bool {
        let (Some(places), Some(sid)) = (&mut self.places, self.nodes[node].sid) else {
            return false;
        };
        if !places.secrets.values().any(|place| place.1 == sid) {
            return false;
        }
        places.doubtful.insert(sid, self.now + places.timeout);
        self.nodes[node].sid = None;
        for other in self.room_mates(node) {
            self.send_extension(other, format!("{{\"Doubtful\":\"{sid}\"}}"));
        }
        true
    }

    /// Handles the end of a dead WebSocket, which the server does not notice for a while. A new
    /// connection can take the place. Returns `false` if the server keeps none.
    pub(super) fn lose_place_unnoticed(&mut self, node: usize) -> bool {
        let ghost_lifetime = self.ghost_lifetime;
        let Some(places) = &mut self.places else {
            return false;
        };
        if let Some(sid) = self.nodes[node].sid.take() {
            places.doubtful.insert(sid, self.now + ghost_lifetime);
        }
        true
    }

    /// Ends the place of a node that leaves.
    pub(super) fn leave_place(&mut self, node: usize) {
        if let Some(places) = &mut self.places {
            places.secrets.retain(|_, place| place.0 != node);
        }
    }

    pub(super) fn end_places(&mut self) {
        let Some(places) = &mut self.places else {
            return;
        };
        let ended: Vec<_> = places
            .doubtful
            .iter()
            .filter(|(_, end)| **end <= self.now)
            .map(|(sid, _)| *sid)
            .collect();
        for sid in ended {
            let Some(places) = &mut self.places else {
                return;
            };
            places.doubtful.remove(&sid);
            let place = places.secrets.iter().find(|(_, place)| place.1 == sid);
            let Some((secret, (node, ..))) = place.map(|(secret, place)| (*secret, place.clone()))
            else {
                continue;
            };
            places.secrets.remove(&secret);
            for other in self.room_mates(node) {
                self.send_event(other, PeerEvent::PeerLeft(sid.into()));
            }
            self.left_room(node, sid);
        }
    }

    /// Returns the doubtful members of the node's room.
    pub(super) fn doubtful_members(&self, node: usize) -> Vec<SignalingId> {
        let Some(places) = &self.places else {
            return Vec::new();
        };
        let room = &self.nodes[node].room;
        let members = places.secrets.values();
        members
            .filter(|(_, sid, at)| at == room && places.doubtful.contains_key(sid))
            .map(|(_, sid, _)| *sid)
            .collect()
    }

    pub(super) fn report_doubtful(&mut self, node: usize, doubtful: &[SignalingId]) {
        for sid in doubtful {
            self.send_extension(node, format!("{{\"Doubtful\":\"{sid}\"}}"));
        }
    }

    /// Gives a node its place again. Returns `None` if it has, and otherwise the URL without the
    /// secret.
    pub(super) fn resume(&mut self, node: usize, url: &str) -> Option<String> {
        let (room, secret) = match url.split_once("&resume=") {
            Some((room, secret)) => (room, u128::from_str_radix(secret, 16).ok()),
            None => (url, None),
        };
        let places = self.places.as_mut();
        let found = places.zip(secret).and_then(|(places, secret)| {
            let (_, sid, at) = places.secrets.get(&secret)?.clone();
            (at == room).then(|| {
                places.doubtful.remove(&sid);
                sid
            })
        });
        let Some(sid) = found else {
            return Some(room.to_owned());
        };
        self.nodes[node].sid = Some(sid);
        self.send_event(node, PeerEvent::IdAssigned(sid.into()));
        let doubtful = self.doubtful_members(node);
        let mates = self.room_mates(node).into_iter();
        let mates = mates.filter_map(|other| self.nodes[other].sid);
        let mates = mates.chain(doubtful.iter().copied()).collect();
        self.issue_place(node, Some(mates));
        self.report_doubtful(node, &doubtful);
        for other in self.room_mates(node) {
            self.send_extension(other, format!("{{\"Resumed\":\"{sid}\"}}"));
        }
        self.announce_settings_to(node);
        None
    }

    /// Ends the node's WebSocket, which both ends notice.
    pub(super) fn lose_websocket(&mut self, node: usize) {
        self.disconnect(node);
        let end = SocketEnd::Closed(None, "reset".into());
        self.after(LATENCY, node, Input::SocketEnded(end));
    }
}
