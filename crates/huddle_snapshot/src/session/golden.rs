//! The bytes of the packets that `docs/protocol.md` contains as examples.

use std::{collections::BTreeSet, fmt::Write};

use huddle_id::PeerId;

use super::{NewEntity, RemovalReason, SnapshotEvent, SnapshotSession};
use crate::{
    claim::Policy,
    column::Field,
    id::EntityId,
    layout::{ComponentId, Layout, Shape},
    visibility::Visibility,
    world::Value,
};

const ADA: PeerId = PeerId::from_u128(1);
const BOB: PeerId = PeerId::from_u128(2);
const CID: PeerId = PeerId::from_u128(3);

/// The tick of packet 0.
const TICK: u32 = 100;

/// The pose of the ball when Ada spawns it.
const START: [i32; 6] = [300, 40, 3, 255, 255, 300];

/// Bob knows a ball of Ada.
struct Scene {
    ada: SnapshotSession,
    bob: SnapshotSession,
    ball: EntityId,
    pose: ComponentId,
    spawn: String,
}

impl Scene {
    fn new() -> Self {
        let place = Field::Vector {
            axes: 2,
            max: [1023, 1023, 0],
        };
        let pose = vec![place, Field::Rotation { bits: 9 }];
        let components = [("name", Shape::Blob), ("pose", Shape::Fields(pose))];
        let components = components.map(|(name, shape)| (name.to_owned(), shape));
        let layout = Layout::new(components).unwrap();
        let mut ada = SnapshotSession::new(ADA, layout.clone(), 0x0123_4567);
        let mut bob = SnapshotSession::new(BOB, layout, 0);
        ada.link_opened(BOB);
        bob.link_opened(ADA);
        let [name, pose] = ["name", "pose"].map(|name| ada.layout().id(name).unwrap());
        let values = [(name, Value::Blob(b"ball")), (pose, Value::Numbers(&START))];
        let new = NewEntity::new(Policy::ByTouch);
        let ball = ada.spawn(new, &values).unwrap();
        let mut scene = Self {
            ada,
            bob,
            ball,
            pose,
            spawn: String::new(),
        };
        scene.spawn = scene.send(0);
        scene.ada.delivered(BOB, 0);
        scene
    }

    /// Sends a packet from Ada to Bob, and returns its bytes.
    fn send(&mut self, seq: u64) -> String {
        let (mut bytes, tick) = (Vec::new(), TICK + seq as u32);
        assert!(self.ada.write(BOB, seq, tick, 1000, &mut bytes));
        self.bob.receive(ADA, seq, tick, &bytes).unwrap();
        bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Returns what the last event at Bob reports about the ball.
    fn last_event(&mut self) -> Option<SnapshotEvent> {
        std::iter::from_fn(|| self.bob.poll()).last()
    }
}

#[test]
fn spawn_matches_golden_bytes() {
    let mut scene = Scene::new();
    assert_eq!(
        scene.spawn,
        "80100041b138555af5b586a0550721fd08c5f7239de1d7"
    );
    let id = scene.ball;
    assert_eq!(id, EntityId::spawned(ADA, 0xa123_4567));
    let tick = TICK;
    assert_eq!(
        scene.last_event(),
        Some(SnapshotEvent::Spawned { id, tick })
    );
    let pose = scene.bob.get(id, scene.pose);
    assert_eq!(pose, Some(Value::Numbers(&START)));
}

#[test]
fn deltas_match_golden_bytes() {
    let mut scene = Scene::new();
    let mut send = |seq, numbers: [i32; 6]| {
        let value = Value::Numbers(&numbers);
        scene.ada.set(scene.ball, scene.pose, value).unwrap();
        let bytes = scene.send(seq);
        assert_eq!(scene.bob.get(scene.ball, scene.pose), Some(value));
        scene.ada.delivered(BOB, seq);
        bytes
    };
    assert_eq!(send(1, [303, 40, 3, 255, 255, 310]), "011112578e31f32bed33");
    // Two ticks after the baseline, the movement has continued and the rotation has not.
    assert_eq!(
        send(3, [309, 40, 3, 255, 257, 310]),
        "031112578e31fb6576e84a"
    );
}

#[test]
fn despawn_matches_golden_bytes() {
    let mut scene = Scene::new();
    scene.ada.despawn(scene.ball).unwrap();
    assert_eq!(scene.send(1), "011112578e14");
    let event = SnapshotEvent::Removed {
        id: scene.ball,
        reason: RemovalReason::Despawned,
    };
    assert_eq!(scene.last_event(), Some(event));
}

#[test]
fn register_with_a_definition_matches_golden_bytes() {
    let mut scene = Scene::new();
    scene.ada.link_opened(CID);
    scene.ada.give(scene.ball, CID).unwrap();
    assert_eq!(
        scene.send(1),
        "0120003ffd0000000000000000000000000000710ecefb45895c59c888"
    );
    assert_eq!(scene.bob.owner(scene.ball), Some(CID));
}

#[test]
fn hidden_record_matches_golden_bytes() {
    let mut scene = Scene::new();
    let visibility = Visibility::Except(BTreeSet::from([BOB]));
    scene.ada.set_visibility(scene.ball, visibility).unwrap();
    assert_eq!(scene.send(1), "011112578e1e");
    let event = SnapshotEvent::Removed {
        id: scene.ball,
        reason: RemovalReason::Hidden,
    };
    assert_eq!(scene.last_event(), Some(event));
}
