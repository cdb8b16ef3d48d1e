//! A screen that nobody looks at.

use std::{fs, sync::mpsc, time::Duration};

use anyhow::{Context, bail};

use crate::{
    child::{self, Kept},
    driver::Folder,
    page::Page,
};

const START: Duration = Duration::from_secs(20);

/// An X server without hardware, stopped when dropped.
pub(crate) struct Screen {
    display: String,
    _process: Kept,
    /// The pixels are in a file.
    folder: Folder,
}

impl Screen {
    pub(crate) fn start(page: Page) -> anyhow::Result<Self> {
        let (tell, told) = mpsc::channel();
        let mut command = child::command("Xvfb");
        // Locks are files that all machines with this `/tmp` share, and name processes of this namespace.
        command.args(["-displayfd", "1", "-nolock", "-nolisten", "tcp"]);
        command.args([
            "-screen",
            "0",
            &format!("{}x{}x24", page.width, page.height),
        ]);
        let folder = Folder::new()?;
        command.arg("-fbdir").arg(folder.path());
        let mut process = Kept::start("Xvfb", &mut command, move |line| {
            // Nobody waits for a second one.
            let _ = tell.send(line.trim().to_owned());
            None
        })
        .context("a screen is needed: install the package `xvfb`")?;
        let Ok(number) = told.recv_timeout(START) else {
            process.check_alive()?;
            bail!("Xvfb names no display:\n{}", process.log.text());
        };
        Ok(Self {
            display: format!(":{number}"),
            _process: process,
            folder,
        })
    }

    /// For the environment variable `DISPLAY`.
    pub(crate) fn display(&self) -> &str {
        &self.display
    }

    /// An X window dump of all of the screen.
    pub(crate) fn dump(&self) -> anyhow::Result<Vec<u8>> {
        let file = self.folder.path().join("Xvfb_screen0");
        fs::read(file).context("the screen has no file")
    }
}
