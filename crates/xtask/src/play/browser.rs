//! Opens a page in the browser of the user.

use std::process::Stdio;

use crate::env;

/// Opens the page, if this machine has a screen. The address was printed before, so a failure does
/// not matter.
pub(super) fn open(url: &str) {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else if has_screen() {
        "xdg-open"
    } else {
        return;
    };
    let mut command = env::command(program);
    command.arg(url);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let _ = command.spawn();
}

/// Returns whether a window can open. Without one, `xdg-open` would start a browser in the
/// terminal.
fn has_screen() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}
