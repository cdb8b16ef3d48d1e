//! The settings that the clients know, and the list of rooms, always agree with the rooms.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const NAMES: [&str; 2] = ["a", "b"];

/// A client is selected by its index, modulo the number of clients.
#[derive(Debug, Clone)]
enum Step {
    Join {
        name: usize,
        has_extensions: bool,
        settings: SettingsChange,
    },
    Leave(usize),
    Lose(usize),
    Resume(usize),
    Change(usize, SettingsChange),
    Tick(u64),
}

fn changes() -> impl Strategy<Value = SettingsChange> {
    let capacity =
        prop::option::of((1..=2 * MAX_MEMBERS).prop_map(|n| NonZeroUsize::new(n).unwrap()));
    let metadata = prop::option::of("[a-b]{0,1}".prop_map(|text| text.try_into().unwrap()));
    let flag = || prop::option::of(any::<bool>());
    (flag(), flag(), capacity, metadata).prop_map(|(open, listed, capacity, metadata)| {
        SettingsChange {
            open,
            listed,
            capacity,
            metadata,
        }
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let join = (0..NAMES.len(), prop::bool::weighted(0.8), changes());
    let join = join.prop_map(|(name, has_extensions, settings)| Step::Join {
        name,
        has_extensions,
        settings: SettingsChange {
            open: None,
            ..settings
        },
    });
    let index = any::<usize>;
    let step = prop_oneof![
        4 => join,
        1 => index().prop_map(Step::Leave),
        2 => index().prop_map(Step::Lose),
        2 => index().prop_map(Step::Resume),
        4 => (index(), changes()).prop_map(|(index, change)| Step::Change(index, change)),
        1 => (0..12_000_u64).prop_map(Step::Tick),
    ];
    prop::collection::vec(step, 1..80)
}

#[derive(Debug)]
struct Client {
    name: usize,
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
    settings: BTreeMap<usize, Settings>,
    list: BTreeMap<String, Listing>,
    last_id: u128,
}

impl World {
    fn pick(&self, index: usize) -> Option<PeerId> {
        let at = index.checked_rem(self.clients.len())?;
        self.clients.keys().nth(at).copied()
    }

    fn members(&self, name: usize) -> Vec<PeerId> {
        let in_room = self
            .clients
            .iter()
            .filter(|(_, client)| client.name == name);
        in_room.map(|(id, _)| *id).collect()
    }

    fn join(&mut self, name: usize, has_extensions: bool, settings: SettingsChange) {
        self.last_id += 1;
        let id = peer(self.last_id);
        let request = JoinRequest {
            has_extensions,
            settings: settings.clone(),
            ..request(key(NAMES[name], 0))
        };
        let members = self.members(name).len();
        let joined = self.registry.join(id, request);
        let current = self.settings.get(&name);
        match current {
            Some(current) if !current.open => {
                assert_eq!(joined.unwrap_err(), JoinError::RoomClosed);
                return;
            }
            Some(Settings { capacity, .. }) if members >= *capacity => {
                let full = JoinError::RoomFull { max: *capacity };
                assert_eq!(joined.unwrap_err(), full);
                return;
            }
            Some(_) => {}
            None => {
                let mut new = Settings::new(MAX_MEMBERS);
                new.apply(settings, MAX_MEMBERS);
                self.settings.insert(name, new);
            }
        }
        let client = Client {
            name,
            has_extensions,
            is_connected: true,
            secret: None,
            status: None,
        };
        self.clients.insert(id, client);
        self.deliver(joined.unwrap().1);
    }

    fn resume(&mut self, id: PeerId) {
        let client = self.clients.get_mut(&id).unwrap();
        let Some(secret) = client.secret else {
            return;
        };
        client.is_connected = true;
        client.status = None;
        let request = JoinRequest {
            resume: Some(secret),
            ..request(key(NAMES[client.name], 0))
        };
        let (resumed, deliveries) = self.registry.join(peer(u128::MAX), request).unwrap();
        assert_eq!(resumed, id);
        self.deliver(deliveries);
        self.registry.confirm_session(id);
    }

    fn change(&mut self, id: PeerId, change: SettingsChange) {
        let client = &self.clients[&id];
        if !client.has_extensions || !client.is_connected {
            return;
        }
        let name = client.name;
        let delivery = self.registry.change_room(id, change.clone());
        let delivery = delivery.expect("the sender always receives an answer");
        assert!(delivery.to.contains(&id));
        assert!(delivery.to.len() <= MAX_MEMBERS);
        if self.members(name).first() == Some(&id) {
            let settings = self.settings.get_mut(&name).unwrap();
            settings.apply(change, MAX_MEMBERS);
        }
        self.deliver(vec![delivery]);
    }

    fn deliver(&mut self, deliveries: Vec<Delivery<'static>>) {
        for Delivery { event, to } in deliveries {
            for receiver in to {
                // Several places can end at once.
                let Some(client) = self.clients.get_mut(&receiver) else {
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

    fn leave(&mut self, id: PeerId) {
        self.clients.remove(&id);
        let deliveries = self.registry.leave(id);
        self.deliver(deliveries);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Join {
                name,
                has_extensions,
                settings,
            } => self.join(name, has_extensions, settings),
            Step::Tick(ms) => {
                let (deliveries, _) = self.registry.tick(Duration::from_millis(ms));
                let registry = &self.registry;
                self.clients.retain(|id, _| registry.contains(*id));
                self.deliver(deliveries);
            }
            Step::Leave(index)
            | Step::Lose(index)
            | Step::Resume(index)
            | Step::Change(index, _) => {
                let Some(id) = self.pick(index) else {
                    return;
                };
                match step {
                    Step::Change(_, change) => self.change(id, change),
                    Step::Resume(_) => self.resume(id),
                    Step::Lose(_) if self.clients[&id].has_extensions => {
                        self.clients.get_mut(&id).unwrap().is_connected = false;
                        let deliveries = self.registry.lose(id);
                        self.deliver(deliveries);
                    }
                    _ => self.leave(id),
                }
            }
        }
        let clients = &self.clients;
        let has_members = |name: usize| clients.values().any(|client| client.name == name);
        self.settings.retain(|name, _| has_members(*name));
    }

    fn check(&mut self) {
        for client in self.clients.values() {
            if client.has_extensions && client.is_connected {
                let expected = RoomStatus {
                    keeper: self.members(client.name)[0],
                    settings: self.settings[&client.name].clone(),
                };
                assert_eq!(client.status.as_ref(), Some(&expected));
            }
        }
        for key in self.registry.take_listing_changes() {
            match self.registry.listing(&key) {
                Some(listing) => self.list.insert(key.name, listing),
                None => self.list.remove(&key.name),
            };
        }
        let listed = self.settings.iter();
        let listed = listed.filter(|(_, settings)| settings.open && settings.listed);
        let expected = listed.map(|(name, settings)| Listing {
            name: NAMES[*name].to_owned(),
            players: self.members(*name).len(),
            capacity: settings.capacity,
            metadata: settings.metadata.clone(),
        });
        assert!(self.list.values().cloned().eq(expected), "{:?}", self.list);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn clients_and_the_list_agree_with_the_rooms(steps in steps()) {
        let mut world = World {
            registry: registry(),
            clients: BTreeMap::new(),
            settings: BTreeMap::new(),
            list: BTreeMap::new(),
            last_id: 0,
        };
        for step in steps {
            world.step(step);
            world.check();
        }
        while let Some(id) = world.pick(0) {
            world.leave(id);
            world.settings.retain(|name, _| {
                world.clients.values().any(|client| client.name == *name)
            });
            world.check();
        }
        prop_assert!(world.registry.extended.is_empty());
    }
}
