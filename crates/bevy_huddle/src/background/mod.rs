//! Pages that play on while nobody sees them.

#[cfg(all(feature = "web_background", any(target_arch = "wasm32", test)))]
mod cameras;
#[cfg(all(feature = "web_background", target_arch = "wasm32"))]
mod web;

use bevy::prelude::*;

/// Keeps the game running while its page is hidden: another tab is in front, or the window is minimized.
///
/// Browsers stop drawing a hidden page, and with it the game. This plugin wakes the game 60 times per
/// second from a worker's timer instead, with its cameras off. So a player who switches to a chat to
/// share the link to the room stays a player.
///
/// It works in browsers, with this crate's feature `web_background` and Bevy's `bevy_winit`. Native
/// games run in the background anyway, with Bevy's
/// [`WinitSettings::continuous`](https://docs.rs/bevy/latest/bevy/winit/struct.WinitSettings.html).
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::prelude::*;
///
/// // A hidden page stands still, as it does without the feature:
/// let plugins = HuddlePlugins.set(HuddleBackgroundPlugin { enabled: false });
/// # App::new().add_plugins((MinimalPlugins, plugins));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HuddleBackgroundPlugin {
    /// Whether a hidden page plays on.
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
