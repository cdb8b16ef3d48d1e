//! The systems that show components of one type.

use bevy::prelude::*;
use huddle_snapshot::playout::Playhead;

use super::{
    interpolated::{Interpolated, Playout},
    motion::{Draw, FieldsMotion},
};
use crate::{
    replication::components::{LocallyOwned, Owner, Replicated, ReplicationId},
    room::{components::RoomTick, link::RoomLink},
};

/// Returns the observer that draws a new component, and prepares a replicated entity unless the component
/// arrived with what shows it.
pub(super) fn start<T: Component + Clone + PartialEq>(
    motion: FieldsMotion<T>,
    draw: Option<Draw<T>>,
) -> impl FnMut(
    On<Add, (T, Replicated)>,
    Query<(&T, Has<Playout<T>>, Has<Replicated>, Option<&mut Transform>)>,
    Commands,
) + use<T> {
    move |added, mut entities, mut commands| {
        let Ok((value, is_shown, is_replicated, transform)) = entities.get_mut(added.entity) else {
            return;
        };
        if let (Some(draw), Some(mut transform)) = (&draw, transform) {
            draw(value, &mut transform);
        }
        if is_replicated
            && !is_shown
            && let Ok(mut entity) = commands.get_entity(added.entity)
        {
            let playout = Playout::new(motion.clone(), 0, value.clone(), None);
            entity.try_insert((playout, Interpolated(value.clone())));
        }
    }
}

/// Starts again with the clock of the next room.
pub(super) fn restart<T: Component + Clone + PartialEq>(
    removed: On<Remove, ReplicationId>,
    mut shown: Query<(&T, &mut Playout<T>)>,
) {
    if let Ok((value, mut playout)) = shown.get_mut(removed.entity) {
        playout.restart(value.clone());
    }
}

/// Removes what shows a component that was removed.
pub(super) fn stop<T: Component + Clone + PartialEq>(
    removed: On<Remove, T>,
    mut commands: Commands,
) {
    if let Ok(mut entity) = commands.get_entity(removed.entity) {
        entity.try_remove::<(Playout<T>, Interpolated<T>)>();
    }
}

/// Adds the values of this tick of the entities that the local peer owns.
pub(super) fn sample_local<T: Component + Clone + PartialEq>(
    mut owned: Query<
        (&T, &Owner, &ReplicationId, &mut Playout<T>),
        (
            Or<(Changed<T>, Added<ReplicationId>, Added<LocallyOwned>)>,
            With<LocallyOwned>,
        ),
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

/// Shows the components of type `T` that are not at rest.
pub(super) fn show<T: Component + Clone + PartialEq>(
    mut shown: Query<(
        Ref<T>,
        Option<Ref<Owner>>,
        Option<&ReplicationId>,
        Has<LocallyOwned>,
        &mut Playout<T>,
        &mut Interpolated<T>,
    )>,
    rooms: Query<(&RoomLink, &RoomTick)>,
    time: Res<Time<Fixed>>,
) {
    for (value, owner, id, is_mine, mut playout, mut interpolated) in &mut shown {
        let is_moved = value.is_changed() || owner.as_ref().is_some_and(Ref::is_changed);
        if playout.is_at_rest() && !is_moved {
            continue;
        }
        let room = id.and_then(|id| rooms.get(id.room).ok());
        let owner = owner.map(|owner| owner.0);
        let playhead = room.zip(owner).and_then(|((link, tick), owner)| {
            let local = || {
                let fraction = time.overstep_fraction();
                Playhead::local(tick.0.0, fraction, link.ticks_per_second(), link.now())
            };
            match is_mine {
                true => Some((owner, local())),
                false => link.playhead(owner, playout.source()),
            }
        });
        if let Some((source, _)) = playhead {
            playout.follow(Some(source));
        }
        let playhead = playhead.as_ref().map(|(_, playhead)| playhead);
        let now = playout.show(playhead, &value);
        interpolated.set_if_neq(Interpolated(now));
    }
}

/// Returns the system that sets the transforms of entities to what is shown.
pub(super) fn set_transforms<T: Component>(
    draw: Draw<T>,
) -> impl FnMut(Query<(&Interpolated<T>, &mut Transform), Changed<Interpolated<T>>>) + use<T> {
    move |mut shown| {
        for (interpolated, mut transform) in &mut shown {
            draw(&interpolated.0, &mut transform);
        }
    }
}
