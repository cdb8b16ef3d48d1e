//! Sprites that grow, move and fade out: trails, ripples, drops.

use bevy::prelude::*;

/// Changes the sprite over its lifetime, then despawns the entity.
#[derive(Component, Debug, Clone)]
#[require(Sprite, Transform)]
pub struct Fade {
    /// Age in seconds. It is negative before the sprite appears.
    pub age: f32,
    /// Lifetime in seconds.
    pub life: f32,
    /// Width at the start and at the end. It changes fast, then slowly.
    pub size: [f32; 2],
    /// Opacity at the start. It ends at 0.
    pub alpha: f32,
    /// Velocity at the start, in world units per second. It slows down.
    pub velocity: Vec2,
}

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Update, fade);
}

fn fade(
    time: Res<Time>,
    mut fades: Query<(Entity, &mut Fade, &mut Sprite, &mut Transform)>,
    mut commands: Commands,
) {
    let seconds = time.delta_secs();
    for (entity, mut fade, mut sprite, mut transform) in &mut fades {
        fade.age += seconds;
        if fade.age >= fade.life {
            commands.entity(entity).despawn();
            continue;
        }
        let left = 1.0 - (fade.age / fade.life).max(0.0);
        let size = fade.size[1] + (fade.size[0] - fade.size[1]) * left.powi(3);
        let alpha = if fade.age < 0.0 {
            0.0
        } else {
            fade.alpha * left.powf(1.6)
        };
        sprite.custom_size = Some(Vec2::splat(size));
        sprite.color.set_alpha(alpha);
        transform.translation += (fade.velocity * left * left * seconds).extend(0.0);
    }
}
