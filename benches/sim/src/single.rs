//! Plays a single match.

use std::time::Duration;

use huddle_rollback::{RollbackEvent, Seat};
use huddle_sim::{HashGame, Outcome, Scenario, Simulation};

/// Plays one scenario and prints the result. Returns whether the match passed.
pub(crate) fn play(scenario: &Scenario) -> bool {
    println!("{scenario}");
    for (number, fault) in scenario.all_faults().iter().enumerate() {
        let left_out = match scenario.without.contains(&number) {
            true => " (left out)",
            false => "",
        };
        println!("  fault {number}: {fault}{left_out}");
    }
    let mut simulation = scenario.simulation();
    simulation.run_until(scenario.length);
    let verdict = simulation.verdict();
    for player in 0..scenario.players {
        print_player(&simulation, player);
    }
    match &verdict {
        Ok(()) => println!("\nAll players agree."),
        Err(error) => println!("\nFAILED: {error}"),
    }
    verdict.is_ok()
}

fn print_player(simulation: &Simulation<HashGame>, player: usize) {
    let Outcome {
        stats,
        sent,
        events,
        errors,
        steps,
        tick,
        is_here,
        freezes,
        memory,
        ..
    } = simulation.outcome(player);
    let suffix = if is_here { "" } else { ", left" };
    let per_100 = |count: u64| 100.0 * count as f64 / stats.ticks.max(1) as f64;
    println!("\nplayer {player} at tick {tick}{suffix}");
    println!(
        "  {:.1} rollbacks per 100 ticks, p99 depth {} ticks; ahead of the confirmed tick by {:.1} on average, by at \
         most {}",
        per_100(stats.rollbacks),
        stats.depth_quantile(0.99),
        stats.lag_sum as f64 / steps.max(1) as f64,
        stats.lag_max,
    );
    println!(
        "  waited in {} of {steps} steps, for at most {}; sent {} packets, {} bytes",
        stats.stalls,
        seconds(stats.longest_wait),
        sent.packets,
        sent.bytes,
    );
    println!(
        "  kept at most {} states, {} inputs, and {} inputs and statements for votes",
        memory.saves, memory.inputs, memory.agreement,
    );
    let stalls_by_seat = (0..).map(Seat).zip(stats.stalls_by_seat);
    for (seat, count) in stalls_by_seat.filter(|(_, count)| *count > 0) {
        println!("  {count} of these for seat {seat}");
    }
    for event in &events {
        if let Some(text) = event_text(event) {
            println!("  {text}");
        }
    }
    for freeze in freezes {
        println!("  froze for {} because players left", seconds(freeze));
    }
    for error in errors {
        println!("  received an invalid message: {error}");
    }
}

/// Returns the text of an event, or `None` for events that every match has.
fn event_text(event: &RollbackEvent) -> Option<String> {
    Some(match event {
        RollbackEvent::Waiting { .. } | RollbackEvent::Started { .. } => return None,
        RollbackEvent::SeatLeft {
            seat,
            at_tick,
            reason,
            took,
        } => {
            let took = seconds(*took);
            format!("seat {seat} left at tick {at_tick} ({reason:?}), agreed within {took}")
        }
        other => format!("{other:?}"),
    })
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}
