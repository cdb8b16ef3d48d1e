//! An instance that shuts down while another one serves its rooms.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::{
    common::redis::Redis,
    support::{Instance, LONG, RECOVERY, closed_later, expect_count, join_again, lost},
};

#[tokio::test]
async fn clients_of_a_draining_instance_meet_at_the_other_one() {
    let Some(redis) = Redis::start() else { return };
    let mut draining = Instance::start(&redis, &["--drain", "3s"]).await;
    let other = Instance::start(&redis, &[]).await;
    let direct = join_again(draining.addr, "/room").await;
    let through_other = join_again(other.addr, "/room").await;
    let mut stays = join_again(other.addr, "/stays").await;
    let through_draining = join_again(draining.addr, "/stays").await;
    stays.expect_new_peer(&through_draining).await;
    draining.signal("TERM").await;

    // The room can form at the other instance before all clients are disconnected.
    let start = Instant::now();
    let mut newcomer = join_again(other.addr, "/room").await;
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    for client in [direct, through_other] {
        assert_eq!(closed_later(client).await.0, 1012);
        let back = join_again(other.addr, "/room").await;
        newcomer.expect_new_peer(&back).await;
        newcomer.expect_peer_left(back.leave().await).await;
    }
    let id = through_draining.id;
    lost(through_draining).await;
    stays.expect_peer_left(id).await;
    let status = timeout(LONG, draining.process.wait()).await.unwrap();
    assert_eq!(status.unwrap().code(), Some(0));
    assert!(start.elapsed() < RECOVERY, "{:?}", start.elapsed());
    expect_count(other.addr, (2, 2)).await;
}

#[tokio::test]
async fn instance_that_stops_at_once_gives_up_its_rooms() {
    let Some(redis) = Redis::start() else { return };
    let mut stopped = Instance::start(&redis, &["--drain", "0s"]).await;
    let other = Instance::start(&redis, &[]).await;
    let client = join_again(stopped.addr, "/room").await;
    stopped.signal("TERM").await;
    assert_eq!(closed_later(client).await.0, 1001);
    let status = timeout(LONG, stopped.process.wait()).await.unwrap();
    assert_eq!(status.unwrap().code(), Some(0));
    // The lease would last for some seconds.
    let start = Instant::now();
    let _client = join_again(other.addr, "/room").await;
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
}
