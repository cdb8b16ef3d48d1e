//! Sprites that grow, fly and fade away: trails, ripples, drops.

use bevy::prelude::*;

/// Changes the sprite over its life, then removes the entity.
#[derive(Component, Debug, Clone)]
#[require(Sprite, Transform)]
pub(crate) struct Fade {
    /// Seconds; negative before it is to be seen.
    pub(crate) age: f32,
    /// Seconds.
    pub(crate) life: f32,
    /// Width at first and at last; it changes fast, then slowly.
    pub(crate) size: [f32; 2],
    /// Opacity at first; none at last.
    pub(crate) alpha: f32,
    /// World units per second at first; slows down.
    pub(crate) velocity: Vec2,
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
    for (entity, mut fade, mut sprite, mut place) in &mut fades {
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
        place.translation += (fade.velocity * left * left * seconds).extend(0.0);
    }
}
