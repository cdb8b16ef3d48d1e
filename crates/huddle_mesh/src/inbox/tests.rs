use super::*;
use crate::settings::RoomSettings;

fn fill(channel: Channel, count: u32) -> (Inbox, PeerId) {
    let peer = PeerId::from_u128(1);
    let mut inbox = Inbox::default();
    for i in 0..count {
        let bytes = Bytes::copy_from_slice(&i.to_be_bytes());
        inbox.push(CoreEvent::Packet {
            peer,
            channel,
            bytes,
        });
    }
    (inbox, peer)
}

fn drain(inbox: &mut Inbox) -> (u64, Vec<u32>) {
    let (mut dropped, mut read) = (0, Vec::new());
    while let Some(event) = inbox.pop() {
        match event {
            RoomEvent::Overflow { dropped: n, .. } => dropped += n,
            RoomEvent::Packet { bytes, .. } => {
                read.push(u32::from_be_bytes(bytes[..].try_into().unwrap()));
            }
            other => panic!("{other:?}"),
        }
    }
    (dropped, read)
}

#[test]
fn newest_unread_state_is_kept_and_the_loss_is_reported() {
    let (mut inbox, peer) = fill(Channel::State, 1000);
    assert_eq!(inbox.dropped(peer), 1000 - 256);
    let (dropped, read) = drain(&mut inbox);
    assert_eq!(dropped, 1000 - 256);
    assert_eq!(read, (1000 - 256..1000).collect::<Vec<_>>());
}

#[test]
fn oldest_unread_events_are_kept_in_order_and_the_loss_is_reported() {
    let (mut inbox, _) = fill(Channel::Events, 3000);
    let (dropped, read) = drain(&mut inbox);
    assert_eq!(dropped, 3000 - 2048);
    assert_eq!(read, (0..2048).collect::<Vec<_>>());
}

#[test]
fn reading_frees_space() {
    let (mut inbox, peer) = fill(Channel::Events, 2048);
    drain(&mut inbox);
    inbox.push(CoreEvent::Packet {
        peer,
        channel: Channel::Events,
        bytes: Bytes::from_static(&[0; 4]),
    });
    assert_eq!(drain(&mut inbox), (0, vec![0]));
}

#[test]
fn peers_that_join_and_leave_unread_use_bounded_memory() {
    let mut inbox = Inbox::default();
    for id in 0..20_000 {
        let peer = PeerId::from_u128(id);
        inbox.push(CoreEvent::Joined {
            peer,
            rejoined: false,
            is_matchbox_client: false,
        });
        let bytes = Bytes::from(vec![0; 1000]);
        inbox.push(CoreEvent::Packet {
            peer,
            channel: Channel::Events,
            bytes,
        });
        inbox.push(CoreEvent::Left {
            peer,
            reason: crate::event::DisconnectReason::Left,
        });
    }
    assert!(
        inbox.events.len() <= MANY_NOTICES + 2 * MANY_NOTICES,
        "{}",
        inbox.events.len()
    );
    assert!(inbox.unread.len() <= MANY_NOTICES);
    while inbox.pop().is_some() {}
    assert_eq!((inbox.packets, inbox.bytes, inbox.unread.len()), (0, 0, 0));
}

#[test]
fn unread_packets_of_all_peers_together_are_bounded() {
    let mut inbox = Inbox::default();
    for id in 0..100 {
        let peer = PeerId::from_u128(id);
        for _ in 0..100 {
            let bytes = Bytes::from(vec![0; 16_000]);
            inbox.push(CoreEvent::Packet {
                peer,
                channel: Channel::Bulk,
                bytes,
            });
        }
    }
    assert!(inbox.bytes <= MAX_ALL_BYTES && inbox.bytes > MAX_ALL_BYTES / 2);
}

#[test]
fn only_the_latest_link_failure_of_each_peer_is_kept() {
    let mut inbox = Inbox::default();
    let link_failed = |id: u128, attempt| CoreEvent::LinkFailed {
        peer: PeerId::from_u128(id),
        reason: crate::event::LinkFailure::NoPath,
        attempt,
    };
    for attempt in 1..=3 {
        inbox.push(link_failed(1, attempt));
    }
    let event = inbox.pop();
    assert!(
        matches!(event, Some(RoomEvent::LinkFailed { attempt: 3, .. })),
        "{event:?}"
    );
    assert_eq!(inbox.pop(), None);
    for id in 0..5000 {
        inbox.push(link_failed(id, 1));
    }
    assert_eq!(inbox.events.len(), MANY_NOTICES);
}

#[test]
fn only_the_latest_of_many_unread_signaling_states_is_kept() {
    let mut inbox = Inbox::default();
    for reconnected in [false, true, true] {
        inbox.push(CoreEvent::Signaling(crate::event::Signaling::Connected {
            reconnected,
        }));
    }
    assert!(inbox.pop().is_some());
    assert_eq!(inbox.pop(), None);
}

#[test]
fn only_the_latest_of_many_unread_settings_is_kept() {
    let mut inbox = Inbox::default();
    for capacity in 1..=3 {
        inbox.push(CoreEvent::SettingsChanged(RoomSettings {
            is_keeper: true,
            is_open: true,
            is_listed: false,
            capacity,
            metadata: String::new(),
        }));
    }
    let event = inbox.pop();
    assert!(
        matches!(&event, Some(RoomEvent::SettingsChanged(settings)) if settings.capacity == 3),
        "{event:?}"
    );
    assert_eq!(inbox.pop(), None);
}
