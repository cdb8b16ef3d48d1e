//! What I want: from keys, pointer and touch, or from the bot.

use bevy::app::{RunFixedMainLoop, RunFixedMainLoopSystems};
use bevy::input::touch::{Touch, Touches};
use bevy::prelude::*;
use bevy::window::PrimaryWindow;
use example_kit::{Display, Options, pointer_is_free};

/// What I want in the next tick.
#[derive(Resource, Debug, Clone, Default)]
pub(crate) struct Wish {
    /// To go this way; at most 1 long.
    pub(crate) push: Vec2,
    /// Or to be there.
    pub(crate) toward: Option<Vec2>,
    /// To make a splash; stays until it is made.
    pub(crate) splash: bool,
}

impl Wish {
    /// Slows down within this distance of the point.
    const NEAR: f32 = 60.0;

    /// Which way to go from here, at most 1 long.
    pub(crate) fn direction(&self, from: Vec2) -> Vec2 {
        match self.toward {
            Some(point) => ((point - from) / Self::NEAR).clamp_length_max(1.0),
            None => self.push.clamp_length_max(1.0),
        }
    }
}

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<Wish>().add_systems(
        RunFixedMainLoop,
        (read_keys, read_pointer.run_if(pointer_is_free))
            .chain()
            .in_set(RunFixedMainLoopSystems::BeforeFixedMainLoop)
            .run_if(|options: Res<Options>| {
                options.bot.is_none() && options.display != Display::Headless
            }),
    );
}

fn read_keys(keys: Res<ButtonInput<KeyCode>>, mut wish: ResMut<Wish>) {
    let axis = |minus: [KeyCode; 2], plus: [KeyCode; 2]| {
        f32::from(keys.any_pressed(plus)) - f32::from(keys.any_pressed(minus))
    };
    wish.push = Vec2::new(
        axis(
            [KeyCode::KeyA, KeyCode::ArrowLeft],
            [KeyCode::KeyD, KeyCode::ArrowRight],
        ),
        axis(
            [KeyCode::KeyS, KeyCode::ArrowDown],
            [KeyCode::KeyW, KeyCode::ArrowUp],
        ),
    );
    wish.toward = None;
    wish.splash |= keys.just_pressed(KeyCode::Space);
}

/// Goes where the pointer is pressed; two presses in a row at one place are a splash.
fn read_pointer(
    mut last_press: Local<Option<(f32, Vec2)>>,
    time: Res<Time<Real>>,
    buttons: Res<ButtonInput<MouseButton>>,
    touches: Res<Touches>,
    window: Single<&Window, With<PrimaryWindow>>,
    camera: Single<(&Camera, &GlobalTransform)>,
    mut wish: ResMut<Wish>,
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
    wish.toward = camera.viewport_to_world_2d(view, pressed).ok();

    if click || tap.is_some() {
        let now = time.elapsed_secs();
        let again =
            |(then, place): (f32, Vec2)| now - then < 0.35 && place.distance(pressed) < 40.0;
        if last_press.is_some_and(again) {
            wish.splash = true;
            *last_press = None;
        } else {
            *last_press = Some((now, pressed));
        }
    }
}
