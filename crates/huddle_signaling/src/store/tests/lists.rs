//! The lists of rooms in both stores.

use super::*;
use crate::directory::MAX_LIST_BYTES;

/// Requests lists, and updates the known versions. Returns the version of the own list, and the new
/// lists.
async fn receive(
    store: &dyn Store,
    known: &mut HashMap<InstanceId, Version>,
) -> (Option<Version>, Vec<Vec<u8>>) {
    let lists = store.lists(known).await.unwrap();
    let ids: Vec<_> = lists.others.iter().map(|list| list.id.clone()).collect();
    known.retain(|id, _| ids.contains(id));
    let mut new = Vec::new();
    for OtherList { id, version, json } in lists.others {
        if let Some(json) = json {
            assert_ne!(known.insert(id, version), Some(version));
            new.push(json);
        }
    }
    new.sort();
    (lists.own, new)
}

/// All instances are alive at the start. Makes the first one leave.
async fn check(stores: [&dyn Store; 3]) {
    let mut known = HashMap::new();
    let [a, b, c] = stores;
    assert_eq!(receive(c, &mut known).await, (None, vec![]));
    a.publish(3, b"a3").await.unwrap();
    b.publish(1, b"\xff\0").await.unwrap();
    let both = vec![b"a3".to_vec(), b"\xff\0".to_vec()];
    assert_eq!(receive(c, &mut known).await, (None, both));
    assert_eq!(receive(c, &mut known).await, (None, vec![]));
    assert_eq!(known.len(), 2);
    let only_b = vec![b"\xff\0".to_vec()];
    assert_eq!(receive(a, &mut HashMap::new()).await, (Some(3), only_b));

    // A late publication does not replace a newer list.
    a.publish(2, b"a2").await.unwrap();
    assert_eq!(receive(c, &mut known).await, (None, vec![]));
    a.publish(10, b"a10").await.unwrap();
    c.publish(7, b"c").await.unwrap();
    let newer = (Some(7), vec![b"a10".to_vec()]);
    assert_eq!(receive(c, &mut known).await, newer);

    // An answer contains at least one list, and is not endless.
    let long = |letter| vec![letter; MAX_LIST_BYTES];
    a.publish(11, &long(b'a')).await.unwrap();
    b.publish(2, &long(b'b')).await.unwrap();
    let (own, mut first) = receive(c, &mut known).await;
    let (_, second) = receive(c, &mut known).await;
    assert_eq!((own, first.len(), second.len()), (Some(7), 1, 1));
    first.extend(second);
    first.sort();
    assert!(first == [long(b'a'), long(b'b')]);
    assert_eq!(receive(c, &mut known).await, (Some(7), vec![]));

    // An instance leaves, and publishes late.
    a.withdraw().await.unwrap();
    a.publish(12, b"a12").await.unwrap();
    assert_eq!(receive(c, &mut known).await, (Some(7), vec![]));
    assert_eq!(known.len(), 1);
    assert_eq!(receive(a, &mut HashMap::new()).await.0, None);
}

#[tokio::test(start_paused = true)]
async fn store_of_the_simulation_keeps_lists() {
    let entries = Arc::default();
    let store = |n| MemoryStore::new(&entries, n, address(usize::try_from(n).unwrap()));
    let stores = [store(0), store(1), store(2)];
    for store in &stores {
        store.renew().await.unwrap();
    }
    check([&stores[0], &stores[1], &stores[2]]).await;
}

#[tokio::test]
async fn redis_keeps_lists() {
    let Some(redis) = Redis::start() else {
        return;
    };
    let stores = [
        redis.store(config(), 0).await,
        redis.store(config(), 1).await,
        redis.store(config(), 2).await,
    ];
    check([&stores[0], &stores[1], &stores[2]]).await;

    // Another cluster in the same Redis.
    let prefix = "another:".to_owned();
    let separate = redis.store(Cluster { prefix, ..config() }, 3).await;
    assert_eq!(
        receive(&separate, &mut HashMap::new()).await,
        (None, vec![])
    );
}

#[tokio::test]
async fn list_in_redis_lives_as_long_as_its_instance() {
    let Some(redis) = Redis::start() else {
        return;
    };
    let lease = Duration::from_secs(2);
    let short = redis.store(Cluster { lease, ..config() }, 0).await;
    let other = redis.store(config(), 1).await;
    short.publish(1, b"list").await.unwrap();
    for _ in 0..8 {
        sleep(lease / 5).await;
        assert!(!short.renew().await.unwrap().had_lapsed, "busy machine");
    }
    let list = vec![b"list".to_vec()];
    let mut known = HashMap::new();
    assert_eq!(receive(&other, &mut known).await, (None, list));
    sleep(lease + lease / 5).await;
    assert_eq!(receive(&other, &mut known).await, (None, vec![]));
    assert!(known.is_empty());
    // The instance returns, and sees that its list is gone.
    assert!(short.renew().await.unwrap().had_lapsed);
    assert_eq!(receive(&short, &mut HashMap::new()).await.0, None);
    // A publication that arrives after the instance has left leaves nothing behind.
    other.publish(1, b"list").await.unwrap();
    other.withdraw().await.unwrap();
    other.publish(2, b"list").await.unwrap();
    let client = ::redis::Client::open(format!("redis://127.0.0.1:{}", redis.port)).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut keys = ::redis::cmd("KEYS");
    let keys: Vec<String> = keys
        .arg("*list*")
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!(keys, Vec::<String>::new());
}
