//! The score at the top: a line per seat with its name, its won rounds and its connection.

use bevy::prelude::*;
use bevy_huddle::{prelude::*, rollback::*};
use example_kit::printable;

use super::{action::Action, button::button};
use crate::{
    cast::Cast,
    palette,
    playing::is_playing,
    simulation::{Score, WINS},
};

/// The node with the lines, and the button to leave.
#[derive(Component)]
struct ScoreBoard;

/// The seats whose players have left the match.
#[derive(Resource, Default)]
struct Departed(Vec<Seat>);

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Departed>()
        .add_systems(Startup, spawn)
        .add_systems(Update, (list, show_button))
        .add_observer(|left: On<SeatLeft>, mut departed: ResMut<Departed>| {
            departed.0.push(left.seat);
        })
        .add_observer(|_: On<MatchStarted>, mut departed: ResMut<Departed>| departed.0.clear());
}

/// The corner with the button to leave.
#[derive(Component)]
struct LeaveCorner;

fn spawn(mut commands: Commands) {
    let corner = Node {
        position_type: PositionType::Absolute,
        top: px(32),
        right: px(32),
        ..default()
    };
    commands.spawn((
        LeaveCorner,
        Visibility::Hidden,
        corner,
        children![button(Action::LeaveMatch, "Leave (Esc)")],
    ));
    commands.spawn((
        ScoreBoard,
        Node {
            position_type: PositionType::Absolute,
            left: px(40),
            top: px(88),
            flex_direction: FlexDirection::Column,
            row_gap: px(6),
            ..default()
        },
    ));
}

/// A line of the score.
#[derive(Clone, PartialEq)]
struct Line {
    name: String,
    color: Color,
    wins: u8,
    note: String,
}

fn list(
    status: Res<MatchStatus>,
    score: Res<Score>,
    cast: Res<Cast>,
    departed: Res<Departed>,
    peers: Query<(&Peer, &LinkStats, Has<Reconnecting>)>,
    board: Single<Entity, With<ScoreBoard>>,
    mut shown: Local<Vec<Line>>,
    mut commands: Commands,
) {
    let seats = (0..).map(Seat).zip(&status.seats);
    let line = |(seat, id): (Seat, &PeerId)| {
        let persona = cast.persona(seat);
        let peer = peers.iter().find(|(peer, _, _)| peer.id == *id);
        let note = match peer {
            _ if departed.0.contains(&seat) => "left".to_owned(),
            Some((_, _, true)) => "reconnecting".to_owned(),
            Some((_, link, _)) if !status.local_seats.contains(&seat) => link
                .rtt
                .map_or(String::new(), |rtt| format!("{} ms", rtt.as_millis())),
            _ => String::new(),
        };
        Line {
            color: persona.color(),
            name: persona.name,
            wins: score.wins.get(seat.index()).copied().unwrap_or_default(),
            note,
        }
    };
    let lines: Vec<Line> = seats.map(line).collect();
    if *shown == lines {
        return;
    }
    let mut board = commands.entity(*board);
    board.despawn_children();
    board.with_children(|board| {
        for line in &lines {
            board.spawn(line_node()).with_children(|node| {
                for win in 0..WINS {
                    node.spawn(pip(line.color, win < line.wins));
                }
                node.spawn(text(&line.name, palette::TEXT, 15.0));
                node.spawn(text(&line.note, palette::SOFT, 12.0));
            });
        }
    });
    *shown = lines;
}

fn line_node() -> Node {
    Node {
        align_items: AlignItems::Center,
        column_gap: px(6),
        ..default()
    }
}

/// Returns the mark of a round, which is filled if the player has won it.
fn pip(color: Color, is_won: bool) -> impl Bundle {
    (
        Node {
            width: px(12),
            height: px(12),
            border: UiRect::all(px(1.5)),
            border_radius: BorderRadius::MAX,
            ..default()
        },
        BorderColor::all(color),
        BackgroundColor(if is_won { color } else { Color::NONE }),
    )
}

fn text(text: &str, color: Color, size: f32) -> impl Bundle + use<> {
    (
        Text::new(printable(text)),
        TextFont::from_font_size(size),
        TextColor(color),
    )
}

fn show_button(
    status: Res<MatchStatus>,
    phase: Res<State<crate::simulation::Phase>>,
    corner: Single<&mut Visibility, With<LeaveCorner>>,
) {
    corner
        .into_inner()
        .set_if_neq(match is_playing(&status, &phase) {
            true => Visibility::Inherited,
            false => Visibility::Hidden,
        });
}
