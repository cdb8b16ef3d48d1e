use super::*;

const LOCAL: SignalingId = SignalingId::from_u128(1);
const OTHER: SignalingId = SignalingId::from_u128(2);
const START: Duration = Duration::from_secs(1);

/// The settings in the words of the server.
#[derive(Clone, Copy)]
struct Server {
    keeper: SignalingId,
    open: bool,
    listed: bool,
    capacity: u16,
    metadata: &'static str,
}

const NEW: Server = Server {
    keeper: LOCAL,
    open: true,
    listed: false,
    capacity: 64,
    metadata: "",
};

fn receive(sync: &mut SettingsSync, now: Duration, server: Server, has_peers: bool) {
    let Server {
        keeper,
        open,
        listed,
        capacity,
        metadata,
    } = server;
    let text = format!(
        r#"{{"keeper":"{keeper}","open":{open},"listed":{listed},"capacity":{capacity},"metadata":"{metadata}"}}"#
    );
    let wire = serde_json::from_str(&text).unwrap();
    sync.received(now, wire, has_peers);
}

/// Returns a client that has received these settings on its first connection.
fn client(server: Server) -> SettingsSync {
    let mut sync = SettingsSync::default();
    sync.connected(LOCAL);
    receive(&mut sync, START, server, false);
    sync
}

fn open(is_open: bool) -> SettingsChange {
    SettingsChange {
        is_open: Some(is_open),
        ..SettingsChange::default()
    }
}

fn metadata(text: &str) -> SettingsChange {
    SettingsChange {
        metadata: Some(text.to_owned()),
        ..SettingsChange::default()
    }
}

#[test]
fn settings_are_reported_once_per_change() {
    let mut sync = client(NEW);
    assert_eq!(sync.take_report().map(|it| it.is_keeper), Some(true));
    assert_eq!(sync.take_report(), None);
    receive(&mut sync, START, NEW, false);
    assert_eq!(sync.take_report(), None);
    let other = Server {
        keeper: OTHER,
        ..NEW
    };
    receive(&mut sync, START, other, false);
    assert_eq!(sync.take_report().map(|it| it.is_keeper), Some(false));
}

