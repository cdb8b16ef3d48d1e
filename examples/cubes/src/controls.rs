//! The player's input from keyboard, mouse and touch. A bot replaces it.

use bevy::app::{RunFixedMainLoop, RunFixedMainLoopSystems};
use bevy::input::touch::Touches;
use bevy::prelude::*;
use bevy::window::PrimaryWindow;
use example_kit::{Display, Options, direction_to, held_direction, pointer_is_free};

/// The input for the next tick.
#[derive(Resource, Debug, Clone, Default)]
pub(crate) struct PlayerInput {
    /// The direction on the floor (x and z), with a length of at most 1.
    pub(crate) direction: Vec2,
    /// The point on the floor to roll to. It takes precedence over the direction.
    pub(crate) target: Option<Vec2>,
}

impl PlayerInput {
    /// The distance from the target at which the player slows down, in meters.
    const NEAR: f32 = 2.0;

    /// Returns the direction to roll from this point on the floor, with a length of at most 1.
    pub(crate) fn heading(&self, from: Vec2) -> Vec2 {
        match self.target {
            Some(point) => direction_to(point, from, Self::NEAR),
            None => self.direction.clamp_length_max(1.0),
        }
    }
}

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<PlayerInput>().add_systems(
        RunFixedMainLoop,
        (read_keys, read_pointer.run_if(pointer_is_free))
            .chain()
            .in_set(RunFixedMainLoopSystems::BeforeFixedMainLoop)
            .run_if(|options: Res<Options>| {
                options.bot.is_none() && options.display != Display::Headless
            }),
    );
}

fn read_keys(keys: Res<ButtonInput<KeyCode>>, mut input: ResMut<PlayerInput>) {
    let held = held_direction(&keys);
    // On the floor, up on the screen is -z.
    input.direction = Vec2::new(held.x, -held.y);
    input.target = None;
}

/// Sets the target to the pressed point of the floor.
fn read_pointer(
    buttons: Res<ButtonInput<MouseButton>>,
    touches: Res<Touches>,
    window: Single<&Window, With<PrimaryWindow>>,
    camera: Single<(&Camera, &GlobalTransform)>,
    mut input: ResMut<PlayerInput>,
) {
    let held = buttons.pressed(MouseButton::Left);
    let mouse = window.cursor_position().filter(|_| held);
    let Some(pressed) = touches.first_pressed_position().or(mouse) else {
        return;
    };
    let (camera, view) = *camera;
    let point = camera
        .viewport_to_world(view, pressed)
        .ok()
        .and_then(|ray| ray.plane_intersection_point(Vec3::ZERO, InfinitePlane3d::new(Vec3::Y)));
    input.target = point.map(|point| point.xz());
}
