use huddle_sim::{Cell, CellResult, Inputs};

use crate::{
    fortress::Fortress,
    huddle::Whole,
    meter::Meter,
    published,
    rival::{self, Clock, Rival},
    table,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Play every cell with so many seeds and tell the mean
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Print a JSON object per line instead of tables
    #[arg(long)]
    json: bool,
}

/// How the same cells are played.
struct Setting {
    title: &'static str,
    delay: u32,
    /// By the count of this project, which is one less than by theirs.
    window: u32,
}

const EQUAL: Setting = Setting {
    title: "input delay 0, 8 ticks predicted at most (their prediction window 9)",
    delay: 0,
    window: 8,
};

const PUBLISHED: Setting = Setting {
    title: "input delay 1, 7 ticks predicted at most (their prediction window 8, as they published)",
    delay: 1,
    window: 7,
};

/// Inputs of the other cells change evenly, which is easy to foretell. These cannot be at all; what
/// players do is in between.
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

/// What both came to in one cell.
struct Pair {
    cell: Cell,
    ours: CellResult,
    theirs: CellResult,
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
                    ours: play_seeds::<Whole>(&cell, options.seeds),
                    theirs: play_seeds::<Fortress>(&cell, options.seeds),
                }
            })
            .collect();
        if options.json {
            for pair in pairs {
                table::print_json::<Whole>(setting.title, pair.ours);
                table::print_json::<Fortress>(setting.title, pair.theirs);
            }
            continue;
        }
        table::print_header(&format!("{}, {}", Whole::NAME, setting.title));
        for pair in &pairs {
            table::print_result(&pair.cell, &pair.ours);
        }
        table::print_header(&format!("{}, {}", Fortress::NAME, setting.title));
        for pair in &pairs {
            table::print_result(&pair.cell, &pair.theirs);
            if let Some(row) = published::SWEEP
                .iter()
                .find(|row| is_published && row.cell == pair.cell.name)
            {
                table::print_published(&pair.cell, &pair.theirs, row);
            }
        }
        println!("\n{}", ratios(&pairs));
    }
}

/// What one has in proportion to the other.
fn ratios(pairs: &[Pair]) -> String {
    let mut text = format!(
        "| {} / {} | B per tick | packets | stalls/min | more than ideal |\n|---|--:|--:|--:|--:|\n",
        Whole::NAME,
        Fortress::NAME
    );
    for Pair { cell, ours, theirs } in pairs {
        let excess = |result: &CellResult| result.stalls_per_min - result.ideal_stalls_per_min;
        text += &format!(
            "| {} | {:.3} | {:.2} | {:.1} / {:.1} | {:.1} / {:.1} |\n",
            cell.name,
            ours.bytes_per_player_tick / theirs.bytes_per_player_tick,
            ours.packets_per_link_s / theirs.packets_per_link_s,
            ours.stalls_per_min,
            theirs.stalls_per_min,
            excess(ours),
            excess(theirs),
        );
    }
    text
}

fn play_seeds<R: Rival>(cell: &Cell, seeds: u64) -> CellResult {
    let (mut tallies, mut ideal) = (Vec::new(), Vec::new());
    for seed in cell.seed..cell.seed + seeds {
        let cell = Cell { seed, ..*cell };
        let mut meter = Meter::default();
        tallies.extend(rival::play::<R>(&cell, Clock::Virtual, &mut meter));
        ideal.extend(cell.ideal());
    }
    CellResult::new(cell, &tallies, &ideal)
}
