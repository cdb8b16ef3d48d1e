//! Plays the cells of the benchmark.

use huddle_sim::{Cell, CellResult};

/// Plays each cell with `seeds` seeds, and prints the means.
pub(crate) fn play(cells: &[Cell], seeds: u64, json: bool) {
    if !json {
        println!("{HEADER}");
    }
    for cell in cells {
        let result = mean(cell, seeds);
        match json {
            true => println!("{}", json_of(&result)),
            false => println!("{}", row(cell, &result)),
        }
    }
}

fn mean(cell: &Cell, seeds: u64) -> CellResult {
    let (mut tallies, mut ideal) = (Vec::new(), Vec::new());
    for seed in (cell.seed..).take(seeds as usize) {
        let cell = Cell { seed, ..*cell };
        tallies.extend(cell.play());
        ideal.extend(cell.ideal());
    }
    CellResult::new(cell, &tallies, &ideal)
}

fn json_of(result: &CellResult) -> String {
    serde_json::to_string(result).expect("a result has only numbers and a name")
}

/// The headers of IPv4, UDP, DTLS and SCTP around each packet.
const HEADERS: f64 = 93.0;

const HEADER: &str = "\
| cell | B/s per player | B per tick | with headers | packets/s per link | rollbacks per 100 | p99 depth \
| lag mean / max | ticks/s | stalls/min | ideal stalls/min | desyncs |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|";

fn row(cell: &Cell, result: &CellResult) -> String {
    let packets_per_s = result.packets_per_link_s * (cell.players - 1) as f64;
    let headers = HEADERS * packets_per_s / result.ticks_per_s;
    format!(
        "| {} | {:.0} | {:.1} | {:.1} | {:.1} | {:.1} | {} | {:.2} / {} | {:.1} | {:.1} | {:.1} | {} |",
        cell.name,
        result.bytes_per_player_s,
        result.bytes_per_player_tick,
        result.bytes_per_player_tick + headers,
        result.packets_per_link_s,
        result.rollbacks_per_100,
        result.depth_p99,
        result.lag_mean,
        result.lag_max,
        result.ticks_per_s,
        result.stalls_per_min,
        result.ideal_stalls_per_min,
        result.desyncs,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_contains_documented_fields() {
        let cell = Cell {
            steps: 100,
            ..Cell::LAN_2
        };
        let json: serde_json::Value = serde_json::from_str(&json_of(&mean(&cell, 2))).unwrap();
        for field in [
            "bytes_per_player_s",
            "packets_per_link_s",
            "rollbacks_per_100",
            "depth_p99",
            "lag_mean",
            "lag_max",
            "stalls_per_min",
            "ideal_stalls_per_min",
            "desyncs",
        ] {
            assert!(json[field].is_number(), "{field}: {json}");
        }
        assert_eq!(json["stalls_per_min"], 0.0);
    }
}
