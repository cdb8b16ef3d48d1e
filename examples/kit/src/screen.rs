//! What is written over the game: the room's name and how many play, and while nobody else is there
//! a panel that says so, with the link to share.

use bevy::prelude::*;
use bevy_huddle::{Signaling, prelude::*};

use crate::news::{Failure, LastRefusal};
use crate::options::{Options, printable};

/// `controls` says how to play.
pub(crate) fn plugin(controls: &'static str) -> impl Fn(&mut App) + Send + Sync + 'static {
    move |app: &mut App| {
        let spawn_controls = move |mut commands: Commands| {
            commands.spawn(bottom_line(controls));
        };
        app.add_systems(PreStartup, (spawn_panel, spawn_hud, spawn_controls))
            .add_systems(Update, (update_panel, update_hud, copy_link));
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

/// Run condition: a press of the pointer is meant for the game, not for a button.
pub fn pointer_is_free(buttons: Query<&Interaction>) -> bool {
    buttons
        .iter()
        .all(|interaction| *interaction == Interaction::None)
}

/// What the panel says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Words {
    title: String,
    body: String,
    /// What to do with the link; the link is shown if there is something.
    hint: Option<String>,
}

/// The panel's words, or `None` while others are here.
fn words(
    state: RoomStatus,
    trouble: Option<String>,
    pending: Option<&PendingReason>,
    refusal: Option<&str>,
    failure: Option<&str>,
    options: &Options,
) -> Option<Words> {
    let room = options.room_name();
    let (title, body, hint) = match state {
        RoomStatus::Playing => return None,
        RoomStatus::Waiting => (
            match pending {
                Some(_) => "A friend is here".to_owned(),
                None => "Waiting for a friend".to_owned(),
            },
            match (pending, refusal) {
                (Some(PendingReason::Connecting), _) => "Connecting ...".to_owned(),
                (Some(reason), _) => format!("You cannot play yet: {reason}."),
                (None, Some(refusal)) => {
                    format!("A player was here, but you cannot play together: {refusal}.")
                }
                (None, None) => format!("Whoever opens this link joins room \"{room}\":"),
            },
            Some(link_hint(options)),
        ),
        RoomStatus::Joining => {
            let body = "Looking for the signaling server.".to_owned();
            (
                format!("Joining room \"{room}\" ..."),
                trouble.unwrap_or(body),
                None,
            )
        }
        RoomStatus::Retrying => (
            "Not connected".to_owned(),
            trouble.unwrap_or_default(),
            None,
        ),
        RoomStatus::Failed => (
            "This room cannot be joined".to_owned(),
            failure.unwrap_or_default().to_owned(),
            None,
        ),
    };
    Some(Words { title, body, hint })
}

fn link_hint(options: &Options) -> String {
    let how = if cfg!(target_arch = "wasm32") {
        "Click here or press C to copy it."
    } else {
        "Press C to write it to the terminal."
    };
    if options.link_is_local() {
        format!("{how}\nFor other machines, put this one's network address into it.")
    } else {
        how.to_owned()
    }
}

/// What is wrong with the connection to the signaling server, if something is.
fn trouble(status: &SignalingStatus) -> Option<String> {
    match &status.0 {
        Signaling::Retrying { reason, .. } => Some(format!("{reason}. It is tried again.")),
        Signaling::Connecting | Signaling::Connected { .. } => None,
    }
}

#[derive(Component, Default)]
struct Panel(Option<Words>);

#[derive(Component, Clone, Copy, PartialEq, Eq)]
enum Line {
    Title,
    Body,
    Link,
    Hint,
}

fn spawn_panel(mut commands: Commands) {
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
    let accent = Color::oklch(0.72, 0.13, 285.0);
    commands
        .spawn(Node {
            position_type: PositionType::Absolute,
            width: percent(100),
            height: percent(100),
            padding: UiRect::top(vh(15)),
            align_items: AlignItems::FlexStart,
            justify_content: JustifyContent::Center,
            ..default()
        })
        .with_child((
            Panel::default(),
            Button,
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
            BorderColor::all(accent.with_alpha(0.5)),
            BoxShadow::new(accent.with_alpha(0.22), px(0), px(0), px(4), px(36)),
            Visibility::Hidden,
            children![
                line(Line::Title, 24.0, Color::srgb(0.95, 0.95, 1.0)),
                line(Line::Body, 15.0, Color::srgb(0.7, 0.73, 0.88)),
                line(Line::Link, 17.0, Color::oklch(0.85, 0.12, 195.0)),
                line(Line::Hint, 13.0, Color::srgb(0.52, 0.55, 0.72)),
            ],
        ));
}

fn update_panel(
    options: Res<Options>,
    failure: Option<Res<Failure>>,
    last_refusal: Res<LastRefusal>,
    huddle: Huddle,
    room: Option<Single<(&RoomStatus, &SignalingStatus)>>,
    panel: Single<(&mut Panel, &mut Visibility, &Children)>,
    mut lines: Query<(&Line, &mut Text, &mut Node)>,
) {
    let (state, trouble) = match &room {
        Some(room) => (*room.0, trouble(room.1)),
        None => (RoomStatus::Joining, None),
    };
    let failure = failure.as_ref().map(|failure| failure.0.as_str());
    let refusal = last_refusal.0.as_deref();
    let pending = huddle.pending_peers().first().map(|(_, reason)| reason);
    let words = words(state, trouble, pending, refusal, failure, &options);
    let (mut panel, mut visibility, children) = panel.into_inner();
    if panel.0 == words {
        return;
    }
    visibility.set_if_neq(match words {
        Some(_) => Visibility::Inherited,
        None => Visibility::Hidden,
    });
    if let Some(words) = &words {
        for child in children {
            let Ok((line, mut text, mut node)) = lines.get_mut(*child) else {
                continue;
            };
            text.0 = printable(match line {
                Line::Title => &words.title,
                Line::Body => &words.body,
                Line::Link => words.hint.as_ref().map_or("", |_| &options.link),
                Line::Hint => words.hint.as_deref().unwrap_or_default(),
            });
            node.display = if text.is_empty() {
                Display::None
            } else {
                Display::Flex
            };
        }
    }
    panel.0 = words;
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
                Headcount,
                Text::default(),
                TextFont::from_font_size(13.0),
                TextColor(Color::srgb(0.55, 0.58, 0.76)),
            ),
        ],
    ));
}

