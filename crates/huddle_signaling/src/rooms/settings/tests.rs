use std::{num::NonZeroUsize, time::Duration};

use super::*;
use crate::{
    access::Access,
    message::{ResumeSecret, Stage},
    rooms::{
        JoinError, JoinRequest,
        fixtures::{MAX_MEMBERS, RESUME_TIMEOUT, key, peer, registry, request},
    },
    settings::Metadata,
};

mod consistency;

fn stock(key: RoomKey) -> JoinRequest {
    JoinRequest {
        has_extensions: false,
        ..request(key)
    }
}

/// Returns the request of a client that creates the room `r` with these settings.
fn creating(settings: SettingsChange) -> JoinRequest {
    JoinRequest {
        settings,
        ..request(key("r", 0))
    }
}

/// Parses a change, as in a message.
fn change(text: &str) -> SettingsChange {
    serde_json::from_str(text).unwrap()
}

/// Returns the settings in the messages of the server, and their receivers.
fn statuses<'a>(
    deliveries: impl IntoIterator<Item = &'a Delivery<'static>>,
) -> Vec<(RoomStatus, Vec<PeerId>)> {
    deliveries
        .into_iter()
        .filter_map(|delivery| match &delivery.event {
            Event::Extension(Extension::Room(status)) => {
                Some((status.clone(), delivery.to.clone()))
            }
            _ => None,
        })
        .collect()
}

