//! The text over the platform: the countdown, the winner of the round, and for whom the match waits.

use bevy::prelude::*;
use bevy_huddle::{prelude::*, rollback::*};
use example_kit::printable;

use crate::{
    cast::Cast,
    controls::touch::TouchScreen,
    lobby::LocalEntrant,
    palette,
    playing::local_players,
    simulation::{Phase, PhaseClock, Score},
};

/// The large line, and the small line below it.
#[derive(Component, Clone, Copy, PartialEq, Eq)]
enum Line {
    Large,
    Small,
}

/// Whether another player's game differs from this one.
#[derive(Resource, Default)]
struct Desynced(bool);

/// The sizes of the large line, for short and long texts, and of the small line.
const SHORT: f32 = 54.0;
const LONG: f32 = 30.0;
const SMALL: f32 = 16.0;

/// The time for which a match may wait before the players read about it.
const SHORT_WAIT: f32 = 0.4;

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Desynced>()
        .add_systems(Startup, spawn)
        .add_systems(Update, write)
        .add_observer(|_: On<MatchDesynced>, mut desynced: ResMut<Desynced>| desynced.0 = true)
        .add_observer(|_: On<MatchStarted>, mut desynced: ResMut<Desynced>| desynced.0 = false);
}

fn spawn(mut commands: Commands) {
    let line = |line: Line, size: f32, color: Color| {
        let shadow = TextShadow {
            offset: Vec2::splat(2.0),
            color: Color::srgba(0.0, 0.0, 0.05, 0.8),
        };
        (
            line,
            Text::default(),
            TextFont::from_font_size(size),
            TextColor(color),
            TextLayout::justify(Justify::Center),
            shadow,
        )
    };
    commands.spawn((
        Node {
            position_type: PositionType::Absolute,
            width: percent(100),
            top: percent(24),
            padding: UiRect::horizontal(px(16)),
            flex_direction: FlexDirection::Column,
            align_items: AlignItems::Center,
            row_gap: px(6),
            ..default()
        },
        children![
            line(Line::Large, SHORT, palette::TEXT),
            line(Line::Small, SMALL, palette::WARM),
        ],
    ));
}

fn write(
    status: Res<MatchStatus>,
    phase: Res<State<Phase>>,
    clock: Res<PhaseClock>,
    score: Res<Score>,
    cast: Res<Cast>,
    desynced: Res<Desynced>,
    time: Res<Time<Real>>,
    peers: Query<(&Peer, Has<Reconnecting>, Option<&Stopped>)>,
    entrant: Res<LocalEntrant>,
    touch: Res<TouchScreen>,
    mut waits_since: Local<Option<f32>>,
    mut lines: Query<(&Line, &mut Text, &mut TextFont, &mut TextColor)>,
) {
    let now = time.elapsed_secs();
    // After the match, nobody has to wait: the others may be in the next one.
    let is_waiting = !status.missing.is_empty() && *phase.get() != Phase::MatchOver;
    let waited = match is_waiting {
        false => {
            *waits_since = None;
            0.0
        }
        true => now - *waits_since.get_or_insert(now),
    };
    let (large, small) = if !status.is_running() {
        Default::default()
    } else if desynced.0 {
        let text = "Your game is out of sync with another player's.\nLeave the match (Esc) and start a new one.";
        (String::new(), text.to_owned())
    } else if waited > SHORT_WAIT {
        let why = |seat: Seat| {
            let id = status.seats.get(seat.index());
            let peer = peers.iter().find(|(peer, ..)| Some(&peer.id) == id);
            let why = match peer {
                Some((_, true, _)) => "reconnecting",
                Some((_, _, Some(Stopped(StopReason::Frozen)))) => "in the background",
                Some((_, _, Some(_))) => "busy",
                _ => "slow connection",
            };
            format!("Waiting for {} ({why})", cast.name(seat))
        };
        let waits: Vec<_> = status.missing.iter().map(why).collect();
        (String::new(), waits.join("\n"))
    } else {
        let controls = match *phase.get() {
            Phase::Countdown => controls_text(local_players(&status, entrant.players()), touch.0),
            _ => String::new(),
        };
        let large = announcement(*phase.get(), &clock, &score, &cast);
        (large, controls)
    };
    let is_problem = *phase.get() != Phase::Countdown || waited > SHORT_WAIT || desynced.0;
    for (line, mut text, mut font, mut color) in &mut lines {
        let next = printable(match line {
            Line::Large => &large,
            Line::Small => &small,
        });
        let (size, next_color) = match line {
            Line::Large if next.len() > 6 => (LONG, palette::TEXT),
            Line::Large => (SHORT, palette::TEXT),
            Line::Small if is_problem => (SMALL, palette::WARM),
            Line::Small => (SMALL, palette::SOFT),
        };
        text.set_if_neq(Text(next));
        font.set_if_neq(TextFont::from_font_size(size));
        color.set_if_neq(TextColor(next_color));
    }
}

/// Returns how to play.
pub(super) fn controls_text(players: usize, is_touch: bool) -> String {
    match players {
        ..=1 if is_touch => "Move: left half of the screen.\nPunch and dash: right half.",
        ..=1 => "Move: WASD or arrow keys.\nPunch: F or K. Dash: G or L. Or use a gamepad.",
        _ => "Left player: WASD, F to punch, G to dash.\nRight player: arrow keys, K to punch, L to dash.",
    }
    .to_owned()
}

fn announcement(phase: Phase, clock: &PhaseClock, score: &Score, cast: &Cast) -> String {
    match (phase, score.winner) {
        (Phase::Countdown, _) => clock.countdown().to_string(),
        (Phase::Fight, _) if clock.ticks() < 40 => "Fight!".to_owned(),
        (Phase::RoundOver, Some(seat)) => format!("Round to {}", cast.name(seat)),
        (Phase::RoundOver, None) => "A draw".to_owned(),
        _ => String::new(),
    }
}
