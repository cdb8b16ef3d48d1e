//! Effects: what a tick shows and plays outside the simulation, such as sounds and particles.

mod log;

use bevy::{ecs::system::SystemParam, prelude::*};
use huddle_session::Tick;

use self::log::{Change, EffectLog};

/// The simulation of a tick had an effect that its earlier simulations did not have. Play it.
///
/// It is triggered after the step, so an observer of it may do whatever an observer of other events may.
#[derive(Event, Debug, Clone, Copy, PartialEq, Eq)]
pub struct EffectStarted<E: Send + Sync + 'static> {
    /// The effect.
    pub effect: E,
    /// The tick that had it.
    pub tick: Tick,
}

/// A rollback has undone an effect that was started. Stop it, if it still plays.
#[derive(Event, Debug, Clone, Copy, PartialEq, Eq)]
pub struct EffectCancelled<E: Send + Sync + 'static> {
    /// The effect.
    pub effect: E,
    /// The tick that had it.
    pub tick: Tick,
}

/// An effect that was started is final. No rollback can undo it any more.
#[derive(Event, Debug, Clone, Copy, PartialEq, Eq)]
pub struct EffectConfirmed<E: Send + Sync + 'static> {
    /// The effect.
    pub effect: E,
    /// The tick that had it.
    pub tick: Tick,
}

/// A type of effects. Two equal effects of the same tick are the same effect, so a resimulation that
/// repeats one starts it only once.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an effect",
    label = "this type of effects lacks a trait",
    note = "add `#[derive(Clone, PartialEq)]` to `{Self}`"
)]
pub trait Effect: Clone + PartialEq + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<E: Clone + PartialEq + Send + Sync + 'static> Effect for E {}

/// Writes the effects of a tick, in systems of [`RollbackUpdate`](crate::rollback::RollbackUpdate).
/// Register the type with
/// [`rollback_effect`](crate::rollback::RollbackAppExt::rollback_effect).
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::rollback::{EffectStarted, EffectWriter};
///
/// #[derive(Clone, PartialEq)]
/// struct Bang;
///
/// fn shoot(mut bangs: EffectWriter<Bang>) {
///     bangs.write(Bang);
/// }
///
/// fn play(bang: On<EffectStarted<Bang>>) {
///     println!("bang in tick {}", bang.tick);
/// }
/// # bevy::ecs::system::assert_is_system(shoot);
/// # App::new().add_observer(play);
/// ```
#[derive(SystemParam)]
pub struct EffectWriter<'w, E: Effect> {
    log: ResMut<'w, EffectLog<E>>,
}

impl<E: Effect> EffectWriter<'_, E> {
    /// Writes an effect.
    pub fn write(&mut self, effect: E) {
        self.log.write(effect);
    }
}

/// The functions of the registered types of effects.
#[derive(Resource, Default)]
pub(crate) struct EffectTypes(Vec<EffectFns>);

#[derive(Clone, Copy)]
struct EffectFns {
    begin: fn(&mut World, Tick),
    finish: fn(&mut World),
    confirm: fn(&mut World, Tick),
    clear: fn(&mut World),
}

/// Registers a type of effects. Equal ones at most `tolerance` ticks apart are the same.
pub(crate) fn register<E: Effect>(world: &mut World, tolerance: u32) {
    if world.contains_resource::<EffectLog<E>>() {
        return;
    }
    world.insert_resource(EffectLog::<E>::new(tolerance));
    world
        .get_resource_or_init::<EffectTypes>()
        .0
        .push(EffectFns {
            begin: |world, tick| world.resource_mut::<EffectLog<E>>().begin(tick),
            finish: |world| {
                let changes = world.resource_mut::<EffectLog<E>>().finish();
                for (tick, effect, change) in changes {
                    match change {
                        Change::Started => world.trigger(EffectStarted { effect, tick }),
                        Change::Cancelled => world.trigger(EffectCancelled { effect, tick }),
                        Change::Confirmed => world.trigger(EffectConfirmed { effect, tick }),
                    }
                }
            },
            confirm: |world, tick| world.resource_mut::<EffectLog<E>>().confirm(tick),
            clear: |world| world.resource_mut::<EffectLog<E>>().clear(),
        });
}

fn for_each_type(world: &mut World, call: impl Fn(EffectFns, &mut World)) {
    let count = world
        .get_resource::<EffectTypes>()
        .map_or(0, |types| types.0.len());
    for i in 0..count {
        let functions = world.resource::<EffectTypes>().0[i];
        call(functions, world);
    }
}

/// A tick is simulated, perhaps again.
pub(crate) fn begin_effects(world: &mut World, tick: Tick) {
    for_each_type(world, |functions, world| (functions.begin)(world, tick));
}

/// The step is over: triggers what has changed.
pub(crate) fn finish_effects(world: &mut World) {
    for_each_type(world, |functions, world| (functions.finish)(world));
}

/// A tick is final.
pub(crate) fn confirm_effects(world: &mut World, tick: Tick) {
    for_each_type(world, |functions, world| (functions.confirm)(world, tick));
}

/// A match starts, and the effects of the one before no longer matter.
pub(crate) fn clear_effects(world: &mut World) {
    for_each_type(world, |functions, world| (functions.clear)(world));
}
