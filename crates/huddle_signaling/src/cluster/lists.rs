//! The exchange of the lists of rooms: each instance publishes its own list in the store, and keeps
//! a copy of the lists of the others. So a client can request the list of all rooms from any
//! instance, and no request waits for the store.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep_until, timeout_at},
};
use tracing::{debug, error, info};

use super::Cluster;
use crate::{
    directory::{BadList, InstanceId, MAX_LIST_BYTES, Version},
    store::{OtherList, ROOM_LIFETIME, Unavailable},
};

/// The number of bytes per second that an instance publishes. All other instances receive them, so
/// a long list is published less often.
const PUBLISH_RATE: u32 = 512 * 1024;

/// The maximum number of other instances whose rooms the list contains. It bounds the memory.
const MAX_INSTANCES: usize = 256;

/// The maximum number of requests for the lists of the others at one time. Each request returns at
/// least one list.
const MAX_REQUESTS: usize = 16;

/// The time after which an instance that does not receive the lists of the others forgets their
/// rooms. The store forgets rooms after the same time.
const LIST_LIFETIME: Duration = ROOM_LIFETIME;

/// The reason why the lists of this instance and of the others differ.
#[derive(Debug, thiserror::Error)]
pub(super) enum ListProblem {
    #[error("{0}")]
    Store(#[from] Unavailable),
    #[error(
        "the list of this one has more than {MAX_LIST_BYTES} bytes, so the others have only a part"
    )]
    TooLong,
}

/// The state of the exchange.
struct Exchange {
    /// The version of each other instance's list that this instance has.
    known: HashMap<InstanceId, Version>,
    /// The other instances whose lists are not valid.
    bad: HashSet<InstanceId>,
    /// The time of the last answer.
    received: Instant,
    /// Whether the published list contains all rooms of this instance.
    is_complete: bool,
    /// The earliest time for the next publication.
    next_publication: Instant,
    /// Whether the last exchange succeeded.
    succeeds: bool,
}

impl Exchange {
    fn record(&mut self, result: Result<(), ListProblem>) {
        match result {
            Ok(()) if !self.succeeds => {
                self.succeeds = true;
                info!("all instances have the same list of rooms again");
            }
            Ok(()) => {}
            Err(problem) if self.succeeds => {
                self.succeeds = false;
                error!("not all instances have the same list of rooms: {problem}");
            }
            Err(problem) => debug!(%problem, "not all instances have the same list of rooms"),
        }
    }
}

impl Cluster {
    /// Exchanges lists with the other instances, after renewals of the lease and at most once in
    /// the interval between them.
    pub(super) async fn exchange_lists(&self) {
        let mut is_up = self.is_up.subscribe();
        let now = Instant::now();
        let mut exchange = Exchange {
            known: HashMap::new(),
            bad: HashSet::new(),
            received: now,
            is_complete: true,
            next_publication: now,
            succeeds: true,
        };
        loop {
            let next = Instant::now() + self.interval();
            let renewed = async {
                // The sender lives as long as `self`.
                while is_up.changed().await.is_ok() && *is_up.borrow_and_update() != Some(true) {}
            };
            let end = exchange.received + LIST_LIFETIME;
            if timeout_at(end, renewed).await.is_ok() {
                let result = self.exchange(&mut exchange).await;
                exchange.record(result);
            }
            let now = Instant::now();
            if exchange.received + LIST_LIFETIME <= now {
                exchange.received = now;
                exchange.known.clear();
                self.hub.remove_other_rooms(&HashSet::new());
            }
            sleep_until(next).await;
        }
    }

    /// Receives the lists of the others, and publishes the own list if the store does not have it.
    async fn exchange(&self, exchange: &mut Exchange) -> Result<(), ListProblem> {
        let stored = self.receive(exchange).await?;
        self.publish(exchange, stored).await?;
        if exchange.is_complete {
            Ok(())
        } else {
            Err(ListProblem::TooLong)
        }
    }

    /// Receives the lists of the others. Returns the version of this instance's list in the store.
    async fn receive(&self, exchange: &mut Exchange) -> Result<Option<Version>, Unavailable> {
        let mut own = None;
        for _ in 0..MAX_REQUESTS {
            let mut lists = self.store.lists(&exchange.known).await?;
            exchange.received = Instant::now();
            lists.others.truncate(MAX_INSTANCES);
            own = lists.own;
            let ids: HashSet<_> = lists.others.iter().map(|list| &*list.id).collect();
            exchange.known.retain(|id, _| ids.contains(&**id));
            exchange.bad.retain(|id| ids.contains(&**id));
            self.hub.remove_other_rooms(&ids);
            let mut is_complete = true;
            for OtherList { id, version, json } in lists.others {
                if exchange.known.get(&id) == Some(&version) {
                    continue;
                }
                let Some(json) = json else {
                    is_complete = false;
                    continue;
                };
                exchange.known.insert(id.clone(), version);
                match self.take_list(&id, json).await {
                    Ok(()) => {
                        exchange.bad.remove(&id);
                    }
                    Err(problem) => {
                        if exchange.bad.insert(id.clone()) {
                            error!("the list of rooms of instance {id} is ignored: {problem}");
                        }
                    }
                }
            }
            if is_complete {
                break;
            }
        }
        Ok(own)
    }

    /// Replaces the rooms of another instance. A bad list counts as an empty one.
    async fn take_list(&self, id: &str, json: Vec<u8>) -> Result<(), BadList> {
        let (hub, id) = (Arc::clone(&self.hub), id.to_owned());
        // A long list needs some time.
        let parsing = spawn_blocking(move || hub.set_other_rooms(id, &json));
        // The runtime ends.
        parsing.await.unwrap_or(Ok(()))
    }

    async fn publish(
        &self,
        exchange: &mut Exchange,
        stored: Option<Version>,
    ) -> Result<(), Unavailable> {
        // The last renewal may have shown that other instances own rooms of this one.
        self.hub.update_list();
        let (version, rooms) = self.hub.own_rooms();
        let now = Instant::now();
        // Nobody misses an empty list.
        if version == stored.unwrap_or(0) || now < exchange.next_publication {
            return Ok(());
        }
        let (json, is_complete) = rooms.to_json(MAX_LIST_BYTES);
        drop(rooms);
        let bytes = u32::try_from(json.len()).unwrap_or(u32::MAX);
        exchange.next_publication = now + Duration::from_secs(1) * bytes / PUBLISH_RATE;
        exchange.is_complete = is_complete;
        self.store.publish(version, &json).await
    }
}
