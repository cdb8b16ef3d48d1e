//! Writes desync reports to files.

use std::{
    env::consts,
    fmt::Write,
    path::{Path, PathBuf},
};

use bevy::prelude::*;
use huddle_rollback::DesyncReport;

#[cfg(all(feature = "rollback_ui", target_arch = "wasm32"))]
use crate::rollback::tools::desync_download;
use crate::rollback::{
    game::{events::MatchDesynced, running::MatchStatus, store::with_store},
    world::{Registered, RegisteredKind},
};

/// Writes the report of each desync to a text file, so that players can send it to the developers.
///
/// The file is called `huddle-desync-PEER-TICK.txt`, with the first digits of the local player's id. It contains
/// the tick, the entities, components and fields that differ with both values, the build, the platform and the
/// registered types. The log has the name of the file.
///
/// In browsers, the log contains the whole text. `DesyncOverlayPlugin`, of the feature `rollback_ui`, also shows a button
/// that saves it as a download.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::{prelude::*, rollback::*};
///
/// App::new()
///     .add_plugins((MinimalPlugins, HuddlePlugins))
///     .add_plugins(DesyncFilePlugin {
///         build: env!("CARGO_PKG_VERSION").to_owned(),
///         ..default()
///     });
/// ```
#[derive(Resource, Debug, Clone)]
pub struct DesyncFilePlugin {
    /// The folder of the files, which must exist. The default is the working directory.
    pub folder: PathBuf,
    /// The version of the game, for the report.
    pub build: String,
}

impl Default for DesyncFilePlugin {
    fn default() -> Self {
        Self {
            folder: PathBuf::from("."),
            build: "unknown".to_owned(),
        }
    }
}

impl Plugin for DesyncFilePlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(self.clone()).add_observer(on_desync);
        #[cfg(all(feature = "rollback_ui", target_arch = "wasm32"))]
        desync_download::build(app);
    }
}

fn on_desync(desync: On<MatchDesynced>, mut commands: Commands) {
    let report = desync.report.clone();
    commands.queue(move |world: &mut World| {
        let types = with_store(world, |store, _| store.registered().collect());
        let status = world.resource::<MatchStatus>();
        let settings = world.resource::<DesyncFilePlugin>();
        let file = ReportFile {
            report: &report,
            status,
            build: &settings.build,
            types,
        };
        file.write(&settings.folder);
        #[cfg(all(feature = "rollback_ui", target_arch = "wasm32"))]
        {
            let (name, text) = (file.name(), file.text());
            desync_download::offer(world, name, text);
        }
    });
}

/// What a file contains.
struct ReportFile<'a> {
    report: &'a DesyncReport,
    status: &'a MatchStatus,
    build: &'a str,
    types: Vec<Registered>,
}

impl ReportFile<'_> {
    #[cfg(not(target_arch = "wasm32"))]
    fn write(&self, folder: &Path) {
        let path = folder.join(self.name());
        match std::fs::write(&path, self.text()) {
            Ok(()) => log::error!("the report of the desync is in {}", path.display()),
            Err(error) => log::error!(
                "cannot write the report of the desync to {} ({error}): does the folder exist, and may the game write \
                 to it?",
                path.display()
            ),
        }
    }

    #[cfg(target_arch = "wasm32")]
    fn write(&self, _: &Path) {
        log::error!("{}:\n{}", self.name(), self.text());
    }

    /// Returns the name of the file. It has no characters that a file system could refuse.
    fn name(&self) -> String {
        let local_seat = self.status.local_seats.first();
        let local_id = local_seat.and_then(|seat| self.status.seats.get(seat.index()));
        let id = local_id.map(ToString::to_string).unwrap_or_default();
        let id: String = id.chars().filter(char::is_ascii_hexdigit).take(8).collect();
        format!("huddle-desync-{id}-{}.txt", self.report.tick)
    }

    fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_text(&mut text);
        text
    }

    fn write_text(&self, text: &mut String) -> std::fmt::Result {
        let DesyncReport { tick, peer, .. } = self.report;
        writeln!(text, "desync before tick {tick}")?;
        writeln!(text, "build: {}", self.build)?;
        let profile = if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        };
        writeln!(
            text,
            "bevy_huddle {} ({profile}), {} {}",
            env!("CARGO_PKG_VERSION"),
            consts::OS,
            consts::ARCH
        )?;
        writeln!(text, "\nplayers:")?;
        for (seat, id) in self.status.seats.iter().enumerate() {
            let is_local = self.status.local_seats.iter().any(|of| of.index() == seat);
            let whose = match (is_local, id == peer) {
                (true, _) => " (here)",
                (_, true) => " (there)",
                _ => "",
            };
            writeln!(text, "  seat {seat}: {id}{whose}")?;
        }
        writeln!(text, "\n{}", self.report)?;
        writeln!(text, "\nregistered types:")?;
        for Registered {
            name,
            kind,
            compared,
        } in &self.types
        {
            let kind = match kind {
                RegisteredKind::Component => "component",
                RegisteredKind::Resource => "resource",
            };
            let compared = if *compared { "" } else { ", not compared" };
            writeln!(text, "  {name} ({kind}{compared})")?;
        }
        Ok(())
    }
}
