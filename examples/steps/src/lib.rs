//! Small examples. Each is one file with one idea: read `replicate`, `chat` and `lobby` first.
//!
//! `cargo play chat` serves one of them, and `cargo run -p steps chat` opens a window. To make one of them your own game,
//! rename its function `app` to `main`, run the app, and replace `room("chat")` with the URL of your room.

mod chat;
mod host_authority;
mod late_join;
mod lobby;
mod password;
mod replicate;
mod rollback;
mod transfer;

use bevy::prelude::*;

/// The examples and their names.
pub const EXAMPLES: [(&str, fn() -> App); 8] = [
    ("chat", chat::app),
    ("host_authority", host_authority::app),
    ("late_join", late_join::app),
    ("lobby", lobby::app),
    ("password", password::app),
    ("replicate", replicate::app),
    ("rollback", rollback::app),
    ("transfer", transfer::app),
];

/// Returns the named example, ready to run.
pub fn app(name: &str) -> Option<App> {
    let (_, app) = EXAMPLES.iter().find(|(known, _)| *known == name)?;
    Some(app())
}

/// Returns the URL of an example's room. It is on the server that serves the page. Natively, it is on this machine, or
/// the environment variable `HUDDLE_ROOM` contains it.
pub fn room(name: &str) -> String {
    #[cfg(not(target_arch = "wasm32"))]
    if let Ok(room) = std::env::var("HUDDLE_ROOM") {
        return room;
    }
    let server = page_server().unwrap_or_else(|| "ws://localhost:3536".to_owned());
    format!("{server}/{name}")
}

#[cfg(target_arch = "wasm32")]
fn page_server() -> Option<String> {
    let location = web_sys::window()?.location();
    // http becomes ws, and https becomes wss.
    let scheme = location.protocol().ok()?.replacen("http", "ws", 1);
    Some(format!("{scheme}//{}", location.host().ok()?))
}

#[cfg(not(target_arch = "wasm32"))]
fn page_server() -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifest_describes_every_example() {
        let manifest = include_str!("../Cargo.toml");
        let (_, table) = manifest
            .split_once("[package.metadata.examples]\n")
            .unwrap();
        let lines = table.lines().take_while(|line| !line.is_empty());
        let described: Vec<_> = lines.filter_map(|line| line.split(" = ").next()).collect();
        let known: Vec<_> = EXAMPLES.iter().map(|(name, _)| *name).collect();
        assert_eq!(described, known);
    }
}
