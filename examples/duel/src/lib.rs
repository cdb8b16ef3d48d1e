//! Two to four players push each other off a platform.
//!
//! The calls into `bevy_huddle` are between the markers: nearly all of them are in this file. `docs/rollback.md`
//! explains the terms: *seat*, *tick*, *effect*. The other modules are the game:
//!
//! - `simulation`: the rules of the game. All players simulate them from the same inputs.
//! - `pad` and `controls`: the input of a player, and the devices and bots that it comes from.
//! - `lobby`: who is in the room, who is ready, and who plays the next match. `playing`: whether a match runs.
//! - `cast`: the names and colors of the players of a match.
//! - `screens`: the interface. `show`: everything else to see and hear.

mod cast;
mod controls;
mod lobby;
mod pad;
mod palette;
mod playing;
mod screens;
mod show;
mod simulation;
#[cfg(test)]
mod tests;

use std::time::Duration;

use bevy::prelude::*;
use bevy_huddle::{prelude::*, replication::ReplicationAppExt, rollback::*};
use example_kit::{Display, ExampleKit, Options};

use controls::Controls;
pub use lobby::BotsWaitFor;
use lobby::{Entrant, Entrants, LocalEntrant, Plan};
use pad::Pad;
use simulation::{Cue, Fighter, Phase, PhaseClock, Platform, Score};

/// The part of the world that every player sees.
const VIEW: Vec2 = Vec2::splat(2.0 * Platform::FULL + 60.0);

/// Returns the game, ready to run.
pub fn app() -> App {
    let kit = ExampleKit::new("duel").view(VIEW).without_panel();
    let has_window = kit.options().display != Display::Headless;
    let mut app = App::new();
    // netcode: begin
    app.add_plugins((kit, HuddlePlugins))
        .add_systems(Startup, join)
        .add_plugins(game);
    // netcode: end
    if has_window {
        app.add_plugins((screens::plugin, show::plugin));
    }
    app
}

/// The game without its window.
fn game(app: &mut App) {
    app.add_plugins((netcode, simulation::plugin)).add_plugins((
        lobby::plugin,
        cast::plugin,
        controls::plugin,
    ));
}

// netcode: begin
fn netcode(app: &mut App) {
    // One tick per frame of most displays.
    app.insert_resource(Time::<Fixed>::from_hz(60.0))
        // 1. The inputs of a tick, and everything that it changes.
        .add_plugins((RollbackPlugin::new(read_pad).configure(setup), registration))
        // 2. The lobby: the entity of each player shows its look and whether it is ready.
        .replicate::<Entrant>("entrant")
        .register_required_components::<LocalPeer, Entrant>()
        .add_systems(Update, (show_entrant, start_match).chain().run_if(in_room));
}

/// A player that sends nothing for 2.5 s is dropped from the match.
fn setup(rollback: &mut RollbackSetup<Pad>) {
    rollback.disconnect_timeout = Duration::from_millis(2500);
    rollback.start_limit = Duration::from_secs(4);
}

/// All players register the same types in the same order, or no match starts. The tests call this function, too.
fn registration(app: &mut App) {
    app.rollback_component::<Fighter>()
        .rollback_resource::<Platform>()
        .rollback_resource::<PhaseClock>()
        .rollback_resource::<Score>()
        .rollback_state::<Phase>()
        // Sounds and particles. A hit that a rollback moves by a few ticks is still the same hit.
        .rollback_effect_within::<Cue>(12);
}

fn join(options: Res<Options>, mut commands: Commands) {
    commands.join_room(options.room());
}

/// Runs once per tick and local seat. Two players at one machine have two seats.
fn read_pad(seat: In<Seat>, status: Res<MatchStatus>, mut controls: ResMut<Controls>) -> Pad {
    let player = status.local_seats.iter().position(|local| *local == *seat);
    controls.take(player.unwrap_or_default())
}

/// A component of the local peer's entity appears on its entity in the games of the other players. Each room has a new
/// local peer.
fn show_entrant(entrant: Res<LocalEntrant>, mut shown: Single<&mut Entrant, With<LocalPeer>>) {
    shown.set_if_neq(entrant.0);
}

/// The host starts each match. If it leaves, the next host takes over.
fn start_match(
    entrants: Entrants,
    time: Res<Time<Real>>,
    mut plan: ResMut<Plan>,
    mut commands: Commands,
) {
    if !entrants.huddle.is_host() {
        plan.cancel();
    } else if let Some(seats) = plan.next_seats(time.elapsed(), &entrants.all()) {
        commands.start_match(seats);
    }
}
// netcode: end
