//! Instances with a store that fails, in virtual time.

use matchbox_protocol::PeerId;
use tokio::task::JoinHandle;

use super::*;
use crate::{
    access::Access,
    config::{self, Config},
    hub::Membership,
    mailbox::{Ejection, Inbox},
    rooms::JoinError,
    settings::SettingsChange,
    store::memory::{Entries, MemoryStore},
};

mod convergence;
mod groups;
mod lists;

/// One instance, without sockets.
struct Instance {
    hub: Arc<Hub>,
    cluster: Arc<Cluster>,
    store: Arc<MemoryStore>,
    tasks: Vec<JoinHandle<()>>,
}

/// The instances of a cluster, and the entries of their store.
struct World {
    entries: Arc<Mutex<Entries>>,
    instances: Vec<Instance>,
}

fn address(number: usize) -> SocketAddr {
    ([10, 0, 0, 1], u16::try_from(number + 1).unwrap()).into()
}

impl World {
    async fn new(instances: usize) -> Self {
        let mut world = Self {
            entries: Arc::default(),
            instances: Vec::new(),
        };
        for number in 0..instances {
            let store = MemoryStore::new(&world.entries, id(number), address(number));
            world.instances.push(Instance::new(store));
        }
        sleep(Duration::from_secs(1)).await;
        world
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap()
    }

    /// Joins through an instance, which passes the client on at most once.
    async fn join(&self, through: usize, request: &JoinRequest) -> Option<(usize, Client)> {
        let mut request = request.clone();
        for _ in 0..3 {
            match self.instances[through].enter(&mut request).await? {
                Entered::Here(client) => return Some((through, client)),
                Entered::There(address) => {
                    let owner = usize::from(address.port() - 1);
                    let mut request = request.clone();
                    if let Some(Entered::Here(client)) =
                        self.instances[owner].enter(&mut request).await
                    {
                        return Some((owner, client));
                    }
                }
            }
        }
        None
    }
}

fn id(number: usize) -> u64 {
    u64::try_from(number).unwrap() * 1000
}

struct Client {
    membership: Membership,
    inbox: Inbox,
}

impl Client {
    fn id(&self) -> PeerId {
        self.membership.id
    }

    fn is_moved(&mut self) -> bool {
        self.inbox.ejected.try_recv() == Ok(Ejection::Moved)
    }
}

enum Entered {
    Here(Client),
    There(SocketAddr),
}

impl Instance {
    fn new(store: MemoryStore) -> Self {
        let config = Config {
            cluster: Some(config::Cluster::new(Secret::new("redis://127.0.0.1"))),
            ..Config::default()
        };
        let group_ids = GroupIds::new(&[]);
        let hub = Hub::new(&config, group_ids.clone());
        let store = Arc::new(store);
        let shared = Arc::clone(&store);
        let cluster = Cluster::new(&hub, shared, &group_ids, Duration::from_secs(5));
        let running = Arc::clone(&cluster);
        let ticking = Arc::clone(&hub);
        let tick = async move {
            loop {
                let step = Duration::from_millis(200);
                sleep(step).await;
                ticking.tick(step);
                ticking.update_list();
            }
        };
        Self {
            hub,
            cluster,
            store,
            tasks: vec![
                tokio::spawn(async move { running.run().await }),
                tokio::spawn(tick),
            ],
        }
    }

