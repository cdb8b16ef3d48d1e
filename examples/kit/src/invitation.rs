//! The invitation: the link to the room, as a text, as a QR code, and with buttons that copy and share
//! it.

use bevy::prelude::*;
use bevy::window::PrimaryWindow;

use crate::button::button;
use crate::link::{LinkAction, can_share};
use crate::options::{Options, printable};
use crate::qr;

/// Shows the link to the room, with which a friend can join: as a text, as a QR code, and with buttons
/// that copy and share it.
///
/// The kit adds the content as children. Key C copies the link while an invitation is visible. Spawn it
/// as a child of a UI node:
///
/// ```no_run
/// # use bevy::prelude::*;
/// # use example_kit::Invitation;
/// # fn spawn_lobby(mut commands: Commands) {
/// commands.spawn((Node::default(), children![Text::new("Lobby"), Invitation]));
/// # }
/// ```
#[derive(Component, Debug, Clone, Copy, Default)]
#[require(Node = layout())]
pub struct Invitation;

/// The image of the QR code, with its width in modules.
#[derive(Component)]
struct CodeImage(u32);

/// The least width of the QR code in logical pixels, with which phones can scan it.
const CODE_WIDTH: f32 = 150.0;

/// The height of a window that has no space for the QR code, such as that of a phone held sideways.
const LOW_WINDOW: f32 = 500.0;

pub(crate) fn plugin(app: &mut App) {
    app.add_observer(fill).add_systems(Update, fit_code);
}

fn layout() -> Node {
    Node {
        flex_direction: FlexDirection::Column,
        align_items: AlignItems::Center,
        row_gap: px(10),
        max_width: percent(100),
        ..default()
    }
}

fn fill(
    added: On<Add, Invitation>,
    options: Res<Options>,
    mut images: ResMut<Assets<Image>>,
    mut commands: Commands,
) {
    // An invalid room has no link.
    if options.link.is_empty() {
        return;
    }
    let can_share = can_share();
    let code = qr::paint(&options.link).map(|image| (CodeImage(image.width()), images.add(image)));
    commands.entity(added.entity).with_children(|invitation| {
        // A link has few places where words end.
        let link = line(
            printable(&options.link),
            17.0,
            Color::oklch(0.85, 0.12, 195.0),
            LineBreak::AnyCharacter,
        );
        invitation.spawn(link);
        if let Some((code, image)) = code {
            let node = Node {
                width: px(CODE_WIDTH),
                height: px(CODE_WIDTH),
                flex_shrink: 0.0,
                ..default()
            };
            invitation.spawn((code, ImageNode::new(image), node));
        }
        let buttons = Node {
            column_gap: px(10),
            ..default()
        };
        invitation.spawn(buttons).with_children(|buttons| {
            buttons.spawn((LinkAction::Copy, button("Copy link")));
            if can_share {
                buttons.spawn((LinkAction::Share, button("Share")));
            }
        });
        invitation.spawn(line(
            hint(options.link_is_local()),
            13.0,
            Color::srgb(0.52, 0.55, 0.72),
            LineBreak::WordOrCharacter,
        ));
    });
}

fn line(text: String, size: f32, color: Color, linebreak: LineBreak) -> impl Bundle {
    (
        Text(text),
        TextFont::from_font_size(size),
        TextColor(color),
        TextLayout {
            justify: Justify::Center,
            linebreak,
        },
    )
}

fn hint(link_is_local: bool) -> String {
    let keys = "Press C to copy the link.";
    if link_is_local {
        format!(
            "{keys}\nOnly this machine can open it. \
             For a friend on another machine, replace the host with this machine's network address."
        )
    } else {
        keys.to_owned()
    }
}

/// Fits the QR code into the window, or hides it while the window is too low for it.
fn fit_code(
    window: Option<Single<&Window, With<PrimaryWindow>>>,
    ui_scale: Res<UiScale>,
    mut codes: Query<(&CodeImage, &mut Node)>,
) {
    let Some(window) = window else {
        return;
    };
    let display = if window.height() < LOW_WINDOW {
        Display::None
    } else {
        Display::Flex
    };
    let scale = window.scale_factor();
    for (code, mut node) in &mut codes {
        // All modules have the same whole number of physical pixels.
        let modules = code.0 as f32;
        let width = modules * (CODE_WIDTH * scale / modules).ceil();
        let width = px(width / scale / ui_scale.0);
        if (node.display, node.width) != (display, width) {
            node.display = display;
            node.width = width;
            node.height = width;
        }
    }
}

