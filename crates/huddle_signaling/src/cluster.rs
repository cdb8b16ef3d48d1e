//! The membership of this instance in a cluster: finds the owners of rooms, and keeps the store up
//! to date.
//!
//! Each room has one owner, and all clients of the room are members there. The
//! [store](crate::store) contains the owners. While it does not answer, clients can join only the
//! rooms that this instance owns, and those to whose owners it forwards another client.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Mutex as AsyncMutex, Notify, Semaphore, watch},
    time::{Instant, sleep, sleep_until, timeout},
};
use tracing::{debug, info, warn};

use crate::{
    config::Secret,
    group_id::GroupIds,
    hub::Hub,
    metrics::Metrics,
    rooms::{JoinRequest, RoomKey},
    store::{Claim, Held, Store, Unavailable},
};

mod lists;
#[cfg(test)]
mod tests;

/// The number of renewals in the time of a lease. All but one of them may fail.
const RENEWALS_PER_LEASE: u32 = 5;

/// The time that a client waits for the store.
const WAIT: Duration = Duration::from_secs(3);

/// The pause of a client while this instance renews its lease.
const RENEWAL_PAUSE: Duration = Duration::from_millis(50);

/// The time in which an instance records the room of a group that has linked.
const GROUP_PAUSE: Duration = Duration::from_millis(500);

/// The maximum number of clients that wait for the store.
const MAX_WAITING: usize = 1024;

/// The pause of a client whose owner cannot be reached.
const SUCCESSION_PAUSE: Duration = Duration::from_millis(250);

/// The maximum time for the last operation of an instance that ends.
const WITHDRAW_TIMEOUT: Duration = Duration::from_millis(500);

/// The owner of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// This instance.
    Here,
    /// The instance with this address.
    There(SocketAddr),
}

/// This instance's part of the cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    hub: Arc<Hub>,
    store: Arc<dyn Store>,
    group_ids: GroupIds,
    lease: Duration,
    /// The start of the clock.
    started: Instant,
    /// Whether the last operation of the store succeeded. `None` before the first one.
    is_up: watch::Sender<Option<bool>>,
    /// Ends the pause until the next renewal.
    wake: Arc<Notify>,
    waiting: Semaphore,
    secret: RwLock<Option<Secret>>,
    routes: Mutex<HashMap<RoomKey, Route>>,
    is_leaving: AtomicBool,
    /// Held during a renewal, so that none follows the last operation.
    renewing: AsyncMutex<()>,
}

/// The owner of a room to which this instance forwards clients.
#[derive(Debug)]
struct Route {
    address: SocketAddr,
    clients: usize,
}

impl Cluster {
    pub(crate) fn new(
        hub: &Arc<Hub>,
        store: Arc<dyn Store>,
        group_ids: &GroupIds,
        lease: Duration,
    ) -> Arc<Self> {
        Arc::new(Self {
            hub: Arc::clone(hub),
            store,
            group_ids: group_ids.clone(),
            lease,
            started: Instant::now(),
            is_up: watch::Sender::new(None),
            wake: hub.room_formed(),
            waiting: Semaphore::new(MAX_WAITING),
            secret: RwLock::new(None),
            routes: Mutex::default(),
            is_leaving: AtomicBool::new(false),
            renewing: AsyncMutex::default(),
        })
    }

    /// Finds the owner of the room that a client wants to join. Claims a room that has none. If the
    /// room of the client's group does not exist, removes it from the request.
    pub(crate) async fn route(&self, join_request: &mut JoinRequest) -> Result<Owner, Unavailable> {
        let known = self.known_owner(join_request);
        if self.is_leaving.load(Ordering::Relaxed) {
            return Err(Unavailable("this instance leaves the cluster".to_owned()));
        }
        let Ok(_permit) = self.waiting.try_acquire() else {
            return Err(Unavailable(
                "too many clients wait for the store".to_owned(),
            ));
        };
        let is_up = *self.is_up.borrow() == Some(true);
        if let Some(address) = known.filter(|_| !is_up) {
            return Ok(Owner::There(address));
        }
        let routed = timeout(WAIT, self.ask_store(join_request)).await;
        match (routed, known) {
            (Ok(owner), _) => Ok(owner),
            (Err(_), Some(address)) => Ok(Owner::There(address)),
            (Err(_), None) => Err(Unavailable("the store does not answer".to_owned())),
        }
    }

