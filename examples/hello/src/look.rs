//! Draws each player as a glowing shape with eyes, which stretches when it moves.

use bevy::prelude::*;
use bevy_huddle::prelude::*;
use example_kit::{Fade, NameTag, Persona};

use crate::art::Art;
use crate::pose::{Pose, RADIUS};

/// The animated parts of an avatar, and the state of the animation.
#[derive(Component)]
pub(crate) struct Looks {
    persona: Persona,
    age: f32,
    last_position: Vec2,
    velocity: Vec2,
    /// Seconds since the last splash.
    splashed: f32,
    last_trail: Vec2,
    glow: Entity,
    stretch: Entity,
    shape: Entity,
    eyes: [Entity; 2],
    pupils: [Entity; 2],
}

impl Looks {
    /// Makes the avatar wobble briefly.
    pub(crate) fn wobble(&mut self) {
        self.splashed = 0.0;
    }

    /// Returns the scale of a new avatar. It grows, overshoots and settles at full size.
    fn grown(&self) -> f32 {
        let t = (self.age / 0.5).min(1.0) - 1.0;
        1.0 + 2.7 * t.powi(3) + 1.7 * t.powi(2)
    }

    fn shake(&self) -> f32 {
        0.22 * (-5.0 * self.splashed).exp() * (self.splashed * 24.0).cos()
    }

    /// Returns how far the eyes are open. Players blink at different times.
    fn openness(&self) -> f32 {
        let beat = (self.age + self.persona.hue).rem_euclid(3.7);
        if beat < 0.12 { 0.15 } else { 1.0 }
    }
}

pub(crate) fn plugin(app: &mut App) {
    app.add_observer(spawn_parts)
        .add_observer(burst)
        .add_systems(Update, (animate, fade_reconnecting, leave_trails).chain());
}

fn spawn_parts(
    added: On<Add, Pose>,
    players: Query<(&Peer, &Pose, Has<LocalPeer>), Without<Looks>>,
    art: Res<Art>,
    mut commands: Commands,
) {
    let Ok((peer, pose, is_local)) = players.get(added.entity) else {
        // A peer has removed its pose and added it again.
        return;
    };
    let persona = Persona::of(peer.id);
    // Every player has its own depth, and the local player is in front.
    let depth = if is_local {
        2.0
    } else {
        1.0 + persona.variant as f32 / 65_536.0 * 0.9
    };

    let mut part = |image: &Handle<Image>, size: f32, color: Color, at: Vec3| {
        let sprite = Sprite {
            color,
            custom_size: Some(Vec2::splat(size)),
            ..Sprite::from_image(image.clone())
        };
        commands
            .spawn((sprite, Transform::from_translation(at)))
            .id()
    };
    let glow_color = persona.tone(0.7, 0.18).with_alpha(0.36);
    let glow = part(
        &art.glow,
        RADIUS * 6.4,
        glow_color,
        Vec3::new(0.0, 0.0, -1.0),
    );
    let shape = &art.shapes[persona.variant % art.shapes.len()];
    let shape = part(shape, RADIUS * 2.3, persona.color(), Vec3::ZERO);
    let eyes = [-1.0, 1.0].map(|side| {
        part(
            &art.disc,
            15.0,
            Color::WHITE,
            Vec3::new(side * 8.5, 3.0, depth + 0.002),
        )
    });
    let pupils = eyes.map(|_| {
        part(
            &art.disc,
            8.0,
            persona.tone(0.22, 0.05),
            Vec3::new(0.0, 0.0, 0.001),
        )
    });

    let stretch = commands
        .spawn((Transform::from_xyz(0.0, 0.0, depth), Visibility::default()))
        .add_child(shape)
        .id();
    for (eye, pupil) in eyes.into_iter().zip(pupils) {
        commands.entity(eye).add_child(pupil);
    }
    commands
        .entity(added.entity)
        .insert((
            pose.transform(),
            Visibility::default(),
            NameTag {
                player: peer.id,
                below: RADIUS + 8.0,
            },
            Looks {
                persona,
                age: 0.0,
                last_position: pose.at,
                velocity: Vec2::ZERO,
                splashed: 60.0,
                last_trail: pose.at,
                glow,
                stretch,
                shape,
                eyes,
                pupils,
            },
        ))
        .add_children(&[glow, stretch])
        .add_children(&eyes);
}

