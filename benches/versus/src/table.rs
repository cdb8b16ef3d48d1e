use huddle_sim::{Cell, CellResult};
use serde::Serialize;

use crate::{player::Player, published::Published};

/// A result with its library and setting.
#[derive(Serialize)]
struct Row<'a> {
    library: &'a str,
    setting: &'a str,
    #[serde(flatten)]
    result: CellResult,
}

pub(crate) fn print_json<P: Player>(setting: &str, result: CellResult) {
    let row = Row {
        library: P::NAME,
        setting,
        result,
    };
    println!(
        "{}",
        serde_json::to_string(&row).expect("a row has only numbers and texts")
    );
}

pub(crate) fn print_header(title: &str) {
    println!("\n## {title}\n");
    println!(
        "| cell | B/s per player | B per tick | packets/s per player | rollbacks per 100 | p99 depth \
         | lag mean / max | ticks/s | stalls/min | ideal stalls/min | desyncs |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    );
}

pub(crate) fn print_result(cell: &Cell, result: &CellResult) {
    println!(
        "| {} | {:.0} | {:.1} | {:.1} | {:.1} | {} | {:.2} / {} | {:.1} | {:.1} | {:.1} | {} |",
        result.cell,
        result.bytes_per_player_s,
        result.bytes_per_player_tick,
        packets_per_player_s(cell, result),
        result.rollbacks_per_100,
        result.depth_p99,
        result.lag_mean,
        result.lag_max,
        result.ticks_per_s,
        result.stalls_per_min,
        result.ideal_stalls_per_min,
        result.desyncs,
    );
}

/// Prints the published values of a cell, and their deviation from the measured ones.
pub(crate) fn print_published(cell: &Cell, result: &CellResult, published: &Published) {
    let deviation = |measured: f64, published: f64| match published == 0.0 {
        true => "0".to_owned(),
        false => format!(
            "{published:.1} ({:+.1}%)",
            (measured / published - 1.0) * 100.0
        ),
    };
    let packets = published
        .packets_per_player_s
        .map_or("".to_owned(), |packets| {
            deviation(packets_per_player_s(cell, result), packets)
        });
    println!(
        "| published | {} | | {packets} | {} | {} | {:.2} / {} | | {} | | |",
        deviation(result.bytes_per_player_s, published.bytes_per_player_s),
        deviation(result.rollbacks_per_100, published.rollbacks_per_100),
        published.depth_p99,
        published.lag_mean,
        published.lag_max,
        deviation(result.stalls_per_min, published.stalls_per_min),
    );
}

/// The bytes of IPv4, UDP, DTLS and SCTP headers in front of each packet.
const HEADERS: f64 = 93.0;

/// Returns the bytes of a player per simulated tick, with the headers of its packets.
pub(crate) fn wire_bytes_per_tick(cell: &Cell, result: &CellResult) -> f64 {
    let packets_per_tick = packets_per_player_s(cell, result) / result.ticks_per_s;
    result.bytes_per_player_tick + HEADERS * packets_per_tick
}

fn packets_per_player_s(cell: &Cell, result: &CellResult) -> f64 {
    result.packets_per_link_s * (cell.players - 1) as f64
}
