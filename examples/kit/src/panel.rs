//! The panel while there are no other players. It invites a friend, or shows why the room is not
//! connected.

use bevy::prelude::*;
use bevy::ui::FocusPolicy;
use bevy_huddle::prelude::*;

use crate::button::accent;
use crate::invitation::Invitation;
use crate::notifications::{Failure, LastRefusal, Lobby};
use crate::options::{Options, printable};
use crate::overlay::problem;

/// Adds the panel.
pub(crate) fn plugin(app: &mut App) {
    app.add_systems(PreStartup, spawn)
        .add_systems(Update, update);
}

/// The state of the room that the panel reports.
#[derive(Default)]
struct Situation<'a> {
    status: RoomStatus,
    /// The problem with the connection to the signaling server.
    problem: Option<String>,
    pending: Option<&'a PendingReason>,
    refusal: Option<&'a str>,
    failure: Option<&'a str>,
    /// Whether a lobby of the game covers this: the player was in the room, or has left it.
    game_shows_it: bool,
}

/// The content of the panel.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Content {
    title: String,
    body: String,
    /// Whether the panel contains the invitation.
    invites: bool,
}

impl Situation<'_> {
    /// Returns the panel's content, or `None` while other players are in the room or the game shows its
    /// own lobby.
    fn content(self, room: &str, lobby: Lobby) -> Option<Content> {
        let (title, body) = match self.status {
            RoomStatus::Playing => return None,
            RoomStatus::Waiting if lobby == Lobby::Game => return None,
            _ if lobby == Lobby::Game && self.game_shows_it => return None,
            RoomStatus::Waiting => (
                match self.pending {
                    Some(_) => "A player is here".to_owned(),
                    None => "Waiting for a friend".to_owned(),
                },
                match (self.pending, self.refusal) {
                    (Some(PendingReason::Connecting), _) => "Connecting...".to_owned(),
                    (Some(reason), _) => format!("You cannot play yet: {reason}."),
                    (None, Some(refusal)) => {
                        format!("A player was here, but you cannot play together: {refusal}.")
                    }
                    (None, None) => {
                        format!("Send this link to a friend to play in room \"{room}\":")
                    }
                },
            ),
            RoomStatus::Joining => (
                format!("Joining room \"{room}\"..."),
                self.problem
                    .unwrap_or_else(|| "Connecting to the signaling server.".to_owned()),
            ),
            RoomStatus::Retrying | RoomStatus::TokenNeeded => {
                ("Not connected".to_owned(), self.problem.unwrap_or_default())
            }
            RoomStatus::Failed => (
                "Cannot join this room".to_owned(),
                self.failure.unwrap_or_default().to_owned(),
            ),
        };
        Some(Content {
            title,
            body,
            invites: self.status == RoomStatus::Waiting,
        })
    }
}

#[derive(Component, Default)]
struct Panel(Option<Content>);

#[derive(Component)]
enum Line {
    Title,
    Body,
}

fn spawn(lobby: Res<Lobby>, mut commands: Commands) {
    let line = |line: Line, size: f32, color: Color| {
        let layout = TextLayout {
            justify: Justify::Center,
            linebreak: LineBreak::WordOrCharacter,
        };
        (
            line,
            Text::default(),
            TextFont::from_font_size(size),
            TextColor(color),
            layout,
        )
    };
    let place = Node {
        position_type: PositionType::Absolute,
        width: percent(100),
        height: percent(100),
        padding: UiRect::top(vh(15)),
        align_items: AlignItems::FlexStart,
        justify_content: JustifyContent::Center,
        ..default()
    };
    let panel = (
        Panel::default(),
        // A press on the panel is not meant for the game below.
        Interaction::default(),
        FocusPolicy::Block,
        Node {
            flex_direction: FlexDirection::Column,
            align_items: AlignItems::Center,
            row_gap: px(10),
            padding: UiRect::axes(px(32), px(20)),
            border: UiRect::all(px(1)),
            border_radius: BorderRadius::all(px(14)),
            max_width: percent(86),
            ..default()
        },
        BackgroundColor(Color::srgba(0.05, 0.055, 0.12, 0.88)),
        BorderColor::all(accent(0.5)),
        BoxShadow::new(accent(0.22), px(0), px(0), px(4), px(36)),
        Visibility::Hidden,
    );
    commands.spawn(place).with_children(|place| {
        place.spawn(panel).with_children(|panel| {
            panel.spawn(line(Line::Title, 24.0, Color::srgb(0.95, 0.95, 1.0)));
            panel.spawn(line(Line::Body, 15.0, Color::srgb(0.7, 0.73, 0.88)));
            if *lobby == Lobby::Panel {
                panel.spawn(Invitation);
            }
        });
    });
}

