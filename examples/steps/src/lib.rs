//! Small examples. Each is one file with one idea: read `replicate`, `chat` and `lobby` first.
//!
//! `cargo play chat` serves one of them, and `cargo run -p steps chat` opens a window. To make one of them your own game,
//! rename its function `app` to `main`, run the app, and replace `room_url("chat")` with the URL of your room.

mod chat;
mod host_authority;
mod late_join;
mod lobby;
mod password;
mod replicate;
mod rollback;
mod server_browser;
mod transfer;
mod url;

use bevy::prelude::*;

/// The examples and their names.
pub const EXAMPLES: [(&str, fn() -> App); 9] = [
    ("chat", chat::app),
    ("host_authority", host_authority::app),
    ("late_join", late_join::app),
    ("lobby", lobby::app),
    ("password", password::app),
    ("replicate", replicate::app),
    ("rollback", rollback::app),
    ("server_browser", server_browser::app),
    ("transfer", transfer::app),
];

/// Returns the named example, ready to run.
pub fn app(name: &str) -> Option<App> {
    let (_, app) = EXAMPLES.iter().find(|(known, _)| *known == name)?;
    Some(app())
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
