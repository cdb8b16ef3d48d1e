//! The small examples. In each scenario, a native window and a page play one, and the one thing that it shows happens.

use std::time::Duration;

use huddle_tests::{Artifacts, Browser, Native, Page, Player, Report, Server, wait_until};

use crate::{
    pictures::{SLOW_DRAWING, save_screenshot},
    steps::{LOAD_TIMEOUT, all_meet},
};

/// The keys in the notation of WebDriver.
const ENTER: char = '\u{E006}';
const HELD: Duration = Duration::from_millis(150);
/// Longer than a frame without a graphics card, so that the key is down in a tick.
const LONG_HELD: Duration = Duration::from_millis(500);
/// The time until both players show what happened.
const SHOWN: Duration = Duration::from_secs(20);

/// Ada plays natively, and Bob in Chromium.
struct Players<'a> {
    artifacts: &'a Artifacts,
    example: &'static str,
    server: Server,
    ada: Native,
    bob: Browser,
}

impl<'a> Players<'a> {
    /// Opens the window.
    fn ada_alone(artifacts: &'a Artifacts, example: &'static str) -> anyhow::Result<Self> {
        let server = Server::start(artifacts)?;
        let mut players = Self {
            ada: Native::in_window(artifacts, "Ada", &server, example, Page::DEFAULT)?,
            bob: Browser::chromium("Bob", Page::LARGE)?,
            artifacts,
            example,
            server,
        };
        wait_until(&mut [&mut players.ada], LOAD_TIMEOUT, "Ada starts", |_| {
            true
        })?;
        Ok(players)
    }

    /// Opens the window and the page.
    fn start(artifacts: &'a Artifacts, example: &'static str) -> anyhow::Result<Self> {
        let mut players = Self::ada_alone(artifacts, example)?;
        players.open_page()?;
        Ok(players)
    }

    fn open_page(&mut self) -> anyhow::Result<()> {
        let query = format!("game={}", self.example);
        self.bob.open(&self.server.player(&query))?;
        self.bob.wait_shown(SLOW_DRAWING)
    }

    /// Opens both, and waits until they have met.
    fn meet(artifacts: &'a Artifacts, example: &'static str) -> anyhow::Result<Self> {
        let mut players = Self::start(artifacts, example)?;
        players.wait_met()?;
        Ok(players)
    }

    fn wait_met(&mut self) -> anyhow::Result<()> {
        let both: &mut [&mut dyn Player] = &mut [&mut self.ada, &mut self.bob];
        all_meet(both, LOAD_TIMEOUT, "they meet").map(drop)
    }

    fn ada_presses(&self, key: &str) -> anyhow::Result<()> {
        self.ada.press(key, HELD)
    }

    fn bob_presses(&self, key: char) -> anyhow::Result<()> {
        self.bob.press(key, HELD)
    }

    /// Waits until Ada's screen shows the first text, and Bob's the second one.
    fn show(&mut self, ada: &str, bob: &str) -> anyhow::Result<()> {
        self.show_one_of(&[(ada, bob)])
    }

    /// Waits until the screens show one of several pairs of texts.
    fn show_one_of(&mut self, pairs: &[(&str, &str)]) -> anyhow::Result<()> {
        let what = format!("the screens of Ada and Bob show {pairs:?}");
        let both: &mut [&mut dyn Player] = &mut [&mut self.ada, &mut self.bob];
        let took = wait_until(both, SHOWN, &what, |reports| {
            let is_shown =
                |(ada, bob): &(&str, &str)| shows(&reports[0], ada) && shows(&reports[1], bob);
            pairs.iter().any(is_shown)
        })?;
        println!("   {what}: {} ms", took.as_millis());
        Ok(())
    }

    /// Saves screenshots of both.
    fn finish(self) -> anyhow::Result<()> {
        let name = format!("{}-page", self.example);
        save_screenshot(self.artifacts, &self.bob, &name)?;
        let file = format!("{}-window.png", self.example);
        self.ada
            .picture()?
            .save(&self.artifacts.screenshots.join(file))
    }
}

fn shows(report: &Report, text: &str) -> bool {
    report.texts.iter().any(|shown| shown.contains(text))
}

pub(crate) fn replicate(artifacts: &Artifacts) -> anyhow::Result<()> {
    let mut players = Players::meet(artifacts, "replicate")?;
    players.ada_presses("space")?;
    players.show(
        "Yours: 1, of other players: 0",
        "Yours: 0, of other players: 1",
    )?;
    players.bob_presses(' ')?;
    let both = "Yours: 1, of other players: 1";
    players.show(both, both)?;
    players.finish()
}

pub(crate) fn chat(artifacts: &Artifacts) -> anyhow::Result<()> {
    let mut players = Players::meet(artifacts, "chat")?;
    for key in ['h', 'i', ' ', 'A', ENTER] {
        players.bob_presses(key)?;
    }
    players.show(": hi A\n", ": hi A\n")?;
    players.ada_presses("y")?;
    players.ada_presses("Return")?;
    players.show(": y\n", ": y\n")?;
    players.finish()
}

