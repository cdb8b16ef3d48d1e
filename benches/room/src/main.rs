//! What a room costs: packets and bytes per link, and time and allocations per frame.
//!
//! `cargo xtask bench room` runs this in release and prints the tables of `docs/benchmarks.md`.

mod allocator;
mod frame;
mod game;
mod traffic;

fn main() {
    if cfg!(debug_assertions) {
        println!("Built without --release: the times below mean nothing.\n");
    }
    traffic::table();
    println!();
    frame::table();
}
