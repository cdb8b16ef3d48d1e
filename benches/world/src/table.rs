//! The table of `docs/benchmarks.md`.

use crate::{
    cell::Cell,
    measure::{Round, median},
};

pub(crate) fn print_head(rounds: usize) {
    println!(
        "\n## The world store, µs per operation, median of {rounds} rounds\n\n\
         | | bevy_huddle | bevy_ggrs | ratio | goal | single-threaded bevy_ggrs | ratio | simulation \
         | store alone | copy alone | store / copy | with simulation | allocations | bevy_ggrs |\n\
         |---|--:|--:|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    );
}

pub(crate) fn print_row(cell: &Cell, rounds: &[Round]) {
    let ratio = median(rounds, |round| round.ggrs.micros / round.huddle.micros);
    let single = median(rounds, |round| {
        round.ggrs_single.micros / round.huddle.micros
    });
    let store = median(rounds, |round| {
        round.huddle.micros - round.simulation.micros
    });
    let store_copies = median(rounds, |round| {
        (round.huddle.micros - round.simulation.micros) / round.copy.micros
    });
    let copies = median(rounds, |round| {
        round.huddle.micros / round.simulation_and_copy.micros
    });
    let allocations = median(rounds, |round| round.huddle.allocations);
    println!(
        "| {} | {} | {} | {ratio:.1} | {} | {} | {single:.1} | {} | {} | {} | {}{} | {copies:.2} \
         | {}{} | {} |",
        cell.name,
        micros(median(rounds, |round| round.huddle.micros)),
        micros(median(rounds, |round| round.ggrs.micros)),
        verdict(ratio >= cell.goal, &format!("≥ {}", cell.goal)),
        micros(median(rounds, |round| round.ggrs_single.micros)),
        micros(median(rounds, |round| round.simulation.micros)),
        micros(store),
        micros(median(rounds, |round| round.copy.micros)),
        format_args!("{store_copies:.1}"),
        cell.copies.map_or_else(String::new, |most| {
            format!(", {}", verdict(store_copies <= most, &format!("≤ {most}")))
        }),
        number(allocations),
        match cell.is_free_of_allocations {
            true => format!(", {}", verdict(allocations == 0.0, "0")),
            false => String::new(),
        },
        number(median(rounds, |round| round.ggrs.allocations)),
    );
}

fn verdict(is_met: bool, goal: &str) -> String {
    match is_met {
        true => format!("{goal}: met"),
        false => format!("{goal}: **missed**"),
    }
}

fn micros(value: f64) -> String {
    match value {
        0.0..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

fn number(value: f64) -> String {
    match value.fract() == 0.0 || value >= 10.0 {
        true => format!("{value:.0}"),
        false => format!("{value:.2}"),
    }
}
