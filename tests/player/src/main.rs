//! The example `hello` with instruments: reports what it sees, and measures what the network does.
//!
//! The tests play this instead of the example itself, which has no code for them.

mod counts;
mod output;
mod pause;
mod probe;
mod report;
mod settings;
mod violations;

use bevy::prelude::*;

use settings::Settings;

fn main() -> AppExit {
    let settings = Settings::read();
    let mut app = hello::app();
    app.insert_resource(settings).add_plugins((
        counts::plugin::<hello::Splash>,
        violations::plugin,
        report::plugin,
    ));
    // Only players who measure can play with each other: the messages have to be the same.
    if settings.probe > 0 {
        app.add_plugins(probe::plugin);
    }
    app.run()
}
