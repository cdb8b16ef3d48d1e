//! What both stores do with operations in any order.

use std::{
    io::ErrorKind,
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use proptest::{prelude::*, test_runner::Config as Runner};
use tokio::time::sleep;

use super::{memory::MemoryStore, redis::RedisStore, *};
use crate::config::Cluster;

mod lists;

/// An operation of one of two instances, with the epoch of a claim.
#[derive(Debug, Clone, Copy)]
enum Operation {
    Claim(Epoch),
    Assert(Epoch),
    Release(Epoch),
}

fn operation() -> impl Strategy<Value = (usize, Operation)> {
    let operation = prop_oneof![
        (1..5_u64).prop_map(Operation::Claim),
        (1..5_u64).prop_map(Operation::Assert),
        (1..5_u64).prop_map(Operation::Release),
    ];
    (0..2_usize, operation)
}

fn address(number: usize) -> SocketAddr {
    ([10, 0, 0, 1], u16::try_from(number + 1).unwrap()).into()
}

fn key(name: &str) -> RoomKey {
    RoomKey {
        app: "a:b/c".to_owned(),
        name: name.to_owned(),
        next: None,
    }
}

/// Executes operations on a room, and checks after each one which instance owns the room.
async fn check(stores: [&dyn Store; 2], name: &str, operations: &[(usize, Operation)]) {
    let held = |epoch| Held {
        key: key(name),
        epoch,
    };
    // The owner and its newest claim.
    let mut owner: Option<(usize, Epoch)> = None;
    for (number, operation) in operations {
        let store = stores[*number];
        let (is_accepted, epoch) = match *operation {
            Operation::Claim(epoch) => {
                let claim = store.claim(&held(epoch)).await.unwrap();
                (claim == Claim::Here, epoch)
            }
            Operation::Assert(epoch) => {
                let conflicts = store.assert(&[held(epoch)]).await.unwrap();
                (conflicts.is_empty(), epoch)
            }
            Operation::Release(epoch) => {
                store.release(&[held(epoch)]).await.unwrap();
                owner = owner.filter(|owner| *owner != (*number, epoch));
                (false, epoch)
            }
        };
        if !matches!(operation, Operation::Release(_)) {
            let may = owner.is_none_or(|(owner, _)| owner == *number);
            assert_eq!(is_accepted, may, "{operations:?}");
            if may {
                let newest = owner.map_or(epoch, |(_, newest)| newest.max(epoch));
                owner = Some((*number, newest));
            }
        }
        for (other, store) in stores.iter().enumerate() {
            let found = store.find(&key(name)).await.unwrap();
            let expected = owner.filter(|(owner, _)| *owner != other);
            let expected = expected.map(|(owner, _)| address(owner));
            assert_eq!(found, expected, "{operations:?}");
        }
    }
}

proptest! {
    #![proptest_config(Runner::default())]

    #[test]
    fn release_never_removes_a_newer_claim(
        operations in proptest::collection::vec(operation(), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let entries = Arc::default();
            let stores = [0, 1].map(|n| MemoryStore::new(&entries, n, address(usize::from(n == 1))));
            for store in &stores {
                store.renew().await.unwrap();
            }
            check([&stores[0], &stores[1]], "room", &operations).await;
        });
    }
}

