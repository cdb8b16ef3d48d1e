//! The addresses of the examples' rooms.

/// Returns the URL of an example's room. It is on the server that serves the page. Natively, it is on this machine, or
/// the environment variable `HUDDLE_ROOM` contains it.
pub(crate) fn room_url(name: &str) -> String {
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
