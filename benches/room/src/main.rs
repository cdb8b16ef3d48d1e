//! Measures the packets and bytes on each link of a room, and the time and allocations of a frame.
//!
//! `cargo xtask bench room` runs this program in release mode. It prints the tables of
//! `docs/benchmarks.md`.

mod allocator;
mod frame;
mod game;
mod traffic;

fn main() {
    if cfg!(debug_assertions) {
        println!("This is a debug build. The times below are meaningless; use --release.\n");
    }
    traffic::table();
    println!();
    frame::table();
}
