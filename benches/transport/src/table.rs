use crate::{
    results::{Goal, Results},
    statistics::median,
};

/// Formats the results as a table, followed by failures and missed goals.
pub(crate) fn of(all: &[Results]) -> String {
    let mut text = String::from(
        "| | huddle_mesh | matchbox_socket | ratio | range | pairs | goal |\n\
         |---|--:|--:|--:|--:|--:|---|\n",
    );
    let mut group = "";
    for results in all {
        if group != results.group {
            group = results.group;
            text += &format!("| **{group}** | | | | | | |\n");
        }
        for pairs in &results.figures {
            let mut ratios = pairs.ratios();
            let range = match (ratios.first(), ratios.last()) {
                (Some(least), Some(largest)) => format!("{least:.2} to {largest:.2}"),
                _ => String::new(),
            };
            let ratio = median(&mut ratios);
            let goal = pairs.metric.goal().map_or_else(String::new, |goal| {
                let limit = match goal {
                    Goal::AtMost(limit) => format!("at most {limit}"),
                    Goal::AtLeast(limit) => format!("at least {limit}"),
                };
                let verdict = if goal.is_met(ratio) {
                    "met"
                } else {
                    "**missed**"
                };
                format!("{limit}: {verdict}")
            });
            text += &format!(
                "| {}: {} | {:.2} | {:.2} | {ratio:.2} | {range} | {} | {goal} |\n",
                results.cell,
                pairs.metric.title(),
                pairs.huddle(),
                pairs.matchbox(),
                ratios.len(),
            );
        }
    }
    for results in all {
        for failure in &results.failures {
            text += &format!(
                "\nA run failed and its pair is left out: {}: {failure}",
                results.cell
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Figure, Metric};

    #[test]
    fn table_shows_medians_and_goals() {
        let mut results = Results::new("clean".into(), "Join");
        for (huddle, matchbox) in [(100.0, 50.0), (120.0, 100.0), (90.0, 100.0)] {
            results.add(
                &[Figure::new(Metric::Join, huddle)],
                &[Figure::new(Metric::Join, matchbox)],
            );
        }
        results.failures.push("huddle_mesh: no link".into());
        let text = of(&[results]);
        let row = "| clean: join to first message, ms | 100.00 | 100.00 | 1.20 | 0.90 to 2.00 | 3 \
                   | at most 1.1: **missed** |";
        assert!(text.contains(row), "{text}");
        assert!(
            text.contains("left out: clean: huddle_mesh: no link"),
            "{text}"
        );
    }

    #[test]
    fn throughput_has_a_lower_limit() {
        let mut results = Results::new("clean".into(), "Throughput");
        results.add(
            &[Figure::new(Metric::Throughput, 9.5)],
            &[Figure::new(Metric::Throughput, 10.0)],
        );
        assert!(of(&[results]).contains("at least 0.9: met"));
    }
}
