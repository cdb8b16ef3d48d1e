//! Draws the net graph with Bevy's UI.

use std::fmt::Write;

use bevy::prelude::*;

use super::{NetFrame, NetGraph, NetGraphDataPlugin};

/// Draws [`NetGraph`] in the corner of the window while a key has switched it on: the round-trip time to each seat, how
/// late its inputs are and how often the match waited for it, the bytes per second, and a bar for each frame of the last two seconds.
///
/// An orange bar is as high as the number of resimulated ticks. A grey one is as high as the number of predicted
/// ticks. A red one of full height is a frame in which the match waited.
///
/// It needs the feature `rollback_ui`, and a game that draws Bevy's UI.
///
/// ```no_run
/// use bevy::prelude::*;
/// use bevy_huddle::rollback::NetGraphPlugin;
///
/// App::new().add_plugins(NetGraphPlugin::default());
/// ```
#[derive(Resource, Debug, Clone, Copy)]
pub struct NetGraphPlugin {
    /// The key that shows and hides the graph. The default is F3.
    pub key: KeyCode,
    /// Whether the graph is shown from the start. The default is `false`.
    pub is_shown: bool,
}

impl Default for NetGraphPlugin {
    fn default() -> Self {
        Self {
            key: KeyCode::F3,
            is_shown: false,
        }
    }
}

impl Plugin for NetGraphPlugin {
    fn build(&self, app: &mut App) {
        if !app.is_plugin_added::<NetGraphDataPlugin>() {
            app.add_plugins(NetGraphDataPlugin);
        }
        app.insert_resource(*self)
            .add_systems(Startup, spawn)
            .add_systems(
                Update,
                (toggle, (show_text, show_bars).run_if(is_shown)).chain(),
            );
    }
}

#[derive(Component)]
struct Panel;

#[derive(Component)]
struct Lines;

/// The bar of a frame: 0 is the newest one.
#[derive(Component)]
struct Bar(usize);

/// The number of bars: the frames of two seconds at 60 frames per second.
const BARS: usize = 120;
const BAR_WIDTH: f32 = 2.0;
/// The height of a tick.
const TICK_HEIGHT: f32 = 4.0;
const MAX_TICKS: f32 = 16.0;

const RESIMULATED: Color = Color::srgb(1.0, 0.65, 0.2);
const PREDICTED: Color = Color::srgba(0.7, 0.75, 0.85, 0.5);
const WAITED: Color = Color::srgb(0.95, 0.25, 0.25);

fn spawn(settings: Res<NetGraphPlugin>, mut commands: Commands) {
    let panel = Node {
        position_type: PositionType::Absolute,
        left: px(8),
        top: px(8),
        padding: UiRect::all(px(8)),
        row_gap: px(6),
        flex_direction: FlexDirection::Column,
        display: display(settings.is_shown),
        ..default()
    };
    let bars = Node {
        height: px(TICK_HEIGHT * MAX_TICKS),
        align_items: AlignItems::End,
        ..default()
    };
    commands
        .spawn((
            Panel,
            panel,
            BackgroundColor(Color::srgba(0.0, 0.0, 0.0, 0.75)),
            GlobalZIndex(i32::MAX),
        ))
        .with_children(|panel| {
            panel.spawn((Lines, Text::default(), TextFont::from_font_size(12.0)));
            panel.spawn(bars).with_children(|bars| {
                for bar in (0..BARS).rev() {
                    let node = Node {
                        width: px(BAR_WIDTH),
                        ..default()
                    };
                    bars.spawn((Bar(bar), node, BackgroundColor(PREDICTED)));
                }
            });
        });
}

fn display(is_shown: bool) -> Display {
    if is_shown {
        Display::Flex
    } else {
        Display::None
    }
}

fn is_shown(panel: Query<&Node, With<Panel>>) -> bool {
    panel.iter().any(|node| node.display != Display::None)
}

fn toggle(
    keys: Option<Res<ButtonInput<KeyCode>>>,
    settings: Res<NetGraphPlugin>,
    mut panel: Query<&mut Node, With<Panel>>,
) {
    if keys.is_some_and(|keys| keys.just_pressed(settings.key)) {
        for mut node in &mut panel {
            node.display = display(node.display == Display::None);
        }
    }
}

fn show_text(graph: Res<NetGraph>, mut lines: Query<&mut Text, With<Lines>>) {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_lines(&graph, &mut text);
    for mut line in &mut lines {
        line.set_if_neq(Text(text.clone()));
    }
}