/// A Redis server. Dropping it stops the process.
struct Redis {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Redis {
    /// Returns `None` if the program is not installed.
    fn start() -> Option<Self> {
        let free = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let folder = tempfile::tempdir().unwrap();
        let started = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
            .args(["--save", "", "--dir"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn();
        let process = match started {
            Err(error)
                if error.kind() == ErrorKind::NotFound && std::env::var_os("CI").is_none() =>
            {
                eprintln!("skipped: there is no redis-server. Install the package `redis-server`");
                return None;
            }
            started => started.expect("CI needs redis-server, from the package `redis-server`"),
        };
        Some(Self {
            process,
            port,
            _folder: folder,
        })
    }

    async fn store(&self, config: Cluster, number: usize) -> RedisStore {
        let config = Cluster {
            address: Some(address(number)),
            redis: Secret::new(format!("redis://127.0.0.1:{}", self.port)),
            ..config
        };
        let store = RedisStore::new(&config, address(9)).unwrap();
        for _ in 0..600 {
            if store.renew().await.is_ok() {
                return store;
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("redis-server does not answer, or another process has taken its port");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn config() -> Cluster {
    Cluster {
        lease: Duration::from_secs(60),
        ..Cluster::new(Secret::new(""))
    }
}

#[tokio::test]
async fn redis_does_the_same_as_the_store_of_the_simulation() {
    let Some(redis) = Redis::start() else {
        return;
    };
    let stores = [
        redis.store(config(), 0).await,
        redis.store(config(), 1).await,
    ];
    for name in 0..60 {
        let operations: Vec<_> = (0..30)
            .map(|_| {
                let epoch = fastrand::u64(1..5);
                let operation = match fastrand::u8(0..3) {
                    0 => Operation::Claim(epoch),
                    1 => Operation::Assert(epoch),
                    _ => Operation::Release(epoch),
                };
                (fastrand::usize(0..2), operation)
            })
            .collect();
        check([&stores[0], &stores[1]], &name.to_string(), &operations).await;
    }
}

#[tokio::test]
async fn redis_keeps_leases_names_and_the_secret() {
    let Some(redis) = Redis::start() else {
        return;
    };
    let one = redis.store(config(), 0).await;
    let other = redis.store(config(), 1).await;
    let first = one.renew().await.unwrap();
    assert!(!first.had_lapsed);
    assert_eq!(other.renew().await.unwrap().secret, first.secret);
    assert!(first.secret.expose().len() >= 32);

    // Rooms with similar names are different.
    let room = |app: &str, name: &str, next| Held {
        key: RoomKey {
            app: app.to_owned(),
            name: name.to_owned(),
            next: std::num::NonZeroUsize::new(next),
        },
        epoch: 1,
    };
    let rooms = [
        room("a", "b", 0),
        room("", "a/b", 0),
        room("a", "b", 2),
        room("a", "b?next=2", 0),
        room("", "", 0),
        room("", "ü\n\0*", 3),
    ];
    for (number, held) in rooms.iter().enumerate() {
        let (owner, other) = if number % 2 == 0 {
            (&one, &other)
        } else {
            (&other, &one)
        };
        assert_eq!(owner.claim(held).await.unwrap(), Claim::Here, "{held:?}");
        let there = Claim::There(address(number % 2));
        assert_eq!(other.claim(held).await.unwrap(), there);
    }
    assert_eq!(one.assert(&rooms).await.unwrap(), [1, 3, 5]);

    // A former process of an instance does not own rooms any more.
    let restarted = redis.store(config(), 1).await;
    assert_eq!(restarted.claim(&rooms[1]).await.unwrap(), Claim::Here);
    restarted.withdraw().await.unwrap();
    assert_eq!(restarted.claim(&rooms[1]).await.unwrap(), Claim::Lapsed);
    assert_eq!(one.claim(&rooms[1]).await.unwrap(), Claim::Here);

    // Another cluster in the same Redis.
    let prefix = "another:".to_owned();
    let separate = redis.store(Cluster { prefix, ..config() }, 2).await;
    assert_eq!(separate.claim(&rooms[0]).await.unwrap(), Claim::Here);
    assert_ne!(separate.renew().await.unwrap().secret, first.secret);

    // The entry of an instance that does not renew it expires.
    let lease = Duration::from_millis(300);
    let short = redis.store(Cluster { lease, ..config() }, 3).await;
    assert_eq!(short.claim(&room("", "x", 0)).await.unwrap(), Claim::Here);
    sleep(2 * lease).await;
    assert_eq!(one.claim(&room("", "x", 0)).await.unwrap(), Claim::Here);
    assert!(short.renew().await.unwrap().had_lapsed);
    assert_eq!(short.assert(&[room("", "x", 0)]).await.unwrap(), [0]);
}

/// More rooms than one script contains.
#[tokio::test]
async fn redis_records_many_rooms() {
    let Some(redis) = Redis::start() else {
        return;
    };
    let [one, other] = [
        redis.store(config(), 0).await,
        redis.store(config(), 1).await,
    ];
    let rooms: Vec<_> = (0..1000)
        .map(|n: u32| Held {
            key: key(&n.to_string()),
            epoch: 7,
        })
        .collect();
    other.claim(&rooms[700]).await.unwrap();
    assert_eq!(one.assert(&rooms).await.unwrap(), [700]);
    one.release(&rooms).await.unwrap();
    assert_eq!(other.find(&rooms[5].key).await.unwrap(), None);
    assert_eq!(one.find(&rooms[700].key).await.unwrap(), Some(address(1)));
}
