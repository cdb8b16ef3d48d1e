//! Buttons, and whether the pointer is on one.

use bevy::prelude::*;

/// A button of the kit.
#[derive(Component)]
#[require(Button)]
struct KitButton;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Update, highlight);
}

/// Returns a button with a text. It is large enough for a finger.
pub(crate) fn button(text: &str) -> impl Bundle {
    (
        KitButton,
        Node {
            min_height: px(42),
            align_items: AlignItems::Center,
            padding: UiRect::horizontal(px(18)),
            border: UiRect::all(px(1)),
            border_radius: BorderRadius::all(px(8)),
            ..default()
        },
        BackgroundColor(background(Interaction::None)),
        BorderColor::all(accent(0.7)),
        children![(
            Text::new(text),
            TextFont::from_font_size(15.0),
            TextColor(Color::srgb(0.95, 0.95, 1.0)),
        )],
    )
}

/// Returns the color of buttons and of the panel's edge.
pub(crate) fn accent(alpha: f32) -> Color {
    Color::oklcha(0.72, 0.13, 285.0, alpha)
}

fn background(interaction: Interaction) -> Color {
    accent(match interaction {
        Interaction::None => 0.18,
        Interaction::Hovered => 0.32,
        Interaction::Pressed => 0.5,
    })
}

fn highlight(
    mut buttons: Query<
        (&Interaction, &mut BackgroundColor),
        (With<KitButton>, Changed<Interaction>),
    >,
) {
    for (interaction, mut color) in &mut buttons {
        color.0 = background(*interaction);
    }
}

/// A run condition: the pointer is not on a button, so a press is meant for the game.
pub fn pointer_is_free(buttons: Query<&Interaction>) -> bool {
    buttons
        .iter()
        .all(|interaction| *interaction == Interaction::None)
}
