//! What a system of the simulation should not use or change.

use std::any::TypeId;

use bevy::{ecs::query::Access, prelude::*};

/// Returns the components and resources that a system uses although they differ between the players, each with what
/// to do instead.
pub(super) fn local_data(world: &World, access: &Access) -> Vec<(String, &'static str)> {
    let Ok(used) = access.try_reads_and_writes() else {
        // An exclusive system may use everything.
        return Vec::new();
    };
    let used = used.iter().filter_map(|id| {
        let info = world.components().get_info(id)?;
        let name = info.name();
        let instead = instead(info.type_id(), &name)?;
        Some((name.to_string(), instead))
    });
    used.collect()
}

/// Returns the resources that a system changes although a rollback does not restore them. Their names need Bevy's
/// `debug` feature, and without names this returns nothing.
pub(super) fn unregistered_resources(
    world: &World,
    access: &Access,
    is_registered: impl Fn(TypeId) -> bool,
) -> Vec<String> {
    let Ok(changed) = access.try_writes() else {
        return Vec::new();
    };
    let resources = changed.iter().filter_map(|id| {
        world.resource_entities().get(id)?;
        let info = world.components().get_info(id)?;
        let name = info.name().to_string();
        let is_kept = is_registered(info.type_id()?) || is_of_bevy(&name);
        (!is_kept && name.contains("::")).then_some(name)
    });
    resources.collect()
}

/// Returns whether Bevy or the plugin keeps a resource right, such as the messages and effects of a tick.
fn is_of_bevy(name: &str) -> bool {
    let is_own = name.starts_with("bevy_huddle::");
    name.starts_with("bevy_") && !is_own || name.starts_with(EFFECTS)
}

/// The start of the names of the resources of effects.
const EFFECTS: &str = "bevy_huddle::rollback::effects::";

/// Returns what to use instead of a component or resource, if it differs between the players. The names of types
/// that may be missing in Bevy need its `debug` feature.
fn instead(type_id: Option<TypeId>, name: &str) -> Option<&'static str> {
    let clocks = [
        TypeId::of::<Time<Real>>(),
        TypeId::of::<Time<Virtual>>(),
        TypeId::of::<Time<Fixed>>(),
    ];
    if type_id.is_some_and(|id| clocks.contains(&id)) {
        return Some("use `Res<Time>`, which is the time of the tick");
    }
    if type_id == Some(TypeId::of::<GlobalTransform>()) {
        return Some(
            "it is calculated once per frame, so use `Transform` or a registered component",
        );
    }
    name.starts_with("bevy_input::").then_some(
        "read it in the system that `RollbackPlugin::new` gets, and use `Res<Inputs<_>>` in the simulation",
    )
}
