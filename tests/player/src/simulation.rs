//! A match with rollback beside the game, without anything to see.

use bevy::prelude::*;
use bevy_huddle::rollback::*;
use serde::{Deserialize, Serialize};

/// What a bot holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Pad {
    x: i8,
    y: i8,
    fire: bool,
}

/// A body that moves, and bounces off the walls.
#[derive(Component, Clone, PartialEq, Serialize)]
struct Body {
    x: f32,
    y: f32,
    vx: f32,
    vy: f32,
}

/// The body of a player.
#[derive(Component, Clone, PartialEq, Serialize)]
struct Ship(Seat);

/// A body that ages.
#[derive(Component, Clone, PartialEq, Serialize)]
struct Spark {
    ticks_left: u32,
}

/// A value whose result depends on the platform, because `f32::sin` does.
#[derive(Component, Clone, Debug, PartialEq, Serialize)]
struct Swing(f32);

#[derive(Clone, PartialEq)]
struct Bang;

/// What the match of this player has done.
#[derive(Resource, Debug, Default, Clone, Serialize)]
pub(crate) struct MatchReport {
    tick: u32,
    confirmed: u32,
    seats: usize,
    rollbacks: u64,
    stalls: u64,
    /// The number of checksums that were equal to those of another player, or not.
    compared: u64,
    desyncs: u32,
    failed_starts: u32,
    bangs: u32,
    difference: Option<Difference>,
}

/// The first value that a desync report names.
#[derive(Debug, Clone, Serialize)]
struct Difference {
    /// The tick of the match in which the report arrived.
    reported_at: u32,
    tick: u32,
    component: String,
    entity: u64,
    mine: Option<String>,
    theirs: Option<String>,
}

/// Adds a match of this many players. From the tick `sine` on, its result depends on the platform.
pub(crate) fn plugin(players: usize, sine: Option<u32>) -> impl Plugin {
    move |app: &mut App| {
        app.init_resource::<MatchReport>()
            .add_plugins(RollbackPlugin::new(read_pad).start_with(players))
            .rollback_component::<Body>()
            .rollback_component::<Ship>()
            .rollback_component::<Spark>()
            .rollback_effect::<Bang>()
            .add_systems(RollbackStart, spawn_ships)
            .add_systems(RollbackUpdate, (steer, fire, fly, age).chain())
            .add_systems(Update, update_report)
            .add_observer(keep_difference)
            .add_observer(|_: On<MatchStartFailed>, mut report: ResMut<MatchReport>| {
                report.failed_starts += 1;
            })
            .add_observer(
                |_: On<EffectStarted<Bang>>, mut report: ResMut<MatchReport>| {
                    report.bangs += 1;
                },
            );
        if let Some(start) = sine {
            app.rollback_component::<Swing>()
                .register_required_components_with::<Ship, Swing>(|| Swing(0.0))
                .add_systems(RollbackUpdate, swing(start).after(age));
        }
    }
}

/// A bot that changes its direction several times per second.
fn read_pad(seat: In<Seat>, mut count: Local<u32>) -> Pad {
    *count += 1;
    let n = (*count / 9 + u32::from(seat.0.0) * 5).wrapping_mul(2_654_435_761) >> 16;
    Pad {
        x: (n % 3) as i8 - 1,
        y: (n / 3 % 3) as i8 - 1,
        fire: n.is_multiple_of(5),
    }
}

fn spawn_ships(status: Res<MatchStatus>, mut commands: Commands) {
    for (seat, _) in (0..).map(Seat).zip(&status.seats) {
        let x = f32::from(seat.0) * 50.0;
        let (y, vx, vy) = (0.0, 0.0, 0.0);
        commands.spawn((Rollback, Ship(seat), Body { x, y, vx, vy }));
    }
}

fn steer(pads: Res<Inputs<Pad>>, mut ships: Query<(&Ship, &mut Body)>) {
    for (ship, mut body) in &mut ships {
        let pad = &pads[ship.0];
        if pad.x != 0 || pad.y != 0 {
            body.vx += f32::from(pad.x) * 0.3;
            body.vy += f32::from(pad.y) * 0.3;
        }
    }
}

fn fire(
    pads: Res<Inputs<Pad>>,
    ships: InOrder<(&Ship, &Body)>,
    mut rng: ResMut<RollbackRng>,
    mut bangs: EffectWriter<Bang>,
    mut commands: Commands,
) {
    for (ship, body) in ships.iter() {
        if pads.just_pressed(ship.0, |pad| pad.fire) {
            bangs.write(Bang);
            let speed = (body.vx * body.vx + body.vy * body.vy + 1.0).sqrt();
            let spark = Body {
                vx: (rng.f32() - 0.5) * 8.0 + body.vx / speed,
                vy: (rng.f32() - 0.5) * 8.0 + body.vy / speed,
                ..body.clone()
            };
            let ticks_left = 20 + rng.below(60);
            commands.spawn((Rollback, spark, Spark { ticks_left }));
        }
    }
}

fn fly(mut bodies: Query<&mut Body>, time: Res<Time>) {
    let step = time.delta_secs() * 60.0;
    for mut body in &mut bodies {
        body.x += body.vx * step;
        body.y += body.vy * step;
        if body.x.abs() > 400.0 {
            body.vx = -body.vx * 0.9;
        }
        if body.y.abs() > 300.0 {
            body.vy = -body.vy * 0.9;
        }
    }
}

fn age(mut sparks: Query<(Entity, &mut Spark)>, mut commands: Commands) {
    for (entity, mut spark) in &mut sparks {
        spark.ticks_left -= 1;
        if spark.ticks_left == 0 {
            commands.entity(entity).despawn_rollback();
        }
    }
}

/// Adds up many sines, because only some of them differ between platforms.
fn swing(start: u32) -> impl Fn(Query<&mut Swing>, Res<Time>) {
    move |mut swings: Query<&mut Swing>, time: Res<Time>| {
        let elapsed = time.elapsed_secs();
        if elapsed >= start as f32 / 60.0 {
            for mut swing in &mut swings {
                let sines = (0..200).map(|n| (elapsed + n as f32).sin());
                swing.0 += sines.sum::<f32>();
            }
        }
    }
}

fn keep_difference(
    desync: On<MatchDesynced>,
    status: Res<MatchStatus>,
    mut report: ResMut<MatchReport>,
) {
    report.desyncs += 1;
    let types = desync.report.types.iter();
    let mut values =
        types.flat_map(|of_type| of_type.entities.iter().map(move |value| (of_type, value)));
    if report.difference.is_none()
        && let Some((of_type, value)) = values.next()
    {
        report.difference = Some(Difference {
            reported_at: status.tick.0,
            tick: desync.report.tick.0,
            component: of_type.name.clone(),
            entity: value.id,
            mine: value.mine.clone(),
            theirs: value.theirs.clone(),
        });
    }
}

fn update_report(status: Res<MatchStatus>, mut report: ResMut<MatchReport>) {
    report.tick = status.tick.0;
    report.confirmed = status.confirmed.0;
    report.seats = status.seats.len();
    report.rollbacks = status.stats.rollbacks;
    report.stalls = status.stats.stalls;
    report.compared = status.stats.compared;
}