    /// Lets a client whose owner cannot be reached wait a moment, because another instance owns the
    /// room when the lease of that owner has expired. Returns false if the client has waited for longer
    /// than that since it `started`, or if too many clients wait.
    pub(crate) async fn wait_for_successor(&self, started: Instant) -> bool {
        if started.elapsed() > self.lease + SUCCESSION_PAUSE {
            return false;
        }
        let Ok(_permit) = self.waiting.try_acquire() else {
            return false;
        };
        sleep(SUCCESSION_PAUSE).await;
        true
    }

    /// Asks the store for the owner until it answers.
    async fn ask_store(&self, join_request: &mut JoinRequest) -> Owner {
        loop {
            let mut is_up = self.is_up.subscribe();
            // The sender lives as long as `self`.
            let _ = is_up.wait_for(|is_up| *is_up == Some(true)).await;
            match self.try_route(join_request).await {
                Ok(Some(owner)) => return owner,
                Ok(None) => {
                    self.wake.notify_one();
                    sleep(RENEWAL_PAUSE).await;
                }
                Err(error) => self.failed(&error),
            }
        }
    }

    /// Asks the store for the owner. Returns `None` if the lease of this instance has lapsed.
    async fn try_route(
        &self,
        join_request: &mut JoinRequest,
    ) -> Result<Option<Owner>, Unavailable> {
        if let Some(room) = group_room(join_request) {
            if self.hub.has_group(join_request) {
                return Ok(Some(Owner::Here));
            }
            if let Some(address) = self.find_group(&room).await? {
                return Ok(Some(Owner::There(address)));
            }
        }
        join_request.group = None;
        if self.hub.owns(&join_request.key) {
            return Ok(Some(Owner::Here));
        }
        if self.is_group(&join_request.key)
            && let Some(address) = self.find_group(&join_request.key).await?
        {
            return Ok(Some(Owner::There(address)));
        }
        let room = Held {
            key: join_request.key.clone(),
            epoch: self.hub.next_epoch(),
        };
        let sent = self.now();
        Ok(match self.store.claim(&room).await? {
            Claim::Here => {
                self.hub.claimed(room, sent, self.now());
                Some(Owner::Here)
            }
            Claim::There(address) => Some(Owner::There(address)),
            Claim::Lapsed => None,
        })
    }

    /// Returns whether the room is that of a `?next=N` group.
    fn is_group(&self, room: &RoomKey) -> bool {
        room.next.is_none() && self.group_ids.of_app(&room.app).names_group(&room.name)
    }

    /// Returns the address of the other instance that owns the room of a group. A group that has just
    /// linked may not be in the store yet.
    async fn find_group(&self, room: &RoomKey) -> Result<Option<SocketAddr>, Unavailable> {
        let found = self.store.find(room).await?;
        if found.is_some() || !self.is_group(room) {
            return Ok(found);
        }
        sleep(GROUP_PAUSE).await;
        self.store.find(room).await
    }

    /// Keeps the store up to date, until this instance leaves.
    pub(crate) async fn run(&self) {
        // A list that is too long for the network does not delay a renewal.
        tokio::select! {
            () = self.renew_lease() => {}
            () = self.exchange_lists() => {}
        }
    }

    /// Returns the time between two renewals.
    fn interval(&self) -> Duration {
        self.lease / RENEWALS_PER_LEASE
    }

    /// Renews the lease and writes changes to the store, until this instance leaves.
    async fn renew_lease(&self) {
        loop {
            let renewing = self.renewing.lock().await;
            if self.is_leaving.load(Ordering::Relaxed) {
                return;
            }
            let next = Instant::now() + self.interval();
            match self.update_store().await {
                Ok(()) => self.succeeded(),
                Err(error) => self.failed(&error),
            }
            drop(renewing);
            let is_up = *self.is_up.borrow() == Some(true);
            tokio::select! {
                () = sleep_until(next) => {}
                // While the store does not answer, more attempts do not help.
                () = self.wake.notified(), if is_up => {}
            }
        }
    }

