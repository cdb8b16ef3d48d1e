//! What networking adds to what a browser downloads.

use std::{fs, path::Path};

use anyhow::Context;

use crate::{
    bundle::{self, Flavour},
    compress::{Sizes, megabytes},
    examples::Example,
    project::Project,
    site,
    toolchain::WasmToolchain,
};

/// The game that is measured.
const ONLINE: &str = "hello";

/// The same game without networking, in `benches/offline`.
const OFFLINE: &str = "hello_offline";

/// How much larger the page may get, as a share, brotli or not.
const MOST_GROWTH: f64 = 0.1;

/// How large it may be, in bytes with brotli.
const MOST_BROTLI: u64 = 4_300_000;

/// What a browser loads of one game: the wasm and its glue, summed.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Page {
    raw: u64,
    gzip: u64,
    brotli: u64,
}

/// Builds both and prints a table.
pub(super) fn measure(project: &Project) -> anyhow::Result<()> {
    let flavour = Flavour::WebRelease;
    let online = project.examples.select(Some(ONLINE))?;
    let site = site::build(project, &online, flavour)?;

    let offline = Example {
        name: OFFLINE.to_owned(),
        description: String::new(),
    };
    let folder = project.cache.bench();
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    // Apart from the other: cargo unites the features of what it builds at once.
    let toolchain = WasmToolchain::find(project)?;
    bundle::compile(project, &toolchain, &[&offline], flavour)?;
    bundle::bind(project, &offline, flavour, &folder)?;

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
            let compressed = || format!("{} was not compressed", file.display());
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
    let [raw, gzip, brotli] = all.map(|growth| format!("{:+.1} %", 100.0 * growth));
    text += &format!("| networking adds | {raw} | {gzip} | {brotli} |\n\n");
    let met = |is_met| if is_met { "met" } else { "missed" };
    text += &format!(
        "Goals: at most {:+.0} % in each column: {}; at most {} with brotli: {}.",
        100.0 * MOST_GROWTH,
        met(all.iter().all(|&growth| growth <= MOST_GROWTH)),
        megabytes(MOST_BROTLI),
        met(with.brotli <= MOST_BROTLI),
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
    fn the_table_tells_what_networking_adds() {
        let large = Page {
            raw: 17_850_000,
            gzip: 5_100_000,
            brotli: 4_200_000,
        };
        let text = table(SMALL, large);
        assert!(
            text.contains("| networking adds | +5.0 % | +2.0 % | +5.0 % |"),
            "{text}"
        );
        assert!(!text.contains("missed"), "{text}");
    }

    #[test]
    fn a_goal_that_is_missed_is_told() {
        let large = Page {
            brotli: 4_500_000,
            ..SMALL
        };
        let text = table(SMALL, large);
        assert_eq!(text.matches("missed").count(), 2, "{text}");
    }

    #[test]
    fn a_page_that_was_not_compressed_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        for file in bundle::files(folder.path(), "game") {
            fs::write(file, "some bytes").unwrap();
        }
        let error = Page::of(folder.path(), "game").unwrap_err().to_string();
        assert!(error.contains("was not compressed"), "{error}");
    }
}
