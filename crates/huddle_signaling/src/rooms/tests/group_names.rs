//! Clients that use the name of a group for a room of their own.

use super::*;

/// Returns the id of a full group.
fn full_as(deliveries: &[Delivery<'static>]) -> Option<Uuid> {
    deliveries.iter().find_map(|delivery| match delivery.event {
        Event::Extension(Extension::Group(Stage::Full(id))) => Some(id),
        _ => None,
    })
}

#[test]
fn linked_group_takes_its_name_from_a_room_that_used_it_before() {
    let mut registry = registry(100, 64);
    let queue = || extended(key("a", 2), None);
    registry.join(peer(1), queue()).unwrap();
    let (_, deliveries) = registry.join(peer(2), queue()).unwrap();
    let id = full_as(&deliveries).unwrap();
    let name = || key(&id.simple().to_string(), 0);
    join(&mut registry, 3, name());
    registry.set_links(peer(1), &[peer(2)]);
    let linked = registry.set_links(peer(2), &[peer(1)]);
    assert_eq!(linked_as(&linked), Some(id));

    // The group does not lose its name when the other room ends.
    assert_eq!(leave(&mut registry, 3), []);
    assert_eq!(leave(&mut registry, 2), [peer(1)]);
    let back = extended(key("a", 2), Some(id));
    let (_, deliveries) = registry.join(peer(4), back).unwrap();
    assert_eq!(
        receivers(&deliveries, PeerEvent::NewPeer(peer(4))),
        [peer(1)]
    );
    assert_eq!(join(&mut registry, 5, name()), [peer(1), peer(4)]);
    for n in [1, 4, 5] {
        leave(&mut registry, n);
    }
    assert!(registry.names.is_empty() && registry.rooms.is_empty());
}
