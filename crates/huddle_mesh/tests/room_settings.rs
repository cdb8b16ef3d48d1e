//! The settings of rooms and the list of rooms, with a real signaling server.
#![cfg(not(target_arch = "wasm32"))]

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use huddle_mesh::{
    Room, RoomConfig, RoomEvent, RoomList, RoomListRequest, RoomSettings, SettingsChange,
    Signaling, SignalingLoss,
};
use huddle_signaling::{Config, Server};
use tokio::{runtime::Builder, sync::oneshot, task::JoinHandle};

/// The maximum time to wait for any condition.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A signaling server in its own thread. Dropping it stops the server.
struct Signaler {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Signaler {
    fn start(address: impl Into<SocketAddr>) -> Self {
        let config = Config {
            bind: address.into(),
            ..Config::default()
        };
        let (started, address) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let server = Server::bind(config).await.unwrap();
                started.send(server.local_addr()).unwrap();
                let server: JoinHandle<_> = tokio::spawn(server.run(async {
                    let _ = stopped.await;
                }));
                server.await.unwrap();
            });
        });
        Self {
            address: address.recv_timeout(TIMEOUT).unwrap(),
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    fn game(&self) -> String {
        format!("ws://{}/my-game", self.address)
    }

    fn list(&self) -> RoomList {
        let request = RoomListRequest::new(&self.game()).unwrap();
        let url = request.http_url();
        let path = url.strip_prefix(&format!("http://{}", self.address));
        let mut stream = TcpStream::connect(self.address).unwrap();
        // With this version of HTTP, the answer has no chunks.
        let head = format!("GET {} HTTP/1.0\r\n\r\n", path.unwrap());
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        request.parse(body.as_bytes()).unwrap()
    }

    /// Waits until the list contains this number of rooms.
    fn wait_for_rooms(&self, count: usize) -> RoomList {
        let start = Instant::now();
        loop {
            let list = self.list();
            if list.rooms.len() == count {
                return list;
            }
            assert!(start.elapsed() < TIMEOUT, "{list:?}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Signaler {
    fn drop(&mut self) {
        if let (Some(stop), Some(thread)) = (self.stop.take(), self.thread.take()) {
            let _ = stop.send(());
            let _ = thread.join();
        }
    }
}

fn join(url: &str) -> Room {
    Room::join(RoomConfig::new(url).unwrap()).unwrap()
}

/// Polls a room until it has an event that matches.
fn wait_for<T>(room: &mut Room, mut matches: impl FnMut(RoomEvent) -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        while let Some(event) = room.poll() {
            if let Some(found) = matches(event) {
                return found;
            }
        }
        assert!(start.elapsed() < TIMEOUT, "the event is missing");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Waits for settings that match.
fn wait_for_settings(room: &mut Room, matches: impl Fn(&RoomSettings) -> bool) -> RoomSettings {
    wait_for(room, |event| match event {
        RoomEvent::SettingsChanged(settings) if matches(&settings) => Some(settings),
        _ => None,
    })
}

fn open(is_open: bool) -> SettingsChange {
    SettingsChange {
        is_open: Some(is_open),
        ..SettingsChange::default()
    }
}

#[test]
fn listed_room_is_found_joined_and_closed() {
    let server = Signaler::start((Ipv4Addr::LOCALHOST, 0));
    let config = RoomConfig::new(&format!("{}/den 1", server.game())).unwrap();
    let config = config
        .listed()
        .with_capacity(4)
        .with_metadata("Ada's \"den\"");
    let mut ada = Room::join(config).unwrap();
    let settings = wait_for_settings(&mut ada, |_| true);
    let expected = RoomSettings {
        is_keeper: true,
        is_open: true,
        is_listed: true,
        capacity: 4,
        metadata: "Ada's \"den\"".to_owned(),
    };
    assert_eq!(settings, expected);

    let list = server.wait_for_rooms(1);
    let found = &list.rooms[0];
    assert_eq!(
        (found.name.as_str(), found.players, found.capacity),
        ("den 1", 1, 4)
    );
    assert_eq!(found.metadata, expected.metadata);
    let mut bob = join(&found.url);
    assert!(!wait_for_settings(&mut bob, |_| true).is_keeper);

    ada.change_settings(open(false)).unwrap();
    for room in [&mut ada, &mut bob] {
        wait_for_settings(room, |settings| !settings.is_open);
    }
    server.wait_for_rooms(0);
    let mut cleo = join(&found.url);
    let reason = wait_for(&mut cleo, |event| match event {
        RoomEvent::Signaling(Signaling::Retrying { reason, .. }) => Some(reason),
        _ => None,
    });
    let is_closed = matches!(&reason, SignalingLoss::Full(why) if why.contains("closed"));
    assert!(is_closed, "{reason:?}");

    // Bob is the next keeper, and opens the room for Cleo.
    ada.leave();
    wait_for_settings(&mut bob, |settings| settings.is_keeper);
    bob.change_settings(open(true)).unwrap();
    wait_for_settings(&mut cleo, |settings| {
        settings.is_open && !settings.is_keeper
    });
}

#[test]
fn settings_survive_a_server_restart() {
    let mut server = Signaler::start((Ipv4Addr::LOCALHOST, 0));
    let config = RoomConfig::new(&format!("{}/den", server.game())).unwrap();
    let mut ada = Room::join(config).unwrap();
    wait_for_settings(&mut ada, |settings| settings.is_keeper);
    let change = SettingsChange {
        is_listed: Some(true),
        capacity: Some(3),
        metadata: Some("dust".to_owned()),
        ..open(false)
    };
    ada.change_settings(change).unwrap();
    let closed = wait_for_settings(&mut ada, |settings| !settings.is_open);
    let address = server.address;
    drop(server);
    server = Signaler::start(address);
    // At first, the new server knows only the defaults.
    wait_for_settings(&mut ada, |settings| settings.is_open);
    assert_eq!(
        wait_for_settings(&mut ada, |it| !it.is_open && it.is_listed),
        closed
    );
    ada.change_settings(open(true)).unwrap();
    assert_eq!(server.wait_for_rooms(1).rooms[0].metadata, "dust");
}
