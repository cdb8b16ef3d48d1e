//! Short messages that disappear after some seconds.

use bevy::prelude::*;
use bevy_huddle::PeerId;

use crate::options::printable;

/// Shows a message for some seconds when it is triggered:
/// `commands.trigger(Toast::new("Ada joined"))`.
#[derive(Event, Debug, Clone)]
pub struct Toast {
    text: String,
    color: Color,
    seconds: f32,
    about: Option<Topic>,
}

/// The topic of a message. A new message replaces an older one with the same topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    /// The connection to a peer.
    Connection(PeerId),
    /// The reason why a peer has not joined yet.
    Pending(PeerId),
}

/// Removes the message with this topic when it is triggered.
#[derive(Event, Debug, Clone, Copy)]
pub(crate) struct Outdated(pub(crate) Topic);

impl Toast {
    /// Creates a message.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            color: Color::srgb(0.62, 0.66, 0.86),
            seconds: 4.0,
            about: None,
        }
    }

    /// Creates a warning. It stays longer than a message.
    pub fn warning(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            color: Color::srgb(1.0, 0.72, 0.3),
            seconds: 8.0,
            about: None,
        }
    }

    /// Sets the color, for example that of a player.
    pub fn colored(self, color: Color) -> Self {
        Self { color, ..self }
    }

    /// Sets the topic. The message disappears when a newer one has the same topic, or on [`Outdated`].
    pub(crate) fn about(self, topic: Topic) -> Self {
        Self {
            about: Some(topic),
            ..self
        }
    }
}

/// The limit, because more toasts would cover the game. The oldest are removed.
const MAX_TOASTS: usize = 5;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(PreStartup, spawn_stack)
        .add_observer(show)
        .add_observer(remove_outdated)
        .add_systems(Update, age);
}

/// Writes messages to the log only, for a program without a window.
pub(crate) fn log_only(app: &mut App) {
    app.add_observer(|toast: On<Toast>| info!("{}", toast.text));
}

#[derive(Component)]
struct Stack;

/// A message on the screen.
#[derive(Component)]
struct Shown {
    age: f32,
    seconds: f32,
    color: Color,
    about: Option<Topic>,
}

fn spawn_stack(mut commands: Commands) {
    commands.spawn((
        Stack,
        Node {
            position_type: PositionType::Absolute,
            right: px(40),
            // Below a button that a game may have in this corner.
            top: px(88),
            flex_direction: FlexDirection::Column,
            align_items: AlignItems::FlexEnd,
            row_gap: px(6),
            max_width: percent(60),
            ..default()
        },
        GlobalZIndex(20),
    ));
}

fn show(
    toast: On<Toast>,
    stack: Single<(Entity, Option<&Children>), With<Stack>>,
    shown: Query<&Shown>,
    mut commands: Commands,
) {
    info!("{}", toast.text);
    let (stack, children) = *stack;
    let is_outdated = |entity: &Entity| {
        let about = shown.get(*entity).ok().and_then(|shown| shown.about);
        about.is_some() && about == toast.about
    };
    let children = children.map_or(&[][..], |children| children);
    let (outdated, mut kept): (Vec<Entity>, Vec<Entity>) =
        children.iter().copied().partition(is_outdated);
    let too_many = (kept.len() + 1).saturating_sub(MAX_TOASTS);
    for entity in outdated.into_iter().chain(kept.drain(..too_many)) {
        commands.entity(entity).try_despawn();
    }
    commands.spawn((
        ChildOf(stack),
        Shown {
            age: 0.0,
            seconds: toast.seconds,
            color: toast.color,
            about: toast.about,
        },
        Node {
            // Long messages wrap.
            max_width: vw(60),
            padding: UiRect::axes(px(12), px(6)),
            border: UiRect::left(px(3)),
            border_radius: BorderRadius::all(px(4)),
            ..default()
        },
        BackgroundColor(Color::NONE),
        BorderColor::all(Color::NONE),
        children![(
            Text::new(printable(&toast.text)),
            TextFont::from_font_size(14.0),
            TextColor(Color::NONE),
        )],
    ));
}

fn remove_outdated(outdated: On<Outdated>, shown: Query<(Entity, &Shown)>, mut commands: Commands) {
    for (entity, shown) in &shown {
        if shown.about == Some(outdated.0) {
            commands.entity(entity).try_despawn();
        }
    }
}

fn age(
    time: Res<Time>,
    mut toasts: Query<(
        Entity,
        &mut Shown,
        &mut UiTransform,
        &mut BackgroundColor,
        &mut BorderColor,
        &Children,
    )>,
    mut texts: Query<&mut TextColor>,
    mut commands: Commands,
) {
    for (entity, mut toast, mut transform, mut background, mut border, children) in &mut toasts {
        toast.age += time.delta_secs();
        let left = toast.seconds - toast.age;
        if left <= 0.0 {
            commands.entity(entity).try_despawn();
            continue;
        }
        let fade_in = (toast.age / 0.25).min(1.0);
        let alpha = fade_in * (left / 0.6).min(1.0);
        transform.translation.x = px(24.0 * (1.0 - fade_in).powi(2));
        background.0 = Color::srgba(0.06, 0.07, 0.14, 0.82 * alpha);
        *border = BorderColor::all(toast.color.with_alpha(alpha));
        for child in children {
            if let Ok(mut color) = texts.get_mut(*child) {
                color.0 = Color::srgba(0.93, 0.94, 1.0, alpha);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_with_a_topic_is_replaced_and_removed() {
        let mut app = App::new();
        app.add_plugins((MinimalPlugins, plugin));
        app.update();
        let peer = PeerId::from_u128(1);
        let topic = Topic::Connection(peer);
        let texts = |app: &mut App| {
            let world = app.world_mut();
            let mut texts: Vec<_> = world
                .query::<&Text>()
                .iter(world)
                .map(|text| text.0.clone())
                .collect();
            texts.sort();
            texts
        };
        for toast in [
            Toast::new("joined"),
            Toast::new("shaky").about(topic),
            Toast::new("waits").about(Topic::Pending(peer)),
            Toast::new("well").about(topic),
        ] {
            app.world_mut().trigger(toast);
            app.update();
        }
        assert_eq!(texts(&mut app), ["joined", "waits", "well"]);
        app.world_mut().trigger(Outdated(topic));
        app.update();
        assert_eq!(texts(&mut app), ["joined", "waits"]);
    }
}
