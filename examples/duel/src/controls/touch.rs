//! Touch: a stick on the left half of the screen, and two buttons on the right half.

use bevy::{input::touch::Touches, prelude::*, window::PrimaryWindow};

use super::held::Controls;
use crate::palette;

/// How far a finger must move for full speed, in pixels.
const STICK: f32 = 48.0;
/// The radius of a button, and its distance from the edge, in pixels.
const BUTTON: f32 = 44.0;
const EDGE: f32 = 26.0;

/// Whether the player has touched the screen, and so sees the buttons.
#[derive(Resource, Default)]
pub(crate) struct TouchScreen(pub(crate) bool);

/// A button on the screen.
#[derive(Component, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TouchButton {
    Dash,
    Punch,
}

impl TouchButton {
    /// Returns the distances of its center from the right and the bottom edge.
    fn place(self) -> Vec2 {
        let near = EDGE + BUTTON;
        match self {
            Self::Punch => Vec2::new(near, near + 1.4 * BUTTON),
            Self::Dash => Vec2::new(near + 2.2 * BUTTON, near),
        }
    }
}

/// The node of the buttons.
#[derive(Component)]
pub(crate) struct TouchButtons;

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<TouchScreen>()
        .add_systems(Startup, spawn)
        .add_systems(
            PreUpdate,
            |touches: Res<Touches>, mut screen: ResMut<TouchScreen>| {
                if touches.any_just_pressed() {
                    screen.0 = true;
                }
            },
        )
        .add_systems(Update, keep_size);
}

pub(super) fn read(
    touches: Res<Touches>,
    window: Option<Single<&Window, With<PrimaryWindow>>>,
    mut controls: ResMut<Controls>,
) {
    let Some(window) = window else {
        return;
    };
    let size = window.size();
    let pressed = touches.iter().chain(touches.iter_just_pressed());
    for touch in pressed {
        if touch.start_position().x < size.x / 2.0 {
            let way = (touch.position() - touch.start_position()) / STICK;
            let direction = Vec2::new(way.x, -way.y).clamp_length_max(1.0);
            controls.hold(0, direction, false, false);
        } else {
            let at = size - touch.start_position();
            let distance = |button: TouchButton| at.distance(button.place());
            // A touch presses the nearer button, so that players do not have to aim.
            let is_dash = distance(TouchButton::Dash) < distance(TouchButton::Punch);
            controls.hold(0, Vec2::ZERO, is_dash, !is_dash);
        }
    }
}

fn spawn(mut commands: Commands) {
    let buttons = Node {
        position_type: PositionType::Absolute,
        width: percent(100),
        height: percent(100),
        ..default()
    };
    let button = |kind: TouchButton, text: &'static str, color: Color| {
        (
            kind,
            Node {
                position_type: PositionType::Absolute,
                align_items: AlignItems::Center,
                justify_content: JustifyContent::Center,
                border: UiRect::all(px(2)),
                border_radius: BorderRadius::MAX,
                ..default()
            },
            BackgroundColor(color.with_alpha(0.16)),
            BorderColor::all(color.with_alpha(0.6)),
            children![(
                Text::new(text),
                TextFont::from_font_size(15.0),
                TextColor(palette::TEXT)
            )],
        )
    };
    commands.spawn((
        TouchButtons,
        buttons,
        Visibility::Hidden,
        children![
            button(TouchButton::Punch, "Punch", palette::WARM),
            button(TouchButton::Dash, "Dash", palette::ACCENT),
        ],
    ));
}

/// Keeps the buttons at their size in pixels, whatever the scale of the interface is.
fn keep_size(scale: Res<UiScale>, mut buttons: Query<(&TouchButton, &mut Node)>) {
    if !scale.is_changed() {
        return;
    }
    for (button, mut node) in &mut buttons {
        let corner = (button.place() - BUTTON) / scale.0;
        node.right = px(corner.x);
        node.bottom = px(corner.y);
        node.width = px(2.0 * BUTTON / scale.0);
        node.height = px(2.0 * BUTTON / scale.0);
    }
}
