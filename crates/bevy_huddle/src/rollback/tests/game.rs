//! The game that the tests play: ships that move, shoot and have bullets that age.

use std::time::Duration;

use bevy::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    rollback::{
        DelayPolicy, DespawnRollback, EffectStarted, EffectWriter, InOrder, Inputs, MatchDesynced,
        MatchStatus, Rollback, RollbackAppExt, RollbackPlugin, RollbackRng, RollbackStart,
        RollbackUpdate, Seat, SyncTestFailed,
    },
    testing::{Conditions, Lab, Player},
};

/// What a player holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Pad {
    pub(super) x: i8,
    pub(super) fire: bool,
}

#[derive(Component, Clone, PartialEq, Serialize, Debug)]
pub(super) struct Ship {
    pub(super) seat: Seat,
    pub(super) x: i32,
    pub(super) shots: u32,
}

#[derive(Component, Clone, PartialEq, Serialize, Debug)]
pub(super) struct Bullet {
    ticks_left: u32,
}

/// The number of ticks of the match.
#[derive(Resource, Clone, Default, PartialEq, Serialize, Debug)]
pub(super) struct Age(pub(super) u32);

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Bang(pub(super) Seat);

/// The effects that were started.
#[derive(Resource, Default)]
pub(super) struct Bangs(pub(super) u32);

/// What the local player does.
#[derive(Resource, Default)]
pub(super) struct Habit {
    pub(super) samples: u32,
}

pub(super) fn plugin() -> RollbackPlugin<Pad> {
    // A short input delay, so that most inputs are mispredicted.
    RollbackPlugin::new(read_pad).configure(|setup| setup.delay = DelayPolicy::Fixed(1))
}

/// Adds the game, without the plugin.
pub(super) fn add_game(app: &mut App) {
    app.init_resource::<Habit>()
        .init_resource::<Bangs>()
        .rollback_component::<Ship>()
        .rollback_component::<Bullet>()
        .rollback_resource::<Age>()
        .rollback_effect::<Bang>()
        .add_systems(RollbackStart, spawn_ships)
        .add_systems(RollbackUpdate, (steer, shoot, age).chain())
        .add_observer(|_: On<EffectStarted<Bang>>, mut bangs: ResMut<Bangs>| bangs.0 += 1);
}

/// Steers to and fro, and fires now and then.
fn read_pad(seat: In<Seat>, mut habit: ResMut<Habit>) -> Pad {
    habit.samples += 1;
    let n = habit.samples / 7 + u32::from(seat.0.0) * 3;
    Pad {
        x: (n % 3) as i8 - 1,
        fire: n.is_multiple_of(4),
    }
}

fn spawn_ships(status: Res<MatchStatus>, mut commands: Commands) {
    for (seat, _) in (0..).map(Seat).zip(&status.seats) {
        let x = 0;
        commands.spawn((Rollback, Ship { seat, x, shots: 0 }));
    }
}

fn steer(pads: Res<Inputs<Pad>>, mut ships: Query<&mut Ship>) {
    for mut ship in &mut ships {
        let x = i32::from(pads[ship.seat].x);
        if x != 0 {
            ship.x += x;
        }
    }
}

fn shoot(
    pads: Res<Inputs<Pad>>,
    mut ships: InOrder<&mut Ship>,
    mut bangs: EffectWriter<Bang>,
    mut rng: ResMut<RollbackRng>,
    mut commands: Commands,
) {
    for mut ship in ships.iter_mut() {
        if pads.just_pressed(ship.seat, |pad| pad.fire) {
            ship.shots += 1;
            bangs.write(Bang(ship.seat));
            let ticks_left = 5 + rng.below(20);
            commands.spawn((Rollback, Bullet { ticks_left }));
        }
    }
}

fn age(mut age: ResMut<Age>, mut bullets: Query<(Entity, &mut Bullet)>, mut commands: Commands) {
    age.0 += 1;
    for (entity, mut bullet) in &mut bullets {
        bullet.ticks_left -= 1;
        if bullet.ticks_left == 0 {
            commands.entity(entity).despawn_rollback();
        }
    }
}

/// The last system of the game, after which other systems run.
pub(super) fn age_system() -> impl IntoSystemSet<()> {
    age.into_system_set()
}

/// Lets the second ship differ from that of the other players, from tick 100 on.
pub(super) fn add_desync(app: &mut App) {
    let shoot = |age: Res<Age>, mut ships: Query<&mut Ship>| {
        let mut ships = ships.iter_mut();
        if let Some(mut ship) = ships.find(|ship| ship.seat == Seat(1) && age.0 == 100) {
            ship.shots += 1000;
        }
    };
    app.add_systems(RollbackUpdate, shoot.after(age_system()));
}

/// Starts the game of this many players, and plays until a match runs.
pub(super) fn play(lab: &mut Lab, players: usize) -> Vec<Player> {
    lab.record::<MatchDesynced>();
    lab.record::<SyncTestFailed>();
    let players: Vec<_> = (0..players)
        .map(|_| {
            lab.player(move |app| {
                app.add_plugins(plugin().start_with(players))
                    .add_plugins(add_game);
            })
        })
        .collect();
    let all = players.clone();
    lab.run_until(|lab| all.iter().all(|&player| is_running(lab, player)));
    players
}

pub(super) fn is_running(lab: &Lab, player: Player) -> bool {
    status(lab, player).is_running()
}

pub(super) fn status(lab: &Lab, player: Player) -> &MatchStatus {
    lab[player].world().resource::<MatchStatus>()
}

/// Returns the ships by seat.
pub(super) fn ships(lab: &mut Lab, player: Player) -> Vec<Ship> {
    let world = lab.app_mut(player).world_mut();
    let mut query = world.query::<&Ship>();
    let mut ships: Vec<_> = query.iter(world).cloned().collect();
    ships.sort_by_key(|ship| ship.seat);
    ships
}

/// A bad network: 120 ms round-trip time, 40 ms jitter and 10 % loss.
pub(super) fn bad_network() -> Conditions {
    Conditions {
        latency: Duration::from_millis(60),
        jitter: Duration::from_millis(40),
        loss: 0.1,
        ..Conditions::default()
    }
}
