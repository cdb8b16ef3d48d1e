//! A store in memory for tests, which loses data, answers late, and executes operations after they
//! have failed.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};

use super::{
    Answer, Claim, Epoch, Held, Lists, OtherList, ROOM_LIFETIME, Renewal, Store, Unavailable,
};
use crate::{
    config::Secret,
    directory::{InstanceId, MAX_LIST_BYTES, Version},
    rooms::RoomKey,
};

/// The time in which the store must answer.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The time in which the store must receive or send lists.
const LIST_TIMEOUT: Duration = Duration::from_secs(5);

type Id = u64;

/// The entries of all instances.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    instances: HashMap<Id, (SocketAddr, Instant)>,
    rooms: HashMap<RoomKey, (Id, Epoch, Instant)>,
    lists: BTreeMap<Id, (Version, Vec<u8>)>,
    secret: Option<String>,
}

impl Entries {
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    fn expire(&mut self) {
        let now = Instant::now();
        self.instances.retain(|_, (_, end)| *end > now);
        self.rooms.retain(|_, (_, _, end)| *end > now);
        let instances = &self.instances;
        self.lists.retain(|id, _| instances.contains_key(id));
    }

    /// Returns the address of the living owner of a room.
    pub(crate) fn owner(&mut self, key: &RoomKey) -> Option<SocketAddr> {
        self.expire();
        let (id, _, _) = self.rooms.get(key)?;
        Some(self.instances.get(id)?.0)
    }

    /// Returns the address of the other living owner, or takes the room.
    fn take(&mut self, (id, address): (Id, SocketAddr), room: &Held) -> Option<SocketAddr> {
        let mut newest = room.epoch;
        if let Some((owner, epoch, _)) = self.rooms.get(&room.key) {
            if *owner == id {
                newest = newest.max(*epoch);
            } else if let Some((there, _)) = self.instances.get(owner)
                && *there != address
            {
                return Some(*there);
            }
        }
        let end = Instant::now() + ROOM_LIFETIME;
        self.rooms.insert(room.key.clone(), (id, newest, end));
        None
    }
}

/// The faults of the connection between an instance and the store.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// No operation arrives.
    pub(crate) is_cut: AtomicBool,
    /// No operation on lists arrives.
    pub(crate) are_lists_cut: AtomicBool,
    /// The maximum delay of an operation, and of its answer, in milliseconds.
    pub(crate) delay_ms: AtomicU64,
}

/// The store of one instance.
#[derive(Debug, Clone)]
pub(crate) struct MemoryStore {
    entries: Arc<Mutex<Entries>>,
    pub(crate) faults: Arc<Faults>,
    id: Id,
    address: SocketAddr,
    lease: Duration,
}

impl MemoryStore {
    pub(crate) fn new(entries: &Arc<Mutex<Entries>>, id: Id, address: SocketAddr) -> Self {
        Self {
            entries: Arc::clone(entries),
            faults: Arc::default(),
            id,
            address,
            lease: Duration::from_secs(5),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.expire();
        entries
    }

    /// Executes an operation on lists.
    fn execute_list<'a, T: Send + 'static>(
        &'a self,
        operation: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Answer<'a, T> {
        if self.faults.are_lists_cut.load(Ordering::Relaxed) {
            return Box::pin(async {
                sleep(LIST_TIMEOUT).await;
                Err(Unavailable("the lists are cut".to_owned()))
            });
        }
        self.execute(operation)
    }

    /// Executes an operation, perhaps after the instance has given up.
    fn execute<'a, T: Send + 'static>(
        &'a self,
        operation: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Answer<'a, T> {
        let store = self.clone();
        Box::pin(async move {
            let delay = store.faults.delay_ms.load(Ordering::Relaxed);
            let delay = || sleep(Duration::from_millis(fastrand::u64(0..=delay)));
            if store.faults.is_cut.load(Ordering::Relaxed) {
                sleep(TIMEOUT).await;
                return Err(Unavailable("cut".to_owned()));
            }
            let (arrival, return_trip) = (delay(), delay());
            let executed = tokio::spawn(async move {
                arrival.await;
                let result = operation(&store);
                return_trip.await;
                result
            });
            match timeout(TIMEOUT, executed).await {
                Ok(Ok(result)) => Ok(result),
                _ => Err(Unavailable("late".to_owned())),
            }
        })
    }
}

impl Store for MemoryStore {
    fn renew(&self) -> Answer<'_, Renewal> {
        self.execute(|store| {
            let mut entries = store.lock();
            let end = Instant::now() + store.lease;
            let previous = entries.instances.insert(store.id, (store.address, end));
            let own = format!("secret of {}", store.id);
            Renewal {
                had_lapsed: previous.is_none(),
                secret: Secret::new(entries.secret.get_or_insert(own).clone()),
            }
        })
    }

