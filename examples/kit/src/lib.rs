//! What the examples share, so that an example is its netcode and nothing else: options, window,
//! waiting screen, toasts, and name tags.
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

#[cfg(target_arch = "wasm32")]
mod copy;
mod logging;
mod news;
mod options;
mod persona;
mod screen;
mod stage;
mod tag;
mod toast;

use bevy::prelude::*;

pub use options::{Display, Options, printable};
pub use persona::Persona;
pub use screen::pointer_is_free;
pub use stage::{ARENA, BACKGROUND};
pub use tag::NameTag;
pub use toast::Toast;

/// Bevy's plugins and everything else that an example needs besides `HuddlePlugins`; inserts
/// [`Options`].
///
/// Nothing visual is added with `--headless`; ask [`Options`] before adding more of it.
#[derive(Debug, Clone)]
pub struct ExampleKit {
    options: Options,
    controls: &'static str,
}

impl ExampleKit {
    /// Reads the options. `example` is the example's name, and its room's unless another is asked for.
    pub fn new(example: &'static str) -> Self {
        Self {
            options: Options::here(example),
            controls: "",
        }
    }

    /// Says at the bottom of the screen how to play, in a few words.
    #[must_use]
    pub fn controls(self, controls: &'static str) -> Self {
        Self { controls, ..self }
    }

    /// How the example was started.
    pub fn options(&self) -> &Options {
        &self.options
    }
}

impl Plugin for ExampleKit {
    fn build(&self, app: &mut App) {
        app.insert_resource(self.options.clone());
        if self.options.display == Display::Headless {
            stage::headless(app);
            app.add_plugins(toast::log_only);
        } else {
            stage::window(app, &format!("{} - bevy_huddle", self.options.example));
            app.add_plugins((toast::plugin, tag::plugin, screen::plugin(self.controls)));
        }
        app.add_plugins(news::plugin);
    }
}
