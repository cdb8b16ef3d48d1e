//! Whatever the store did: when it works again, each room is at one instance, and all instances list
//! it.

use std::collections::{BTreeSet, VecDeque};

use proptest::{prelude::*, test_runner::Config as Runner};

use super::*;

/// An event in the life of two instances.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// A client joins a room through an instance.
    Join {
        room: u8,
        through: usize,
    },
    /// The client that has been in the cluster longest leaves.
    Leave,
    /// The connection of an instance to the store breaks or works again.
    Cut {
        instance: usize,
        is_cut: bool,
    },
    /// Each operation of an instance needs up to this time, and as much for its answer.
    Delay {
        instance: usize,
        ms: u64,
    },
    /// The store loses all entries.
    Forget,
    Wait {
        ms: u64,
    },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (0..3_u8, 0..2_usize).prop_map(|(room, through)| Event::Join { room, through }),
        2 => Just(Event::Leave),
        2 => (0..2_usize, any::<bool>())
            .prop_map(|(instance, is_cut)| Event::Cut { instance, is_cut }),
        2 => (0..2_usize, 0..4000_u64).prop_map(|(instance, ms)| Event::Delay { instance, ms }),
        1 => Just(Event::Forget),
        4 => (0..8000_u64).prop_map(|ms| Event::Wait { ms }),
    ]
}

/// A client that stays in a room: when it is disconnected, it joins again.
#[derive(Debug)]
struct Loyal {
    number: usize,
    room: u8,
    task: JoinHandle<()>,
}

/// The instance and room of each connected client.
type Places = Arc<Mutex<HashMap<usize, (u8, usize)>>>;

fn stay(world: &Arc<World>, places: &Places, number: usize, room: u8, through: usize) -> Loyal {
    let (world, places) = (Arc::clone(world), Arc::clone(places));
    let mut through = through;
    let task = tokio::spawn(async move {
        loop {
            let request = lists::listed(&room.to_string());
            if let Some((instance, client)) = world.join(through, &request).await {
                places.lock().unwrap().insert(number, (room, instance));
                let _ = client.inbox.ejected.await;
                places.lock().unwrap().remove(&number);
            }
            through = fastrand::usize(0..2);
            sleep(Duration::from_millis(fastrand::u64(100..2000))).await;
        }
    });
    Loyal { number, room, task }
}

async fn simulate(events: &[Event], seed: u64) -> Result<(), TestCaseError> {
    fastrand::seed(seed);
    let world = Arc::new(World::new(2).await);
    let places = Places::default();
    let mut clients = VecDeque::new();
    for (number, event) in events.iter().enumerate() {
        match *event {
            Event::Join { room, through } => {
                clients.push_back(stay(&world, &places, number, room, through));
            }
            Event::Leave => {
                if let Some(client) = clients.pop_front() {
                    client.task.abort();
                    let _ = client.task.await;
                    places.lock().unwrap().remove(&client.number);
                }
            }
            Event::Cut { instance, is_cut } => {
                let faults = &world.instances[instance].store.faults;
                faults.is_cut.store(is_cut, Ordering::Relaxed);
            }
            Event::Delay { instance, ms } => {
                let faults = &world.instances[instance].store.faults;
                faults.delay_ms.store(ms, Ordering::Relaxed);
            }
            Event::Forget => world.entries().clear(),
            Event::Wait { ms } => sleep(Duration::from_millis(ms)).await,
        }
    }
    for instance in &world.instances {
        instance.store.faults.is_cut.store(false, Ordering::Relaxed);
        instance.store.faults.delay_ms.store(0, Ordering::Relaxed);
    }
    // Late operations of up to 4 s, one interval of confirmations, and time to move and to release.
    sleep(Duration::from_secs(40)).await;

    let places = places.lock().unwrap();
    prop_assert_eq!(places.len(), clients.len(), "all clients are connected");
    let rooms: BTreeSet<u8> = clients.iter().map(|client| client.room).collect();
    for room in &rooms {
        let members = places.values().filter(|(of, _)| of == room);
        let instances: BTreeSet<usize> = members.map(|(_, instance)| *instance).collect();
        prop_assert_eq!(instances.len(), 1, "room {} is at {:?}", room, instances);
        let owner = world.entries().owner(&key(&room.to_string()));
        prop_assert_eq!(owner, instances.first().copied().map(address));
    }
    for instance in &world.instances {
        let expected: Vec<_> = rooms
            .iter()
            .map(|room| {
                let members = places.values().filter(|(of, _)| of == room);
                (room.to_string(), members.count())
            })
            .collect();
        prop_assert_eq!(instance.rooms(), expected);
    }
    // There are no ghosts.
    let counts = world.instances.iter().map(|instance| instance.hub.count());
    let total = counts.fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    prop_assert_eq!(total, (rooms.len(), clients.len()));
    for client in clients {
        client.task.abort();
    }
    Ok(())
}

proptest! {
    #![proptest_config(Runner { cases: 128, ..Runner::default() })]

    #[test]
    fn rooms_are_whole_when_the_store_works_again(
        events in proptest::collection::vec(event(), 1..60),
        seed in any::<u64>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(simulate(&events, seed))?;
    }
}
