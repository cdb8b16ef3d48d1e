//! Draws the fighters: balls with eyes that look where they aim.

use bevy::prelude::*;
use bevy_huddle::rollback::*;
use example_kit::Persona;

use super::art::Art;
use crate::{
    cast::Cast,
    simulation::{Cue, Fighter, RADIUS},
};

/// What is shown of a fighter. It is not part of the simulation, and moves smoothly.
#[derive(Component)]
pub(crate) struct Puppet {
    pub(crate) seat: Seat,
    persona: Persona,
    /// Seconds since it was hit.
    since_hit: f32,
}

#[derive(Component, Clone, Copy)]
enum Part {
    Shadow,
    Body,
    Flash,
    Fist,
    Eye(f32),
    Pupil(f32),
}

/// The fraction of its offset that a puppet keeps per tick. It turns the correction of a rollback into a short glide
/// instead of a jump.
const LAG: f32 = 0.45;

pub(super) fn plugin(app: &mut App) {
    // netcode: begin
    app.rollback_view(spawn)
        // netcode: end
        .add_systems(Update, (follow, pose).chain())
        .add_observer(flash);
}

fn spawn(
    view: In<RollbackView<Fighter>>,
    fighters: Query<&Fighter>,
    status: Res<MatchStatus>,
    cast: Res<Cast>,
    art: Res<Art>,
) -> impl Bundle + use<> {
    let fighter = fighters.get(view.entity);
    let (seat, at) = fighter.map_or((Seat(0), Vec2::ZERO), |of| (of.seat, of.at));
    let persona = cast.persona(seat);
    let part = |part: Part, image: &Handle<Image>, size: f32, color: Color, depth: f32| {
        let sprite = Sprite {
            color,
            custom_size: Some(Vec2::splat(size)),
            ..Sprite::from_image(image.clone())
        };
        (part, sprite, Transform::from_xyz(0.0, 0.0, depth))
    };
    let body = persona.tone(0.74, 0.16);
    let white = Color::srgb(0.98, 0.98, 1.0);
    let dark = Color::srgb(0.06, 0.06, 0.12);
    let shadow = Color::srgba(0.0, 0.0, 0.0, 0.45);
    let name = match &status.local_seats[..] {
        [local] if *local == seat => "You".to_owned(),
        _ => persona.name.clone(),
    };
    let label = (
        Text2d::new(name),
        TextFont::from_font_size(13.0),
        TextColor(persona.tone(0.9, 0.06)),
        Transform::from_xyz(0.0, -RADIUS - 14.0, 0.5),
    );
    (
        Puppet {
            seat,
            persona,
            since_hit: 9.0,
        },
        Transform::from_translation(at.extend(0.0)),
        Visibility::default(),
        children![
            part(Part::Shadow, &art.glow, RADIUS * 3.0, shadow, -0.2),
            part(Part::Fist, &art.ball, RADIUS * 0.9, body, 0.05),
            part(Part::Body, &art.ball, RADIUS * 2.06, body, 0.1),
            part(Part::Eye(1.0), &art.disc, 12.0, white, 0.2),
            part(Part::Eye(-1.0), &art.disc, 12.0, white, 0.2),
            part(Part::Pupil(1.0), &art.disc, 6.5, dark, 0.3),
            part(Part::Pupil(-1.0), &art.disc, 6.5, dark, 0.3),
            part(Part::Flash, &art.disc, RADIUS * 2.2, white, 0.4),
            label,
        ],
    )
}

/// Moves the puppets to where their fighters are between two ticks.
fn follow(
    time: Res<Time>,
    status: Res<MatchStatus>,
    fighters: Query<&Fighter>,
    mut puppets: Query<(&RollbackView<Fighter>, &mut Puppet, &mut Transform)>,
) {
    let ticks = time.delta_secs() * 60.0;
    for (view, mut puppet, mut transform) in &mut puppets {
        puppet.since_hit += time.delta_secs();
        let Ok(fighter) = fighters.get(view.entity) else {
            continue;
        };
        let goal = fighter.at + fighter.velocity * status.overstep;
        let now = transform.translation.truncate();
        let next = goal + (now - goal) * LAG.powf(ticks);
        // Fighters that fall are below the platform.
        let depth = if fighter.stands() { 0.0 } else { -9.5 };
        transform.translation = next.extend(depth);
        transform.scale = Vec3::splat(1.0 - 0.75 * fighter.fallen());
    }
}

/// Moves the eyes and the fist, and fades the flash of a hit.
fn pose(
    fighters: Query<&Fighter>,
    puppets: Query<(&RollbackView<Fighter>, &Puppet, &Children)>,
    mut parts: Query<(&Part, &mut Transform, &mut Sprite), Without<Puppet>>,
) {
    for (view, puppet, children) in &puppets {
        let Ok(fighter) = fighters.get(view.entity) else {
            continue;
        };
        let (aim, side) = (fighter.aim, fighter.aim.perp());
        for child in children {
            let Ok((part, mut transform, mut sprite)) = parts.get_mut(*child) else {
                continue;
            };
            let at = match part {
                Part::Shadow => Vec2::new(0.0, -6.0),
                Part::Body | Part::Flash => Vec2::ZERO,
                Part::Eye(of) => aim * 8.0 + side * 8.0 * *of,
                Part::Pupil(of) => aim * 11.0 + side * 8.0 * *of,
                Part::Fist => {
                    let out = f32::from(fighter.punch) / 14.0;
                    aim * RADIUS * (0.7 + 1.5 * (out * std::f32::consts::PI).sin())
                }
            };
            transform.translation = at.extend(transform.translation.z);
            let dashes = fighter.dash > 0;
            match part {
                Part::Body => {
                    // A resting fighter is darker, so that players see when it can act again.
                    let light = if fighter.rest > 0 && !dashes {
                        0.62
                    } else {
                        0.74
                    };
                    sprite.color = puppet.persona.tone(light, 0.16);
                    let stretch = if dashes {
                        Vec2::new(1.25, 0.82)
                    } else {
                        Vec2::ONE
                    };
                    transform.rotation = Quat::from_rotation_z(aim.to_angle());
                    transform.scale = stretch.extend(1.0);
                }
                Part::Flash => {
                    let alpha = (1.0 - puppet.since_hit * 5.0).clamp(0.0, 0.85);
                    sprite.color.set_alpha(alpha);
                }
                _ => {}
            }
        }
    }
}

fn flash(cue: On<EffectStarted<Cue>>, mut puppets: Query<&mut Puppet>) {
    if let Cue::Hit { to, .. } = cue.effect {
        for mut puppet in &mut puppets {
            if puppet.seat == to {
                puppet.since_hit = 0.0;
            }
        }
    }
}
