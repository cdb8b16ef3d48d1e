//! The first game of the README, built as a crate outside the workspace. Each player sees the other
//! one's square move.

use std::{
    net::{Ipv4Addr, SocketAddr},
    thread,
    time::{Duration, Instant},
};

use anyhow::ensure;
use huddle_tests::{Artifacts, Browser, Page, Picture, Player, Server, Window};

use crate::{pictures::SLOW_DRAWING, steps::LOAD_TIMEOUT};

const GAME: &str = "my-game";
/// The port of the server in the README.
const PORT: u16 = 3536;
/// The time for which a key is held. The square moves 200 pixels in it.
const HELD: Duration = Duration::from_millis(700);
/// The minimum number of visible pixels of a square. It has 60 by 60 pixels, and another square may
/// hide a part of it.
const SQUARE: usize = 1200;
/// The maximum time until a window shows the expected squares.
const VISIBLE_TIMEOUT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(100);

/// A game in a window or a page.
trait Drawn {
    fn name(&self) -> &str;
    fn picture(&mut self) -> anyhow::Result<Picture>;
    fn press(&mut self, direction: Direction) -> anyhow::Result<()>;
    fn log(&self) -> String;
}

#[derive(Clone, Copy)]
enum Direction {
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

    fn press(&mut self, direction: Direction) -> anyhow::Result<()> {
        let key = match direction {
            Direction::Up => "Up",
            Direction::Down => "Down",
        };
        Window::press(self, key, HELD)
    }

    fn log(&self) -> String {
        self.log()
    }
}

/// A page and the folder for its screenshots.
struct DrawnPage<'a> {
    page: Browser,
    artifacts: &'a Artifacts,
}

impl Drawn for DrawnPage<'_> {
    fn name(&self) -> &str {
        self.page.name()
    }

    fn picture(&mut self) -> anyhow::Result<Picture> {
        let file = format!("first-game-{}.png", self.page.name().to_lowercase());
        let file = self.artifacts.screenshots.join(file);
        Picture::from_png(&self.page.screenshot(&file)?)
    }

    fn press(&mut self, direction: Direction) -> anyhow::Result<()> {
        let key = match direction {
            Direction::Up => '\u{e013}',
            Direction::Down => '\u{e015}',
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

/// The window is the crate outside the workspace, and the page is the example `minimal`, which is the same game.
pub(crate) fn moves_in_a_window_and_a_page(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = server(artifacts)?;
    let mut ada = Window::open(artifacts, "Ada", GAME, &[], Page::DEFAULT)?;
    let mut page = Browser::chromium("Bob", Page::DEFAULT)?;
    page.open(&server.page("minimal", ""))?;
    page.wait_shown(SLOW_DRAWING)?;
    let mut bob = DrawnPage { page, artifacts };
    each_sees_the_other_move(&mut ada, &mut bob)
}

pub(crate) fn moves_in_two_pages(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = server(artifacts)?;
    let open = |name| {
        let page = Browser::chromium(name, Page::DEFAULT)?;
        page.open(&server.page(GAME, ""))?;
        Ok::<_, anyhow::Error>(DrawnPage { page, artifacts })
    };
    let (mut ada, mut bob) = (open("Ada")?, open("Bob")?);
    each_sees_the_other_move(&mut ada, &mut bob)
}

fn server(artifacts: &Artifacts) -> anyhow::Result<Server> {
    Server::start_on(artifacts, SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)))
}

/// Both squares start in the middle row. One moves up, then the other moves down.
fn each_sees_the_other_move(ada: &mut dyn Drawn, bob: &mut dyn Drawn) -> anyhow::Result<()> {
    both_show(ada, bob, LOAD_TIMEOUT, "a square in the middle", |rows| {
        rows.middle >= SQUARE && rows.above == 0 && rows.below == 0
    })?;
    // The other square appears when the players are connected. It may be hidden behind the first
    // one.
    let start = Instant::now();
    loop {
        ada.press(Direction::Up)?;
        let seen = both_show(
            ada,
            bob,
            VISIBLE_TIMEOUT,
            "Ada above and Bob in the middle",
            |rows| rows.above >= SQUARE && rows.middle >= SQUARE && rows.below == 0,
        );
        match seen {
            Ok(()) => break,
            Err(error) if start.elapsed() > LOAD_TIMEOUT => return Err(error),
            // The players are not connected yet.
            Err(_) => ada.press(Direction::Down)?,
        }
    }
    bob.press(Direction::Down)?;
    both_show(
        ada,
        bob,
        VISIBLE_TIMEOUT,
        "Ada above and Bob below",
        |rows| rows.above >= SQUARE && rows.middle < SQUARE && rows.below >= SQUARE,
    )
}

/// The number of drawn pixels in three parts of the picture.
#[derive(Debug)]
struct Rows {
    above: usize,
    middle: usize,
    below: usize,
}

impl Rows {
    /// Half the height of the middle part. In a page, the game may be some pixels lower than in a
    /// window.
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
