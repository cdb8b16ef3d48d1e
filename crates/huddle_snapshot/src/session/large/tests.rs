use std::{collections::BTreeSet, time::Duration};

use huddle_id::PeerId;

use super::*;
use crate::{
    budget::BudgetOptions,
    claim::Policy,
    layout::{Layout, Shape},
    session::NewEntity,
    visibility::Visibility,
    world::Value,
};

const ADA: PeerId = PeerId::from_u128(1);
const BOB: PeerId = PeerId::from_u128(2);
const EVE: PeerId = PeerId::from_u128(3);

/// Sessions that are all linked.
struct Room([SnapshotSession; 3], u64);

impl Room {
    fn new() -> Self {
        let layout = || Layout::new([("map".to_owned(), Shape::Blob)]).unwrap();
        let mut room = Self(
            [ADA, BOB, EVE].map(|id| SnapshotSession::new(id, layout(), 0)),
            0,
        );
        for at in 0..3 {
            room.0[at].set_budget_options(BudgetOptions::UNLIMITED);
            for peer in [ADA, BOB, EVE] {
                if peer != room.0[at].local() {
                    room.0[at].link_opened(peer);
                }
            }
        }
        room
    }

    fn spawn(&mut self, policy: Policy) -> EntityId {
        let map = self.0[0].layout().id("map").unwrap();
        let values = [(map, Value::Blob(b"digest"))];
        self.0[0].spawn(NewEntity::new(policy), &values).unwrap()
    }

    fn exchange(&mut self) {
        for from in 0..3 {
            for to in 0..3 {
                let (seq, tick) = (self.1, self.1 as u32);
                let (sender, receiver) = (self.0[from].local(), self.0[to].local());
                let mut bytes = Vec::new();
                if self.0[from].write(receiver, seq, tick, 900, &mut bytes) {
                    self.0[to].receive(sender, seq, tick, &bytes).unwrap();
                    self.0[from].delivered(receiver, seq);
                }
            }
        }
        self.1 += 1;
    }

    fn settle(&mut self) {
        for _ in 0..5 {
            self.exchange();
        }
    }

    /// Lets a session and its members continue without a peer.
    fn leave(&mut self, at: usize, gone: PeerId, seconds: u64) {
        let local = self.0[at].local();
        let others = [ADA, BOB, EVE]
            .into_iter()
            .filter(|it| ![local, gone].contains(it));
        self.0[at].link_lost(gone);
        self.0[at].set_members(others.collect::<Vec<_>>());
        for second in 0..seconds {
            self.0[at].advance(Duration::from_secs(second));
        }
    }
}

#[test]
fn values_come_from_the_owner_and_only_peers_that_see_the_entity_receive_them() {
    let mut room = Room::new();
    let id = room.spawn(Policy::Fixed);
    let bob = Visibility::Only(BTreeSet::from([BOB]));
    room.0[0].set_visibility(id, bob).unwrap();
    room.settle();
    let [ada, bob, eve] = &room.0;
    assert_eq!(bob.content_sources(id), Sources::Only(Some(ADA)));
    assert_eq!(eve.content_sources(id), Sources::Only(None));
    assert!(ada.may_receive_contents(id, BOB));
    assert!(!ada.may_receive_contents(id, EVE));
    assert!(
        !bob.may_receive_contents(id, EVE),
        "only its owner knows who sees it"
    );
    assert!(!eve.may_receive_contents(id, BOB));
}

#[test]
fn previous_owner_serves_only_a_new_owner_that_saw_the_entity() {
    for sees in [true, false] {
        let mut room = Room::new();
        let id = room.spawn(Policy::ByTouch);
        room.settle();
        if !sees {
            let nobody = Visibility::Only(BTreeSet::new());
            room.0[0].set_visibility(id, nobody).unwrap();
        }
        room.0[1].touch(id).unwrap();
        room.settle();
        assert_eq!(room.0[0].owner(id), Some(BOB));
        assert_eq!(room.0[0].may_receive_contents(id, BOB), sees);
        assert!(!room.0[0].may_receive_contents(id, EVE));
        assert!(room.0[1].may_receive_contents(id, EVE));
        assert_eq!(room.0[1].content_sources(id), Sources::Each(vec![ADA, EVE]));
    }
}

#[test]
fn peer_with_incomplete_values_does_not_inherit() {
    let mut room = Room::new();
    let ids: Vec<_> = (0..20).map(|_| room.spawn(Policy::ByTouch)).collect();
    room.settle();
    for id in &ids {
        room.0[1].set_incomplete(*id, true);
    }
    room.leave(1, ADA, 3);
    assert!(ids.iter().all(|id| room.0[1].owner(*id) == Some(ADA)));
    room.leave(2, ADA, 3);
    assert!(ids.iter().all(|id| room.0[2].owner(*id) == Some(EVE)));
    room.settle();
    assert!(ids.iter().all(|id| room.0[1].owner(*id) == Some(EVE)));
    assert_eq!(room.0[1].content_sources(ids[0]), Sources::Only(Some(EVE)));
}

#[test]
fn entity_that_nobody_has_completely_is_forgotten() {
    let mut room = Room::new();
    let id = room.spawn(Policy::ByTouch);
    room.settle();
    room.0[1].set_incomplete(id, true);
    room.leave(1, ADA, 10);
    assert_eq!(room.0[1].components(id), None);
}