    async fn update_store(&self) -> Result<(), Unavailable> {
        let renewal = self.store.renew().await?;
        self.group_ids.share(&renewal.secret);
        *self.secret.write().unwrap_or_else(PoisonError::into_inner) = Some(renewal.secret);
        if renewal.had_lapsed {
            self.hub.lease_lapsed(self.now());
        }
        let sent = self.now();
        let changes = self.hub.changes(sent);
        if !changes.unconfirmed.is_empty() {
            let conflicts = self.store.assert(&changes.unconfirmed).await?;
            self.hub.confirmed(&changes.unconfirmed, &conflicts, sent);
        }
        if !changes.released.is_empty() {
            self.store.release(&changes.released).await?;
        }
        Ok(())
    }

    fn succeeded(&self) {
        match self.is_up.send_replace(Some(true)) {
            Some(true) => {}
            Some(false) => info!("the store of the cluster answers again"),
            None => info!("connected to the store of the cluster"),
        }
        self.hub.metrics().store_answers(true);
    }

    fn failed(&self, error: &Unavailable) {
        debug!(%error, "an operation of the store failed");
        if self.is_up.send_replace(Some(false)) != Some(false) {
            warn!(
                "{error}. Until it answers, clients can join only the rooms of this instance, and no \
                 new room. Is it running?"
            );
        }
        self.hub.metrics().store_answers(false);
        self.wake.notify_one();
    }

    /// Gives up all rooms, so that the other instances can take them.
    pub(crate) async fn withdraw(&self) {
        if self.is_leaving.swap(true, Ordering::Relaxed) {
            return;
        }
        let withdraw = async {
            let _renewing = self.renewing.lock().await;
            self.store.withdraw().await
        };
        let withdrawn = timeout(WITHDRAW_TIMEOUT, withdraw).await;
        if !matches!(withdrawn, Ok(Ok(()))) {
            debug!("cannot give up the rooms: they are free when the lease has expired");
        }
    }

    /// Returns the secret that requests between instances contain.
    pub(crate) fn secret(&self) -> Option<Secret> {
        let secret = self.secret.read().unwrap_or_else(PoisonError::into_inner);
        secret.clone()
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        self.hub.metrics()
    }

    /// Records that this instance forwards a client of a room to its owner, until the result is
    /// dropped.
    pub(crate) fn forward(
        self: &Arc<Self>,
        join_request: &JoinRequest,
        address: SocketAddr,
    ) -> Forwarding {
        let key = group_room(join_request).unwrap_or_else(|| join_request.key.clone());
        match self.lock_routes().entry(key.clone()) {
            Entry::Occupied(mut route) => {
                let route = route.get_mut();
                route.address = address;
                route.clients += 1;
            }
            Entry::Vacant(entry) => {
                let clients = 1;
                entry.insert(Route { address, clients });
            }
        }
        Forwarding {
            cluster: Arc::clone(self),
            key,
        }
    }

    /// Returns the owner to which this instance already forwards clients of the room.
    fn known_owner(&self, join_request: &JoinRequest) -> Option<SocketAddr> {
        let routes = self.lock_routes();
        let key = group_room(join_request);
        let route = key.and_then(|key| routes.get(&key));
        let route = route.or_else(|| routes.get(&join_request.key))?;
        Some(route.address)
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn lock_routes(&self) -> MutexGuard<'_, HashMap<RoomKey, Route>> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the room of the client's group, which it prefers to the queue.
fn group_room(join_request: &JoinRequest) -> Option<RoomKey> {
    let JoinRequest {
        key,
        has_extensions,
        group,
        ..
    } = join_request;
    let group = group.filter(|_| *has_extensions && key.next.is_some())?;
    Some(RoomKey::of_group(key.app.clone(), group))
}

/// A client that this instance forwards to the owner of its room.
#[derive(Debug)]
pub(crate) struct Forwarding {
    cluster: Arc<Cluster>,
    key: RoomKey,
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        let mut routes = self.cluster.lock_routes();
        if let Some(route) = routes.get_mut(&self.key) {
            route.clients -= 1;
            if route.clients == 0 {
                routes.remove(&self.key);
            }
        }
    }
}