#[cfg(test)]
mod tests {
    use bevy::window::WindowResolution;
    use url::Url;

    use super::*;

    const LINK: &str = "http://10.0.0.2:3536/hello/?room=den";

    /// Returns an app that shows an invitation with this link.
    fn app(link: &str) -> App {
        let page = Url::parse("http://host/").unwrap();
        let mut app = App::new();
        app.add_plugins((MinimalPlugins, plugin))
            .init_resource::<Assets<Image>>()
            .init_resource::<UiScale>()
            .insert_resource(Options {
                link: link.to_owned(),
                ..Options::from_page("hello", &page, |_| None)
            });
        app.world_mut()
            .spawn((Node::default(), children![Invitation]));
        app.update();
        app
    }

    fn texts(app: &mut App) -> Vec<String> {
        let mut texts = app.world_mut().query::<&Text>();
        let texts = texts.iter(app.world());
        texts.map(|text| text.0.clone()).collect()
    }

    fn codes(app: &mut App) -> Vec<(Display, Val)> {
        let mut codes = app.world_mut().query_filtered::<&Node, With<CodeImage>>();
        let codes = codes.iter(app.world());
        codes.map(|node| (node.display, node.width)).collect()
    }

    #[test]
    fn invitation_shows_the_link_as_text_and_code() {
        let mut app = app(LINK);
        assert!(texts(&mut app).contains(&LINK.to_owned()));
        assert_eq!(codes(&mut app).len(), 1);
    }

    #[test]
    fn link_that_is_too_long_has_no_code() {
        let link = format!("{LINK}&ice={}", "x".repeat(3000));
        let mut app = app(&link);
        assert!(texts(&mut app).contains(&link));
        assert_eq!(codes(&mut app), []);
    }

    #[test]
    fn invalid_room_has_no_invitation() {
        assert_eq!(texts(&mut app("")), Vec::<String>::new());
    }

    #[test]
    fn native_game_has_no_button_for_sharing() {
        let texts = texts(&mut app(LINK));
        assert!(texts.contains(&"Copy link".to_owned()), "{texts:?}");
        assert!(!texts.contains(&"Share".to_owned()), "{texts:?}");
    }

    #[test]
    fn local_link_has_a_hint_about_other_machines() {
        let has_hint = |link| {
            let texts = texts(&mut app(link));
            texts.iter().any(|text| text.contains("network address"))
        };
        assert!(has_hint("http://127.0.0.1:3536/hello/?room=den"));
        assert!(!has_hint(LINK));
    }

    /// Returns an app whose window has this size. A phone has three physical pixels per logical pixel.
    fn phone(width: u32, height: u32) -> App {
        let mut app = app(LINK);
        app.insert_resource(UiScale(0.7));
        let resolution =
            WindowResolution::new(3 * width, 3 * height).with_scale_factor_override(3.0);
        let window = Window {
            resolution,
            ..default()
        };
        app.world_mut().spawn((window, PrimaryWindow));
        app.update();
        app
    }

    #[test]
    fn low_window_hides_the_code() {
        assert_eq!(codes(&mut phone(844, 390))[0].0, Display::None);
        assert_eq!(codes(&mut phone(390, 844))[0].0, Display::Flex);
    }

    #[test]
    fn modules_have_whole_physical_pixels() {
        let modules = qr::paint(LINK).unwrap().width() as f32;
        let (_, width) = codes(&mut phone(390, 844))[0];
        let Val::Px(width) = width else {
            panic!("the code has no fixed width: {width:?}");
        };
        let module = width * 0.7 * 3.0 / modules;
        assert!((module - module.round()).abs() < 1e-3, "{module}");
        assert!(width * 0.7 >= CODE_WIDTH - 0.01, "{width}");
    }
}
