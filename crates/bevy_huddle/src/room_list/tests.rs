use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::mpsc,
    thread,
    time::Duration,
};

use super::*;
use crate::plugin::HuddlePlugins;

/// A server that answers each request with the same bytes.
struct Server {
    url: String,
    /// The first lines of the requests.
    requests: mpsc::Receiver<String>,
}

impl Server {
    fn start(answer: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}/my-game", listener.local_addr().unwrap());
        let (sender, requests) = mpsc::channel();
        let answer = answer.into();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = [0; 4096];
                let len = stream.read(&mut request).unwrap();
                let line = String::from_utf8_lossy(&request[..len]);
                let line = line.lines().next().unwrap_or_default().to_owned();
                // The client may stop reading.
                let _ = stream.write_all(&answer);
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { url, requests }
    }

    fn with_body(status: &str, body: &str) -> Self {
        let len = body.len();
        Self::start(format!(
            "HTTP/1.1 {status}\r\ncontent-length: {len}\r\nconnection: close\r\n\r\n{body}"
        ))
    }
}

/// The results that the app observed, and their entities.
#[derive(Resource, Default)]
struct Results(Vec<(Entity, Result<RoomsListed, RoomListError>)>);

fn app() -> App {
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, HuddlePlugins))
        .init_resource::<Results>()
        .add_observer(|listed: On<RoomsListed>, mut results: ResMut<Results>| {
            results.0.push((listed.entity, Ok(listed.event().clone())));
        })
        .add_observer(
            |failed: On<ListRoomsFailed>, mut results: ResMut<Results>| {
                results.0.push((failed.entity, Err(failed.error.clone())));
            },
        );
    app
}

fn list(app: &mut App, server: &str) -> Entity {
    let entity = app.world_mut().commands().list_rooms(server).id();
    app.world_mut().flush();
    entity
}

/// Runs the app until it has a result, and returns the only one.
fn result(app: &mut App) -> (Entity, Result<RoomsListed, RoomListError>) {
    for _ in 0..3000 {
        app.update();
        let mut results = std::mem::take(&mut app.world_mut().resource_mut::<Results>().0);
        if let Some(result) = results.pop() {
            assert_eq!(results.len(), 0);
            return result;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("the request has no result");
}

fn error(server: &Server) -> RoomListError {
    let mut app = app();
    list(&mut app, &server.url);
    result(&mut app).1.unwrap_err()
}

#[test]
fn rooms_are_listed_with_their_urls_and_the_request_is_despawned() {
    let body =
        r#"{"rooms":[{"name":"den","players":1,"capacity":4,"metadata":"dust"}],"next":"den"}"#;
    let server = Server::with_body("200 OK", body);
    let mut app = app();
    let entity = list(&mut app, &server.url);
    let (of, listed) = result(&mut app);
    let listed = listed.unwrap();
    assert_eq!(of, entity);
    assert_eq!(listed.rooms[0].url, format!("{}/den", server.url));
    assert_eq!(listed.next.as_deref(), Some("den"));
    assert!(app.world().get_entity(entity).is_err());
    let request = server.requests.recv().unwrap();
    assert_eq!(request, "GET /rooms?app=my-game HTTP/1.1");
    let mut commands = app.world_mut().commands();
    commands.list_rooms_after(&server.url, "den");
    result(&mut app).1.unwrap();
    let request = server.requests.recv().unwrap();
    assert_eq!(request, "GET /rooms?app=my-game&after=den HTTP/1.1");
}

#[test]
fn server_without_a_list_is_reported_with_its_reason() {
    let server = Server::with_body("404 Not Found", "no\r\nsuch game\n");
    let RoomListError::Refused { status, reason, .. } = error(&server) else {
        panic!("the server refuses");
    };
    assert_eq!((status, reason.as_str()), (404, "nosuch game"));
}

#[test]
fn other_program_is_reported() {
    for body in ["<html>", "", r#"{"rooms":7}"#] {
        let server = Server::with_body("200 OK", body);
        let error = error(&server);
        assert!(matches!(error, RoomListError::NotAList { .. }), "{error:?}");
    }
    let server = Server::start("SSH-2.0-OpenSSH_9.2p1\r\n\r\n");
    let error = error(&server);
    assert!(
        matches!(error, RoomListError::Unreachable { .. }),
        "{error:?}"
    );
}

#[test]
fn endless_answer_is_cut_off() {
    let mut answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec();
    answer.resize(RoomListRequest::MAX_ANSWER_LEN * 4, b' ');
    let server = Server::start(answer);
    let error = error(&server);
    assert!(matches!(error, RoomListError::NotAList { .. }), "{error:?}");
}

#[test]
fn invalid_url_is_reported_in_the_next_frame() {
    let mut app = app();
    list(&mut app, "localhost:3536");
    app.update();
    let results = &app.world().resource::<Results>().0;
    assert!(
        matches!(&results[..], [(_, Err(RoomListError::Url(_)))]),
        "{results:?}"
    );
}

#[test]
fn server_that_is_not_running_is_reported() {
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let mut app = app();
    list(&mut app, &format!("ws://{address}"));
    let error = result(&mut app).1.unwrap_err();
    assert!(
        matches!(error, RoomListError::Unreachable { .. }),
        "{error:?}"
    );
    assert!(
        error
            .to_string()
            .contains("is the signaling server running")
    );
}

#[test]
fn cancelled_request_has_no_result_and_requests_are_limited() {
    // The server accepts connections, and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let mut app = app();
    for _ in 0..MAX_REQUESTS {
        list(&mut app, &url);
    }
    let last = list(&mut app, &url);
    let (of, error) = result(&mut app);
    assert_eq!(
        (of, error),
        (last, Err(RoomListError::TooManyRequests(MAX_REQUESTS)))
    );
    let mut requests = app
        .world_mut()
        .query_filtered::<Entity, With<ListRequest>>();
    let requests: Vec<_> = requests.iter(app.world()).collect();
    for request in requests {
        app.world_mut().despawn(request);
    }
    // The downloads end when their connections do, and their slots are free again.
    drop(listener);
    for _ in 0..3000 {
        list(&mut app, "ws://127.0.0.1:1");
        match result(&mut app).1 {
            Err(RoomListError::Unreachable { .. }) => return,
            Err(RoomListError::TooManyRequests(_)) => thread::sleep(Duration::from_millis(10)),
            other => panic!("{other:?}"),
        }
    }
    panic!("the slots are never free");
}
