//! Keeps a game running while its page is hidden.

#[cfg(all(feature = "web_background", any(target_arch = "wasm32", test)))]
mod cameras;
#[cfg(all(feature = "web_background", target_arch = "wasm32"))]
mod web;

use bevy::prelude::*;

/// Keeps the game running while its page is hidden, because another tab is in front or the window
/// is minimized.
///
/// Browsers stop drawing a hidden page, which stops the game. This plugin runs the game 60 times
/// per second from a timer in a web worker instead, with its cameras disabled. A player can then
/// switch to a chat to share the link to the room and stay in the game.
///
/// The plugin works in browsers, with this crate's `web_background` feature and Bevy's
/// `bevy_winit`. Native games keep running in the background with Bevy's
/// [`WinitSettings::continuous`](https://docs.rs/bevy/latest/bevy/winit/struct.WinitSettings.html).
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::prelude::*;
///
/// // The game stops while its page is hidden, as it does without the feature:
/// let plugins = HuddlePlugins.set(HuddleBackgroundPlugin { enabled: false });
/// # App::new().add_plugins((MinimalPlugins, plugins));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HuddleBackgroundPlugin {
    /// Whether the game keeps running while its page is hidden.
    pub enabled: bool,
}

impl Default for HuddleBackgroundPlugin {
    fn default() -> Self {
        Self { enabled: true }
    }
}

impl Plugin for HuddleBackgroundPlugin {
    fn build(&self, app: &mut App) {
        #[cfg(all(feature = "web_background", target_arch = "wasm32"))]
        if self.enabled {
            web::build(app);
        }
        #[cfg(not(all(feature = "web_background", target_arch = "wasm32")))]
        let _ = app;
    }
}
