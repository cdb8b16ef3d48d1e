//! Draws sparks and rings where something happens.

use bevy::prelude::*;
use bevy_huddle::rollback::*;
use example_kit::Fade;

use super::{art::Art, of_match::OfMatch, puppet::Puppet};
use crate::{cast::Cast, simulation::Cue};

const DEPTH: f32 = 5.0;

pub(super) fn plugin(app: &mut App) {
    app.add_observer(draw);
}

fn draw(
    cue: On<EffectStarted<Cue>>,
    puppets: Query<(&Puppet, &Transform)>,
    cast: Res<Cast>,
    art: Res<Art>,
    mut commands: Commands,
) {
    let find = |seat| puppets.iter().find(|(puppet, _)| puppet.seat == seat);
    let place = |seat| find(seat).map(|(_, transform)| transform.translation.truncate());
    let (seat, sparks, ring, speed) = match cue.effect {
        Cue::Dash { seat } => (seat, 8, 70.0, 90.0),
        Cue::Hit { to, .. } => (to, 16, 120.0, 330.0),
        Cue::RingOut { seat } => (seat, 26, 210.0, 420.0),
        _ => return,
    };
    let Some(center) = place(seat) else {
        return;
    };
    let persona = cast.persona(seat);
    let mut spawn = |image: &Handle<Image>, color: Color, at: Vec2, fade: Fade| {
        let sprite = Sprite {
            color: color.with_alpha(0.0),
            ..Sprite::from_image(image.clone())
        };
        commands.spawn((
            OfMatch,
            sprite,
            Transform::from_translation(at.extend(DEPTH)),
            fade,
        ));
    };
    let wave = Fade {
        age: 0.0,
        life: 0.45,
        size: [30.0, ring],
        alpha: 0.8,
        velocity: Vec2::ZERO,
    };
    spawn(&art.ring, persona.tone(0.86, 0.1), center, wave);
    for spark in 0..sparks {
        // The golden angle spreads the sparks. They fly at different speeds for different times.
        let spark = spark as f32;
        let direction = Vec2::from_angle(spark * 2.399_963);
        let fade = Fade {
            age: 0.0,
            life: 0.3 + 0.08 * (spark % 4.0),
            size: [12.0, 2.0],
            alpha: 0.95,
            velocity: direction * speed * (0.6 + 0.2 * (spark % 3.0)),
        };
        spawn(
            &art.disc,
            persona.tone(0.88, 0.12),
            center + direction * 12.0,
            fade,
        );
    }
}
