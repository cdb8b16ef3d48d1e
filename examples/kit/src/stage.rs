//! The window or canvas and its camera, or a loop without either.

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

/// The world that all players see, whatever the size of their window; the origin is its centre.
pub const ARENA: Vec2 = Vec2::new(800.0, 600.0);

/// What is around the arena.
pub const BACKGROUND: Color = Color::srgb(0.024, 0.027, 0.059);

/// Some room around the arena, so that its edge is seen.
const MARGIN: f32 = 24.0;

/// Everything for a program that is not seen: 60 rounds per second and a clean end on Ctrl-C.
pub(crate) fn headless(app: &mut App) {
    let round = Duration::from_secs_f64(1.0 / 60.0);
    app.add_plugins((
        MinimalPlugins.set(ScheduleRunnerPlugin::run_loop(round)),
        logging::plugin(),
        TransformPlugin,
        InputPlugin,
        #[cfg(not(target_arch = "wasm32"))]
        TerminalCtrlCHandlerPlugin,
    ));
}

/// Everything for a program that is seen, or would be if its camera were on.
pub(crate) fn window(app: &mut App, title: &str) {
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
    // A game that others see moves on when its window is not in front.
    .insert_resource(WinitSettings::continuous())
    .insert_resource(ClearColor(BACKGROUND))
    .add_systems(PreStartup, spawn_camera)
    .add_systems(PreUpdate, fit_ui);
}

fn spawn_camera(options: Res<Options>, mut commands: Commands) {
    let view = ARENA + 2.0 * MARGIN;
    commands.spawn((
        Camera2d,
        Camera {
            is_active: options.display == Display::Window,
            ..default()
        },
        Projection::Orthographic(OrthographicProjection {
            scaling_mode: ScalingMode::AutoMin {
                min_width: view.x,
                min_height: view.y,
            },
            ..OrthographicProjection::default_2d()
        }),
        // What is drawn has soft edges of its own.
        Msaa::Off,
    ));
}

/// Texts grow with the window like the arena does, but stay readable on a phone.
fn fit_ui(
    window: Option<Single<&Window, (With<PrimaryWindow>, Changed<Window>)>>,
    mut scale: ResMut<UiScale>,
) {
    if let Some(window) = window {
        let fit = (window.size() / (ARENA + 2.0 * MARGIN)).min_element();
        scale.0 = fit.clamp(0.7, 3.0);
    }
}
