//! The lobby: a panel with the players, the buttons and the invitation. After a match it shows who has won.

use bevy::{prelude::*, window::PrimaryWindow};
use bevy_huddle::{prelude::*, rollback::*};
use example_kit::{Invitation, Options, printable};

use super::{
    action::{Action, ShowInvitation},
    banner::controls_text,
    button::button,
    roster::Roster,
};
use crate::{
    cast::Cast,
    controls::touch::TouchScreen,
    lobby::{Entrants, LocalEntrant},
    palette,
    playing::is_playing,
    simulation::{Phase, Score},
};

/// The panel.
#[derive(Component)]
struct Panel;

/// A line of text in the panel.
#[derive(Component, Clone, Copy, PartialEq, Eq)]
enum Line {
    Title,
    Hint,
    Controls,
}

/// A part of the panel that is shown only at times.
#[derive(Component, Clone, Copy, PartialEq, Eq)]
enum Section {
    /// While the player is in the room.
    InRoom,
    /// While the player has left the room.
    Left,
    /// The invitation.
    Invitation,
}

pub(super) fn plugin(app: &mut App) {
    app.add_systems(Startup, spawn)
        .add_systems(Update, (arrange, show, write, label).chain());
}

fn spawn(mut commands: Commands) {
    let line = |line: Line, size: f32, color: Color| {
        (
            line,
            Text::default(),
            TextFont::from_font_size(size),
            TextColor(color),
            TextLayout::justify(Justify::Center),
        )
    };
    let column = Node {
        flex_direction: FlexDirection::Column,
        align_items: AlignItems::Center,
        row_gap: px(10),
        max_width: percent(100),
        ..default()
    };
    let row = Node {
        column_gap: px(8),
        ..default()
    };
    let screen = Node {
        position_type: PositionType::Absolute,
        width: percent(100),
        height: percent(100),
        padding: UiRect::all(px(12)),
        align_items: AlignItems::Center,
        justify_content: JustifyContent::Center,
        ..default()
    };
    let panel = Node {
        padding: UiRect::axes(px(26), px(20)),
        border: UiRect::all(px(1)),
        border_radius: BorderRadius::all(px(16)),
        max_width: percent(100),
        align_items: AlignItems::Center,
        column_gap: px(28),
        row_gap: px(16),
        ..default()
    };
    let buttons = (
        Section::InRoom,
        Node {
            row_gap: px(8),
            ..column.clone()
        },
        children![
            (
                row.clone(),
                children![
                    button(Action::Ready, "Ready"),
                    button(Action::Guest, "Second player (3)"),
                ],
            ),
            (
                row.clone(),
                children![
                    button(Action::Color, "Next color (1)"),
                    button(Action::Name, "Next name (2)"),
                ],
            ),
            (
                row.clone(),
                children![
                    button(Action::Invite, "Invite (I)"),
                    button(Action::LeaveRoom, "Leave room"),
                ],
            ),
        ],
    );
    let players = (
        column.clone(),
        children![
            line(Line::Title, 26.0, palette::TEXT),
            (Section::InRoom, Roster, column.clone()),
            line(Line::Hint, 14.0, palette::SOFT),
            buttons,
            line(Line::Controls, 12.0, palette::SOFT),
            (
                Section::Left,
                row,
                children![button(Action::JoinRoom, "Join again (Enter)")],
            ),
        ],
    );
    commands.spawn((
        screen,
        children![(
            Panel,
            Visibility::Hidden,
            panel,
            BackgroundColor(palette::PANEL),
            BorderColor::all(palette::ACCENT.with_alpha(0.5)),
            BoxShadow::new(palette::ACCENT.with_alpha(0.2), px(0), px(0), px(4), px(36)),
            children![
                players,
                (
                    Section::Invitation,
                    Node {
                        max_width: px(250),
                        ..default()
                    },
                    children![Invitation],
                ),
            ],
        )],
    ));
}

/// Puts the invitation beside the players, or below them in a window that is higher than wide.
fn arrange(
    window: Option<Single<&Window, (With<PrimaryWindow>, Changed<Window>)>>,
    panel: Single<&mut Node, With<Panel>>,
) {
    let Some(window) = window else {
        return;
    };
    panel.into_inner().flex_direction = match window.width() > window.height() {
        true => FlexDirection::Row,
        false => FlexDirection::Column,
    };
}