fn secret(deliveries: &[Delivery<'static>]) -> Option<ResumeSecret> {
    deliveries
        .iter()
        .find_map(|delivery| match &delivery.event {
            Event::Extension(Extension::Session(session)) => Some(session.resume),
            _ => None,
        })
}

/// Joins a client, and returns the settings that it receives.
fn join(registry: &mut Registry, n: u128, request: JoinRequest) -> RoomStatus {
    let (id, deliveries) = registry.join(peer(n), request).unwrap();
    let mut statuses = statuses(&deliveries);
    let (status, to) = statuses.pop().expect("a newcomer receives the settings");
    assert_eq!((statuses, to), (Vec::new(), vec![id]));
    status
}

fn status(keeper: u128, settings: Settings) -> RoomStatus {
    RoomStatus {
        keeper: peer(keeper),
        settings,
    }
}

#[test]
fn newcomer_receives_the_settings_after_the_messages_about_members() {
    let mut registry = registry();
    let lobby = || request(key("r", 0));
    let defaults = Settings::new(MAX_MEMBERS);
    let first = join(&mut registry, 1, lobby());
    assert_eq!(first, status(1, defaults.clone()));
    join(&mut registry, 2, lobby());
    registry.lose(peer(2));
    let (id, deliveries) = registry.join(peer(3), lobby()).unwrap();
    let position = |is_found: &dyn Fn(&Event<'_>) -> bool| {
        deliveries
            .iter()
            .position(|delivery| is_found(&delivery.event))
    };
    let members = position(&|event| matches!(event, Event::Extension(Extension::Members(_))));
    let doubtful = position(&|event| matches!(event, Event::Extension(Extension::Doubtful(_))));
    let room = position(&|event| matches!(event, Event::Extension(Extension::Room(_))));
    assert!(members < doubtful && doubtful < room, "{deliveries:?}");
    assert_eq!(statuses(&deliveries), [(status(1, defaults), vec![id])]);
    // Stock clients receive no settings.
    let (_, deliveries) = registry.join(peer(4), stock(key("r", 0))).unwrap();
    assert_eq!(statuses(&deliveries), []);
}

#[test]
fn only_the_client_that_creates_a_room_sets_its_settings() {
    let mut registry = registry();
    let wanted = change(r#"{"listed":true,"capacity":3,"metadata":"dust"}"#);
    let expected = Settings {
        open: true,
        listed: true,
        capacity: 3,
        metadata: Metadata::try_from("dust".to_owned()).unwrap(),
    };
    let created = join(&mut registry, 1, creating(wanted));
    assert_eq!(created, status(1, expected.clone()));
    let other = change(r#"{"listed":false,"capacity":4,"metadata":"ice"}"#);
    assert_eq!(join(&mut registry, 2, creating(other)), status(1, expected));
    registry.leave(peer(1));
    registry.leave(peer(2));
    // The room was empty, so its settings are forgotten.
    let again = join(&mut registry, 3, request(key("r", 0)));
    assert_eq!(again, status(3, Settings::new(MAX_MEMBERS)));
}

#[test]
fn stock_client_can_create_a_room_with_settings() {
    let mut registry = registry();
    let stock = JoinRequest {
        has_extensions: false,
        ..creating(change(r#"{"capacity":2}"#))
    };
    registry.join(peer(1), stock).unwrap();
    let RoomStatus { keeper, settings } = join(&mut registry, 2, request(key("r", 0)));
    assert_eq!((keeper, settings.capacity), (peer(1), 2));
}

#[test]
fn only_the_keeper_changes_the_settings() {
    let mut registry = registry();
    for n in [1, 2] {
        join(&mut registry, n, request(key("r", 0)));
    }
    registry.join(peer(3), stock(key("r", 0))).unwrap();
    join(&mut registry, 4, request(key("r", 0)));
    registry.lose(peer(4));

    let close = || change(r#"{"open":false}"#);
    let unchanged = status(1, Settings::new(MAX_MEMBERS));
    let ignored = registry.change_room(peer(2), close());
    assert_eq!(statuses(&ignored), [(unchanged, vec![peer(2)])]);

    let mut closed = Settings::new(MAX_MEMBERS);
    closed.open = false;
    let changed = registry.change_room(peer(1), close());
    let to = vec![peer(1), peer(2)];
    assert_eq!(statuses(&changed), [(status(1, closed.clone()), to)]);
    // Nothing changes, so only the sender receives the settings.
    let same = registry.change_room(peer(1), close());
    assert_eq!(statuses(&same), [(status(1, closed), vec![peer(1)])]);
    assert_eq!(registry.change_room(peer(9), close()), None);
}

#[test]
fn earliest_member_is_the_keeper() {
    let mut registry = registry();
    for n in [1, 2, 3] {
        join(&mut registry, n, request(key("r", 0)));
    }
    assert_eq!(statuses(&registry.leave(peer(2))), []);
    join(&mut registry, 4, request(key("r", 0)));
    // A lost keeper stays the keeper while its place is kept.
    assert_eq!(statuses(&registry.lose(peer(1))), []);
    assert_eq!(join(&mut registry, 5, request(key("r", 0))).keeper, peer(1));
    registry.tick(RESUME_TIMEOUT);
    let (deliveries, _) = registry.tick(RESUME_TIMEOUT);
    let to = vec![peer(3), peer(4), peer(5)];
    let expected = status(3, Settings::new(MAX_MEMBERS));
    assert_eq!(statuses(&deliveries), [(expected, to)]);
    let changed = registry.change_room(peer(3), change(r#"{"listed":true}"#));
    assert_eq!(statuses(&changed)[0].1.len(), 3);
}

#[test]
fn closed_room_refuses_newcomers_and_not_its_members() {
    let mut registry = registry();
    join(&mut registry, 1, request(key("r", 0)));
    let (_, deliveries) = registry.join(peer(2), request(key("r", 0))).unwrap();
    let resume = secret(&deliveries);
    registry.change_room(peer(1), change(r#"{"open":false,"capacity":1}"#));
    registry.lose(peer(2));
    let refused = registry.join(peer(3), request(key("r", 0)));
    assert_eq!(refused.unwrap_err(), JoinError::RoomClosed);
    let back = JoinRequest {
        resume,
        ..request(key("r", 0))
    };
    let (id, deliveries) = registry.join(peer(4), back).unwrap();
    assert_eq!(id, peer(2));
    let (status, to) = statuses(&deliveries).pop().unwrap();
    assert_eq!((status.settings.open, to), (false, vec![id]));

    registry.change_room(peer(1), change(r#"{"open":true}"#));
    let refused = registry.join(peer(5), request(key("r", 0)));
    assert_eq!(refused.unwrap_err(), JoinError::RoomFull { max: 1 });
}

#[test]
fn smallest_capacity_counts() {
    let mut registry = registry();
    let with_token = |capacity| JoinRequest {
        access: Access {
            capacity: NonZeroUsize::new(capacity),
            ..Access::default()
        },
        ..request(key("r", 0))
    };
    join(&mut registry, 1, creating(change(r#"{"capacity":3}"#)));
    let refused = registry.join(peer(2), with_token(1));
    assert_eq!(refused.unwrap_err(), JoinError::RoomFull { max: 1 });
    join(&mut registry, 2, with_token(2));
    join(&mut registry, 3, with_token(4));
    let refused = registry.join(peer(4), with_token(4));
    assert_eq!(refused.unwrap_err(), JoinError::RoomFull { max: 3 });
    // The server's maximum counts, too.
    registry.change_room(peer(1), change(r#"{"capacity":1000}"#));
    join(&mut registry, 4, request(key("r", 0)));
    let refused = registry.join(peer(5), request(key("r", 0)));
    let expected = JoinError::RoomFull { max: MAX_MEMBERS };
    assert_eq!(refused.unwrap_err(), expected);
}

#[test]
fn groups_have_no_settings() {
    let mut registry = registry();
    let player = || JoinRequest {
        settings: change(r#"{"listed":true,"capacity":1}"#),
        ..request(key("r", 2))
    };
    let mut all = Vec::new();
    for n in [1, 2] {
        all.extend(registry.join(peer(n), player()).unwrap().1);
    }
    assert_eq!(registry.change_room(peer(1), change("{}")), None);
    all.extend(registry.set_links(peer(1), &[peer(2)]));
    all.extend(registry.set_links(peer(2), &[peer(1)]));
    let linked = all.iter().find_map(|delivery| match &delivery.event {
        Event::Extension(Extension::Group(Stage::Linked(id))) => Some(*id),
        _ => None,
    });
    let name = RoomKey::of_group(String::new(), linked.expect("the group is linked"));
    assert_eq!(registry.change_room(peer(1), change("{}")), None);
    all.extend(registry.leave(peer(1)));
    all.extend(registry.leave(peer(2)));
    // The same applies if its members return after all have left.
    let back = JoinRequest {
        settings: change(r#"{"listed":true,"capacity":1}"#),
        ..request(name.clone())
    };
    for n in [3, 4] {
        all.extend(registry.join(peer(n), back.clone()).unwrap().1);
    }
    assert_eq!(statuses(&all), []);
    assert_eq!(registry.listing(&name), None);
    assert!(registry.take_listing_changes().is_empty());
}

#[test]
fn list_contains_only_rooms_that_request_it_and_are_open() {
    let mut registry = registry();
    let name = key("r", 0);
    join(&mut registry, 1, request(name.clone()));
    assert_eq!(registry.listing(&name), None);
    assert!(registry.take_listing_changes().is_empty());

    let listing = |players| Listing {
        name: "r".to_owned(),
        players,
        capacity: 2,
        metadata: Metadata::default(),
    };
    let changes: [(&str, Option<Listing>); 4] = [
        (r#"{"listed":true,"capacity":2}"#, Some(listing(1))),
        (r#"{"open":false}"#, None),
        (r#"{"open":true}"#, Some(listing(1))),
        (r#"{"listed":false}"#, None),
    ];
    for (text, expected) in changes {
        registry.change_room(peer(1), change(text));
        assert_eq!(registry.listing(&name), expected, "{text}");
        let changed = registry.take_listing_changes();
        assert_eq!(changed, HashSet::from([name.clone()]), "{text}");
        assert!(registry.take_listing_changes().is_empty());
    }
}
