//! The first game of the README, as a crate outside the workspace: each player sees the other one's square move.

use std::{
    net::{Ipv4Addr, SocketAddr},
    thread,
    time::{Duration, Instant},
};

use anyhow::ensure;
use huddle_tests::{Artifacts, Browser, Page, Picture, Player, Server, Window};

use crate::steps::LOAD;

const GAME: &str = "my-game";
/// Where the game looks for the server.
const PORT: u16 = 3536;
/// Long enough for 200 pixels.
const HELD: Duration = Duration::from_millis(700);
/// A square of 60 by 60 pixels, or most of it if another square hides a part.
const SQUARE: usize = 1200;
const SEEN: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(100);

/// A game that draws.
trait Drawn {
    fn name(&self) -> &str;
    fn picture(&mut self) -> anyhow::Result<Picture>;
    fn press(&mut self, way: Way) -> anyhow::Result<()>;
    fn log(&self) -> String;
}

#[derive(Clone, Copy)]
enum Way {
    Up,
    Down,
}

impl Drawn for Window {
    fn name(&self) -> &str {
        self.name()
    }

    fn picture(&mut self) -> anyhow::Result<Picture> {
        self.picture()
    }

    fn press(&mut self, way: Way) -> anyhow::Result<()> {
        let key = match way {
            Way::Up => "Up",
            Way::Down => "Down",
        };
        Window::press(self, key, HELD)
    }

    fn log(&self) -> String {
        self.log()
    }
}

/// A page, and where its screenshots go.
struct Shown<'a> {
    page: Browser,
    artifacts: &'a Artifacts,
}

impl Drawn for Shown<'_> {
    fn name(&self) -> &str {
        self.page.name()
    }

    fn picture(&mut self) -> anyhow::Result<Picture> {
        let file = format!("first-game-{}.png", self.page.name().to_lowercase());
        let file = self.artifacts.screenshots.join(file);
        Picture::from_png(&self.page.screenshot(&file)?)
    }

    fn press(&mut self, way: Way) -> anyhow::Result<()> {
        let key = match way {
            Way::Up => '\u{e013}',
            Way::Down => '\u{e015}',
        };
        self.page.press(key, HELD)
    }

    fn log(&self) -> String {
        self.page.log()
    }
}

pub(crate) fn moves_in_two_windows(artifacts: &Artifacts) -> anyhow::Result<()> {
    let _server = server(artifacts)?;
    let open = |name| Window::open(artifacts, name, GAME, &[], Page::DEFAULT);
    let (mut ada, mut bob) = (open("Ada")?, open("Bob")?);
    each_sees_the_other_move(&mut ada, &mut bob)?;
    for window in [&mut ada, &mut bob] {
        let file = format!("first-game-window-{}.png", window.name().to_lowercase());
        window.picture()?.save(&artifacts.screenshots.join(file))?;
    }
    Ok(())
}

pub(crate) fn moves_in_two_pages(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = server(artifacts)?;
    let open = |name| {
        let page = Browser::chromium(name, Page::DEFAULT)?;
        page.open(&server.page(GAME, ""))?;
        Ok::<_, anyhow::Error>(Shown { page, artifacts })
    };
    let (mut ada, mut bob) = (open("Ada")?, open("Bob")?);
    each_sees_the_other_move(&mut ada, &mut bob)
}

fn server(artifacts: &Artifacts) -> anyhow::Result<Server> {
    Server::start_on(artifacts, SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)))
}

/// Both squares begin in the middle row. One goes up, then the other goes down.
fn each_sees_the_other_move(ada: &mut dyn Drawn, bob: &mut dyn Drawn) -> anyhow::Result<()> {
    both_show(ada, bob, LOAD, "a square in the middle", |rows| {
        rows.middle >= SQUARE && rows.above == 0 && rows.below == 0
    })?;
    // The other square arrives when they are connected, and may be behind the first one.
    let start = Instant::now();
    loop {
        ada.press(Way::Up)?;
        let seen = both_show(ada, bob, SEEN, "Ada above and Bob in the middle", |rows| {
            rows.above >= SQUARE && rows.middle >= SQUARE && rows.below == 0
        });
        match seen {
            Ok(()) => break,
            Err(error) if start.elapsed() > LOAD => return Err(error),
            // Not connected yet.
            Err(_) => ada.press(Way::Down)?,
        }
    }
    bob.press(Way::Down)?;
    both_show(ada, bob, SEEN, "Ada above and Bob below", |rows| {
        rows.above >= SQUARE && rows.middle < SQUARE && rows.below >= SQUARE
    })
}

/// Pixels that are drawn in three parts of the picture.
#[derive(Debug)]
struct Rows {
    above: usize,
    middle: usize,
    below: usize,
}

impl Rows {
    /// A page may lie some pixels lower than a window.
    const MIDDLE: usize = 60;

    fn of(picture: &Picture) -> Self {
        let height = picture.height();
        let (top, bottom) = (height / 2 - Self::MIDDLE, height / 2 + Self::MIDDLE);
        Self {
            above: picture.drawn(0..top),
            middle: picture.drawn(top..bottom),
            below: picture.drawn(bottom..height),
        }
    }
}

fn both_show(
    ada: &mut dyn Drawn,
    bob: &mut dyn Drawn,
    timeout: Duration,
    what: &str,
    holds: impl Fn(&Rows) -> bool,
) -> anyhow::Result<()> {
    let start = Instant::now();
    loop {
        let rows = [Rows::of(&ada.picture()?), Rows::of(&bob.picture()?)];
        if rows.iter().all(&holds) {
            println!("   both show {what}: {} ms", start.elapsed().as_millis());
            return Ok(());
        }
        ensure!(
            start.elapsed() < timeout,
            "not on both screens: {what}: {rows:?}\n   {}:\n{}\n   {}:\n{}",
            ada.name(),
            ada.log(),
            bob.name(),
            bob.log()
        );
        thread::sleep(POLL);
    }
}