/// Shows the parts of the panel that matter now.
fn show(
    status: Res<MatchStatus>,
    phase: Res<State<Phase>>,
    invitation: Res<ShowInvitation>,
    huddle: Huddle,
    room: Query<&RoomStatus>,
    panel: Single<&mut Visibility, With<Panel>>,
    mut sections: Query<(&Section, &mut Node)>,
) {
    let is_in_room = huddle.local_id().is_some();
    let has_left = room.is_empty();
    let is_shown = !is_playing(&status, &phase) && (is_in_room || has_left);
    panel.into_inner().set_if_neq(match is_shown {
        true => Visibility::Inherited,
        false => Visibility::Hidden,
    });
    let is_alone = huddle.peers().next().is_none();
    for (section, mut node) in &mut sections {
        let is_shown = match section {
            Section::InRoom => is_in_room,
            Section::Left => has_left,
            Section::Invitation => is_in_room && invitation.0.unwrap_or(is_alone),
        };
        let display = if is_shown {
            Display::Flex
        } else {
            Display::None
        };
        if node.display != display {
            node.display = display;
        }
    }
}

fn write(
    options: Res<Options>,
    status: Res<MatchStatus>,
    score: Res<Score>,
    cast: Res<Cast>,
    entrant: Res<LocalEntrant>,
    entrants: Entrants,
    touch: Res<TouchScreen>,
    mut lines: Query<(&Line, &mut Text)>,
) {
    let all = entrants.all();
    let room = options.room_name();
    let title = match (status.is_running(), score.winner) {
        _ if entrants.huddle.local_id().is_none() => format!("You have left room \"{room}\""),
        (true, Some(seat)) => format!("{} wins!", cast.name(seat)),
        (true, None) => "A draw".to_owned(),
        (false, _) => "Push the others off the platform".to_owned(),
    };
    // A room can have more players than a `u8` counts.
    let players: usize = all
        .iter()
        .map(|(_, entrant)| usize::from(entrant.players()))
        .sum();
    // Only the host starts matches, and it is the first.
    let starts_in = all.first().and_then(|(_, entrant)| entrant.starts_in);
    let is_busy = all.iter().any(|(_, entrant)| entrant.is_playing);
    let hint = match starts_in {
        _ if entrants.huddle.local_id().is_none() => String::new(),
        _ if is_busy => "A match is running. You can play the next one.".to_owned(),
        Some(seconds) if entrant.is_ready => {
            format!("The match starts in {seconds} s, or when all are ready.")
        }
        Some(seconds) if touch.0 => {
            format!("The match starts in {seconds} s. Tap Ready to play.")
        }
        Some(seconds) => format!("The match starts in {seconds} s. Press Enter to play."),
        None if players < 2 => {
            "Invite a friend, or add a second player on this machine.".to_owned()
        }
        None if entrant.is_ready => "Waiting for the other players to get ready.".to_owned(),
        None if touch.0 => "Tap Ready to play.".to_owned(),
        None => "Press Enter to play.".to_owned(),
    };
    let controls = format!(
        "{}\nA hit makes the next one stronger. Three rounds win.",
        controls_text(entrant.players().into(), touch.0)
    );
    for (line, mut text) in &mut lines {
        let next = printable(match line {
            Line::Title => &title,
            Line::Hint => &hint,
            Line::Controls => &controls,
        });
        text.set_if_neq(Text(next));
    }
}

/// Keeps the texts of the buttons up to date.
fn label(
    entrant: Res<LocalEntrant>,
    status: Res<MatchStatus>,
    buttons: Query<(&Action, &Children)>,
    mut texts: Query<&mut Text>,
) {
    for (action, children) in &buttons {
        let text = match action {
            Action::Ready if entrant.is_ready => "Cancel (Esc)",
            Action::Ready if status.is_running() => "Rematch (Enter)",
            Action::Ready => "Ready (Enter)",
            Action::Guest if entrant.players() > 1 => "One player (3)",
            Action::Guest => "Second player (3)",
            _ => continue,
        };
        for child in children {
            if let Ok(mut shown) = texts.get_mut(*child) {
                shown.set_if_neq(Text::new(text));
            }
        }
    }
}
