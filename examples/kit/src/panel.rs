//! The panel while there are no other players. It shows the link to share, or why the room is not
//! connected.

use bevy::prelude::*;
use bevy_huddle::prelude::*;

use crate::notifications::{Failure, LastRefusal};
use crate::options::{Options, printable};
use crate::overlay::problem;

/// Adds the panel.
pub(crate) fn plugin(app: &mut App) {
    app.add_systems(PreStartup, spawn_panel)
        .add_systems(Update, (update_panel, copy_link));
}

/// The text of the panel.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PanelText {
    title: String,
    body: String,
    /// A hint about how to use the link. Without a hint, the panel does not show the link.
    hint: Option<String>,
}

/// Returns the panel's text, or `None` while other players are in the room.
fn panel_text(
    status: RoomStatus,
    problem: Option<String>,
    pending: Option<&PendingReason>,
    refusal: Option<&str>,
    failure: Option<&str>,
    options: &Options,
) -> Option<PanelText> {
    let room = options.room_name();
    let (title, body, hint) = match status {
        RoomStatus::Playing => return None,
        RoomStatus::Waiting => (
            match pending {
                Some(_) => "A player is here".to_owned(),
                None => "Waiting for a friend".to_owned(),
            },
            match (pending, refusal) {
                (Some(PendingReason::Connecting), _) => "Connecting...".to_owned(),
                (Some(reason), _) => format!("You cannot play yet: {reason}."),
                (None, Some(refusal)) => {
                    format!("A player was here, but you cannot play together: {refusal}.")
                }
                (None, None) => format!("Send this link to a friend to play in room \"{room}\":"),
            },
            Some(link_hint(options)),
        ),
        RoomStatus::Joining => {
            let body = "Connecting to the signaling server.".to_owned();
            (
                format!("Joining room \"{room}\"..."),
                problem.unwrap_or(body),
                None,
            )
        }
        RoomStatus::Retrying => (
            "Not connected".to_owned(),
            problem.unwrap_or_default(),
            None,
        ),
        RoomStatus::Failed => (
            "Cannot join this room".to_owned(),
            failure.unwrap_or_default().to_owned(),
            None,
        ),
    };
    Some(PanelText { title, body, hint })
}

fn link_hint(options: &Options) -> String {
    let how = if cfg!(target_arch = "wasm32") {
        "Click here or press C to copy it."
    } else {
        "Press C to print it in the terminal."
    };
    if options.link_is_local() {
        format!(
            "{how}\nFor a friend on another machine, replace the host with this machine's network address."
        )
    } else {
        how.to_owned()
    }
}

#[derive(Component, Default)]
struct Panel(Option<PanelText>);

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
    let (status, problem) = match &room {
        Some(room) => (*room.0, problem(room.1)),
        None => (RoomStatus::Joining, None),
    };
    let failure = failure.as_ref().map(|failure| failure.0.as_str());
    let refusal = last_refusal.0.as_deref();
    let pending = huddle.pending_peers().first().map(|(_, reason)| reason);
    let texts = panel_text(status, problem, pending, refusal, failure, &options);
    let (mut panel, mut visibility, children) = panel.into_inner();
    if panel.0 == texts {
        return;
    }
    visibility.set_if_neq(match texts {
        Some(_) => Visibility::Inherited,
        None => Visibility::Hidden,
    });
    if let Some(texts) = &texts {
        for child in children {
            let Ok((line, mut text, mut node)) = lines.get_mut(*child) else {
                continue;
            };
            text.0 = printable(match line {
                Line::Title => &texts.title,
                Line::Body => &texts.body,
                Line::Link => texts.hint.as_ref().map_or("", |_| &options.link),
                Line::Hint => texts.hint.as_deref().unwrap_or_default(),
            });
            node.display = if text.is_empty() {
                Display::None
            } else {
                Display::Flex
            };
        }
    }
    panel.0 = texts;
}

/// Copies the link when the player presses C, or presses and releases on the panel.
fn copy_link(
    mut armed: Local<bool>,
    options: Res<Options>,
    keys: Res<ButtonInput<KeyCode>>,
    panel: Single<(&Panel, &Interaction)>,
    #[cfg(target_arch = "wasm32")] mut commands: Commands,
) {
    let (panel, interaction) = *panel;
    let pressed = *interaction == Interaction::Pressed;
    // On a touch screen, browsers allow copying only when the finger is lifted.
    let tapped = *armed && !pressed;
    *armed = pressed;
    let shown = panel.0.as_ref().is_some_and(|texts| texts.hint.is_some());
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
            secret: None,
            identity: None,
            conditioner: None,
            link: link.to_owned(),
            bot: None,
            display: Display::Window,
            errors: Vec::new(),
        }
    }

    #[test]
    fn panel_shows_the_link_without_other_players() {
        let options = options("http://10.0.0.2:3536/hello/?room=den");
        let waiting = panel_text(RoomStatus::Waiting, None, None, None, None, &options).unwrap();
        assert!(waiting.body.contains("\"den\""));
        assert!(waiting.hint.is_some());
        assert_eq!(
            panel_text(RoomStatus::Playing, None, None, None, None, &options),
            None
        );
    }

    #[test]
    fn link_to_localhost_has_a_hint_about_other_machines() {
        let hint = |link| {
            panel_text(RoomStatus::Waiting, None, None, None, None, &options(link))
                .unwrap()
                .hint
        };
        let local = hint("http://127.0.0.1:3536/hello/?room=den").unwrap();
        assert!(local.contains("network address"), "{local}");
        let shareable = hint("http://10.0.0.2:3536/hello/?room=den").unwrap();
        assert!(!shareable.contains("network address"), "{shareable}");
    }

    #[test]
    fn panel_shows_why_a_player_was_refused() {
        let options = options("http://10.0.0.2:3536/hello/");
        let refusal = Some("their game is older");
        let waiting = panel_text(RoomStatus::Waiting, None, None, refusal, None, &options).unwrap();
        assert!(waiting.body.contains("their game is older"), "{waiting:?}");
        assert!(waiting.hint.is_some());
    }

    #[test]
    fn pending_peer_is_shown_with_the_reason_instead_of_an_earlier_refusal() {
        let options = options("http://10.0.0.2:3536/hello/");
        let shown = |reason: PendingReason| {
            let refusal = Some("their game is older");
            panel_text(
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
        assert_eq!(busy.title, "A player is here");
        assert!(busy.body.contains("busy"), "{busy:?}");
        assert!(!busy.body.contains("older"), "{busy:?}");
        assert_eq!(shown(PendingReason::Connecting).body, "Connecting...");
    }

    #[test]
    fn panel_shows_problems_and_failures() {
        let options = options("http://host/");
        let lost = Some("nobody answers".to_owned());
        let retrying = panel_text(RoomStatus::Retrying, lost, None, None, None, &options).unwrap();
        assert_eq!(retrying.body, "nobody answers");
        let failed = panel_text(
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