#[derive(Component)]
struct Headcount;

fn update_hud(
    huddle: Huddle,
    signaling: Query<&SignalingStatus>,
    mut headcount: Single<&mut Text, With<Headcount>>,
) {
    let players = match huddle.local_id().map(|_| 1 + huddle.peers().count()) {
        None => String::new(),
        Some(1) => "1 player".to_owned(),
        Some(players) => format!("{players} players"),
    };
    // Play goes on without the signaling server, but nobody new can find the room.
    let closed =
        huddle.local_id().is_some() && signaling.iter().any(|status| trouble(status).is_some());
    let text = if closed {
        format!("{players}, signaling server lost")
    } else {
        players
    };
    if headcount.0 != text {
        headcount.0 = text;
    }
}

/// A press on the panel that ends there, or the key C.
fn copy_link(
    mut armed: Local<bool>,
    options: Res<Options>,
    keys: Res<ButtonInput<KeyCode>>,
    panel: Single<(&Panel, &Interaction)>,
    #[cfg(target_arch = "wasm32")] mut commands: Commands,
) {
    let (panel, interaction) = *panel;
    let pressed = *interaction == Interaction::Pressed;
    // On a touch screen browsers allow copying only once the finger is lifted.
    let tapped = *armed && !pressed;
    *armed = pressed;
    let shown = panel.0.as_ref().is_some_and(|words| words.hint.is_some());
    if shown && (tapped || keys.just_pressed(KeyCode::KeyC)) {
        #[cfg(target_arch = "wasm32")]
        crate::copy::start(options.link.clone());
        #[cfg(not(target_arch = "wasm32"))]
        info!("to join, open {}", options.link);
    }
    #[cfg(target_arch = "wasm32")]
    match crate::copy::outcome() {
        Some(true) => commands.trigger(crate::toast::Toast::new("Link copied")),
        Some(false) => commands.trigger(crate::toast::Toast::warning(
            "The browser does not allow copying here; copy the page's address instead",
        )),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Display;

    fn options(link: &str) -> Options {
        Options {
            example: "hello",
            room_url: "ws://host:3536/den".to_owned(),
            ice_servers: Vec::new(),
            relay_only: false,
            conditioner: None,
            link: link.to_owned(),
            bot: None,
            display: Display::Window,
            mistakes: Vec::new(),
        }
    }

    #[test]
    fn the_link_is_offered_while_nobody_else_is_here() {
        let options = options("http://10.0.0.2:3536/hello/?room=den");
        let waiting = words(RoomStatus::Waiting, None, None, None, None, &options).unwrap();
        assert!(waiting.body.contains("\"den\""));
        assert!(waiting.hint.is_some());
        assert_eq!(
            words(RoomStatus::Playing, None, None, None, None, &options),
            None
        );
    }

    #[test]
    fn a_link_that_only_this_machine_can_open_is_not_passed_off_as_shareable() {
        let hint = |link| {
            words(RoomStatus::Waiting, None, None, None, None, &options(link))
                .unwrap()
                .hint
        };
        let local = hint("http://127.0.0.1:3536/hello/?room=den").unwrap();
        assert!(local.contains("network address"), "{local}");
        let shareable = hint("http://10.0.0.2:3536/hello/?room=den").unwrap();
        assert!(!shareable.contains("network address"), "{shareable}");
    }

    #[test]
    fn who_could_not_play_and_why_is_told_beside_the_link() {
        let options = options("http://10.0.0.2:3536/hello/");
        let refusal = Some("their game is older");
        let waiting = words(RoomStatus::Waiting, None, None, refusal, None, &options).unwrap();
        assert!(waiting.body.contains("their game is older"), "{waiting:?}");
        assert!(waiting.hint.is_some());
    }

    #[test]
    fn pending_peer_is_shown_with_the_reason_instead_of_an_earlier_refusal() {
        let options = options("http://10.0.0.2:3536/hello/");
        let shown = |reason: PendingReason| {
            let refusal = Some("their game is older");
            words(
                RoomStatus::Waiting,
                None,
                Some(&reason),
                refusal,
                None,
                &options,
            )
            .unwrap()
        };
        let busy = shown(PendingReason::Busy);
        assert_eq!(busy.title, "A friend is here");
        assert!(busy.body.contains("busy"), "{busy:?}");
        assert!(!busy.body.contains("older"), "{busy:?}");
        assert_eq!(shown(PendingReason::Connecting).body, "Connecting ...");
    }

    #[test]
    fn trouble_and_failure_are_told_in_their_own_words() {
        let options = options("http://host/");
        let lost = Some("nobody answers".to_owned());
        let retrying = words(RoomStatus::Retrying, lost, None, None, None, &options).unwrap();
        assert_eq!(retrying.body, "nobody answers");
        let failed = words(
            RoomStatus::Failed,
            None,
            None,
            None,
            Some("bad name"),
            &options,
        )
        .unwrap();
        assert_eq!((failed.body.as_str(), failed.hint), ("bad name", None));
    }
}
