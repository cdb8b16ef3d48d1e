//! The rules of all replicated components.

use std::{any::TypeId, sync::Arc};

use bevy::{prelude::*, utils::TypeIdMap};
use huddle_snapshot::{ComponentId, ComponentSet, Layout};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    builder::ReplicationRule,
    component::{ComponentRule, ReplicatedComponent, TypedRule},
};
use crate::{message::registry::declare_component, replication::codec::SerdeCodec};

/// The rules of all components that are replicated, in the order of their registration.
#[derive(Resource, Default)]
pub(crate) struct ReplicationRules {
    rules: Vec<Arc<dyn ComponentRule>>,
    names: TypeIdMap<&'static str>,
}

/// The rules for the entities of a room, and the ids of their components in the packets of the room.
#[derive(Clone, Default)]
pub(crate) struct RoomRules {
    /// By type.
    by_type: Arc<TypeIdMap<ComponentId>>,
    /// By the number of the component.
    rules: Arc<[Arc<dyn ComponentRule>]>,
    /// The ids of the same components.
    ids: Arc<[ComponentId]>,
}

/// Creates the rule of a component that travels whole.
pub(crate) fn serde_rule<T>(name: &'static str) -> TypedRule<T>
where
    T: ReplicatedComponent + Serialize + DeserializeOwned,
{
    TypedRule::new(name, Arc::new(SerdeCodec::Small))
}

/// Creates the rule of a component that travels field by field.
pub(crate) fn field_rule<T>(
    name: &'static str,
    describe: impl FnOnce(ReplicationRule<T>) -> ReplicationRule<T>,
) -> TypedRule<T>
where
    T: ReplicatedComponent,
{
    describe(ReplicationRule::new()).build(name)
}

/// Registers a rule.
pub(crate) fn add_rule<T: ReplicatedComponent>(world: &mut World, rule: TypedRule<T>) {
    let (name, schema, component) = (rule.name(), rule.schema(), rule.component());
    let mut rules = world.get_resource_or_init::<ReplicationRules>();
    if let Some(other) = rules.names.insert(TypeId::of::<T>(), name) {
        panic!(
            "`{}` is replicated twice, as \"{other}\" and as \"{name}\": register each type once",
            std::any::type_name::<T>()
        );
    }
    rules.rules.push(Arc::new(rule));
    declare_component(world, component, schema);
}

impl ReplicationRules {
    /// Returns the rules for a room with this layout.
    pub(crate) fn for_room(&self, layout: &Layout) -> RoomRules {
        let rules = self.rules.iter();
        let rules = rules.filter_map(|rule| Some((layout.id(rule.name())?, Arc::clone(rule))));
        let mut rules: Vec<_> = rules.collect();
        // The layout contains only registered components, so the numbers are consecutive.
        rules.sort_by_key(|(id, _)| *id);
        let by_type = self.names.iter();
        let by_type = by_type.filter_map(|(of, name)| Some((*of, layout.id(name)?)));
        RoomRules {
            by_type: Arc::new(by_type.collect()),
            ids: rules.iter().map(|(id, _)| *id).collect(),
            rules: rules.into_iter().map(|(_, rule)| rule).collect(),
        }
    }
}

impl RoomRules {
    /// Returns the id of a component type. It is `None` if the type was registered after the room was
    /// joined.
    pub(crate) fn id_of<T: Component>(&self) -> Option<ComponentId> {
        self.by_type.get(&TypeId::of::<T>()).copied()
    }

    /// Removes all components that are replicated.
    pub(crate) fn remove_all(&self, world: &mut World, entity: Entity) {
        for rule in &*self.rules {
            // Observers of the previous one may have despawned the entity.
            if let Ok(mut entity) = world.get_entity_mut(entity) {
                rule.remove(&mut entity);
            }
        }
    }

    /// Returns the components that an entity has.
    pub(crate) fn components_of(&self, entity: EntityRef) -> ComponentSet {
        let ids = self.ids.iter().zip(&*self.rules);
        let present = ids.filter(|(_, rule)| rule.is_on(entity));
        present.map(|(id, _)| *id).collect()
    }

    /// Returns the components whose values are [large](huddle_snapshot::content).
    pub(crate) fn large(&self) -> ComponentSet {
        let large = self.iter().filter(|(_, rule)| rule.is_large());
        large.map(|(id, _)| id).collect()
    }

    /// Returns the rule of a component.
    pub(crate) fn get(&self, id: ComponentId) -> Option<&dyn ComponentRule> {
        self.rules.get(id.index()).map(|rule| &**rule)
    }

    /// Returns all components with their rules.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ComponentId, &dyn ComponentRule)> {
        let ids = self.ids.iter().zip(&*self.rules);
        ids.map(|(id, rule)| (*id, &**rule))
    }
}
