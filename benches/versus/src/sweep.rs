use huddle_sim::{Cell, CellResult, Inputs};

use crate::{
    fortress::Fortress,
    huddle::SessionInRoom,
    meter::Meter,
    player::{self, Clock, Player},
    published, table,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Number of seeds per cell; the tables contain the means
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Print a JSON object per line instead of tables
    #[arg(long)]
    json: bool,
}

/// The settings for all cells.
struct Setting {
    title: &'static str,
    delay: u32,
    /// The prediction window as this project counts it. The other libraries count one more.
    window: u32,
}

const EQUAL: Setting = Setting {
    title: "input delay 0, at most 8 predicted ticks (prediction window 9 of fortress)",
    delay: 0,
    window: 8,
};

const PUBLISHED: Setting = Setting {
    title: "input delay 1, at most 7 predicted ticks (prediction window 8 of fortress, as published)",
    delay: 1,
    window: 7,
};

/// Cells with random inputs, which cannot be predicted. The inputs of the other cells change
/// regularly and are easy to predict. Inputs of real players lie in between.
const RANDOM: [Cell; 2] = [
    Cell {
        name: "2 Wi-Fi, random inputs",
        inputs: Inputs::Random,
        ..Cell::WIFI_2
    },
    Cell {
        name: "4 Wi-Fi, random inputs",
        inputs: Inputs::Random,
        ..Cell::WIFI_4
    },
];

/// The results of both libraries in one cell.
struct Pair {
    cell: Cell,
    huddle: CellResult,
    fortress: CellResult,
}

pub(crate) fn run(options: &Options) {
    for setting in [EQUAL, PUBLISHED] {
        let is_published = setting.delay == PUBLISHED.delay;
        let pairs: Vec<_> = Cell::SWEEP
            .iter()
            .chain(&RANDOM)
            .map(|cell| {
                let cell = Cell {
                    delay: setting.delay,
                    window: setting.window,
                    ..*cell
                };
                Pair {
                    cell,
                    huddle: play_seeds::<SessionInRoom>(&cell, options.seeds),
                    fortress: play_seeds::<Fortress>(&cell, options.seeds),
                }
            })
            .collect();
        if options.json {
            for pair in pairs {
                table::print_json::<SessionInRoom>(setting.title, pair.huddle);
                table::print_json::<Fortress>(setting.title, pair.fortress);
            }
            continue;
        }
        table::print_header(&format!("{}, {}", SessionInRoom::NAME, setting.title));
        for pair in &pairs {
            table::print_result(&pair.cell, &pair.huddle);
        }
        table::print_header(&format!("{}, {}", Fortress::NAME, setting.title));
        for pair in &pairs {
            table::print_result(&pair.cell, &pair.fortress);
            if let Some(row) = published::SWEEP
                .iter()
                .find(|row| is_published && row.cell == pair.cell.name)
            {
                table::print_published(&pair.cell, &pair.fortress, row);
            }
        }
        println!("\n{}", ratios(&pairs));
    }
}

/// Returns a table with the ratios between the two libraries.
fn ratios(pairs: &[Pair]) -> String {
    let mut text = format!(
        "| {} / {} | B per tick | with headers | packets | stalls/min | above ideal |\n|---|--:|--:|--:|--:|--:|\n",
        SessionInRoom::NAME,
        Fortress::NAME
    );
    for Pair {
        cell,
        huddle,
        fortress,
    } in pairs
    {
        let excess = |result: &CellResult| result.stalls_per_min - result.ideal_stalls_per_min;
        text += &format!(
            "| {} | {:.3} | {:.3} | {:.2} | {:.1} / {:.1} | {:.1} / {:.1} |\n",
            cell.name,
            huddle.bytes_per_player_tick / fortress.bytes_per_player_tick,
            table::wire_bytes_per_tick(cell, huddle) / table::wire_bytes_per_tick(cell, fortress),
            huddle.packets_per_link_s / fortress.packets_per_link_s,
            huddle.stalls_per_min,
            fortress.stalls_per_min,
            excess(huddle),
            excess(fortress),
        );
    }
    text
}

fn play_seeds<P: Player>(cell: &Cell, seeds: u64) -> CellResult {
    let (mut tallies, mut ideal) = (Vec::new(), Vec::new());
    for seed in cell.seed..cell.seed + seeds {
        let cell = Cell { seed, ..*cell };
        let mut meter = Meter::default();
        tallies.extend(player::play::<P>(&cell, Clock::Virtual, &mut meter));
        ideal.extend(cell.ideal());
    }
    CellResult::new(cell, &tallies, &ideal)
}
