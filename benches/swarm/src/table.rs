use crate::figure::{Results, Row};

/// Formats the results as a table, followed by the failures.
pub(crate) fn of(all: &[Results]) -> String {
    let mut text = String::from(
        "| | huddle-signaling | matchbox_signaling | ratio | range | goal |\n\
         |---|--:|--:|--:|--:|---|\n",
    );
    for results in all {
        text += &format!("| **{}** | | | | | |\n", results.title);
        for row in &results.rows {
            text += &line(row);
        }
    }
    for results in all {
        for failure in &results.failures {
            text += &format!("\nA run failed: {}: {failure}\n", results.title);
        }
    }
    text
}

fn line(row: &Row) -> String {
    let number = |value: Option<f64>| value.map_or_else(String::new, number);
    let range = row.range().map_or_else(String::new, |(least, largest)| {
        format!("{least:.2} to {largest:.2}")
    });
    let goal = row.verdict().map_or_else(String::new, |(goal, is_met)| {
        let verdict = if is_met { "met" } else { "**missed**" };
        format!("{goal}: {verdict}")
    });
    let (name, huddle, stock) = (row.name, number(row.huddle()), number(row.stock()));
    let ratio = row
        .ratio()
        .map_or_else(String::new, |ratio| format!("{ratio:.2}"));
    format!("| {name} | {huddle} | {stock} | {ratio} | {range} | {goal} |\n")
}

/// Formats a number with three significant digits, or all digits before the point.
fn number(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::{Figure, Goal};

    #[test]
    fn table_shows_medians_ratios_and_goals() {
        let mut results = Results::new("Rooms");
        for (huddle, stock) in [(100.0, 50.0), (120.0, 100.0), (90.0, 100.0)] {
            let cpu = |value| Figure::new("CPU, µs", value, Goal::RatioAtMost(0.5));
            results.add(&[cpu(huddle)], &[cpu(stock)]);
            let memory = |value| Figure::new("memory, kB", value, Goal::AtMost(100.0));
            results.add(&[memory(huddle / 10.0)], &[]);
            let lost = |value| Figure::new("lost", value, Goal::None);
            results.add(&[lost(0.0)], &[lost(0.0)]);
        }
        results.failures.push("no answer".into());
        let text = of(&[results]);
        for row in [
            "| CPU, µs | 100 | 100 | 1.20 | 0.90 to 2.00 | ratio at most 0.5: **missed** |",
            "| memory, kB | 10.0 |  |  |  | at most 100: met |",
            "| lost | 0.00 | 0.00 |  |  |  |",
            "A run failed: Rooms: no answer",
        ] {
            assert!(text.contains(row), "{text}");
        }
    }
}
