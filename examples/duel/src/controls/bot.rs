//! Bots that play instead of the local players: `bot=SEED` or `--bot SEED`.

use bevy::prelude::*;
use bevy_huddle::rollback::*;
use example_kit::{Options, bot_plays};

use super::held::Controls;
use crate::{
    lobby::MAX_LOCAL,
    simulation::{Fighter, Platform, RADIUS},
};

/// A bot chases the nearest opponent, stays away from the edge, and strikes when it can.
#[derive(Resource)]
struct Bot {
    rng: fastrand::Rng,
    /// The frames until it changes its mind.
    frames_left: u32,
    /// How far it aims past its opponent, and which way around.
    mood: Vec2,
}

pub(super) fn plugin(app: &mut App) {
    if let Some(seed) = app.world().resource::<Options>().bot {
        app.insert_resource(Bot {
            rng: fastrand::Rng::with_seed(seed),
            frames_left: 0,
            mood: Vec2::ZERO,
        })
        .add_systems(PreUpdate, play.run_if(bot_plays));
    }
}

/// Reads the state of the match like a player who looks at the screen.
fn play(
    mut bot: ResMut<Bot>,
    status: Res<MatchStatus>,
    platform: Res<Platform>,
    fighters: Query<&Fighter>,
    mut controls: ResMut<Controls>,
) {
    let Bot {
        rng,
        frames_left,
        mood,
    } = &mut *bot;
    *frames_left = frames_left.saturating_sub(1);
    if *frames_left == 0 {
        *frames_left = rng.u32(15..50);
        *mood = Vec2::new(rng.f32() - 0.5, rng.f32() - 0.5);
    }
    let seats = status.local_seats.iter().take(MAX_LOCAL);
    for (player, &seat) in seats.enumerate() {
        let Some(own) = fighters.iter().find(|fighter| fighter.seat == seat) else {
            continue;
        };
        let opponents = fighters
            .iter()
            .filter(|fighter| fighter.seat != seat && fighter.stands());
        let nearest = opponents.min_by(|a, b| {
            let [a, b] = [a, b].map(|fighter| fighter.at.distance_squared(own.at));
            a.total_cmp(&b)
        });
        let Some(target) = nearest else {
            controls.hold(player, -own.at / 100.0, false, false);
            continue;
        };
        let offset = target.at - own.at;
        let distance = offset.length();
        let room = platform.radius - own.at.length();
        let inwards = -own.at.normalize_or_zero();
        let fear = (1.0 - room / 90.0).clamp(0.0, 1.0) * 1.6;
        let direction = offset.normalize_or_zero() + *mood + inwards * fear;
        let is_ahead = own.aim.dot(offset.normalize_or_zero()) > 0.8;
        let punch = distance < 2.8 * RADIUS && is_ahead && rng.u32(0..4) == 0;
        let has_way = room > 60.0 || own.aim.dot(inwards) > 0.3;
        let dash = distance < 170.0 && is_ahead && has_way && rng.u32(0..40) == 0;
        controls.hold(player, direction, dash, punch);
    }
}
