//! The lists of rooms.

use super::*;
use crate::directory::ListRequest;

/// The time in which a change must be in the lists of all instances.
const CONVERGENCE: Duration = Duration::from_secs(4);

/// Returns a request for a room that the list contains.
pub(super) fn listed(name: &str) -> JoinRequest {
    JoinRequest {
        settings: SettingsChange {
            listed: Some(true),
            ..SettingsChange::default()
        },
        ..request(name)
    }
}

impl Instance {
    /// Returns the names and numbers of players in the list.
    pub(super) fn rooms(&self) -> Vec<(String, usize)> {
        let all = ListRequest::parse(&"/rooms?limit=100".parse().unwrap(), &[]).unwrap();
        let page = self.hub.list(&all).into_parts().concat();
        let page: serde_json::Value = serde_json::from_slice(&page).unwrap();
        let rooms = page["rooms"].as_array().unwrap().iter();
        rooms
            .map(|room| {
                let players = room["players"].as_u64().unwrap();
                let name = room["name"].as_str().unwrap().to_owned();
                (name, usize::try_from(players).unwrap())
            })
            .collect()
    }

    fn version(&self) -> u64 {
        self.hub.own_rooms().0
    }

    fn stop(&mut self) {
        for task in self.tasks.drain(..) {
            task.abort();
        }
    }
}

