//! Compares the replication of this project with `bevy_replicon`: 1000 entities with three components,
//! of which none, 1 % or all change in each tick.
//!
//! Unit: the time of one frame of the app that owns the entities, and the bytes that it sends to one
//! peer per tick. Cells: 1 and 8 peers. Both libraries run in this process, in the same cell one after
//! the other, on the same changes.

mod huddle;
mod measure;
mod replicon;
mod world;

use measure::{Cell, Measured};

fn main() {
    println!(
        "| peers | changed | library | frame, median | frame, p99 | bytes per tick and peer |"
    );
    println!("|---|---|---|---|---|---|");
    for peers in [1, 8] {
        for changed in [0, 10, 1000] {
            let cell = Cell { peers, changed };
            let ours = huddle::run(cell);
            let theirs = replicon::run(cell);
            print(&format!("{changed} of 1000"), cell, &ours, &theirs);
        }
        let empty = Cell { peers, changed: 0 };
        print(
            "no entities",
            empty,
            &huddle::run_empty(empty),
            &replicon::run_empty(empty),
        );
    }
}

fn print(what: &str, cell: Cell, ours: &Measured, theirs: &Measured) {
    let ratio = |ours: f64, theirs: f64| match theirs > 0.0 {
        true => format!("{:.2}", ours / theirs),
        false => "-".to_owned(),
    };
    let time = ratio(ours.median, theirs.median);
    let bytes = ratio(ours.bytes, theirs.bytes);
    let peers = cell.peers;
    for (name, it) in [("bevy_huddle", ours), ("bevy_replicon", theirs)] {
        let Measured { median, p99, bytes } = it;
        println!("| {peers} | {what} | {name} | {median:.1} us | {p99:.1} us | {bytes:.1} |");
    }
    println!("| {peers} | {what} | *ratio* | {time} | | {bytes} |");
}
