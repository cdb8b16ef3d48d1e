//! The inputs of the local players: keyboard, gamepads, touch, or a bot.

mod bot;
mod held;
mod keyboard;
mod pads;
pub(crate) mod touch;

use bevy::prelude::*;
use example_kit::{Display, Options};

pub(crate) use held::Controls;

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<Controls>()
        .add_systems(First, held::release)
        .add_plugins(bot::plugin);
    let options = app.world().resource::<Options>();
    if options.display != Display::Headless {
        let is_played = |options: Res<Options>| options.bot.is_none();
        let read = (keyboard::read, pads::read, touch::read).run_if(is_played);
        app.add_plugins(touch::plugin)
            .add_systems(PreUpdate, read.after(bevy::input::InputSystems));
    }
}
