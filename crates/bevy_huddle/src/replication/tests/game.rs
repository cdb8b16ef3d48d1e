//! The game that the tests play: things with a place, a label and a charge.

use std::time::Duration;

use bevy::prelude::*;
use huddle_mesh::PeerId;
use serde::{Deserialize, Serialize};

use crate::{
    prelude::*,
    replication::{
        ClaimEnded, Owner, OwnershipChanged, Replicated, ReplicationAppExt, ReplicationFailed,
        ReplicationId, within,
    },
    testing::{Conditions, Lab, Player},
};

#[derive(Component, Clone, Copy, Default, Debug, PartialEq)]
pub(super) struct Place(pub(super) Vec2);

/// It travels as a whole.
#[derive(Component, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Label(pub(super) String);

#[derive(Component, Clone, Copy, Default, Debug, PartialEq)]
pub(super) struct Charge(pub(super) i32);

/// The step of [`Place`].
pub(super) const STEP: f32 = 0.05;

pub(super) fn game(app: &mut App) {
    app.insert_resource(Time::<Fixed>::from_hz(60.0))
        .replicate::<Label>("label")
        .replicate_with::<Place>("place", |rule| {
            rule.vec2(
                |place| place.0,
                |place, at| place.0 = at,
                within(640.0).step(STEP),
            )
        })
        .replicate_with::<Charge>("charge", |rule| {
            rule.integer(
                |charge| charge.0,
                |charge, number| charge.0 = number,
                0..=1_000_000,
            )
        });
}

/// Returns players who have met on a perfect network.
pub(super) fn meet<const N: usize>() -> (Lab, [Player; N]) {
    meet_with(game)
}

pub(super) fn meet_with<const N: usize>(game: fn(&mut App)) -> (Lab, [Player; N]) {
    let mut lab = Lab::new(1);
    lab.record::<OwnershipChanged>();
    lab.record::<ClaimEnded>();
    lab.record::<ReplicationFailed>();
    lab.record::<PeerRefused>();
    lab.record::<MessageRejected>();
    let players = std::array::from_fn(|_| lab.player(game));
    lab.run_until(|lab| lab.have_met(&players));
    (lab, players)
}

/// Returns the conditions of a network with latency, jitter and much loss.
pub(super) fn bad_network() -> Conditions {
    Conditions {
        latency: Duration::from_millis(60),
        jitter: Duration::from_millis(40),
        loss: 0.3,
        duplicate: 0.05,
        reorder: 0.1,
        bandwidth: None,
    }
}

pub(super) trait LabExt {
    /// Runs long enough for all changes to arrive, even on a bad network.
    fn settle(&mut self);
    /// Spawns a replicated entity, and returns it.
    fn spawn(&mut self, player: Player, bundle: impl Bundle) -> Entity;
    /// Changes the world of a player.
    fn with<T>(&mut self, player: Player, change: impl FnOnce(&mut World) -> T) -> T;
    /// Returns the entity of a viewer that shows an entity of another player.
    fn shown(&self, viewer: Player, of: (Player, Entity)) -> Option<Entity>;
    /// Returns a component of the entity that shows an entity of another player.
    fn see<C: Component + Clone>(&self, viewer: Player, of: (Player, Entity)) -> Option<C>;
    /// Returns all values of a component that a player's world has, in no particular order.
    fn all<C: Component + Clone>(&mut self, player: Player) -> Vec<C>;
    fn owner(&self, player: Player, entity: Entity) -> Option<PeerId>;
}

impl LabExt for Lab {
    fn settle(&mut self) {
        self.run_for(Duration::from_secs(2));
    }

    fn spawn(&mut self, player: Player, bundle: impl Bundle) -> Entity {
        let world = self.app_mut(player).world_mut();
        world.spawn((Replicated, bundle)).id()
    }

    fn with<T>(&mut self, player: Player, change: impl FnOnce(&mut World) -> T) -> T {
        change(self.app_mut(player).world_mut())
    }

    fn shown(&self, viewer: Player, (owner, entity): (Player, Entity)) -> Option<Entity> {
        let id = self.app(owner).world().get::<ReplicationId>(entity)?.id;
        let world = self.app(viewer).world();
        let mut shown = world.try_query::<(Entity, &ReplicationId)>()?;
        let mut shown = shown.iter(world).filter(|(_, shown)| shown.id == id);
        let entity = shown.next().map(|(entity, _)| entity);
        assert_eq!(shown.next(), None, "an entity is shown twice");
        entity
    }

    fn see<C: Component + Clone>(&self, viewer: Player, of: (Player, Entity)) -> Option<C> {
        let entity = self.shown(viewer, of)?;
        self.app(viewer).world().get::<C>(entity).cloned()
    }

    fn all<C: Component + Clone>(&mut self, player: Player) -> Vec<C> {
        let world = self.app_mut(player).world_mut();
        let mut all = world.query::<&C>();
        all.iter(world).cloned().collect()
    }

    fn owner(&self, player: Player, entity: Entity) -> Option<PeerId> {
        self.app(player)
            .world()
            .get::<Owner>(entity)
            .map(|owner| owner.0)
    }
}
