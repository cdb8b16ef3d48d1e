//! The list of the players in the room.

use bevy::prelude::*;
use bevy_huddle::prelude::*;
use example_kit::printable;

use crate::{lobby::Entrants, palette};

/// A node that lists the players in the room.
#[derive(Component)]
pub(super) struct Roster;

/// The maximum number of listed players. A panel on a phone has room for these.
const MAX_ROWS: usize = 6;

pub(super) fn plugin(app: &mut App) {
    app.add_systems(Update, list);
}

/// A line of the list.
#[derive(Clone, PartialEq)]
struct Row {
    name: String,
    color: Color,
    status: String,
    status_color: Color,
}

fn list(
    entrants: Entrants,
    links: Query<(&Peer, &LinkStats, Has<Reconnecting>)>,
    roster: Single<Entity, With<Roster>>,
    mut shown: Local<Vec<Row>>,
    mut commands: Commands,
) {
    let local_id = entrants.huddle.local_id();
    let host = entrants.huddle.host();
    let row = |(id, entrant): &(PeerId, crate::lobby::Entrant)| {
        let persona = entrant.persona(*id);
        let link = links.iter().find(|(peer, _, _)| peer.id == *id);
        let is_reconnecting = link.is_some_and(|(_, _, is_reconnecting)| is_reconnecting);
        let (status, status_color) = match (is_reconnecting, entrant.is_playing, entrant.is_ready) {
            (true, ..) => ("reconnecting", palette::WARM),
            (_, true, _) => ("is playing", palette::SOFT),
            (_, _, true) => ("ready", palette::READY),
            _ => ("not ready", palette::SOFT),
        };
        let mut notes = Vec::new();
        if local_id == Some(*id) {
            notes.push("you");
        }
        if host == Some(*id) {
            notes.push("host");
        }
        if entrant.players() > 1 {
            notes.push("2 players");
        }
        let notes = match notes.as_slice() {
            [] => String::new(),
            notes => format!(" ({})", notes.join(", ")),
        };
        Row {
            color: persona.color(),
            name: persona.name + &notes,
            status: status.to_owned(),
            status_color,
        }
    };
    let all = entrants.all();
    let mut rows: Vec<Row> = all.iter().take(MAX_ROWS).map(row).collect();
    if all.len() > MAX_ROWS {
        rows.push(Row {
            name: format!("and {} more", all.len() - MAX_ROWS),
            color: palette::SOFT,
            status: String::new(),
            status_color: palette::SOFT,
        });
    }
    if *shown == rows {
        return;
    }
    let mut list = commands.entity(*roster);
    list.despawn_children();
    list.with_children(|list| {
        for row in &rows {
            list.spawn(row_node(row));
        }
    });
    *shown = rows;
}

fn row_node(row: &Row) -> impl Bundle + use<> {
    let text = |text: &str, color: Color| {
        (
            Text::new(printable(text)),
            TextFont::from_font_size(16.0),
            TextColor(color),
        )
    };
    let dot = Node {
        width: px(14),
        height: px(14),
        border_radius: BorderRadius::MAX,
        ..default()
    };
    (
        Node {
            align_items: AlignItems::Center,
            column_gap: px(10),
            ..default()
        },
        children![
            (dot, BackgroundColor(row.color)),
            text(&row.name, palette::TEXT),
            text(&row.status, row.status_color),
        ],
    )
}