    fn claim<'a>(&'a self, room: &'a Held) -> Answer<'a, Claim> {
        let room = room.clone();
        self.execute(move |store| {
            let mut entries = store.lock();
            if !entries.instances.contains_key(&store.id) {
                return Claim::Lapsed;
            }
            match entries.take((store.id, store.address), &room) {
                Some(there) => Claim::There(there),
                None => Claim::Here,
            }
        })
    }

    fn find<'a>(&'a self, key: &'a RoomKey) -> Answer<'a, Option<SocketAddr>> {
        let key = key.clone();
        self.execute(move |store| {
            let owner = store.lock().owner(&key);
            owner.filter(|address| *address != store.address)
        })
    }

    fn assert<'a>(&'a self, rooms: &'a [Held]) -> Answer<'a, Vec<usize>> {
        let rooms = rooms.to_vec();
        self.execute(move |store| {
            let mut entries = store.lock();
            let own = (store.id, store.address);
            let mut is_conflict = |room: &Held| entries.take(own, room).is_some();
            let rooms = rooms.iter().enumerate();
            rooms
                .filter_map(|(index, room)| is_conflict(room).then_some(index))
                .collect()
        })
    }

    fn release<'a>(&'a self, rooms: &'a [Held]) -> Answer<'a, ()> {
        let rooms = rooms.to_vec();
        self.execute(move |store| {
            let mut entries = store.lock();
            for room in rooms {
                let entry = entries.rooms.get(&room.key);
                if entry.is_some_and(|(id, epoch, _)| (*id, *epoch) == (store.id, room.epoch)) {
                    entries.rooms.remove(&room.key);
                }
            }
        })
    }

    fn withdraw(&self) -> Answer<'_, ()> {
        self.execute(|store| {
            store.lock().instances.remove(&store.id);
        })
    }

    fn publish<'a>(&'a self, version: Version, json: &'a [u8]) -> Answer<'a, ()> {
        let json = json.to_vec();
        self.execute_list(move |store| {
            let mut entries = store.lock();
            let previous = entries.lists.get(&store.id);
            let is_newer = previous.is_none_or(|(previous, _)| version >= *previous);
            if is_newer && entries.instances.contains_key(&store.id) {
                entries.lists.insert(store.id, (version, json));
            }
        })
    }

    fn lists<'a>(&'a self, known: &'a HashMap<InstanceId, Version>) -> Answer<'a, Lists> {
        let known = known.clone();
        self.execute_list(move |store| {
            let entries = store.lock();
            let mut left = MAX_LIST_BYTES;
            let others = entries.lists.iter().filter(|(id, _)| **id != store.id);
            let others = others.map(|(id, (version, json))| {
                let id = id.to_string();
                let is_new = known.get(&id) != Some(version) && left > 0;
                let json = is_new.then(|| json.clone());
                left = left.saturating_sub(json.as_ref().map_or(0, Vec::len));
                let version = *version;
                OtherList { id, version, json }
            });
            Lists {
                others: others.collect(),
                own: entries.lists.get(&store.id).map(|(version, _)| *version),
            }
        })
    }
}
