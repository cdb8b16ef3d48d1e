//! Code that all examples share, so that an example contains little more than its netcode: options,
//! window, waiting screen with an invitation, toasts and name tags.
//!
//! ```no_run
//! use bevy::prelude::*;
//! use bevy_huddle::prelude::*;
//! use example_kit::{ExampleKit, Options};
//!
//! fn main() -> AppExit {
//!     App::new()
//!         .add_plugins((ExampleKit::new("pong"), HuddlePlugins))
//!         .add_systems(Startup, |options: Res<Options>, mut commands: Commands| {
//!             commands.join_room(options.room_url.clone());
//!         })
//!         .run()
//! }
//! ```

mod bot;
mod button;
#[cfg(target_arch = "wasm32")]
mod copy;
mod fade;
mod invitation;
mod link;
mod logging;
mod notifications;
mod options;
mod overlay;
mod paint;
mod panel;
mod persona;
mod qr;
#[cfg(target_arch = "wasm32")]
mod share;
mod stage;
mod steering;
mod tag;
mod toast;

use bevy::prelude::*;

use notifications::Lobby;
use stage::{DEFAULT_VIEW, View};

pub use bot::{Bot, bot_plugin};
pub use button::pointer_is_free;
pub use fade::Fade;
pub use invitation::Invitation;
pub use options::{Display, Options, bot_plays, printable};
pub use paint::{coverage, paint, paint_color};
pub use persona::Persona;
pub use stage::{ARENA, BACKGROUND};
pub use steering::{direction_to, held_direction};
pub use tag::NameTag;
pub use toast::Toast;

/// Adds Bevy's plugins and everything else that an example needs besides `HuddlePlugins`, and inserts
/// [`Options`].
///
/// With `--headless` it adds nothing visual. Check [`Options::display`] before you add visual plugins.
#[derive(Debug, Clone)]
pub struct ExampleKit {
    options: Options,
    controls: &'static str,
    view: View,
    lobby: Lobby,
}

impl ExampleKit {
    /// Reads the options. `example` is the name of the example, and the default name of its room.
    pub fn new(example: &'static str) -> Self {
        Self {
            options: Options::read(example),
            controls: "",
            view: View::Flat(DEFAULT_VIEW),
            lobby: Lobby::Panel,
        }
    }

    /// Sets the line at the bottom of the screen, which explains the controls.
    #[must_use]
    pub fn controls(self, controls: &'static str) -> Self {
        Self { controls, ..self }
    }

    /// Sets the size of the part of the world that the camera shows at any window size. It is centered at
    /// the origin. The default is [`ARENA`] with a margin.
    #[must_use]
    pub fn view(self, view: Vec2) -> Self {
        Self {
            view: View::Flat(view),
            ..self
        }
    }

    /// Spawns no camera, because the game spawns its own. Make it active if [`Options::display`] is
    /// [`Display::Window`].
    #[must_use]
    pub fn without_camera(self) -> Self {
        Self {
            view: View::Game,
            ..self
        }
    }

    /// Hides the kit's panel while the player waits for other players. The game shows its own lobby, with
    /// an [`Invitation`]. The panel still shows problems with the room.
    #[must_use]
    pub fn without_panel(self) -> Self {
        Self {
            lobby: Lobby::Game,
            ..self
        }
    }

    /// Returns the options.
    pub fn options(&self) -> &Options {
        &self.options
    }
}

impl Plugin for ExampleKit {
    fn build(&self, app: &mut App) {
        app.insert_resource(self.options.clone())
            .insert_resource(self.lobby);
        if self.options.display == Display::Headless {
            stage::headless(app);
            app.add_plugins(toast::log_only);
        } else {
            let title = format!("{} - bevy_huddle", self.options.example);
            stage::window(app, &title, self.view);
            app.add_plugins((
                toast::plugin,
                tag::plugin,
                fade::plugin,
                overlay::plugin(self.controls),
                button::plugin,
                link::plugin,
                invitation::plugin,
                panel::plugin,
            ));
        }
        app.add_plugins(notifications::plugin);
    }
}
