//! The values of an entity that the session has received, and how they get into the world.

use bevy::{
    ecs::bundle::BundleScratch,
    prelude::*,
    scene::{ResolvedScene, ResolvedSceneRoot},
};
use huddle_session::codec::DecodeError;
use huddle_snapshot::{ComponentId, ComponentSet, claim::Rules, id::EntityId};

use crate::{
    error::RejectReason,
    receive::apply::rejected::reject,
    replication::{
        codec::ValueBuffer,
        components::{
            LocallyOwned, OnOwnerLeft, Owner, OwnershipPolicy, Replicated, ReplicationId,
        },
        playout::Sample,
        room::RoomReplication,
        rule::{ComponentRule, RoomRules},
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
    pub(crate) rules: Rules,
}

/// A received value that was read.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Reading {
    /// There is no value.
    None,
    /// The component is a relationship to an entity that is not in the world. It cannot exist yet.
    NotHere,
    Ready,
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
        let playhead = owner.and_then(|owner| link.playhead(owner, None));
        let sample = Sample {
            tick,
            source: playhead.map(|(source, _)| source).or(owner),
            playhead: playhead.map(|(_, playhead)| playhead),
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
        let mut value = ValueBuffer::default();
        for component in added.iter() {
            let Some(rule) = self.rules.get(component) else {
                continue;
            };
            let result = self.read(world, component, rule, &mut value);
            let result = result.and_then(|reading| match world.get_entity(self.entity) {
                Ok(entity) if reading == Reading::Ready => {
                    rule.add_to(&mut scene, entity, &value, &self.sample)
                }
                _ => Ok(()),
            });
            rejected.extend(result.err().map(|error| (rule.name(), error)));
        }
        if let Some(marks) = marks {
            let Self { id, room, .. } = *self;
            scene.push_template(Ready(Replicated));
            scene.push_template(Ready(ReplicationId { id, room }));
            scene.push_template(Ready(OwnershipPolicy::from(marks.rules.policy())));
            if marks.rules.owner_gone() != marks.rules.policy().default_owner_gone() {
                scene.push_template(Ready(OnOwnerLeft::from(marks.rules.owner_gone())));
            }
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

    /// Finds the entities that the components refer to.
    pub(crate) fn find_references(&self, world: &mut World) {
        let link = world.get::<RoomLink>(self.room);
        let components = link.and_then(|link| link.snapshots.components(self.id));
        let mut value = ValueBuffer::default();
        for component in components.unwrap_or_default().iter() {
            if let Some(rule) = self.rules.get(component) {
                // A value that is not valid is reported when it is decoded.
                let _ = self.read(world, component, rule, &mut value);
            }
        }
    }

    /// Reads the received value of a component.
    fn read(
        &self,
        world: &mut World,
        component: ComponentId,
        rule: &dyn ComponentRule,
        value: &mut ValueBuffer,
    ) -> Result<Reading, DecodeError> {
        let (Some(link), Some(replication)) = (
            world.get::<RoomLink>(self.room),
            world.get::<RoomReplication>(self.room),
        ) else {
            return Ok(Reading::None);
        };
        let Some(received) = link.large.value(&link.snapshots, self.id, component) else {
            return Ok(Reading::None);
        };
        value.read(received, &replication.entities)?;
        if rule.is_hierarchy()
            && value
                .references()
                .iter()
                .any(|it| self.is_above(world, *it))
        {
            let problem = "the entity would be its own parent".to_owned();
            return Err(DecodeError::Malformed(problem));
        }
        if let Some(mut replication) = world.get_mut::<RoomReplication>(self.room) {
            let replication = replication.bypass_change_detection();
            let version = replication.entities.version();
            let referrer = (self.id, component);
            replication.received.set(referrer, value.ids(), version);
        }
        let has_placeholder = value.references().contains(&Entity::PLACEHOLDER);
        match rule.is_relationship() && has_placeholder {
            true => Ok(Reading::NotHere),
            false => Ok(Reading::Ready),
        }
    }

    /// Returns `true` if the entity is another entity, or one of its ancestors.
    fn is_above(&self, world: &World, mut other: Entity) -> bool {
        while other != self.entity {
            match world.get::<ChildOf>(other) {
                Some(child_of) => other = child_of.parent(),
                None => return false,
            }
        }
        true
    }

    /// Inserts components, or sets those that the entity has.
    pub(crate) fn insert_or_set(&self, world: &mut World, components: ComponentSet) {
        let Ok(entity) = world.get_entity(self.entity) else {
            return;
        };
        let existing = self.rules.components_of(entity);
        let added = components.without(existing);
        self.insert(world, added, None);
        self.set(world, components.without(added));
        world.flush();
    }

    /// Sets components that the entity has.
    pub(crate) fn set(&self, world: &mut World, components: ComponentSet) {
        let mut rejected = Vec::new();
        let mut value = ValueBuffer::default();
        for component in components.iter() {
            let Some(rule) = self.rules.get(component) else {
                continue;
            };
            let result = self.read(world, component, rule, &mut value);
            let result = result.and_then(|reading| match world.get_entity_mut(self.entity) {
                Ok(mut entity) => match reading {
                    Reading::Ready => rule.set(&mut entity, &value, &self.sample),
                    Reading::NotHere => {
                        rule.remove(&mut entity);
                        Ok(())
                    }
                    Reading::None => Ok(()),
                },
                Err(_) => Ok(()),
            });
            rejected.extend(result.err().map(|error| (rule.name(), error)));
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
