//! Everything to see, hear and feel besides the interface. Nothing here changes the simulation.

mod art;
mod camera;
mod of_match;
mod particles;
mod platform;
mod puppet;
mod sound;
mod synth;

use bevy::prelude::*;

pub(crate) fn plugin(app: &mut App) {
    app.add_plugins((
        art::plugin,
        camera::plugin,
        of_match::plugin,
        particles::plugin,
        platform::plugin,
        puppet::plugin,
        sound::plugin,
    ));
}
