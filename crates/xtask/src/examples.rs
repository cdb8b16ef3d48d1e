//! The examples: the folders in `examples/` that contain a `src/main.rs`. The manifest of a folder can list several small
//! examples, which share one program.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::{doctor, install};

/// A playable example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Example {
    /// The name of the page and the default room.
    pub(crate) name: String,
    /// The name of the package and the binary.
    pub(crate) package: String,
    /// The description in its `Cargo.toml`.
    pub(crate) description: String,
    /// The Debian packages that its native build needs, besides those of every example.
    libraries: Vec<&'static str>,
}

/// The Debian packages that a feature of Bevy needs on Linux.
const LIBRARIES: [(&str, &[&str]); 2] = [
    ("bevy_audio", &["libasound2-dev", "pkg-config"]),
    ("bevy_gilrs", &["libudev-dev", "pkg-config"]),
];

/// All examples, sorted by name.
pub(crate) struct Examples(Vec<Example>);

#[derive(Deserialize)]
struct Manifest {
    package: Package,
    #[serde(default)]
    dependencies: Dependencies,
}

#[derive(Default, Deserialize)]
struct Dependencies {
    #[serde(default)]
    bevy: BevyDependency,
}

#[derive(Default, Deserialize)]
struct BevyDependency {
    #[serde(default)]
    features: Vec<String>,
}

/// The `[package]` section of a `Cargo.toml`.
#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    /// The examples of a package with several of them, and their descriptions.
    #[serde(default)]
    examples: BTreeMap<String, String>,
}

impl Example {
    /// Returns an example without a description.
    #[cfg(test)]
    fn unlisted(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            package: name.to_owned(),
            description: String::new(),
            libraries: Vec::new(),
        }
    }

    /// Returns the package that the tests run: the examples with test instrumentation. It is not one of the listed
    /// examples.
    pub(crate) fn test_player(root: &Path) -> anyhow::Result<Self> {
        let mut found = Self::read(&root.join("tests/player"))?;
        found.pop().context("the test player is missing")
    }

    /// Returns the examples of a folder.
    fn read(folder: &Path) -> anyhow::Result<Vec<Self>> {
        let Manifest {
            package,
            dependencies,
        } = Manifest::read(folder)?;
        let has = |feature: &str| dependencies.bevy.features.iter().any(|of| of == feature);
        let needed = LIBRARIES.iter().filter(|(feature, _)| has(feature));
        let libraries: Vec<_> = needed
            .flat_map(|(_, packages)| *packages)
            .copied()
            .collect();
        let mut examples = package.metadata.examples;
        if examples.is_empty() {
            examples.insert(package.name.clone(), package.description);
        }
        let listed = examples.into_iter().map(|(name, description)| Self {
            name,
            package: package.name.clone(),
            description,
            libraries: libraries.clone(),
        });
        Ok(listed.collect())
    }

    /// Returns whether the example shares its program with other examples.
    fn is_one_of_several(&self) -> bool {
        self.name != self.package
    }

    /// Sets the arguments with which the program plays the example in a room.
    pub(crate) fn play_in(&self, room: &str, command: &mut Command) {
        if self.is_one_of_several() {
            command.arg(&self.name).env("HUDDLE_ROOM", room);
        } else {
            command.args(["--room", room]);
        }
    }

    /// Returns the path of its JavaScript and wasm without their endings, relative to its page.
    pub(crate) fn program_path(&self) -> String {
        if self.is_one_of_several() {
            format!("../{0}/{0}", self.package)
        } else {
            self.package.clone()
        }
    }
}

impl Manifest {
    fn read(folder: &Path) -> anyhow::Result<Self> {
        let manifest = folder.join("Cargo.toml");
        let text = fs::read_to_string(&manifest)
            .with_context(|| format!("cannot read {}", manifest.display()))?;
        toml::from_str(&text).with_context(|| format!("cannot read {}", manifest.display()))
    }
}

impl Package {
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        Ok(Manifest::read(folder)?.package)
    }
}

/// Installs what the native builds of these examples need, if it is missing.
pub(crate) fn install_libraries(examples: &[&Example]) -> anyhow::Result<()> {
    let mut missing: Vec<_> = examples
        .iter()
        .flat_map(|example| example.libraries.iter().copied())
        .filter(|package| install::is_missing(package))
        .collect();
    missing.sort_unstable();
    missing.dedup();
    match missing.as_slice() {
        [] => Ok(()),
        missing => install::apt(missing, "native games with sound and gamepads need them"),
    }
}

