//! The player's input from keyboard, mouse and touch. A bot replaces it.

use bevy::app::{RunFixedMainLoop, RunFixedMainLoopSystems};
use bevy::input::touch::{Touch, Touches};
use bevy::prelude::*;
use bevy::window::PrimaryWindow;
use example_kit::{Display, Options, direction_to, held_direction, pointer_is_free};

/// The input for the next tick.
#[derive(Resource, Debug, Clone, Default)]
pub(crate) struct PlayerInput {
    /// The direction to go, with a length of at most 1.
    pub(crate) direction: Vec2,
    /// The point to go to. It takes precedence over the direction.
    pub(crate) target: Option<Vec2>,
    /// Whether to make a splash. It stays set until a tick makes the splash.
    pub(crate) splash: bool,
}

impl PlayerInput {
    /// The distance from the target at which the player slows down.
    const NEAR: f32 = 60.0;

    /// Returns the direction to go from this point, with a length of at most 1.
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
    input.direction = held_direction(&keys);
    input.target = None;
    input.splash |= keys.just_pressed(KeyCode::Space);
}

/// Sets the target to the pressed point. Two quick presses at one place make a splash.
fn read_pointer(
    mut last_press: Local<Option<(f32, Vec2)>>,
    time: Res<Time<Real>>,
    buttons: Res<ButtonInput<MouseButton>>,
    touches: Res<Touches>,
    window: Single<&Window, With<PrimaryWindow>>,
    camera: Single<(&Camera, &GlobalTransform)>,
    mut input: ResMut<PlayerInput>,
) {
    // A quick tap may begin and end within one frame.
    let tap = touches.iter_just_pressed().next().map(Touch::position);
    let click = buttons.just_pressed(MouseButton::Left);
    let held = buttons.pressed(MouseButton::Left);
    let mouse = window.cursor_position().filter(|_| click || held);
    let Some(pressed) = tap.or(touches.first_pressed_position()).or(mouse) else {
        return;
    };
    let (camera, view) = *camera;
    input.target = camera.viewport_to_world_2d(view, pressed).ok();

    if click || tap.is_some() {
        let now = time.elapsed_secs();
        let again =
            |(then, position): (f32, Vec2)| now - then < 0.35 && position.distance(pressed) < 40.0;
        if last_press.is_some_and(again) {
            input.splash = true;
            *last_press = None;
        } else {
            *last_press = Some((now, pressed));
        }
    }
}
