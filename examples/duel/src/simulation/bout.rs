//! How fighters move, dash, punch and collide.

use bevy::prelude::*;
use bevy_huddle::rollback::*;

use super::{
    cue::Cue,
    fighter::{Fighter, RADIUS},
    phase::Phase,
    platform::Platform,
};
use crate::pad::Pad;

const ACCELERATION: f32 = 0.5;
/// The part of the velocity that is kept per tick.
const GLIDE: f32 = 0.9;
/// The same while it flies after a hit.
const FLIGHT: f32 = 0.955;

const DASH_SPEED: f32 = 13.0;
const DASH: u16 = 11;
const DASH_REST: u16 = 48;
const DASH_PUSH: f32 = 11.0;

const PUNCH: u16 = 14;
/// The remaining time of a punch when it strikes.
const STRIKE: u16 = 10;
const PUNCH_REST: u16 = 26;
const PUNCH_REACH: f32 = 66.0;
/// The cosine of the largest angle between the aim and the opponent.
const PUNCH_WIDTH: f32 = 0.35;
const PUNCH_PUSH: f32 = 8.5;

/// How much farther each hit makes a fighter fly.
const HURT: f32 = 0.22;
const STUN: u16 = 20;

/// Moves the fighters by a tick. They act in the order of their seats, so the order of the query does not matter.
pub(super) fn fight(
    pads: Res<Inputs<Pad>>,
    phase: Res<State<Phase>>,
    platform: Res<Platform>,
    mut fighters: Query<&mut Fighter>,
    mut cues: EffectWriter<Cue>,
) {
    let mut all: Vec<_> = fighters.iter_mut().collect();
    all.sort_unstable_by_key(|fighter| fighter.seat);
    let mut next: Vec<Fighter> = all.iter().map(|fighter| (**fighter).clone()).collect();
    let may_act = *phase.get() != Phase::Countdown;
    for fighter in next.iter_mut().filter(|_| may_act) {
        let seat = fighter.seat;
        let pad = Command {
            direction: pads[seat].direction(),
            dash: pads.just_pressed(seat, |pad| pad.dash),
            punch: pads.just_pressed(seat, |pad| pad.punch),
        };
        act(fighter, &pad, &mut |cue| cues.write(cue));
    }
    strike(&mut next, &mut |cue| cues.write(cue));
    collide(&mut next, &mut |cue| cues.write(cue));
    for fighter in &mut next {
        let is_gone = pads.is_disconnected(fighter.seat);
        travel(fighter, &platform, is_gone, &mut |cue| cues.write(cue));
    }
    for (fighter, next) in all.iter_mut().zip(next) {
        fighter.set_if_neq(next);
    }
}

/// What a player wants in a tick.
#[derive(Clone, Copy, Default)]
struct Command {
    direction: Vec2,
    dash: bool,
    punch: bool,
}

/// Receives what can be seen and heard.
type Cues<'a> = &'a mut dyn FnMut(Cue);

fn act(fighter: &mut Fighter, command: &Command, cues: Cues) {
    for timer in [
        &mut fighter.dash,
        &mut fighter.punch,
        &mut fighter.rest,
        &mut fighter.stun,
    ] {
        *timer = timer.saturating_sub(1);
    }
    if !fighter.stands() || fighter.stun > 0 {
        return;
    }
    if command.direction != Vec2::ZERO && fighter.dash == 0 {
        fighter.aim = command.direction.normalize_or(fighter.aim);
        fighter.velocity += command.direction * ACCELERATION;
    }
    let seat = fighter.seat;
    if command.dash && fighter.rest == 0 {
        fighter.velocity = fighter.aim * DASH_SPEED;
        (fighter.dash, fighter.rest) = (DASH, DASH_REST);
        cues(Cue::Dash { seat });
    } else if command.punch && fighter.rest == 0 {
        (fighter.punch, fighter.rest) = (PUNCH, PUNCH_REST);
        cues(Cue::Punch { seat });
    }
}

/// Lets punches hit everything in front of them.
fn strike(fighters: &mut [Fighter], cues: Cues) {
    for by in 0..fighters.len() {
        let Fighter { seat, at, aim, .. } = fighters[by];
        if fighters[by].punch != STRIKE || !fighters[by].stands() {
            continue;
        }
        for fighter in &mut *fighters {
            let offset = fighter.at - at;
            let distance = offset.length();
            let is_in_front = offset.dot(aim) >= distance * PUNCH_WIDTH;
            if fighter.seat != seat && fighter.stands() && distance < PUNCH_REACH && is_in_front {
                push(fighter, offset.normalize_or(aim) * PUNCH_PUSH);
                let to = fighter.seat;
                cues(Cue::Hit { by: seat, to });
            }
        }
    }
}

/// Makes a fighter fly. Each hit makes it fly farther.
fn push(fighter: &mut Fighter, velocity: Vec2) {
    fighter.velocity = velocity * (1.0 + f32::from(fighter.hurt) * HURT);
    fighter.hurt += 1;
    fighter.stun = STUN;
    (fighter.dash, fighter.punch) = (0, 0);
}