fn update(
    options: Res<Options>,
    lobby: Res<Lobby>,
    failure: Option<Res<Failure>>,
    last_refusal: Res<LastRefusal>,
    huddle: Huddle,
    room: Option<Single<(&RoomStatus, &SignalingStatus)>>,
    panel: Single<(&mut Panel, &mut Visibility, &Children)>,
    mut lines: Query<(&Line, &mut Text, &mut Node)>,
    mut invitations: Query<&mut Node, (With<Invitation>, Without<Line>)>,
) {
    let (status, problem) = match &room {
        Some(room) => (*room.0, problem(room.1)),
        None => (RoomStatus::Joining, None),
    };
    let situation = Situation {
        status,
        problem,
        pending: huddle.pending_peers().first().map(|(_, reason)| reason),
        refusal: last_refusal.0.as_deref(),
        failure: failure.as_ref().map(|failure| failure.0.as_str()),
        game_shows_it: room.is_none()
            || huddle.local_id().is_some() && status != RoomStatus::Failed,
    };
    let content = situation.content(&options.room_name(), *lobby);
    let (mut panel, mut visibility, children) = panel.into_inner();
    if panel.0 == content {
        return;
    }
    visibility.set_if_neq(match content {
        Some(_) => Visibility::Inherited,
        None => Visibility::Hidden,
    });
    if let Some(content) = &content {
        let display = |shown: bool| if shown { Display::Flex } else { Display::None };
        for child in children {
            if let Ok((line, mut text, mut node)) = lines.get_mut(*child) {
                text.0 = printable(match line {
                    Line::Title => &content.title,
                    Line::Body => &content.body,
                });
                node.display = display(!text.is_empty());
            } else if let Ok(mut node) = invitations.get_mut(*child) {
                node.display = display(content.invites);
            }
        }
    }
    panel.0 = content;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting() -> Situation<'static> {
        Situation {
            status: RoomStatus::Waiting,
            ..default()
        }
    }

    fn shown(situation: Situation) -> Content {
        situation.content("den", Lobby::Panel).unwrap()
    }

    #[test]
    fn panel_invites_without_other_players() {
        let content = shown(waiting());
        assert!(content.body.contains("\"den\""));
        assert!(content.invites);
        let playing = Situation {
            status: RoomStatus::Playing,
            ..default()
        };
        assert_eq!(playing.content("den", Lobby::Panel), None);
    }

    #[test]
    fn game_with_its_own_lobby_has_a_panel_only_for_problems() {
        let is_shown = |status, game_shows_it| {
            let situation = Situation {
                status,
                game_shows_it,
                ..default()
            };
            situation.content("den", Lobby::Game).is_some()
        };
        for status in [RoomStatus::Joining, RoomStatus::Retrying] {
            assert!(is_shown(status, false));
            assert!(!is_shown(status, true));
        }
        assert!(!is_shown(RoomStatus::Waiting, false));
        assert!(!is_shown(RoomStatus::Playing, false));
        assert!(is_shown(RoomStatus::Failed, false));
    }

    #[test]
    fn panel_shows_why_a_player_was_refused() {
        let content = shown(Situation {
            refusal: Some("their game is older"),
            ..waiting()
        });
        assert!(content.body.contains("their game is older"), "{content:?}");
        assert!(content.invites);
    }

    #[test]
    fn pending_peer_is_shown_with_the_reason_instead_of_an_earlier_refusal() {
        let shown = |reason: PendingReason| {
            shown(Situation {
                pending: Some(&reason),
                refusal: Some("their game is older"),
                ..waiting()
            })
        };
        let busy = shown(PendingReason::Busy);
        assert_eq!(busy.title, "A player is here");
        assert!(busy.body.contains("busy"), "{busy:?}");
        assert!(!busy.body.contains("older"), "{busy:?}");
        assert_eq!(shown(PendingReason::Connecting).body, "Connecting...");
    }

    #[test]
    fn panel_shows_problems_and_failures() {
        let retrying = shown(Situation {
            status: RoomStatus::Retrying,
            problem: Some("nobody answers".to_owned()),
            ..default()
        });
        assert_eq!(retrying.body, "nobody answers");
        let failed = shown(Situation {
            status: RoomStatus::Failed,
            failure: Some("bad name"),
            ..default()
        });
        assert_eq!((failed.body.as_str(), failed.invites), ("bad name", false));
    }
}