fn write_lines(graph: &NetGraph, text: &mut String) -> std::fmt::Result {
    if graph.seats.is_empty() {
        return text.write_str("no match");
    }
    for seat in &graph.seats {
        write!(text, "seat {}: ", seat.seat)?;
        match (seat.is_local, seat.rtt) {
            (true, _) => write!(
                text,
                "here, input delay {}",
                ticks(graph.input_delay.into())
            )?,
            (_, Some(rtt)) => write!(text, "{} ms", rtt.as_millis())?,
            (_, None) => text.write_str("not linked")?,
        }
        match seat.input_lag.map_or(0, |lag| lag.round() as i64) {
            lag if seat.is_local || lag <= 0 => {}
            lag => write!(text, ", inputs {} late", ticks(lag))?,
        }
        match (seat.is_missing, seat.waits) {
            (true, _) => text.write_str(", the match waits for it")?,
            (_, 0) => {}
            (_, waits) => write!(text, ", {waits} waits")?,
        }
        text.push('\n');
    }
    let resimulated = graph.frames.iter().map(|frame| frame.resimulated);
    let newest = graph.frames.back();
    writeln!(
        text,
        "rollback: at most {}, {} predicted",
        ticks(resimulated.max().unwrap_or(0).cast_signed()),
        newest.map_or(0, |frame| frame.predicted),
    )?;
    write!(
        text,
        "out {:.1} kB/s, in {:.1} kB/s",
        graph.bytes_sent / 1000.0,
        graph.bytes_received / 1000.0
    )
}

fn ticks(count: i64) -> String {
    match count {
        1 => "1 tick".to_owned(),
        _ => format!("{count} ticks"),
    }
}

fn show_bars(graph: Res<NetGraph>, mut bars: Query<(&Bar, &mut Node, &mut BackgroundColor)>) {
    for (bar, mut node, mut color) in &mut bars {
        let index = graph.frames.len().checked_sub(bar.0 + 1);
        let frame = index.and_then(|index| graph.frames.get(index));
        let (ticks, shown) = frame.map_or((0.0, PREDICTED), look);
        node.height = px(TICK_HEIGHT * ticks);
        color.set_if_neq(BackgroundColor(shown));
    }
}

/// Returns the height of a frame's bar in ticks, and its color.
fn look(frame: &NetFrame) -> (f32, Color) {
    match frame.resimulated {
        _ if !frame.missing.is_empty() => (MAX_TICKS, WAITED),
        0 => ((frame.predicted as f32).min(MAX_TICKS), PREDICTED),
        resimulated => ((resimulated as f32).min(MAX_TICKS), RESIMULATED),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use huddle_mesh::PeerId;
    use huddle_rollback::Seat;

    use super::*;
    use crate::rollback::SeatLag;

    fn text(seats: impl IntoIterator<Item = SeatLag>) -> String {
        let graph = NetGraph {
            seats: seats.into_iter().collect(),
            input_delay: 2,
            bytes_sent: 4210.0,
            bytes_received: 3990.0,
            ..default()
        };
        let mut text = String::new();
        write_lines(&graph, &mut text).unwrap();
        text
    }

    fn seat(seat: u8) -> SeatLag {
        SeatLag {
            seat: Seat(seat),
            peer: PeerId::from_bytes([seat; 16]),
            is_local: false,
            rtt: Some(Duration::from_millis(84)),
            input_lag: Some(-1.0),
            is_missing: false,
            waits: 0,
        }
    }

    #[test]
    fn text_has_the_lag_and_the_waits_of_each_seat() {
        let local = SeatLag {
            is_local: true,
            rtt: None,
            ..seat(0)
        };
        let late = SeatLag {
            input_lag: Some(2.6),
            waits: 4,
            ..seat(1)
        };
        let missing = SeatLag {
            rtt: None,
            input_lag: Some(0.9),
            is_missing: true,
            ..seat(2)
        };
        assert_eq!(
            text([local, late, missing, seat(3)]),
            "seat 0: here, input delay 2 ticks\n\
             seat 1: 84 ms, inputs 3 ticks late, 4 waits\n\
             seat 2: not linked, inputs 1 tick late, the match waits for it\n\
             seat 3: 84 ms\n\
             rollback: at most 0 ticks, 0 predicted\n\
             out 4.2 kB/s, in 4.0 kB/s"
        );
        assert_eq!(text([]), "no match");
    }
}