/// Returns the packages of these examples, each once.
pub(crate) fn packages<'a>(examples: &[&'a Example]) -> Vec<&'a str> {
    let mut packages: Vec<_> = examples.iter().map(|of| of.package.as_str()).collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

impl Examples {
    pub(crate) fn find(root: &Path) -> anyhow::Result<Self> {
        let folder = root.join("examples");
        let mut found: Vec<Example> = Vec::new();
        for entry in
            fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?
        {
            let path = entry?.path();
            if !path.join("src/main.rs").is_file() {
                continue;
            }
            found.extend(Example::read(&path)?);
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self(found))
    }

    pub(crate) fn all(&self) -> &[Example] {
        &self.0
    }

    /// Returns the examples of a site: the named one, all, or none for the doctor, which is part of every site.
    pub(crate) fn of_site(&self, name: Option<&str>) -> anyhow::Result<Vec<&Example>> {
        match name {
            Some(doctor::NAME) => Ok(Vec::new()),
            name => self.select(name),
        }
    }

    /// Returns the named example, or all examples.
    pub(crate) fn select(&self, name: Option<&str>) -> anyhow::Result<Vec<&Example>> {
        match name {
            None => Ok(self.0.iter().collect()),
            Some(name) => self.one(name).map(|example| vec![example]),
        }
    }

    fn one(&self, name: &str) -> anyhow::Result<&Example> {
        match self.0.iter().find(|example| example.name == name) {
            Some(example) => Ok(example),
            None => bail!("there is no example {name:?}; {}", self.list()),
        }
    }

    fn list(&self) -> String {
        let mut text = String::from("the examples are:");
        for example in &self.0 {
            text.push_str(&format!("\n  {}  {}", example.name, example.description));
        }
        text.push_str(&format!(
            "\nand `{}` checks the connections of this machine",
            doctor::NAME
        ));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Examples {
        Examples(
            ["duel", "hello"]
                .map(|name| Example {
                    description: format!("{name}!"),
                    ..Example::unlisted(name)
                })
                .into(),
        )
    }

    #[test]
    fn error_for_an_unknown_example_lists_the_examples() {
        let error = two().select(Some("helo")).unwrap_err().to_string();
        assert!(error.contains("\"helo\"") && error.contains("hello  hello!"));
    }

    #[test]
    fn one_example_or_all_of_them_are_selected() {
        let examples = two();
        assert_eq!(examples.select(None).unwrap().len(), 2);
        let duel = examples.select(Some("duel")).unwrap();
        assert_eq!(duel.len(), 1);
        assert_eq!(duel[0].name, "duel");
    }

    #[test]
    fn site_of_the_doctor_has_no_examples() {
        let examples = two();
        assert!(examples.of_site(Some("doctor")).unwrap().is_empty());
        assert_eq!(examples.of_site(Some("duel")).unwrap().len(), 1);
        assert_eq!(examples.of_site(None).unwrap().len(), 2);
        assert!(examples.of_site(Some("helo")).is_err());
    }

    #[test]
    fn small_examples_share_a_program() {
        let examples = Examples::find(&crate::cache::workspace_root().unwrap()).unwrap();
        let (chat, hello) = (
            examples.one("chat").unwrap(),
            examples.one("hello").unwrap(),
        );
        assert_eq!(chat.package, "steps");
        assert_eq!(chat.program_path(), "../steps/steps");
        assert_eq!(hello.program_path(), "hello");
        assert!(examples.one("steps").is_err());
    }

    #[test]
    fn packages_are_built_once() {
        let examples = Examples::find(&crate::cache::workspace_root().unwrap()).unwrap();
        let all = examples.select(None).unwrap();
        let packages = packages(&all);
        assert!(packages.len() < all.len());
        assert_eq!(packages.iter().filter(|name| **name == "steps").count(), 1);
    }

    #[test]
    fn sound_needs_its_library() {
        let examples = Examples::find(&crate::cache::workspace_root().unwrap()).unwrap();
        let libraries = |name| examples.one(name).unwrap().libraries.clone();
        assert!(libraries("duel").contains(&"libasound2-dev"));
        assert!(libraries("hello").is_empty());
    }

    #[test]
    fn every_example_has_a_description() {
        let examples = Examples::find(&crate::cache::workspace_root().unwrap()).unwrap();
        assert!(examples.all().iter().any(|example| example.name == "hello"));
        for example in examples.all() {
            assert!(
                !example.description.is_empty(),
                "{} has no description",
                example.name
            );
        }
    }
}
