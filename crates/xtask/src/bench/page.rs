//! Measures by how much networking enlarges the download of a page.

use std::{fs, path::Path};

use anyhow::Context;

use crate::{
    bundle::{self, WebProfile},
    compress::{Sizes, megabytes},
    project::Project,
    site,
    toolchain::WasmToolchain,
};

/// The measured example.
const ONLINE: &str = "hello";

/// The same example without networking, in `benches/offline`.
const OFFLINE: &str = "hello_offline";

/// The largest allowed growth of the page, as a fraction, for each encoding.
const MAX_GROWTH: f64 = 0.1;

/// The largest allowed size of the page in bytes, compressed with brotli.
const MAX_BROTLI: u64 = 4_300_000;

/// The total size of the files that a browser loads for one example.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Page {
    raw: u64,
    gzip: u64,
    brotli: u64,
}

/// Builds both examples and prints a table of their sizes.
pub(super) fn measure(project: &Project) -> anyhow::Result<()> {
    let profile = WebProfile::WebRelease;
    let online = project.examples.select(Some(ONLINE))?;
    let site = site::build(project, &online, profile)?;

    let folder = project.cache.bench();
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    // Compiled separately, because cargo unifies the features of packages that it builds together.
    let toolchain = WasmToolchain::find(project)?;
    bundle::compile(project, &toolchain, &[OFFLINE], profile)?;
    bundle::bind(project, OFFLINE, profile, &folder)?;

    println!(
        "\n{}",
        table(
            Page::of(&folder, OFFLINE)?,
            Page::of(&site.join(ONLINE), ONLINE)?
        )
    );
    Ok(())
}

impl Page {
    fn of(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let mut page = Self {
            raw: 0,
            gzip: 0,
            brotli: 0,
        };
        for file in bundle::files(folder, name) {
            let sizes = Sizes::of(&file)?;
            let compressed = || format!("{} has no compressed copy", file.display());
            page.raw += sizes.raw;
            page.gzip += sizes.gzip.with_context(compressed)?;
            page.brotli += sizes.brotli.with_context(compressed)?;
        }
        Ok(page)
    }
}

fn table(without: Page, with: Page) -> String {
    let mut text = String::from("| | raw | gzip | brotli |\n|---|---|---|---|\n");
    for (title, page) in [("without", without), ("with", with)] {
        let [raw, gzip, brotli] = [page.raw, page.gzip, page.brotli].map(megabytes);
        text += &format!("| {title} networking | {raw} | {gzip} | {brotli} |\n");
    }
    let growth = |of: fn(&Page) -> u64| of(&with) as f64 / of(&without) as f64 - 1.0;
    let all = [
        growth(|page| page.raw),
        growth(|page| page.gzip),
        growth(|page| page.brotli),
    ];
    let [raw, gzip, brotli] = all.map(|growth| format!("{:+.1}%", 100.0 * growth));
    text += &format!("| networking adds | {raw} | {gzip} | {brotli} |\n\n");
    let met = |is_met| if is_met { "met" } else { "missed" };
    text += &format!(
        "Goals: at most {:+.0} % in each column: {}; at most {} with brotli: {}.",
        100.0 * MAX_GROWTH,
        met(all.iter().all(|&growth| growth <= MAX_GROWTH)),
        megabytes(MAX_BROTLI),
        met(with.brotli <= MAX_BROTLI),
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Page = Page {
        raw: 17_000_000,
        gzip: 5_000_000,
        brotli: 4_000_000,
    };

    #[test]
    fn table_shows_the_growth() {
        let large = Page {
            raw: 17_850_000,
            gzip: 5_100_000,
            brotli: 4_200_000,
        };
        let text = table(SMALL, large);
        assert!(
            text.contains("| networking adds | +5.0% | +2.0% | +5.0% |"),
            "{text}"
        );
        assert!(!text.contains("missed"), "{text}");
    }

    #[test]
    fn missed_goals_are_reported() {
        let large = Page {
            brotli: 4_500_000,
            ..SMALL
        };
        let text = table(SMALL, large);
        assert_eq!(text.matches("missed").count(), 2, "{text}");
    }

    #[test]
    fn page_without_compressed_copies_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        for file in bundle::files(folder.path(), "game") {
            fs::write(file, "some bytes").unwrap();
        }
        let error = Page::of(folder.path(), "game").unwrap_err().to_string();
        assert!(error.contains("has no compressed copy"), "{error}");
    }
}
