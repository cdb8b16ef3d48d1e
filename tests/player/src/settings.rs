//! Settings of the measurements: query parameters on the web, environment variables natively.

use bevy::prelude::*;

/// The settings of the measurements.
#[derive(Resource, Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// The game.
    pub(crate) game: Game,
    /// The number of numbered events per second to each peer. 0 disables all measurements.
    pub(crate) probe: u32,
    /// The length of a transfer to each peer, in bytes.
    pub(crate) transfer: Option<usize>,
    /// The lifetime of TURN credentials, in seconds. The player renews them twice in this time.
    pub(crate) turn_lifetime: Option<u64>,
    /// The duration of each frame, in milliseconds.
    pub(crate) busy: Option<u64>,
    /// The number of players of a match.
    pub(crate) players: Option<usize>,
    /// The tick of the match from which on its result depends on the platform.
    pub(crate) sine: Option<u32>,
    /// The number of ticks of the input log.
    pub(crate) log: Option<u32>,
    /// Chooses the rollbacks of the input log. 0 for none.
    pub(crate) mispredictions: u64,
}

/// An example that the tests play.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Game {
    Hello,
    Duel,
    Cubes,
    /// One of the small examples.
    Step(fn() -> App),
}

impl Settings {
    pub(crate) fn read() -> Self {
        let name = text("game").unwrap_or_default();
        let step = steps::EXAMPLES.iter().find(|(known, _)| *known == name);
        let game = match (name.as_str(), step) {
            ("duel", _) => Game::Duel,
            ("cubes", _) => Game::Cubes,
            (_, Some((_, app))) => Game::Step(*app),
            _ => Game::Hello,
        };
        Self {
            game,
            probe: number("probe").unwrap_or(0),
            transfer: number("transfer"),
            turn_lifetime: number("turn_lifetime"),
            busy: number("busy"),
            players: number("match"),
            sine: number("sine"),
            log: number("log"),
            mispredictions: number("mispredictions").unwrap_or(0),
        }
    }
}

fn number<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = text(name)?;
    let number = text.parse().ok();
    if number.is_none() {
        error!("{name} is {text:?}, which is not a number");
    }
    number
}

/// Returns a setting.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn text(name: &str) -> Option<String> {
    std::env::var(format!("HUDDLE_TEST_{}", name.to_uppercase())).ok()
}

/// Returns a setting.
#[cfg(target_arch = "wasm32")]
pub(crate) fn text(name: &str) -> Option<String> {
    let query = web_sys::window()?.location().search().ok()?;
    web_sys::UrlSearchParams::new_with_str(&query)
        .ok()?
        .get(name)
}
