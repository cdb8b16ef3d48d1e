//! The rooms of `?next=N` groups.

use std::num::NonZeroUsize;

use uuid::Uuid;

use super::*;

fn queue(group: Option<Uuid>) -> JoinRequest {
    JoinRequest {
        key: RoomKey {
            next: NonZeroUsize::new(2),
            ..key("queue")
        },
        group,
        ..request("queue")
    }
}

/// Links a group at the first instance. Returns its members and its id.
async fn link(world: &World) -> (Client, Client, Uuid) {
    let (_, a) = world.join(0, &queue(None)).await.unwrap();
    let (owner, mut b) = world.join(1, &queue(None)).await.unwrap();
    assert_eq!(owner, 0);
    a.membership.set_links(&[b.id()]);
    b.membership.set_links(&[a.id()]);
    let mut group = None;
    while let Some(message) = b.inbox.queue.pop() {
        let message = message.to_text().unwrap();
        let message: serde_json::Value = serde_json::from_str(message).unwrap();
        let id = message["Group"]["Linked"].as_str();
        group = group.or(id.and_then(|id| id.parse().ok()));
    }
    (a, b, group.expect("the group is linked"))
}

/// The store learns about the room a moment after the members.
#[tokio::test(start_paused = true)]
async fn member_that_returns_at_once_finds_its_group() {
    for by_name in [false, true] {
        let world = World::new(2).await;
        world.instances[0]
            .store
            .faults
            .delay_ms
            .store(50, Ordering::Relaxed);
        let (mut a, b, group) = link(&world).await;
        drop(b);
        let request = if by_name {
            request(&group.simple().to_string())
        } else {
            queue(Some(group))
        };
        let (owner, _b) = world.join(1, &request).await.unwrap();
        assert_eq!(owner, 0);
        sleep(Duration::from_secs(20)).await;
        assert!(!a.is_moved());
    }
}

#[tokio::test(start_paused = true)]
async fn linked_group_has_its_room_where_it_formed() {
    let world = World::new(2).await;
    let (a, b, group) = link(&world).await;
    sleep(Duration::from_millis(10)).await;
    let room = RoomKey::of_group(String::new(), group);
    assert_eq!(world.entries().owner(&room), Some(address(0)));

    // The queue has moved, and the members return to their group.
    drop(b);
    sleep(Duration::from_secs(8)).await;
    let (owner, _waiting) = world.join(1, &queue(None)).await.unwrap();
    assert_eq!(owner, 1);
    let (owner, b) = world.join(1, &queue(Some(group))).await.unwrap();
    assert_eq!(owner, 0);
    assert_eq!(world.instances[0].hub.count().0, 1);
    // Without members, the room is gone, and the client waits for a new group.
    drop((a, b));
    sleep(Duration::from_secs(8)).await;
    let (owner, _b) = world.join(0, &queue(Some(group))).await.unwrap();
    assert_eq!(owner, 1);
}
