//! Runs one of the examples: the first argument natively, and the name of the page's folder on the web.

use bevy::prelude::*;

fn main() -> AppExit {
    let name = name();
    match steps::app(&name) {
        Some(mut app) => app.run(),
        None => {
            let names: Vec<_> = steps::EXAMPLES.iter().map(|(name, _)| *name).collect();
            eprintln!(
                "There is no example {name:?}. Run one of: {}",
                names.join(", ")
            );
            AppExit::error()
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn name() -> String {
    std::env::args().nth(1).unwrap_or_default()
}

#[cfg(target_arch = "wasm32")]
fn name() -> String {
    let path = web_sys::window().and_then(|window| window.location().pathname().ok());
    let path = path.unwrap_or_default();
    let folders = path.trim_end_matches("index.html").trim_matches('/');
    folders.rsplit('/').next().unwrap_or_default().to_owned()
}