impl World {
    /// Checks the lists of instances.
    fn expect(&self, instances: &[usize], rooms: &[(&str, usize)]) {
        for instance in instances {
            let found = self.instances[*instance].rooms();
            let found: Vec<_> = found.iter().map(|(name, n)| (&**name, *n)).collect();
            assert_eq!(found, rooms, "instance {instance}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_instance_lists_the_rooms_of_all() {
    let world = World::new(3).await;
    let (_, keeper) = world.join(0, &listed("a")).await.unwrap();
    let (_, b) = world.join(1, &listed("b")).await.unwrap();
    let (_, _hidden) = world.join(2, &request("hidden")).await.unwrap();
    sleep(CONVERGENCE).await;
    world.expect(&[0, 1, 2], &[("a", 1), ("b", 1)]);
    // A forwarded client.
    let (owner, a) = world.join(1, &request("a")).await.unwrap();
    assert_eq!(owner, 0);
    sleep(CONVERGENCE).await;
    world.expect(&[0, 1, 2], &[("a", 2), ("b", 1)]);
    drop((a, b));
    sleep(CONVERGENCE).await;
    world.expect(&[0, 1, 2], &[("a", 1)]);
    let close = SettingsChange {
        open: Some(false),
        ..SettingsChange::default()
    };
    keeper.membership.change_room(close);
    sleep(CONVERGENCE).await;
    world.expect(&[0, 1, 2], &[]);
}

#[tokio::test(start_paused = true)]
async fn lists_converge_after_the_store_lost_its_data() {
    let world = World::new(2).await;
    let (_, _a) = world.join(0, &listed("a")).await.unwrap();
    let (_, _b) = world.join(1, &listed("b")).await.unwrap();
    sleep(CONVERGENCE).await;
    let versions = [0, 1].map(|n| world.instances[n].version());
    world.entries().clear();
    sleep(CONVERGENCE).await;
    world.expect(&[0, 1], &[("a", 1), ("b", 1)]);
    // A new instance needs the lists of the others, which have not changed since.
    let mut world = world;
    let store = MemoryStore::new(&world.entries, id(2), address(2));
    world.instances.push(Instance::new(store));
    sleep(CONVERGENCE).await;
    world.expect(&[0, 1, 2], &[("a", 1), ("b", 1)]);
    assert_eq!([0, 1].map(|n| world.instances[n].version()), versions);
}

#[tokio::test(start_paused = true)]
async fn rooms_of_a_dead_instance_disappear() {
    let mut world = World::new(2).await;
    let (_, _a) = world.join(0, &listed("a")).await.unwrap();
    let (_, _b) = world.join(1, &listed("b")).await.unwrap();
    sleep(CONVERGENCE).await;
    world.instances[0].stop();
    sleep(Duration::from_secs(3)).await;
    world.expect(&[1], &[("a", 1), ("b", 1)]);
    sleep(Duration::from_secs(4)).await;
    world.expect(&[1], &[("b", 1)]);
}

#[tokio::test(start_paused = true)]
async fn rooms_of_a_draining_instance_disappear_at_once() {
    let world = World::new(2).await;
    let (_, _a) = world.join(0, &listed("a")).await.unwrap();
    let (_, _b) = world.join(1, &listed("b")).await.unwrap();
    sleep(CONVERGENCE).await;
    world.instances[0].cluster.withdraw().await;
    sleep(Duration::from_millis(1100)).await;
    world.expect(&[1], &[("b", 1)]);
    // A publication that arrives late does not change that.
    let store = &world.instances[0].store;
    store.publish(1000, b"{}").await.unwrap();
    let found = store.lists(&HashMap::new()).await.unwrap();
    assert_eq!(found.own, None);
}

/// The owner of a room cannot reach the store, so another instance takes the room.
#[tokio::test(start_paused = true)]
async fn room_that_was_split_is_listed_as_by_its_new_owner() {
    let world = World::new(3).await;
    let mut lost = Vec::new();
    for _ in 0..3 {
        lost.push(world.join(0, &listed("room")).await.unwrap());
    }
    sleep(CONVERGENCE).await;
    world.expect(&[1, 2], &[("room", 3)]);
    let faults = &world.instances[0].store.faults;
    faults.is_cut.store(true, Ordering::Relaxed);
    sleep(Duration::from_secs(7)).await;
    world.expect(&[1, 2], &[]);
    let (owner, _new) = world.join(1, &listed("room")).await.unwrap();
    assert_eq!(owner, 1);
    sleep(CONVERGENCE).await;
    world.expect(&[1, 2], &[("room", 1)]);
    world.expect(&[0], &[("room", 3)]);
    faults.is_cut.store(false, Ordering::Relaxed);
    // The members of the previous owner move one after the other.
    for _ in 0..40 {
        sleep(Duration::from_millis(100)).await;
        world.expect(&[1, 2], &[("room", 1)]);
    }
    world.expect(&[0, 1, 2], &[("room", 1)]);
}

#[tokio::test(start_paused = true)]
async fn lists_that_do_not_pass_delay_no_lease_and_expire() {
    let world = World::new(2).await;
    let (_, _a) = world.join(0, &listed("a")).await.unwrap();
    sleep(CONVERGENCE).await;
    world.expect(&[1], &[("a", 1)]);
    let faults = &world.instances[1].store.faults;
    faults.are_lists_cut.store(true, Ordering::Relaxed);
    let (_, _b) = world.join(1, &listed("b")).await.unwrap();
    for _ in 0..50 {
        sleep(Duration::from_secs(1)).await;
        assert_eq!(world.entries().owner(&key("b")), Some(address(1)));
        world.expect(&[0], &[("a", 1)]);
        world.expect(&[1], &[("a", 1), ("b", 1)]);
    }
    sleep(Duration::from_secs(20)).await;
    world.expect(&[1], &[("b", 1)]);
    // The instance leaves without delay.
    let start = Instant::now();
    world.instances[1].cluster.withdraw().await;
    assert!(start.elapsed() < WITHDRAW_TIMEOUT);
    faults.are_lists_cut.store(false, Ordering::Relaxed);
}

#[tokio::test(start_paused = true)]
async fn lists_pass_again_after_an_outage() {
    let world = World::new(2).await;
    let (_, _a) = world.join(0, &listed("a")).await.unwrap();
    let faults = [0, 1].map(|n| &world.instances[n].store.faults);
    for faults in faults {
        faults.is_cut.store(true, Ordering::Relaxed);
    }
    sleep(Duration::from_secs(100)).await;
    world.expect(&[1], &[]);
    for faults in faults {
        faults.is_cut.store(false, Ordering::Relaxed);
    }
    sleep(2 * CONVERGENCE).await;
    world.expect(&[0, 1], &[("a", 1)]);
}

/// A list of another instance that has a fault is ignored until it changes.
#[tokio::test(start_paused = true)]
async fn malformed_list_removes_the_rooms_of_its_instance_only() {
    let world = World::new(3).await;
    let (_, _a) = world.join(0, &listed("a")).await.unwrap();
    let (_, _b) = world.join(1, &listed("b")).await.unwrap();
    sleep(CONVERGENCE).await;
    let faults = &world.instances[0].store.faults;
    faults.are_lists_cut.store(true, Ordering::Relaxed);
    sleep(CONVERGENCE).await;
    let store = MemoryStore::new(&world.entries, id(0), address(0));
    store.publish(100, b"{\"\":[").await.unwrap();
    sleep(CONVERGENCE).await;
    world.expect(&[1, 2], &[("b", 1)]);
    let (_, _c) = world.join(2, &listed("c")).await.unwrap();
    sleep(CONVERGENCE).await;
    world.expect(&[1, 2], &[("b", 1), ("c", 1)]);
    store.publish(101, b"{}").await.unwrap();
}

/// Each instance receives all lists, so a long one is published less often.
#[tokio::test(start_paused = true)]
async fn long_list_is_published_less_often() {
    const ROOMS: usize = 2000;
    let world = World::new(2).await;
    let mut members = Vec::new();
    for n in 0..ROOMS {
        let mut request = listed(&format!("{n:0>128}"));
        let metadata = "\u{1}".repeat(256).try_into().unwrap();
        request.settings.metadata = Some(metadata);
        members.push(world.join(0, &request).await.unwrap());
    }
    sleep(Duration::from_secs(20)).await;
    let bytes = world.instances[0].hub.own_rooms().1.to_json(usize::MAX).0;
    let bytes = bytes.len();
    assert!(bytes > 2_000_000, "{bytes}");
    assert_eq!(world.instances[1].rooms().len(), 100);
    let mut publications = 0;
    let mut version = None;
    for n in 0..100_usize {
        members.push(world.join(0, &listed(&format!("new {n}"))).await.unwrap());
        sleep(Duration::from_millis(500)).await;
        let known = HashMap::new();
        let lists = world.instances[0].store.lists(&known).await.unwrap();
        publications += usize::from(lists.own != version);
        version = lists.own;
    }
    // The rate is 512 KiB/s, so one every 4 s or more.
    assert!((5..14).contains(&publications), "{publications}");
}