#[test]
fn changes_before_a_tick_are_sent_together_and_once() {
    let mut sync = client(NEW);
    sync.change(open(false));
    sync.change(metadata("dust"));
    sync.change(metadata("ice"));
    let expected = r#"{"Room":{"open":false,"metadata":"ice"}}"#;
    assert_eq!(sync.due(START).as_deref(), Some(expected));
    // The game repeats a change before the server has answered.
    sync.change(open(false));
    assert_eq!(sync.due(START), None);
    sync.change(open(true));
    assert_eq!(
        sync.due(START).as_deref(),
        Some(r#"{"Room":{"open":true}}"#)
    );
}

#[test]
fn many_changes_are_limited_and_the_last_one_is_sent() {
    let mut sync = client(NEW);
    let mut requests = Vec::new();
    let mut now = START;
    for n in 0..100 {
        sync.change(metadata(&n.to_string()));
        requests.extend(sync.due(now));
        now += Duration::from_millis(10);
    }
    assert!(requests.len() <= 7, "{requests:?}");
    now += Duration::from_secs(1);
    let last = sync.due(now).unwrap();
    assert_eq!(last, r#"{"Room":{"metadata":"99"}}"#);
}

#[test]
fn client_that_is_not_the_keeper_changes_nothing() {
    let mut sync = client(Server {
        keeper: OTHER,
        ..NEW
    });
    sync.change(open(false));
    assert_eq!(sync.due(START), None);
    // A change of an earlier keeper must not follow much later.
    receive(
        &mut sync,
        START,
        Server {
            keeper: OTHER,
            capacity: 8,
            ..NEW
        },
        false,
    );
    receive(&mut sync, START, NEW, false);
    assert_eq!(sync.due(START), None);
}

#[test]
fn change_that_was_lost_with_the_connection_is_sent_again() {
    let mut sync = client(NEW);
    sync.change(metadata("dust"));
    assert!(sync.due(START).is_some());
    sync.change(open(false));
    sync.connected(LOCAL);
    sync.resumed();
    assert_eq!(sync.due(START), None, "the server has sent nothing yet");
    receive(&mut sync, START, NEW, true);
    let expected = r#"{"Room":{"open":false,"metadata":"dust"}}"#;
    assert_eq!(sync.due(START).as_deref(), Some(expected));
}

#[test]
fn keeper_restores_the_settings_of_a_forgotten_room() {
    let lost = Server {
        keeper: OTHER,
        listed: true,
        capacity: 4,
        metadata: "dust",
        ..NEW
    };
    let mut sync = client(lost);
    sync.connected(LOCAL);
    receive(&mut sync, START, NEW, true);
    let expected = r#"{"Room":{"listed":true,"capacity":4,"metadata":"dust"}}"#;
    assert_eq!(sync.due(START).as_deref(), Some(expected));
    // Another member was the first to return. It restores the settings.
    sync.connected(LOCAL);
    let other = Server {
        keeper: OTHER,
        ..NEW
    };
    receive(&mut sync, START, other, true);
    assert_eq!(sync.due(START), None);
}

#[test]
fn closed_room_is_hidden_at_once_and_closed_when_its_members_are_back() {
    let lost = Server {
        open: false,
        listed: true,
        ..NEW
    };
    let recreated = Server {
        listed: true,
        ..NEW
    };
    let mut sync = client(lost);
    sync.connected(LOCAL);
    receive(&mut sync, START, recreated, true);
    assert_eq!(
        sync.due(START).as_deref(),
        Some(r#"{"Room":{"listed":false}}"#)
    );
    receive(&mut sync, START, NEW, true);
    // A game that closes the room because its match runs must not lock out its members.
    sync.change(open(false));
    assert_eq!(sync.due(START + RETURN_TIME - START / 10), None);
    let expected = r#"{"Room":{"open":false,"listed":true}}"#;
    assert_eq!(sync.due(START + RETURN_TIME).as_deref(), Some(expected));
}

#[test]
fn closed_room_without_other_members_is_closed_at_once() {
    let mut sync = client(Server { open: false, ..NEW });
    sync.connected(LOCAL);
    receive(&mut sync, START, NEW, false);
    let expected = r#"{"Room":{"open":false}}"#;
    assert_eq!(sync.due(START).as_deref(), Some(expected));
}

#[test]
fn game_that_opens_a_restored_room_ends_its_restoration() {
    let lost = Server {
        open: false,
        listed: true,
        ..NEW
    };
    let mut sync = client(lost);
    sync.connected(LOCAL);
    receive(&mut sync, START, NEW, true);
    assert_eq!(sync.due(START), None);
    sync.change(open(true));
    let expected = r#"{"Room":{"listed":true}}"#;
    assert_eq!(sync.due(START).as_deref(), Some(expected));
    assert_eq!(sync.due(START + RETURN_TIME * 2), None);
}

#[test]
fn second_loss_of_the_server_does_not_lose_the_closed_state() {
    let mut sync = client(Server { open: false, ..NEW });
    for n in 1..4 {
        sync.connected(LOCAL);
        receive(&mut sync, START * n, NEW, true);
        assert_eq!(sync.due(START * n), None);
    }
    let expected = r#"{"Room":{"open":false}}"#;
    assert_eq!(sync.due(START * 3 + RETURN_TIME).as_deref(), Some(expected));
}

#[test]
fn keeper_that_takes_its_place_again_restores_nothing() {
    let server = Server {
        open: false,
        listed: true,
        ..NEW
    };
    let mut sync = client(server);
    sync.connected(LOCAL);
    sync.resumed();
    receive(&mut sync, START, server, true);
    assert_eq!(sync.due(START), None);
    assert_eq!(sync.due(START + RETURN_TIME * 2), None);
}