    /// Does what the server does with a request. Returns `None` if it refuses the client.
    async fn enter(&self, request: &mut JoinRequest) -> Option<Entered> {
        for _ in 0..3 {
            match self.hub.join(request.clone(), None) {
                Ok((membership, inbox)) => {
                    return Some(Entered::Here(Client { membership, inbox }));
                }
                Err(JoinError::NotOwner) => match self.cluster.route(request).await.ok()? {
                    Owner::Here => {}
                    Owner::There(address) => return Some(Entered::There(address)),
                },
                Err(_) => return None,
            }
        }
        None
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

fn key(name: &str) -> RoomKey {
    RoomKey {
        app: String::new(),
        name: name.to_owned(),
        next: None,
    }
}

fn request(name: &str) -> JoinRequest {
    JoinRequest {
        key: key(name),
        has_extensions: true,
        group: None,
        resume: None,
        settings: SettingsChange::default(),
        access: Access::default(),
    }
}

#[tokio::test(start_paused = true)]
async fn clients_of_a_room_meet_at_its_owner() {
    let world = World::new(3).await;
    let (owner, _a) = world.join(1, &request("room")).await.unwrap();
    assert_eq!(owner, 1);
    for through in 0..3 {
        let (owner, _b) = world.join(through, &request("room")).await.unwrap();
        assert_eq!(owner, 1);
    }
    let (owner, _c) = world.join(2, &request("other")).await.unwrap();
    assert_eq!(owner, 2);
}

#[tokio::test(start_paused = true)]
async fn room_without_members_is_free_after_a_few_seconds() {
    let world = World::new(2).await;
    let (_, a) = world.join(0, &request("room")).await.unwrap();
    sleep(Duration::from_secs(100)).await;
    assert_eq!(world.entries().owner(&key("room")), Some(address(0)));
    drop(a);
    sleep(Duration::from_secs(8)).await;
    assert_eq!(world.entries().owner(&key("room")), None);
    let (owner, _b) = world.join(1, &request("room")).await.unwrap();
    assert_eq!(owner, 1);
}

#[tokio::test(start_paused = true)]
async fn rooms_of_a_dead_instance_are_free_when_its_lease_expires() {
    let mut world = World::new(2).await;
    let (_, _a) = world.join(0, &request("room")).await.unwrap();
    for task in world.instances[0].tasks.drain(..) {
        task.abort();
    }
    let start = Instant::now();
    loop {
        let mut request = request("room");
        if let Some(Entered::Here(_)) = world.instances[1].enter(&mut request).await {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    let waited = start.elapsed();
    assert!(waited > Duration::from_secs(3), "{waited:?}");
    assert!(waited < Duration::from_secs(6), "{waited:?}");
}

/// The entry of the former process still lives.
#[tokio::test(start_paused = true)]
async fn restarted_instance_takes_its_rooms_over_at_once() {
    let mut world = World::new(2).await;
    let (_, _a) = world.join(0, &request("room")).await.unwrap();
    let store = MemoryStore::new(&world.entries, id(0) + 1, address(0));
    world.instances[0] = Instance::new(store);
    sleep(Duration::from_millis(10)).await;
    let (owner, _b) = world.join(0, &request("room")).await.unwrap();
    assert_eq!(owner, 0);
    let (owner, _c) = world.join(1, &request("room")).await.unwrap();
    assert_eq!(owner, 0);
}

#[tokio::test(start_paused = true)]
async fn instance_without_a_store_serves_only_its_own_rooms() {
    let world = World::new(2).await;
    let (_, _a) = world.join(0, &request("own")).await.unwrap();
    let (_, _b) = world.join(1, &request("known")).await.unwrap();
    let (_, _c) = world.join(1, &request("other")).await.unwrap();
    let forwarding = world.instances[0]
        .cluster
        .forward(&request("known"), address(1));
    world.instances[0]
        .store
        .faults
        .is_cut
        .store(true, Ordering::Relaxed);
    sleep(Duration::from_secs(20)).await;
    let start = Instant::now();
    let mut own = request("own");
    let entered = world.instances[0].enter(&mut own).await;
    assert!(matches!(entered, Some(Entered::Here(_))));
    let mut known = request("known");
    let entered = world.instances[0].enter(&mut known).await;
    assert!(matches!(entered, Some(Entered::There(owner)) if owner == address(1)));
    assert_eq!(start.elapsed(), Duration::ZERO);
    for name in ["other", "new"] {
        let mut request = request(name);
        assert!(world.instances[0].enter(&mut request).await.is_none());
    }
    assert_eq!(start.elapsed(), 2 * WAIT);
    // A client that waits joins when the store answers.
    let mut waiting = request("new");
    let instance = &world.instances[0];
    let (entered, ()) = tokio::join!(instance.enter(&mut waiting), async {
        sleep(Duration::from_secs(1)).await;
        instance.store.faults.is_cut.store(false, Ordering::Relaxed);
    });
    assert!(matches!(entered, Some(Entered::Here(_))));
    drop(forwarding);
    assert!(instance.cluster.lock_routes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn waiting_clients_are_bounded() {
    let world = World::new(1).await;
    let instance = &world.instances[0];
    instance.store.faults.is_cut.store(true, Ordering::Relaxed);
    sleep(Duration::from_secs(5)).await;
    let waiting: Vec<_> = (0..MAX_WAITING)
        .map(|n| {
            let cluster = Arc::clone(&instance.cluster);
            tokio::spawn(async move { cluster.route(&mut request(&n.to_string())).await })
        })
        .collect();
    sleep(Duration::from_millis(1)).await;
    let start = Instant::now();
    assert!(
        instance
            .cluster
            .route(&mut request("one more"))
            .await
            .is_err()
    );
    assert_eq!(start.elapsed(), Duration::ZERO);
    for waiting in waiting {
        assert!(waiting.await.unwrap().is_err());
    }
    assert_eq!(instance.cluster.waiting.available_permits(), MAX_WAITING);
}

#[tokio::test(start_paused = true)]
async fn instance_that_leaves_gives_up_its_rooms() {
    let world = World::new(2).await;
    let (_, _a) = world.join(0, &request("room")).await.unwrap();
    world.instances[0].cluster.withdraw().await;
    let (owner, _b) = world.join(1, &request("room")).await.unwrap();
    assert_eq!(owner, 1);
    // It does not come back.
    sleep(Duration::from_secs(10)).await;
    assert!(
        world.instances[0]
            .enter(&mut request("new"))
            .await
            .is_none()
    );
    assert_eq!(world.entries().owner(&key("room")), Some(address(1)));
}

#[tokio::test(start_paused = true)]
async fn members_of_a_lost_room_are_disconnected_one_after_the_other() {
    const MEMBERS: usize = 60;
    let world = World::new(2).await;
    let mut members = Vec::new();
    for _ in 0..MEMBERS {
        members.push(world.join(0, &request("room")).await.unwrap().1);
    }
    // The store loses its data, and another instance is faster.
    world.entries().clear();
    sleep(Duration::from_millis(1)).await;
    world.instances[1].cluster.store.renew().await.unwrap();
    let (owner, newcomer) = world.join(1, &request("room")).await.unwrap();
    assert_eq!(owner, 1);
    let mut times = Vec::new();
    let start = Instant::now();
    while times.len() < MEMBERS {
        sleep(Duration::from_millis(100)).await;
        let moved = members.extract_if(.., |member| member.is_moved()).count();
        times.extend(std::iter::repeat_n(start.elapsed(), moved));
        assert!(start.elapsed() < Duration::from_secs(6), "{times:?}");
    }
    let (first, last) = (times[0], times[MEMBERS - 1]);
    assert!(last - first > Duration::from_secs(1), "{times:?}");
    assert_eq!(world.instances[0].hub.count(), (0, 0));
    assert_eq!(world.instances[1].hub.count(), (1, 1));
    drop(newcomer);
}

/// A member that has lost its connection would be a ghost.
#[tokio::test(start_paused = true)]
async fn places_in_a_lost_room_end() {
    let world = World::new(2).await;
    let (_, lost) = world.join(0, &request("room")).await.unwrap();
    let (_, mut member) = world.join(0, &request("room")).await.unwrap();
    let ghost = lost.id();
    world.entries().clear();
    world.instances[1].cluster.store.renew().await.unwrap();
    let (_, _newcomer) = world.join(1, &request("room")).await.unwrap();
    lost.membership.lose();
    sleep(Duration::from_millis(1100)).await;
    let mut left = false;
    while let Some(message) = member.inbox.queue.pop() {
        let text = message.to_text().unwrap().to_owned();
        left |= text.contains("PeerLeft") && text.contains(&ghost.0.to_string());
    }
    assert!(left);
}
