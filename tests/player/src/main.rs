//! An example with instrumentation. It reports the state of the game, and measures the
//! delivery of events, components and transfers.
//!
//! The tests run this program, so the example itself contains no code for them.

mod counts;
mod credentials;
mod cubes_world;
mod duel_match;
mod input_log;
mod output;
mod pause;
mod probe;
mod report;
mod settings;
mod simulation;
mod tokens;
mod violations;

use std::time::Duration;

use bevy::prelude::*;

use settings::{Game, Settings};

fn main() -> AppExit {
    let settings = Settings::read();
    let mut app = match settings.game {
        Game::Hello => hello::app(),
        Game::Duel => duel::app(),
        Game::Cubes => cubes::app(),
        Game::Step(app) => app(),
    };
    app.insert_resource(settings)
        .add_plugins((counts::plugin, violations::plugin, report::plugin));
    match settings.game {
        Game::Hello => {
            app.add_plugins(counts::events::<hello::Splash>);
            // The match registers messages, so either all players of a room use it or none do.
            if let Some(players) = settings.players {
                app.add_plugins(simulation::plugin(players, settings.sine));
            }
            if let Some(lifetime) = settings.turn_lifetime {
                app.add_plugins(credentials::plugin(Duration::from_secs(lifetime)));
            }
        }
        Game::Cubes => _ = app.add_plugins(cubes_world::plugin),
        Game::Step(_) => {}
        Game::Duel => {
            app.add_plugins(duel_match::plugin);
            if let Some(players) = settings.players {
                app.insert_resource(duel::BotsWaitFor(players));
            }
        }
    }
    if let Some(milliseconds) = settings.busy {
        let duration = Duration::from_millis(milliseconds);
        app.add_systems(Last, pause::slow_frames(duration));
    }
    if let Some(token) = settings::text("token") {
        app.add_plugins(tokens::plugin(token));
    }
    // So does the probe.
    if settings.probe > 0 {
        app.add_plugins(probe::plugin);
    }
    if let Some(ticks) = settings.log {
        app.add_plugins(input_log::plugin(ticks, settings.mispredictions));
    }
    app.run()
}
