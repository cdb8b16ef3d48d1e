//! Sets up the window or canvas with its camera, or a headless game loop.

use std::time::Duration;

use bevy::app::ScheduleRunnerPlugin;
#[cfg(not(target_arch = "wasm32"))]
use bevy::app::TerminalCtrlCHandlerPlugin;
use bevy::camera::ScalingMode;
use bevy::input::InputPlugin;
use bevy::prelude::*;
use bevy::window::PrimaryWindow;
use bevy::winit::WinitSettings;

use crate::logging;
use crate::options::{Display, Options};

/// The part of the world that every player sees, at any window size. The origin is its center.
pub const ARENA: Vec2 = Vec2::new(800.0, 600.0);

/// The color around the arena.
pub const BACKGROUND: Color = Color::srgb(0.024, 0.027, 0.059);

/// The part of the world that the camera shows by default: the arena with a margin, which keeps its edge
/// visible.
pub(crate) const DEFAULT_VIEW: Vec2 = Vec2::new(ARENA.x + 2.0 * MARGIN, ARENA.y + 2.0 * MARGIN);

const MARGIN: f32 = 24.0;

/// What the camera shows.
#[derive(Resource, Debug, Clone, Copy)]
pub(crate) enum View {
    /// A part of the flat world of this size, at any window size.
    Flat(Vec2),
    /// The game has its own camera.
    Game,
}

impl View {
    /// The size of the part of the world for which the UI is made.
    fn size(self) -> Vec2 {
        match self {
            Self::Flat(size) => size,
            Self::Game => DEFAULT_VIEW,
        }
    }
}

/// Adds the plugins of a headless program, which runs 60 frames per second and exits on Ctrl-C.
pub(crate) fn headless(app: &mut App) {
    let frame = Duration::from_secs_f64(1.0 / 60.0);
    app.add_plugins((
        MinimalPlugins.set(ScheduleRunnerPlugin::run_loop(frame)),
        logging::plugin(),
        TransformPlugin,
        InputPlugin,
        #[cfg(not(target_arch = "wasm32"))]
        TerminalCtrlCHandlerPlugin,
    ));
}

/// Adds the plugins and systems of a program with a window.
pub(crate) fn window(app: &mut App, title: &str, view: View) {
    let window = Window {
        title: title.to_owned(),
        resolution: (1000, 760).into(),
        canvas: Some("#game".to_owned()),
        fit_canvas_to_parent: true,
        ..default()
    };
    app.add_plugins(
        DefaultPlugins
            .set(WindowPlugin {
                primary_window: Some(window),
                ..default()
            })
            .set(logging::plugin()),
    )
    // A multiplayer game runs at full rate even if its window has no focus.
    .insert_resource(WinitSettings::continuous())
    .insert_resource(ClearColor(BACKGROUND))
    .insert_resource(view)
    .add_systems(PreStartup, spawn_camera)
    .add_systems(PreUpdate, fit_ui);
}

fn spawn_camera(options: Res<Options>, view: Res<View>, mut commands: Commands) {
    let View::Flat(size) = *view else {
        return;
    };
    commands.spawn((
        Camera2d,
        Camera {
            is_active: options.display == Display::Window,
            ..default()
        },
        Projection::Orthographic(OrthographicProjection {
            scaling_mode: ScalingMode::AutoMin {
                min_width: size.x,
                min_height: size.y,
            },
            ..OrthographicProjection::default_2d()
        }),
        // The sprites have soft edges, so they need no antialiasing.
        Msaa::Off,
    ));
}

/// Scales the UI with the window, like the world, but keeps it readable on a phone.
fn fit_ui(
    window: Option<Single<&Window, (With<PrimaryWindow>, Changed<Window>)>>,
    view: Res<View>,
    mut scale: ResMut<UiScale>,
) {
    if let Some(window) = window {
        let fit = (window.size() / view.size()).min_element();
        scale.0 = fit.clamp(0.85, 3.0);
    }
}
