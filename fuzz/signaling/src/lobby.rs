//! Clients that create rooms with settings and change them. The settings that each client receives,
//! and the list of rooms, always agree with the rooms.

use std::{collections::BTreeMap, time::Duration};

use arbitrary::{Arbitrary, Unstructured};
use http::Uri;
use matchbox_protocol::PeerId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    decoders::check_refusal,
    directory::{Directory, ListRequest, Page},
    group_id::GroupIds,
    members::{MAX_MEMBERS, MAX_PEERS, limits, rest},
    message::{Delivery, Event, Extension, Request, ResumeSecret},
    request::{Refusal, join_request},
    rooms::{JoinError, Registry, RoomKey},
    settings::{Listing, RoomStatus, Settings, SettingsChange},
    text,
};

/// A sequence of client actions.
#[derive(Debug, Arbitrary)]
pub struct Scenario {
    #[arbitrary(with = rest)]
    steps: Vec<Step>,
}

/// An action of a client. The numbers select among all clients.
#[derive(Debug)]
enum Step {
    /// A new client requests the room of this URL.
    Join(String),
    Leave(u8),
    /// The connection of the client is lost.
    Lose(u8),
    /// The client takes its place again.
    Return(u8),
    Message {
        from: u8,
        text: String,
    },
    /// Tenths of a second.
    Time(u8),
    /// A request for the list, with this query.
    List(String),
}

impl<'a> Arbitrary<'a> for Step {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        Ok(match u.int_in_range(0..=9)? {
            0..=2 => Self::Join(text::creation(u)?),
            3 => Self::Leave(u.arbitrary()?),
            4 => Self::Lose(u.arbitrary()?),
            5 => Self::Return(u.arbitrary()?),
            6 => Self::Time(u.arbitrary()?),
            7 => Self::List(text::list(u)?),
            _ => Self::Message {
                from: u.arbitrary()?,
                text: text::change(u)?,
            },
        })
    }
}

#[derive(Debug)]
struct Client {
    key: RoomKey,
    has_extensions: bool,
    is_connected: bool,
    secret: Option<ResumeSecret>,
    /// The settings that it has received last.
    status: Option<RoomStatus>,
}

struct World {
    registry: Registry,
    /// In the order in which they joined.
    clients: BTreeMap<PeerId, Client>,
    /// The settings of the rooms with members.
    settings: BTreeMap<(String, String), Settings>,
    directory: Directory,
    last: u128,
}

fn json_of(page: Page) -> Value {
    serde_json::from_slice(&page.into_parts().concat()).expect("JSON")
}

fn names(key: &RoomKey) -> (String, String) {
    (key.app.clone(), key.name.clone())
}

impl Scenario {
    /// Runs the scenario. Panics if the registry and the model differ.
    pub fn run(self) {
        let mut world = World {
            registry: Registry::new(limits(), GroupIds::new(&[])),
            clients: BTreeMap::new(),
            settings: BTreeMap::new(),
            directory: Directory::new(64),
            last: 0,
        };
        for step in self.steps {
            world.step(step);
            world.forget_empty_rooms();
            world.check();
        }
    }
}

impl World {
    fn at(&self, n: u8) -> Option<PeerId> {
        let at = usize::from(n).checked_rem(self.clients.len())?;
        self.clients.keys().nth(at).copied()
    }

