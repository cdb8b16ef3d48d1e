//! Draws splashes: spreading rings, flying drops and a wobbling shape.

use bevy::prelude::*;
use bevy_huddle::Peer;
use example_kit::{Fade, Persona};

use crate::art::Art;
use crate::look::Looks;

/// Draws a splash around a player.
#[derive(Event)]
pub(crate) struct Ripple {
    player: Entity,
    size: f32,
}

impl Ripple {
    /// `size` is clamped to 0 to 1, because a peer can send any number.
    pub(crate) fn new(player: Entity, size: f32) -> Self {
        let size = if size.is_finite() {
            size.clamp(0.0, 1.0)
        } else {
            0.0
        };
        Self { player, size }
    }
}

const DEPTH: f32 = -2.0;
const RINGS: u8 = 3;
const DROPS: u8 = 14;

pub(crate) fn plugin(app: &mut App) {
    app.add_observer(draw);
}

fn draw(
    ripple: On<Ripple>,
    mut players: Query<(&Peer, &Transform, &mut Looks)>,
    art: Res<Art>,
    mut commands: Commands,
) {
    let Ok((peer, transform, mut looks)) = players.get_mut(ripple.player) else {
        return;
    };
    looks.wobble();
    let persona = Persona::of(peer.id);
    let center = transform.translation.truncate();
    let reach = 95.0 + 105.0 * ripple.size;
    let mut spawn = |image: &Handle<Image>, color: Color, at: Vec2, fade: Fade| {
        commands.spawn((
            Sprite {
                color: color.with_alpha(0.0),
                ..Sprite::from_image(image.clone())
            },
            Transform::from_translation(at.extend(DEPTH)),
            fade,
        ));
    };

    let flash = Fade {
        age: 0.0,
        life: 0.45,
        size: [60.0, reach * 1.8],
        alpha: 0.5,
        velocity: Vec2::ZERO,
    };
    spawn(&art.glow, persona.color(), center, flash);
    for ring in 0..RINGS {
        let ring = f32::from(ring);
        let fade = Fade {
            age: -0.13 * ring,
            life: 1.15,
            size: [30.0, reach * 2.2 * (1.0 - 0.2 * ring)],
            alpha: 0.75 - 0.2 * ring,
            velocity: Vec2::ZERO,
        };
        spawn(&art.ring, persona.tone(0.84, 0.13), center, fade);
    }
    for drop in 0..DROPS {
        // The golden angle, with a different number of steps for speed and lifetime, spreads the drops.
        let direction = Vec2::from_angle(f32::from(drop) * 2.399_963);
        let speed = reach * (1.9 + 0.5 * f32::from(drop % 4));
        let fade = Fade {
            age: 0.0,
            life: 0.55 + 0.1 * f32::from(drop % 3),
            size: [11.0, 3.0],
            alpha: 0.95,
            velocity: direction * speed,
        };
        spawn(
            &art.disc,
            persona.tone(0.9, 0.1),
            center + direction * 18.0,
            fade,
        );
    }
}
