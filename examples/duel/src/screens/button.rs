//! Buttons.

use bevy::prelude::*;

use super::action::{Action, Guard};
use crate::palette;

/// Returns a button that does something.
pub(super) fn button(action: Action, text: &str) -> impl Bundle + use<> {
    (
        action,
        Button,
        Node {
            padding: UiRect::axes(px(16), px(10)),
            border: UiRect::all(px(1)),
            border_radius: BorderRadius::all(px(10)),
            justify_content: JustifyContent::Center,
            ..default()
        },
        BackgroundColor(palette::ACCENT.with_alpha(0.14)),
        BorderColor::all(palette::ACCENT.with_alpha(0.45)),
        children![(
            Text::new(text),
            TextFont::from_font_size(15.0),
            TextColor(palette::TEXT)
        )],
    )
}

pub(super) fn plugin(app: &mut App) {
    app.add_systems(Update, react);
}

fn react(
    guard: Res<Guard>,
    mut buttons: Query<(&Interaction, &Action, &mut BackgroundColor), Changed<Interaction>>,
    mut commands: Commands,
) {
    for (interaction, action, mut color) in &mut buttons {
        let alpha = match interaction {
            Interaction::Pressed => 0.5,
            Interaction::Hovered => 0.3,
            Interaction::None => 0.14,
        };
        color.0 = palette::ACCENT.with_alpha(alpha);
        if *interaction == Interaction::Pressed && !guard.is_active() {
            commands.trigger(*action);
        }
    }
}