    fn members(&self, key: &RoomKey) -> Vec<PeerId> {
        let members = self.clients.iter().filter(|(_, client)| client.key == *key);
        members.map(|(id, _)| *id).collect()
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Join(url) => self.join(&url),
            Step::Time(tenths) => {
                let step = Duration::from_millis(100) * u32::from(tenths);
                let (deliveries, _) = self.registry.tick(step);
                let registry = &self.registry;
                self.clients.retain(|id, _| registry.contains(*id));
                self.deliver(deliveries);
            }
            Step::List(query) => self.list(&query),
            Step::Leave(n) => {
                if let Some(id) = self.at(n) {
                    self.clients.remove(&id);
                    let deliveries = self.registry.leave(id);
                    self.deliver(deliveries);
                }
            }
            Step::Lose(n) => {
                if let Some(id) = self.at(n) {
                    let deliveries = self.registry.lose(id);
                    match self.clients.get_mut(&id) {
                        Some(client) if client.has_extensions => client.is_connected = false,
                        _ => drop(self.clients.remove(&id)),
                    }
                    self.deliver(deliveries);
                }
            }
            Step::Return(n) => {
                if let Some(id) = self.at(n) {
                    self.resume(id);
                }
            }
            Step::Message { from, text } => {
                if let Some(id) = self.at(from)
                    && let Ok(Request::Room(change)) = serde_json::from_str(&text)
                {
                    self.change(id, change);
                }
            }
        }
    }

    fn join(&mut self, url: &str) {
        let Ok(uri) = url.parse::<Uri>() else {
            return;
        };
        let request = match join_request(&uri, MAX_MEMBERS) {
            Ok(request) if request.key.next.is_none() => request,
            Ok(_) => return,
            Err(refusal) => return check_refusal(refusal),
        };
        self.last += 1;
        let id = PeerId(Uuid::from_u128(self.last));
        let (key, has_extensions) = (request.key.clone(), request.has_extensions);
        let change = request.settings.clone();
        let members = self.members(&key).len();
        let current = self.settings.get(&names(&key));
        let expected = match current {
            _ if self.clients.len() >= MAX_PEERS => Err(JoinError::ServerFull),
            Some(current) if !current.open => Err(JoinError::RoomClosed),
            Some(&Settings { capacity: max, .. }) if members >= max => {
                Err(JoinError::RoomFull { max })
            }
            _ => Ok(id),
        };
        let joined = self.registry.join(id, request);
        assert_eq!(
            joined.as_ref().map(|(id, _)| *id).map_err(|why| *why),
            expected
        );
        let deliveries = match joined {
            Ok((_, deliveries)) => deliveries,
            Err(why) => return check_refusal(Refusal::from_join_error(why, MAX_PEERS)),
        };
        self.settings.entry(names(&key)).or_insert_with(|| {
            let mut settings = Settings::new(MAX_MEMBERS);
            settings.apply(change, MAX_MEMBERS);
            settings
        });
        let client = Client {
            key,
            has_extensions,
            is_connected: true,
            secret: None,
            status: None,
        };
        self.clients.insert(id, client);
        self.deliver(deliveries);
    }

    /// A closed or full room never refuses a client that has a place in it.
    fn resume(&mut self, id: PeerId) {
        let client = self.clients.get_mut(&id).expect("a client");
        let Some(secret) = client.secret else {
            return;
        };
        client.is_connected = true;
        client.status = None;
        let mut request =
            join_request(&Uri::from_static("/?huddle=1"), MAX_MEMBERS).expect("a valid request");
        request.key = client.key.clone();
        request.resume = Some(secret);
        let joined = self.registry.join(PeerId(Uuid::nil()), request);
        let (resumed, deliveries) = joined.expect("it has a place");
        assert_eq!(resumed, id);
        self.deliver(deliveries);
        self.registry.confirm_session(id);
    }

    fn change(&mut self, id: PeerId, change: SettingsChange) {
        let client = &self.clients[&id];
        if !client.has_extensions || !client.is_connected {
            return;
        }
        let key = client.key.clone();
        let delivery = self.registry.change_room(id, change.clone());
        let delivery = delivery.expect("an answer");
        assert!(delivery.to.contains(&id) && delivery.to.len() <= MAX_MEMBERS);
        let mut is_changed = false;
        if self.members(&key).first() == Some(&id) {
            let settings = self.settings.get_mut(&names(&key)).expect("a room");
            is_changed = settings.apply(change, MAX_MEMBERS);
        }
        assert!(is_changed || delivery.to == [id]);
        self.deliver(vec![delivery]);
    }

    fn deliver(&mut self, deliveries: Vec<Delivery<'static>>) {
        for Delivery { event, to } in deliveries {
            for to in to {
                // Several places can end at once.
                let Some(client) = self.clients.get_mut(&to) else {
                    continue;
                };
                match &event {
                    Event::Extension(Extension::Room(status)) => {
                        assert!(client.has_extensions && client.is_connected);
                        client.status = Some(status.clone());
                    }
                    Event::Extension(Extension::Session(session)) => {
                        client.secret = Some(session.resume);
                    }
                    _ => {}
                }
            }
        }
    }

    fn forget_empty_rooms(&mut self) {
        let clients = &self.clients;
        self.settings.retain(|names_of_room, _| {
            clients
                .values()
                .any(|client| names(&client.key) == *names_of_room)
        });
    }

    /// Answers a list request, whose answer is a part of the list.
    fn list(&mut self, query: &str) {
        let Ok(uri) = format!("/rooms?{query}").parse() else {
            return;
        };
        if let Ok(request) = ListRequest::parse(&uri, &[]) {
            let page = json_of(self.directory.page(&request));
            let rooms = page["rooms"].as_array().expect("a list");
            assert!(rooms.len() <= 100);
            assert!(rooms.is_sorted_by_key(|room| room["name"].as_str()));
            let last = rooms.last().map_or(&Value::Null, |room| &room["name"]);
            assert!(page["next"].is_null() || page["next"] == *last);
        }
    }

    fn check(&mut self) {
        for client in self.clients.values() {
            if client.has_extensions && client.is_connected {
                let expected = RoomStatus {
                    keeper: self.members(&client.key)[0],
                    settings: self.settings[&names(&client.key)].clone(),
                };
                assert_eq!(client.status.as_ref(), Some(&expected));
            }
        }
        for key in self.registry.take_listing_changes() {
            let listing = self.registry.listing(&key);
            self.directory.set(&key, listing.as_ref());
        }
        for app in ["", "duel"] {
            let of_app = self.settings.iter().filter(|((of, _), _)| of == app);
            let listed = of_app.filter(|(_, settings)| settings.open && settings.listed);
            let rooms: Vec<_> = listed
                .map(|((app, name), settings)| Listing {
                    name: name.clone(),
                    players: self
                        .clients
                        .values()
                        .filter(|client| client.key.app == *app && client.key.name == *name)
                        .count(),
                    capacity: settings.capacity,
                    metadata: settings.metadata.clone(),
                })
                .collect();
            let uri = format!("/rooms?limit=100&app={app}")
                .parse()
                .expect("a URL");
            let request = ListRequest::parse(&uri, &[]).expect("a valid request");
            let page = json_of(self.directory.page(&request));
            assert_eq!(page, json!({ "rooms": rooms, "next": null }));
        }
    }
}
