//! The program `huddle-doctor`, and the code of its page.

#[cfg(target_arch = "wasm32")]
mod page;
#[cfg(not(target_arch = "wasm32"))]
mod program;

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    program::run()
}

#[cfg(target_arch = "wasm32")]
fn main() {
    page::run();
}
