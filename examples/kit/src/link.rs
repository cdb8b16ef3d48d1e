//! The actions for the link to the room: copying and sharing it.

use bevy::prelude::*;

use crate::options::Options;
use crate::toast::Toast;

/// Copies or shares the link when it is triggered. As a component, the action of a button.
#[derive(Component, Event, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkAction {
    Copy,
    Share,
}

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Update, start_actions);
    #[cfg(target_arch = "wasm32")]
    app.add_observer(browser::start)
        .add_systems(Update, browser::report);
    #[cfg(not(target_arch = "wasm32"))]
    app.add_observer(copy);
}

#[cfg(target_arch = "wasm32")]
pub(crate) use crate::share::is_available as can_share;

/// Returns whether the player can share the link. Only browsers have a dialog for it.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn can_share() -> bool {
    false
}

/// Copies or shares the link when the player presses a key, or presses and releases a button.
fn start_actions(
    mut held: Local<Option<LinkAction>>,
    keys: Res<ButtonInput<KeyCode>>,
    buttons: Query<(
        &LinkAction,
        &Interaction,
        &InheritedVisibility,
        &ComputedNode,
    )>,
    mut commands: Commands,
) {
    let pressed = buttons
        .iter()
        .find(|(_, interaction, ..)| **interaction == Interaction::Pressed)
        .map(|(action, ..)| *action);
    // On a touch screen, browsers allow copying and sharing only when the finger is lifted.
    let released = std::mem::replace(&mut *held, pressed).filter(|_| pressed.is_none());
    let key = keys.just_pressed(KeyCode::KeyC).then_some(LinkAction::Copy);
    let Some(wanted) = released.or(key) else {
        return;
    };
    // A node in a tree without display has no size.
    let is_visible = buttons.iter().any(|(action, _, visibility, node)| {
        *action == wanted && visibility.get() && !node.is_empty()
    });
    if is_visible {
        commands.trigger(wanted);
    }
}

/// Copies the link, or prints it if there is no clipboard.
#[cfg(not(target_arch = "wasm32"))]
fn copy(
    action: On<LinkAction>,
    options: Res<Options>,
    clipboard: Option<ResMut<bevy::clipboard::Clipboard>>,
    mut commands: Commands,
) {
    if *action != LinkAction::Copy {
        return;
    }
    let copied = clipboard.is_some_and(|mut clipboard| clipboard.set_text(&options.link).is_ok());
    if copied {
        commands.trigger(Toast::new("Link copied"));
    } else {
        info!("to join, open {}", options.link);
        commands.trigger(Toast::warning("No clipboard: the link is in the terminal"));
    }
}

#[cfg(target_arch = "wasm32")]
mod browser {
    use super::*;
    use crate::{copy, share};

    pub(super) fn start(action: On<LinkAction>, options: Res<Options>) {
        match *action {
            LinkAction::Copy => copy::start(options.link.clone()),
            LinkAction::Share => share::start(options.example, &options.link),
        }
    }

    /// Shows the outcome, which the browser reports later.
    pub(super) fn report(mut commands: Commands) {
        match copy::outcome() {
            Some(true) => commands.trigger(Toast::new("Link copied")),
            Some(false) => commands.trigger(Toast::warning(
                "The browser does not allow copying here; copy the page's address instead",
            )),
            None => {}
        }
        if share::has_failed() {
            commands.trigger(Toast::warning(
                "The browser does not allow sharing here; copy the link instead",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The actions that have started.
    #[derive(Resource, Default)]
    struct Started(Vec<LinkAction>);

    /// Returns an app with a button that copies. The button has no layout yet.
    fn app() -> (App, Entity) {
        let mut app = App::new();
        app.add_plugins(MinimalPlugins)
            .init_resource::<ButtonInput<KeyCode>>()
            .init_resource::<Started>()
            .add_systems(Update, start_actions)
            .add_observer(|action: On<LinkAction>, mut started: ResMut<Started>| {
                started.0.push(*action);
            });
        let button = app.world_mut().spawn((Button, LinkAction::Copy)).id();
        (app, button)
    }

    /// Gives the button a place on the screen.
    fn show(app: &mut App, button: Entity) {
        let node = ComputedNode {
            size: Vec2::new(90.0, 40.0),
            ..default()
        };
        let shown = (node, InheritedVisibility::VISIBLE);
        app.world_mut().entity_mut(button).insert(shown);
    }

    fn press_c(app: &mut App) {
        let mut keys = app.world_mut().resource_mut::<ButtonInput<KeyCode>>();
        keys.press(KeyCode::KeyC);
        app.update();
        let mut keys = app.world_mut().resource_mut::<ButtonInput<KeyCode>>();
        keys.reset_all();
    }

    fn started(app: &App) -> &[LinkAction] {
        &app.world().resource::<Started>().0
    }

    #[test]
    fn key_copies_while_the_button_is_visible() {
        let (mut app, button) = app();
        press_c(&mut app);
        assert_eq!(started(&app), []);
        show(&mut app, button);
        press_c(&mut app);
        assert_eq!(started(&app), [LinkAction::Copy]);
    }

    #[test]
    fn button_copies_when_it_is_released() {
        let (mut app, button) = app();
        show(&mut app, button);
        let mut set = |interaction: Interaction| {
            app.world_mut().entity_mut(button).insert(interaction);
            app.update();
            started(&app).len()
        };
        assert_eq!(set(Interaction::Hovered), 0);
        assert_eq!(set(Interaction::Pressed), 0);
        assert_eq!(set(Interaction::Hovered), 1);
        assert_eq!(set(Interaction::None), 1);
    }

    #[test]
    fn hidden_button_does_not_copy_when_the_pointer_is_released() {
        let (mut app, button) = app();
        show(&mut app, button);
        let pressed = Interaction::Pressed;
        app.world_mut().entity_mut(button).insert(pressed);
        app.update();
        let hidden = (Interaction::None, InheritedVisibility::HIDDEN);
        app.world_mut().entity_mut(button).insert(hidden);
        app.update();
        assert_eq!(started(&app), []);
    }
}
