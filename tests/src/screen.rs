//! A virtual screen.

use std::{fs, process::Command, sync::mpsc, time::Duration};

use anyhow::{Context, bail, ensure};

use crate::{
    child::{self, ChildGuard},
    driver::Folder,
    page::Page,
};

const START_TIMEOUT: Duration = Duration::from_secs(20);

/// An X server without hardware. Dropping it stops the server.
pub(crate) struct Screen {
    display: String,
    _process: ChildGuard,
    /// The folder of the file that contains the pixels.
    folder: Folder,
}

impl Screen {
    pub(crate) fn start(page: Page) -> anyhow::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let mut command = child::command("Xvfb");
        // Lock files contain process ids of this namespace, but every namespace with this `/tmp`
        // reads them.
        command.args(["-displayfd", "1", "-nolock", "-nolisten", "tcp"]);
        command.args([
            "-screen",
            "0",
            &format!("{}x{}x24", page.width, page.height),
        ]);
        let folder = Folder::new()?;
        command.arg("-fbdir").arg(folder.path());
        let mut process = ChildGuard::start("Xvfb", &mut command, move |line| {
            // Only the first line has a receiver.
            let _ = sender.send(line.trim().to_owned());
            None
        })
        .context("a screen is needed: install the package `xvfb`")?;
        let Ok(number) = receiver.recv_timeout(START_TIMEOUT) else {
            process.check_alive()?;
            bail!("Xvfb printed no display:\n{}", process.log.text());
        };
        Ok(Self {
            display: format!(":{number}"),
            _process: process,
            folder,
        })
    }

    /// Returns the value of the `DISPLAY` environment variable.
    pub(crate) fn display(&self) -> &str {
        &self.display
    }

    /// Holds a key down for a duration in the window of the screen. The key is an X key name such as `Up`.
    pub(crate) fn press(&self, key: &str, held: Duration) -> anyhow::Result<()> {
        let mut xdotool = Command::new("xdotool");
        xdotool.env("DISPLAY", self.display());
        // Without a window manager, no window has the keyboard focus. The window handles the change
        // of focus a moment later.
        xdotool.args(["search", "--sync", "--onlyvisible", "--name", "."]);
        xdotool.args(["windowfocus", "%1", "sleep", "0.3"]);
        xdotool.args(["keydown", key, "sleep", &held.as_secs_f32().to_string()]);
        xdotool.args(["keyup", key]);
        let output = xdotool
            .output()
            .context("`xdotool` is missing: install the package `xdotool`")?;
        ensure!(
            output.status.success(),
            "xdotool: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    /// Returns an X window dump of the whole screen.
    pub(crate) fn dump(&self) -> anyhow::Result<Vec<u8>> {
        let file = self.folder.path().join("Xvfb_screen0");
        fs::read(file).context("the screen has no file")
    }
}