pub(crate) fn lobby(artifacts: &Artifacts) -> anyhow::Result<()> {
    let mut players = Players::meet(artifacts, "lobby")?;
    players.ada_presses("a")?;
    players.ada_presses("Return")?;
    players.bob_presses('b')?;
    players.show(" b: ...", " a (host): ready")?;
    players.bob_presses(ENTER)?;
    players.show("Go!", "Go!")?;
    players.finish()
}

pub(crate) fn host_authority(artifacts: &Artifacts) -> anyhow::Result<()> {
    let mut players = Players::meet(artifacts, "host_authority")?;
    players.show("You decide", " decides")?;
    players.show("Press Space!", "Press Space!")?;
    players.bob_presses(' ')?;
    players.show(" was first", "You were first")?;
    players.finish()
}

pub(crate) fn late_join(artifacts: &Artifacts) -> anyhow::Result<()> {
    let mut players = Players::ada_alone(artifacts, "late_join")?;
    players.ada_presses("3")?;
    wait_until(&mut [&mut players.ada], SHOWN, "a lamp is on", |reports| {
        shows(&reports[0], "Lamps on: [3]")
    })?;
    players.open_page()?;
    players.show("Lamps on: [3]", "Lamps on: [3]")?;
    players.bob_presses('5')?;
    players.show("Lamps on: [3, 5]", "Lamps on: [3, 5]")?;
    players.finish()
}

pub(crate) fn transfer(artifacts: &Artifacts) -> anyhow::Result<()> {
    let mut players = Players::meet(artifacts, "transfer")?;
    players.ada_presses("space")?;
    players.show("Sent 100 %", "A picture from")?;
    players.bob_presses(' ')?;
    players.show("A picture from", "Sent 100 %")?;
    players.finish()
}

pub(crate) fn password(artifacts: &Artifacts) -> anyhow::Result<()> {
    let mut players = Players::start(artifacts, "password")?;
    players.ada_presses("1")?;
    players.bob_presses('2')?;
    players.show("the password is wrong", "the password is wrong")?;
    players.bob_presses('1')?;
    let both = "playing, other players: 1";
    players.show(both, both)?;
    players.finish()
}

pub(crate) fn rollback(artifacts: &Artifacts) -> anyhow::Result<()> {
    let mut players = Players::meet(artifacts, "rollback")?;
    players.show("0 : 0", "0 : 0")?;
    players.ada.press("space", LONG_HELD)?;
    players.show_one_of(&[("0 : 1", "0 : 1"), ("1 : 0", "1 : 0")])?;
    players.finish()
}

/// Ada and Bob, and Cleo in a second page.
struct ThreePlayers<'a> {
    players: Players<'a>,
    cleo: Browser,
}

impl ThreePlayers<'_> {
    fn all(&mut self) -> [&mut dyn Player; 3] {
        let Self { players, cleo } = self;
        [&mut players.ada, &mut players.bob, cleo]
    }

    /// Waits until the screens of Ada, Bob and Cleo show these texts.
    fn show(&mut self, texts: [&str; 3]) -> anyhow::Result<()> {
        let what = format!("the screens of Ada, Bob and Cleo show {texts:?}");
        let took = wait_until(&mut self.all(), SHOWN, &what, |reports| {
            let mut pairs = reports.iter().zip(texts);
            pairs.all(|(report, text)| shows(report, text))
        })?;
        println!("   {what}: {} ms", took.as_millis());
        Ok(())
    }

    fn cleo_presses(&self, key: char) -> anyhow::Result<()> {
        self.cleo.press(key, HELD)
    }
}

pub(crate) fn server_browser(artifacts: &Artifacts) -> anyhow::Result<()> {
    let players = Players::start(artifacts, "server_browser")?;
    let mut cleo = Browser::chromium("Cleo", Page::LARGE)?;
    cleo.open(&players.server.player("game=server_browser"))?;
    cleo.wait_shown(SLOW_DRAWING)?;
    let mut three = ThreePlayers { players, cleo };
    three.show(["There is no open room"; 3])?;
    three.players.ada_presses("n")?;
    three.show(["Press C to close", ", 1/4", ", 1/4"])?;
    // Cleo gets to know the room.
    three.cleo_presses('1')?;
    three.show([", players: 2, open", ", 2/4", ", players: 2, open"])?;
    three.cleo_presses('l')?;
    three.show([", players: 1, open", ", 1/4", "Press R to return"])?;
    three.players.bob_presses('1')?;
    three.show([", players: 2, open", ", players: 2, open", ", 2/4"])?;
    three.players.ada_presses("c")?;
    three.show([
        ", players: 2, closed",
        ", players: 2, closed",
        "There is no open room",
    ])?;
    three.cleo_presses('r')?;
    three.show([
        ", players: 2, closed",
        ", players: 2, closed",
        "this room is closed",
    ])?;
    three.players.ada_presses("c")?;
    three.show([", players: 3, open"; 3])?;
    all_meet(&mut three.all(), LOAD_TIMEOUT, "all three play")?;
    save_screenshot(artifacts, &three.cleo, "server_browser-second-page")?;
    three.players.finish()
}
