//! The text on the screen during the game: the name of the room, the number of players and the
//! controls.

use bevy::prelude::*;
use bevy_huddle::{Signaling, prelude::*};

use crate::options::Options;

/// Returns a plugin that shows the overlay, with `controls` as the help text at the bottom.
pub(crate) fn plugin(controls: &'static str) -> impl Fn(&mut App) + Send + Sync + 'static {
    move |app: &mut App| {
        let spawn_controls = move |mut commands: Commands| {
            commands.spawn(bottom_line(controls));
        };
        app.add_systems(PreStartup, (spawn_hud, spawn_controls))
            .add_systems(Update, update_hud);
    }
}

fn bottom_line(text: &'static str) -> impl Bundle {
    (
        Node {
            position_type: PositionType::Absolute,
            width: percent(100),
            bottom: px(34),
            justify_content: JustifyContent::Center,
            ..default()
        },
        children![(
            Text::new(text),
            TextFont::from_font_size(12.0),
            TextColor(Color::srgba(0.6, 0.63, 0.85, 0.6)),
            TextLayout::justify(Justify::Center),
        )],
    )
}

fn spawn_hud(options: Res<Options>, mut commands: Commands) {
    let corner = Node {
        position_type: PositionType::Absolute,
        left: px(40),
        top: px(36),
        flex_direction: FlexDirection::Column,
        row_gap: px(2),
        ..default()
    };
    commands.spawn((
        corner,
        children![
            (
                Text::new(options.room_name()),
                TextFont::from_font_size(20.0),
                TextColor(Color::srgb(0.9, 0.91, 1.0)),
            ),
            (
                PlayerCount,
                Text::default(),
                TextFont::from_font_size(13.0),
                TextColor(Color::srgb(0.55, 0.58, 0.76)),
            ),
        ],
    ));
}

#[derive(Component)]
struct PlayerCount;

fn update_hud(
    huddle: Huddle,
    signaling: Query<&SignalingStatus>,
    mut player_count: Single<&mut Text, With<PlayerCount>>,
) {
    let players = match huddle.local_id().map(|_| 1 + huddle.peers().count()) {
        None => String::new(),
        Some(1) => "1 player".to_owned(),
        Some(players) => format!("{players} players"),
    };
    // Without the signaling server the game continues, but no new player can find the room.
    let closed =
        huddle.local_id().is_some() && signaling.iter().any(|status| problem(status).is_some());
    let text = if closed {
        format!("{players}, no signaling server")
    } else {
        players
    };
    if player_count.0 != text {
        player_count.0 = text;
    }
}

/// Returns the problem with the connection to the signaling server, if there is one.
pub(crate) fn problem(status: &SignalingStatus) -> Option<String> {
    match &status.0 {
        Signaling::Retrying { reason, .. } => Some(format!("{reason}. Trying again.")),
        Signaling::TokenNeeded { reason } => {
            Some(format!("A new token is needed to join: {reason}."))
        }
        Signaling::Connecting | Signaling::Connected { .. } => None,
    }
}
