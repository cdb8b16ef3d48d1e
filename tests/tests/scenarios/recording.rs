//! Records two windows of an example for the README: `cargo xtask picture`.

use std::{
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use huddle_tests::{Artifacts, Page, Picture, Server, Window};

use crate::entry::{Entry, Machine::Alone};

/// The variable with the folder of the frames.
const FOLDER: &str = "HUDDLE_TEST_RECORDING";
/// The time between frames.
const STEP: Duration = Duration::from_millis(80);
const FRAMES: u32 = 75;
/// The time until the players of `duel` have met, and the messages about it have disappeared.
const DUEL_WARM_UP: Duration = Duration::from_secs(12);
/// The time until both players of `cubes` own many of them.
const CUBES_WARM_UP: Duration = Duration::from_secs(45);
const GAP: usize = 12;
/// The size of a window.
const SIZE: Page = Page {
    width: 1000,
    height: 760,
};

/// Returns the recordings if one is requested.
pub(crate) fn recordings() -> Vec<Entry> {
    match std::env::var_os(FOLDER) {
        Some(_) => vec![
            ("recording_of_cubes", Alone, |artifacts| {
                two_windows(artifacts, "cubes", CUBES_WARM_UP)
            }),
            ("recording_of_duel", Alone, |artifacts| {
                two_windows(artifacts, "duel", DUEL_WARM_UP)
            }),
        ],
        None => Vec::new(),
    }
}

fn two_windows(artifacts: &Artifacts, example: &str, warm_up: Duration) -> anyhow::Result<()> {
    let folder = PathBuf::from(std::env::var_os(FOLDER).context("the folder is not set")?);
    let server = Server::start(artifacts)?;
    let room = server.room(example);
    let open = |name: &str, bot: &str| {
        Window::open(
            artifacts,
            name,
            example,
            &["--room", &room, "--bot", bot],
            SIZE,
        )
    };
    let (mut ada, mut bob) = (open("Ada", "3")?, open("Bob", "8")?);
    thread::sleep(warm_up);
    let start = Instant::now();
    let mut frames = Vec::new();
    for frame in 0..FRAMES {
        thread::sleep((STEP * frame).saturating_sub(start.elapsed()));
        frames.push((ada.dump()?, bob.dump()?));
    }
    println!(
        "   {FRAMES} frames in {:.1} s",
        start.elapsed().as_secs_f32()
    );
    for (frame, (ada, bob)) in frames.iter().enumerate() {
        let (ada, bob) = (Picture::from_xwd(ada)?, Picture::from_xwd(bob)?);
        let both = ada.halved().beside(&bob.halved(), GAP)?;
        both.save(&folder.join(format!("{frame:03}.png")))?;
    }
    Ok(())
}
