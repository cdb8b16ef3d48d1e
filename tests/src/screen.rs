//! A virtual screen.

use std::{fs, sync::mpsc, time::Duration};

use anyhow::{Context, bail};

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

    /// Returns an X window dump of the whole screen.
    pub(crate) fn dump(&self) -> anyhow::Result<Vec<u8>> {
        let file = self.folder.path().join("Xvfb_screen0");
        fs::read(file).context("the screen has no file")
    }
}
