//! The colors of the interface.

use bevy::prelude::Color;

/// Text.
pub(crate) const TEXT: Color = Color::srgb(0.95, 0.95, 1.0);
/// Text that explains.
pub(crate) const SOFT: Color = Color::srgb(0.62, 0.65, 0.82);
/// Text about a problem.
pub(crate) const WARM: Color = Color::srgb(1.0, 0.72, 0.3);
/// What the player can do.
pub(crate) const ACCENT: Color = Color::srgb(0.55, 0.5, 1.0);
/// A player that is ready.
pub(crate) const READY: Color = Color::srgb(0.4, 0.9, 0.6);
/// The background of panels.
pub(crate) const PANEL: Color = Color::srgba(0.05, 0.055, 0.12, 0.92);