fn animate(
    time: Res<Time>,
    mut avatars: Query<(&Transform, &mut Looks)>,
    mut parts: Query<&mut Transform, Without<Looks>>,
) {
    let seconds = time.delta_secs().max(1e-4);
    for (transform, mut looks) in &mut avatars {
        let now = transform.translation.truncate();
        let measured = ((now - looks.last_position) / seconds).clamp_length_max(Pose::TOP_SPEED);
        let blend = 1.0 - (-14.0 * seconds).exp();
        looks.velocity = looks.velocity.lerp(measured, blend);
        looks.last_position = now;
        looks.age += seconds;
        looks.splashed += seconds;

        let run = looks.velocity / Pose::TOP_SPEED;
        let squash = 0.15 * run.length() + looks.shake();
        let turn = if run.length() > 0.02 {
            run.to_angle()
        } else {
            0.0
        };
        let grown = looks.grown();
        let breath = 1.0 + 0.02 * (looks.age * 2.6).sin();
        if let Ok(mut stretch) = parts.get_mut(looks.stretch) {
            stretch.rotation = Quat::from_rotation_z(turn);
            stretch.scale = (Vec2::new(1.0 + squash, 1.0 - squash) * grown * breath).extend(1.0);
        }
        // The parent rotates to stretch the shape. The counter-rotation keeps the shape upright,
        // leaning forward.
        if let Ok(mut shape) = parts.get_mut(looks.shape) {
            shape.rotation = Quat::from_rotation_z(-turn - 0.18 * run.x);
        }
        if let Ok(mut glow) = parts.get_mut(looks.glow) {
            glow.scale = Vec3::splat(grown * (1.0 + 0.5 * looks.shake().abs()));
        }
        for (eye, side) in looks.eyes.into_iter().zip([-1.0, 1.0]) {
            if let Ok(mut eye) = parts.get_mut(eye) {
                eye.translation.x = grown * (side * 8.5 + 5.0 * run.x);
                eye.translation.y = grown * (3.0 + 5.0 * run.y);
                eye.scale = Vec3::new(grown, grown * looks.openness(), 1.0);
            }
        }
        for pupil in looks.pupils {
            if let Ok(mut pupil) = parts.get_mut(pupil) {
                pupil.translation.x = 3.4 * run.x;
                pupil.translation.y = 3.4 * run.y;
            }
        }
    }
}

/// Makes a player translucent if the peer is reconnecting or its game is not running.
fn fade_reconnecting(
    avatars: Query<(&Looks, Has<Reconnecting>, Has<Stopped>)>,
    mut sprites: Query<&mut Sprite>,
) {
    for (looks, reconnecting, stopped) in &avatars {
        for (part, alpha) in [(looks.shape, 1.0), (looks.glow, 0.36)] {
            let Ok(mut sprite) = sprites.get_mut(part) else {
                continue;
            };
            let alpha = if reconnecting || stopped {
                alpha * 0.35
            } else {
                alpha
            };
            if sprite.color.alpha() != alpha {
                sprite.color.set_alpha(alpha);
            }
        }
    }
}

/// Leaves a trail of light, with the same spacing at any frame rate.
fn leave_trails(
    art: Res<Art>,
    mut avatars: Query<(&Transform, &mut Looks)>,
    mut commands: Commands,
) {
    const SPACING: f32 = 8.0;
    const FARTHEST: f32 = 60.0;
    for (transform, mut looks) in &mut avatars {
        let now = transform.translation.truncate();
        let offset = now - looks.last_trail;
        if offset.length() > FARTHEST {
            looks.last_trail = now;
            continue;
        }
        let color = looks.persona.tone(0.72, 0.17).with_alpha(0.0);
        let run = (looks.velocity.length() / Pose::TOP_SPEED).min(1.0);
        for _ in 0..(offset.length() / SPACING) as u32 {
            looks.last_trail += offset.normalize() * SPACING;
            commands.spawn((
                Sprite {
                    color,
                    ..Sprite::from_image(art.glow.clone())
                },
                Transform::from_translation(looks.last_trail.extend(-3.0)),
                Fade {
                    age: 0.0,
                    life: 0.6,
                    size: [58.0, 8.0],
                    alpha: 0.26 * run,
                    velocity: Vec2::ZERO,
                },
            ));
        }
    }
}

/// Shows sparks where a player left.
fn burst(
    left: On<PeerLeft>,
    avatars: Query<(&Transform, &Looks)>,
    art: Res<Art>,
    mut commands: Commands,
) {
    let Ok((transform, looks)) = avatars.get(left.entity) else {
        return;
    };
    for spark in 0..20u8 {
        let direction = Vec2::from_angle(f32::from(spark) * 2.399_963);
        commands.spawn((
            Sprite {
                color: looks.persona.color().with_alpha(0.0),
                ..Sprite::from_image(art.disc.clone())
            },
            Transform::from_translation(
                (transform.translation.truncate() + direction * 10.0).extend(0.5),
            ),
            Fade {
                age: 0.0,
                life: 0.7,
                size: [12.0, 2.0],
                alpha: 0.9,
                velocity: direction * (80.0 + 45.0 * f32::from(spark % 4)),
            },
        ));
    }
}
