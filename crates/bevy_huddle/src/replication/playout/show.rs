//! The systems that show components of one type.

use std::sync::Arc;

use bevy::prelude::*;
use huddle_snapshot::playout::Playhead;

use super::{
    interpolated::{Interpolated, Playout},
    motion::FieldsMotion,
};
use crate::{
    replication::components::{LocallyOwned, Owner, ReplicationId},
    room::{components::RoomTick, link::RoomLink},
};

/// Adds the values of this tick of the entities that the local peer owns.
pub(super) fn sample_local<T: Component + Clone + PartialEq>(
    mut owned: Query<
        (&T, &Owner, &ReplicationId, &mut Playout<T>),
        (Changed<T>, With<LocallyOwned>),
    >,
    rooms: Query<(&RoomLink, &RoomTick)>,
) {
    for (value, owner, id, mut playout) in &mut owned {
        if let Ok((link, tick)) = rooms.get(id.room) {
            let tick = tick.0.0;
            let playhead = Playhead::local(tick, 0.0, link.ticks_per_second(), link.now());
            playout.follow(Some(owner.0));
            playout.push(tick, value.clone(), &playhead);
        }
    }
}

/// Returns the system that prepares entities of the local peer whose component is new.
pub(super) fn add_missing<T: Component + Clone + PartialEq>(
    motion: FieldsMotion<T>,
) -> impl FnMut(
    Query<(Entity, &T, Option<&Owner>, &ReplicationId), Without<Playout<T>>>,
    Query<&RoomTick>,
    Commands,
) + use<T> {
    move |new, rooms, mut commands| {
        for (entity, value, owner, id) in &new {
            let Ok(tick) = rooms.get(id.room) else {
                continue;
            };
            let owner = owner.map(|owner| owner.0);
            let playout = Playout::new(motion.clone(), tick.0.0, value.clone(), owner);
            let shown = Interpolated(value.clone());
            commands.entity(entity).try_insert((playout, shown));
        }
    }
}

/// Removes what shows a component that was removed.
pub(super) fn remove_unused<T: Component + Clone + PartialEq>(
    unused: Query<Entity, (With<Playout<T>>, Without<T>)>,
    mut commands: Commands,
) {
    for entity in &unused {
        commands
            .entity(entity)
            .try_remove::<(Playout<T>, Interpolated<T>)>();
    }
}

/// Shows all components of type `T`.
pub(super) fn show<T: Component + Clone + PartialEq>(
    mut shown: Query<(
        &T,
        Option<&Owner>,
        Option<&ReplicationId>,
        Has<LocallyOwned>,
        &mut Playout<T>,
        &mut Interpolated<T>,
    )>,
    rooms: Query<(&RoomLink, &RoomTick)>,
    time: Res<Time<Fixed>>,
) {
    for (value, owner, id, is_mine, mut playout, mut interpolated) in &mut shown {
        let room = id.and_then(|id| rooms.get(id.room).ok());
        let playhead = room.zip(owner).and_then(|((link, tick), owner)| {
            let local = || {
                let fraction = time.overstep_fraction();
                Playhead::local(tick.0.0, fraction, link.ticks_per_second(), link.now())
            };
            match is_mine {
                true => Some(local()),
                false => link.playhead(owner.0),
            }
        });
        let now = match playhead {
            Some(playhead) => {
                playout.follow(owner.map(|owner| owner.0));
                playout.show(&playhead)
            }
            // Nobody moves it.
            None => value.clone(),
        };
        interpolated.set_if_neq(Interpolated(now));
    }
}

/// Returns the system that sets the transforms of entities to what is shown.
pub(super) fn set_transforms<T: Component>(
    draw: Arc<dyn Fn(&T, &mut Transform) + Send + Sync>,
) -> impl FnMut(Query<(&Interpolated<T>, &mut Transform), Changed<Interpolated<T>>>) + use<T> {
    move |mut shown| {
        for (interpolated, mut transform) in &mut shown {
            draw(&interpolated.0, &mut transform);
        }
    }
}
