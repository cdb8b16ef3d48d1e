//! Every player lets balloons rise, and sees those of the other players.
//!
//! Press Space for a balloon.

use bevy::prelude::*;
use bevy_huddle::{prelude::*, replication::*};
use serde::{Deserialize, Serialize};

use crate::room;

/// The color of a balloon. It never changes, and travels whole.
#[derive(Component, Clone, Serialize, Deserialize)]
struct Balloon {
    hue: f32,
}

/// The place of a balloon. It changes all the time, so it has a range and a step, and takes a few bits.
#[derive(Component, Clone, Default, PartialEq)]
#[require(Transform)]
struct Place(Vec2);

const SKY: f32 = 360.0;
const SPEED: f32 = 80.0;

pub(crate) fn app() -> App {
    let mut app = App::new();
    app.add_plugins((DefaultPlugins, HuddlePlugins))
        .replicate::<Balloon>("balloon")
        .replicate_with::<Place>("place", |rule| {
            rule.vec2(
                |place| place.0,
                |place, at| place.0 = at,
                within(1000.0).step(0.1),
            )
            // Between two received places, it moves smoothly.
            .draw(|place, transform| transform.translation = place.0.extend(0.0))
        })
        .add_systems(Startup, setup)
        .add_systems(Update, (launch, show))
        .add_systems(FixedUpdate, rise)
        .add_observer(dress);
    app
}

fn setup(mut commands: Commands) {
    commands.spawn(Camera2d);
    commands.spawn(Text::default());
    commands.join_room(room("replicate"));
}

fn launch(keys: Res<ButtonInput<KeyCode>>, mut commands: Commands) {
    if keys.just_pressed(KeyCode::Space) {
        let x = 800.0 * fastrand::f32() - 400.0;
        let hue = 360.0 * fastrand::f32();
        commands.spawn((Replicated, Balloon { hue }, Place(Vec2::new(x, -SKY))));
    }
}

/// Each player moves its own balloons. When it despawns one, the balloon disappears for every player.
fn rise(
    time: Res<Time>,
    mut balloons: Query<(Entity, &mut Place), (With<Balloon>, With<LocallyOwned>)>,
    mut commands: Commands,
) {
    for (entity, mut place) in &mut balloons {
        place.0.y += SPEED * time.delta_secs();
        if place.0.y > SKY {
            commands.entity(entity).despawn();
        }
    }
}

/// Runs for every balloon, no matter who launched it. Sprites are not replicated.
fn dress(added: On<Add, Balloon>, balloons: Query<&Balloon>, mut commands: Commands) -> Result {
    let color = Color::hsl(balloons.get(added.entity)?.hue, 0.8, 0.6);
    let sprite = Sprite::from_color(color, Vec2::new(36.0, 48.0));
    commands.entity(added.entity).insert(sprite);
    Ok(())
}

fn show(balloons: Query<Has<LocallyOwned>, With<Balloon>>, mut text: Single<&mut Text>) {
    let own = balloons.iter().filter(|is_own| *is_own).count();
    let others = balloons.iter().count() - own;
    text.set_if_neq(Text(format!(
        "Press Space for a balloon\nYours: {own}, of other players: {others}"
    )));
}
