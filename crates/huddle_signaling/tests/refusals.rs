//! The refusals that clients receive.

mod common;

use common::{Client, closed, connect, local_config, refused, start};
use huddle_signaling::{Config, close_code};

const BAD_NEXT: [&str; 5] = [
    "/room?next=0",
    "/room?next=65",
    "/room?next=two",
    "/room?next=-1",
    "/room?next=",
];

#[tokio::test]
async fn bad_group_size_is_http_400_with_the_valid_range() {
    let server = start(local_config()).await;
    for path in BAD_NEXT {
        let response = refused(server.addr, path).await;
        assert_eq!(response.status, 400, "{path}");
        assert!(response.text().contains("from 1 to 64"), "{response:?}");
    }
}

#[tokio::test]
async fn bad_group_size_is_a_close_code_for_clients_with_extensions() {
    let server = start(local_config()).await;
    for path in BAD_NEXT {
        let mut socket = connect(server.addr, &format!("{path}&huddle=1"))
            .await
            .unwrap();
        let (code, reason) = closed(&mut socket).await;
        assert_eq!(code, close_code::BAD_REQUEST, "{path}");
        assert!(reason.contains("from 1 to 64"), "{reason}");
    }
}

#[tokio::test]
async fn path_of_three_segments_is_not_found() {
    let server = start(local_config()).await;
    for path in ["/a/b/c", "/a/"] {
        let response = refused(server.addr, path).await;
        assert_eq!(response.status, 404, "{path}");
        assert!(response.text().contains("no slash"), "{response:?}");

        let mut socket = connect(server.addr, &format!("{path}?huddle=1"))
            .await
            .unwrap();
        let (code, reason) = closed(&mut socket).await;
        assert_eq!(code, close_code::NOT_FOUND);
        assert!(reason.contains("no slash"), "{reason}");
    }
}

#[tokio::test]
async fn too_long_room_name_is_a_bad_request() {
    let server = start(local_config()).await;
    let longest = format!("/{}", "r".repeat(128));
    Client::join(server.addr, &longest).await;
    let response = refused(server.addr, &format!("{longest}r")).await;
    assert_eq!(response.status, 400);
    assert!(response.text().contains("128"), "{response:?}");
    let path = format!("{longest}r?huddle=1");
    let mut socket = connect(server.addr, &path).await.unwrap();
    assert_eq!(closed(&mut socket).await.0, close_code::BAD_REQUEST);
}

#[tokio::test]
async fn full_room_refuses_clients_until_a_member_leaves() {
    let config = Config {
        max_room_members: 2,
        ..local_config()
    };
    let server = start(config).await;
    let mut a = Client::join(server.addr, "/room").await;
    let b = Client::join(server.addr, "/room").await;
    a.expect_new_peer(&b).await;

    let response = refused(server.addr, "/room").await;
    assert_eq!(response.status, 503);
    assert!(response.text().contains("another room"), "{response:?}");
    let mut socket = connect(server.addr, "/room?huddle=1").await.unwrap();
    let (code, reason) = closed(&mut socket).await;
    assert_eq!(code, close_code::FULL);
    assert!(reason.contains("2 players"), "{reason}");

    // The members were not notified of the refused clients.
    a.expect_nothing().await;
    let b = b.leave().await;
    a.expect_peer_left(b).await;
    let c = Client::join(server.addr, "/room").await;
    a.expect_new_peer(&c).await;
}

#[tokio::test]
async fn full_server_refuses_clients_until_a_client_leaves() {
    let config = Config {
        max_clients: 2,
        ..local_config()
    };
    let server = start(config).await;
    let mut a = Client::join(server.addr, "/a").await;
    let b = Client::join(server.addr, "/a").await;
    a.expect_new_peer(&b).await;

    let response = refused(server.addr, "/b").await;
    assert_eq!(response.status, 503);
    assert!(response.text().contains("try again"), "{response:?}");
    let mut socket = connect(server.addr, "/b?huddle=1").await.unwrap();
    assert_eq!(closed(&mut socket).await.0, close_code::FULL);

    let b = b.leave().await;
    a.expect_peer_left(b).await;
    Client::join(server.addr, "/b").await;
}
