//! The values of an entity that the session has received, and how they get into the world.

use bevy::{
    ecs::bundle::BundleScratch,
    prelude::*,
    scene::{ResolvedScene, ResolvedSceneRoot},
};
use huddle_session::codec::DecodeError;
use huddle_snapshot::{ComponentSet, id::EntityId};

use crate::{
    error::RejectReason,
    receive::apply::rejected::reject,
    replication::{
        codec::ValueBuffer,
        components::{LocallyOwned, Owner, Replicated, ReplicationId},
        map::RoomReplication,
        playout::Sample,
        rule::RoomRules,
        scene::Ready,
    },
    room::link::RoomLink,
};

/// An entity that has an id in a room.
pub(crate) struct Received {
    pub(crate) room: Entity,
    pub(crate) id: EntityId,
    pub(crate) entity: Entity,
    pub(crate) rules: RoomRules,
    sample: Sample,
}

/// The components of the plugin that an entity receives with its values.
pub(crate) struct Marks {
    pub(crate) owner: Option<Owner>,
    pub(crate) is_mine: bool,
}

impl Received {
    /// Returns the entity with an id. `tick` is the owner's tick of its values. Returns `None` if the
    /// entity is not in the world.
    pub(crate) fn find(world: &World, room: Entity, id: EntityId, tick: u32) -> Option<Self> {
        let replication = world.get::<RoomReplication>(room)?;
        let entity = replication.entities.entity(id)?;
        let rules = replication.rules.clone();
        world.get_entity(entity).ok()?;
        let link = world.get::<RoomLink>(room)?;
        let owner = link.snapshots.owner(id);
        let sample = Sample {
            tick,
            owner,
            playhead: owner.and_then(|owner| link.playhead(owner)),
        };
        Some(Self {
            room,
            id,
            entity,
            rules,
            sample,
        })
    }

    /// Inserts components that the entity does not have, all at once.
    pub(crate) fn insert(&self, world: &mut World, added: ComponentSet, marks: Option<Marks>) {
        if added.is_empty() && marks.is_none() {
            return;
        }
        let mut scene = ResolvedScene::default();
        let mut rejected = Vec::new();
        if let Some(link) = world.get::<RoomLink>(self.room)
            && let Ok(entity) = world.get_entity(self.entity)
        {
            for component in added.iter() {
                let value = link.snapshots.get(self.id, component);
                if let (Some(rule), Some(value)) = (self.rules.get(component), value)
                    && let Err(error) = rule.add_to(&mut scene, entity, value, &self.sample)
                {
                    rejected.push((rule.name(), error));
                }
            }
        }
        if let Some(marks) = marks {
            let Self { id, room, .. } = *self;
            scene.push_template(Ready(Replicated));
            scene.push_template(Ready(ReplicationId { id, room }));
            if let Some(owner) = marks.owner {
                scene.push_template(Ready(owner));
            }
            if marks.is_mine {
                scene.push_template(Ready(LocallyOwned));
            }
        }
        if let Ok(mut entity) = world.get_entity_mut(self.entity) {
            let root = ResolvedSceneRoot { scene };
            if let Err(error) = root.apply(&mut entity, &mut BundleScratch::default()) {
                log::error!(
                    "the components of {} cannot be inserted: {error}",
                    self.entity
                );
            }
        }
        world.flush();
        self.reject_all(world, rejected);
    }

    /// Sets components that the entity has.
    pub(crate) fn set(&self, world: &mut World, components: ComponentSet) {
        let mut rejected = Vec::new();
        let mut buffer = ValueBuffer::default();
        for component in components.iter() {
            let link = world.get::<RoomLink>(self.room);
            let value = link.and_then(|link| link.snapshots.get(self.id, component));
            let (Some(rule), Some(value)) = (self.rules.get(component), value) else {
                continue;
            };
            buffer.copy_from(value);
            if let Ok(mut entity) = world.get_entity_mut(self.entity)
                && let Err(error) = rule.set(&mut entity, buffer.value(), &self.sample)
            {
                rejected.push((rule.name(), error));
            }
        }
        self.reject_all(world, rejected);
    }

    /// Removes components that the entity has.
    pub(crate) fn remove(&self, world: &mut World, components: ComponentSet) {
        for component in components.iter() {
            if let Some(rule) = self.rules.get(component)
                && let Ok(mut entity) = world.get_entity_mut(self.entity)
            {
                rule.remove(&mut entity);
            }
        }
    }

    /// Reports values that are not valid. The owner has sent them.
    fn reject_all(&self, world: &mut World, rejected: Vec<(&'static str, DecodeError)>) {
        for (name, error) in rejected {
            let link = world.get::<RoomLink>(self.room);
            if let Some(owner) = link.and_then(|link| link.snapshots.owner(self.id)) {
                let reason = RejectReason::BadMessage { name, error };
                reject(world, self.room, owner, reason);
            }
        }
    }
}