/// Keeps fighters apart. One that dashes into another one pushes it away.
fn collide(fighters: &mut [Fighter], cues: Cues) {
    for second in 1..fighters.len() {
        let (before, after) = fighters.split_at_mut(second);
        let two = &mut after[0];
        for one in before {
            let offset = two.at - one.at;
            let overlap = 2.0 * RADIUS - offset.length();
            if overlap <= 0.0 || !one.stands() || !two.stands() {
                continue;
            }
            let away = offset.normalize_or(Vec2::Y);
            one.at -= away * overlap / 2.0;
            two.at += away * overlap / 2.0;
            let dashes = [one.dash > 0, two.dash > 0];
            let speeds = [one.velocity, two.velocity].map(|velocity| velocity.dot(away));
            // They exchange their speeds along the line between them.
            one.velocity += away * (speeds[1] - speeds[0]).min(0.0);
            two.velocity += away * (speeds[0] - speeds[1]).max(0.0);
            if dashes[0] {
                push(two, away * DASH_PUSH);
                cues(Cue::Hit {
                    by: one.seat,
                    to: two.seat,
                });
            }
            if dashes[1] {
                push(one, -away * DASH_PUSH);
                cues(Cue::Hit {
                    by: two.seat,
                    to: one.seat,
                });
            }
            for (fighter, dashed) in [one, two].into_iter().zip(dashes) {
                if dashed {
                    fighter.dash = 0;
                }
            }
        }
    }
}

/// Moves a fighter, and lets it fall when it leaves the platform or its player has left the match.
fn travel(fighter: &mut Fighter, platform: &Platform, is_gone: bool, cues: Cues) {
    let glide = match (fighter.dash, fighter.stun) {
        (1.., _) => 1.0,
        (_, 1..) => FLIGHT,
        _ => GLIDE,
    };
    fighter.velocity *= glide;
    if fighter.velocity.length_squared() < 0.0001 {
        fighter.velocity = Vec2::ZERO;
    }
    fighter.at += fighter.velocity;
    if fighter.fall > 0 {
        fighter.fall += 1;
    } else if is_gone || fighter.at.length() > platform.radius {
        fighter.fall = 1;
        cues(Cue::RingOut { seat: fighter.seat });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two(distance: f32) -> [Fighter; 2] {
        let mut fighters = [-1.0, 1.0].map(|side| {
            let seat = Seat(u8::from(side > 0.0));
            Fighter::new(seat, Vec2::new(side * distance / 2.0, 0.0))
        });
        fighters[0].aim = Vec2::X;
        fighters
    }

    /// Plays some ticks in which the first fighter does what `command` returns, and returns the cues.
    fn play(fighters: &mut [Fighter], ticks: u32, command: impl Fn(u32) -> Command) -> Vec<Cue> {
        let mut cues = Vec::new();
        let platform = Platform::default();
        for tick in 0..ticks {
            let cues = &mut |cue| cues.push(cue);
            for (index, fighter) in fighters.iter_mut().enumerate() {
                let command = match index {
                    0 => command(tick),
                    _ => Command::default(),
                };
                act(fighter, &command, cues);
            }
            strike(fighters, cues);
            collide(fighters, cues);
            for fighter in &mut *fighters {
                travel(fighter, &platform, false, cues);
            }
        }
        cues
    }

    fn dash(tick: u32) -> Command {
        Command {
            dash: tick == 0,
            ..default()
        }
    }

    fn punch(tick: u32) -> Command {
        Command {
            punch: tick == 0,
            ..default()
        }
    }

    #[test]
    fn dash_pushes_the_opponent_and_stops() {
        let mut fighters = two(120.0);
        let cues = play(&mut fighters, 30, dash);
        let [by, to] = [Seat(0), Seat(1)];
        assert_eq!(cues, [Cue::Dash { seat: by }, Cue::Hit { by, to }]);
        assert!(fighters[1].at.x > 150.0, "{:?}", fighters[1]);
        assert!(fighters[0].at.x < 60.0, "{:?}", fighters[0]);
    }

    #[test]
    fn punch_hits_only_in_front_and_in_reach() {
        let [by, to] = [Seat(0), Seat(1)];
        let near = play(&mut two(60.0), 30, punch);
        assert_eq!(near, [Cue::Punch { seat: by }, Cue::Hit { by, to }]);
        let far = play(&mut two(90.0), 30, punch);
        assert_eq!(far, [Cue::Punch { seat: by }]);
        let mut behind = two(60.0);
        behind[0].aim = Vec2::NEG_X;
        assert_eq!(play(&mut behind, 30, punch), [Cue::Punch { seat: by }]);
    }

    #[test]
    fn second_hit_makes_a_fighter_fly_farther() {
        let flight = |hurt| {
            let mut fighters = two(60.0);
            fighters[1].hurt = hurt;
            play(&mut fighters, 60, punch);
            fighters[1].at.x
        };
        assert!(flight(1) > flight(0) + 10.0);
    }

    #[test]
    fn fighter_that_leaves_the_platform_falls_once() {
        let mut fighters = two(120.0);
        fighters[1].at.x = Platform::FULL - 10.0;
        fighters[0].at.x = Platform::FULL - 80.0;
        let cues = play(&mut fighters, 60, dash);
        let falls = cues.iter().filter(|cue| matches!(cue, Cue::RingOut { .. }));
        assert_eq!(falls.collect::<Vec<_>>(), [&Cue::RingOut { seat: Seat(1) }]);
        assert!(fighters[0].stands() && !fighters[1].stands());
    }

    #[test]
    fn resting_fighter_can_neither_dash_nor_punch() {
        let mut fighters = two(400.0);
        let cues = play(&mut fighters, 40, |tick| Command {
            dash: tick == 0,
            punch: tick == 20,
            ..default()
        });
        assert_eq!(cues, [Cue::Dash { seat: Seat(0) }]);
    }

    #[test]
    fn top_speed_needs_about_two_seconds_to_cross_the_platform() {
        let mut fighters = two(400.0);
        fighters[0].at = Vec2::new(0.0, -240.0);
        play(&mut fighters, 60, |_| Command {
            direction: Vec2::Y,
            ..default()
        });
        let speed = fighters[0].velocity.length() * 60.0;
        assert!((230.0..330.0).contains(&speed), "{speed}");
    }
}
