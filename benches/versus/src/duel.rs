//! Measures the traffic between two players.

use std::time::Duration;

use huddle_sim::{Cell, CellResult, Inputs};

use crate::{
    ggrs::Ggrs,
    meter::Meter,
    player::{self, Clock, Player},
    table,
};

/// Two players at 60 Hz.
const DUEL: Cell = Cell {
    name: "2 at 100 ms",
    rtt: Duration::from_millis(100),
    input_bytes: 1,
    step: Duration::from_micros(16_667),
    ..Cell::LAN_2
};

/// The duration of a traffic measurement.
const MEASURED: Duration = Duration::from_secs(60);

/// The start of the second measurement.
const LATER: Duration = Duration::from_secs(30 * 60);

pub(crate) fn run() {
    println!(
        "\n## bevy_huddle, {}, 60 Hz, inputs of 1 byte that change in every tick, bytes/s one way\n\n\
         | inputs | packets/s | in the first minute | after 30 minutes | with 93 B per packet |\n\
         |---|--:|--:|--:|--:|",
        DUEL.name
    );
    for (name, inputs) in [("a counter", Inputs::Counter), ("random", Inputs::Random)] {
        let first = sent(inputs, MEASURED);
        let (before, after) = (sent(inputs, LATER), sent(inputs, LATER + MEASURED));
        let seconds = MEASURED.as_secs_f64();
        let packets = first.0 / seconds;
        println!(
            "| {name} | {packets:.1} | {:.0} | {:.0} | {:.0} |",
            first.1 / seconds,
            (after.1 - before.1) / seconds,
            first.1 / seconds + 93.0 * packets,
        );
    }
}

/// Returns the number of packets and bytes that a player sends in a match of this length.
fn sent(inputs: Inputs, time: Duration) -> (f64, f64) {
    let cell = Cell {
        inputs,
        steps: (time.as_secs_f64() / DUEL.step.as_secs_f64()).round() as u32,
        ..DUEL
    };
    let tallies = cell.play();
    let mean = |count: fn(&huddle_sim::Tally) -> u64| {
        tallies.iter().map(count).sum::<u64>() as f64 / tallies.len() as f64
    };
    (
        mean(|tally| tally.sent.packets),
        mean(|tally| tally.sent.bytes),
    )
}

pub(crate) fn run_ggrs() {
    table::print_header(&format!(
        "{}, input delay 0, prediction window 8, inputs of 1 byte, 60 Hz",
        Ggrs::NAME
    ));
    for (name, inputs) in [("a counter", Inputs::Counter), ("random", Inputs::Random)] {
        let cell = Cell {
            name,
            inputs,
            window: 7,
            ..DUEL
        };
        let tallies = player::play::<Ggrs>(&cell, Clock::System, &mut Meter::default());
        table::print_result(&cell, &CellResult::new(&cell, &tallies, &cell.ideal()));
    }
}
