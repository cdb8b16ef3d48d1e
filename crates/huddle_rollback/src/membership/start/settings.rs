use std::{collections::BTreeMap, fmt};

use huddle_session::{PROTOCOL_VERSION, PeerId, TickRate};
use thiserror::Error;

/// The maximum number of settings, including those that every match has.
pub(super) const MAX_SETTINGS: usize = 64;

/// The maximum length of a name in bytes.
pub(super) const MAX_NAME_LEN: usize = 64;

/// The maximum length of a value in bytes.
pub(super) const MAX_VALUE_LEN: usize = 768;

/// The prefix of the settings that every match has.
const RESERVED: &str = "huddle/";

/// The settings that must be the same for all players of a match, by name: the tick rate, the layout of
/// inputs, and everything else that affects the simulation, such as a map or a difficulty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings(BTreeMap<String, String>);

/// Errors in the settings of a match.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// There are too many settings.
    #[error(
        "a match has at most {MAX_SETTINGS} settings: combine several of them, or set a hash of them"
    )]
    TooMany,
    /// A name is too long.
    #[error("the name of setting {0:?} is longer than {MAX_NAME_LEN} bytes: shorten it")]
    NameTooLong(String),
    /// A value is too long.
    #[error(
        "the value of setting {name:?} has {len} bytes, but at most {MAX_VALUE_LEN} are allowed: shorten it, or set a hash of it"
    )]
    ValueTooLong {
        /// The setting.
        name: String,
        /// The length of the value in bytes.
        len: usize,
    },
    /// The name is reserved.
    #[error("the name of setting {0:?} begins with \"{RESERVED}\", which is reserved: rename it")]
    Reserved(String),
}

/// A setting that differs between two players.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingDifference {
    /// The name of the setting.
    pub name: String,
    /// The local value, if there is one.
    pub mine: Option<String>,
    /// The other player's value, if there is one.
    pub theirs: Option<String>,
}

impl Settings {
    /// Creates the settings that every match has: the tick rate and the layout of inputs.
    ///
    /// # Errors
    /// Returns an error if the layout is longer than 768 bytes.
    pub(crate) fn new(rate: TickRate, input: &str) -> Result<Self, SettingsError> {
        let mut settings = Self(BTreeMap::new());
        settings.insert(format!("{RESERVED}protocol"), PROTOCOL_VERSION.to_string())?;
        settings.insert(format!("{RESERVED}tick rate"), rate.to_string())?;
        settings.insert(format!("{RESERVED}input"), input.to_owned())?;
        Ok(settings)
    }

    /// Sets or replaces a setting of the game.
    ///
    /// # Errors
    /// Returns an error if there are too many settings, if the name or the value is too long, or if
    /// the name begins with "huddle/".
    pub(crate) fn set(
        &mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<(), SettingsError> {
        let name = name.into();
        if name.starts_with(RESERVED) {
            return Err(SettingsError::Reserved(name));
        }
        self.insert(name, value.into())
    }

    /// Sets the player of each seat.
    pub(super) fn set_seats(&mut self, seats: &[PeerId]) -> Result<(), SettingsError> {
        let seats: Vec<_> = seats.iter().map(ToString::to_string).collect();
        self.insert(format!("{RESERVED}seats"), seats.join(" "))
    }

    fn insert(&mut self, name: String, value: String) -> Result<(), SettingsError> {
        if name.len() > MAX_NAME_LEN {
            return Err(SettingsError::NameTooLong(name));
        }
        let len = value.len();
        if len > MAX_VALUE_LEN {
            return Err(SettingsError::ValueTooLong { name, len });
        }
        if self.0.len() >= MAX_SETTINGS && !self.0.contains_key(&name) {
            return Err(SettingsError::TooMany);
        }
        self.0.insert(name, value);
        Ok(())
    }

    pub(super) fn to_wire(&self) -> Vec<(String, String)> {
        self.0.clone().into_iter().collect()
    }

    /// Creates the settings of another player. Returns `None` if they exceed a limit.
    pub(super) fn from_wire(entries: Vec<(String, String)>) -> Option<Self> {
        let mut settings = Self(BTreeMap::new());
        let len = entries.len();
        for (name, value) in entries {
            settings.insert(name, value).ok()?;
        }
        (settings.0.len() == len).then_some(settings)
    }

    pub(super) fn hash(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"huddle/settings");
        for (name, value) in &self.0 {
            for text in [name, value] {
                hasher.update(&(text.len() as u64).to_le_bytes());
                hasher.update(text.as_bytes());
            }
        }
        hasher.finalize().into()
    }

    pub(super) fn differences(&self, theirs: &Self) -> Vec<SettingDifference> {
        let mut names: Vec<_> = self.0.keys().chain(theirs.0.keys()).collect();
        names.sort_unstable();
        names.dedup();
        let difference = |name: &String| {
            let (mine, theirs) = (self.0.get(name), theirs.0.get(name));
            (mine != theirs).then(|| SettingDifference {
                name: name.clone(),
                mine: mine.cloned(),
                theirs: theirs.cloned(),
            })
        };
        names.into_iter().filter_map(difference).collect()
    }
}

impl fmt::Display for SettingDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Quoted as in source code, since some of it is from another player.
        write!(f, "{:?} is ", self.name)?;
        match &self.mine {
            Some(mine) => write!(f, "{mine:?} here and ")?,
            None => write!(f, "not set here and ")?,
        }
        match &self.theirs {
            Some(theirs) => write!(f, "{theirs:?} there"),
            None => write!(f, "not set there"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(own: &[(&str, &str)]) -> Settings {
        let mut settings = Settings::new(TickRate::default(), "u8").unwrap();
        for &(name, value) in own {
            settings.set(name, value).unwrap();
        }
        settings
    }

    #[test]
    fn hash_depends_on_everything_but_the_order() {
        let hash = |own: &[(&str, &str)]| settings(own).hash();
        assert_eq!(
            hash(&[("a", "1"), ("b", "2")]),
            hash(&[("b", "2"), ("a", "1")])
        );
        assert_ne!(hash(&[("a", "1")]), hash(&[("a", "2")]));
        assert_ne!(hash(&[("a", "1")]), hash(&[("b", "1")]));
        assert_ne!(hash(&[("ab", "c")]), hash(&[("a", "bc")]));
        let other = Settings::new(TickRate::from_hz(30.0).unwrap(), "u8").unwrap();
        assert_ne!(other.hash(), settings(&[]).hash());
    }

    #[test]
    fn differences_are_described_for_both_sides() {
        let (here, there) = (
            settings(&[("a", "1"), ("b", "2")]),
            settings(&[("b", "3\u{202e}\n")]),
        );
        let texts: Vec<_> = here
            .differences(&there)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            texts,
            [
                r#""a" is "1" here and not set there"#,
                r#""b" is "2" here and "3\u{202e}\n" there"#
            ]
        );
        assert_eq!(there.differences(&here).len(), 2);
        assert!(here.differences(&here).is_empty());
    }

    #[test]
    fn settings_beyond_the_limits_are_rejected() {
        let mut full = settings(&[]);
        let long = "x".repeat(MAX_VALUE_LEN + 1);
        let set = |settings: &mut Settings, name: &str, value: &str| settings.set(name, value);
        for error in [
            set(&mut full, &long, "").unwrap_err(),
            set(&mut full, "a", &long).unwrap_err(),
            set(&mut full, "huddle/seats", "").unwrap_err(),
        ] {
            assert!(error.to_string().contains("it"), "{error}");
        }
        assert!(Settings::new(TickRate::default(), &long).is_err());
        for n in 3..MAX_SETTINGS {
            set(&mut full, &n.to_string(), "").unwrap();
        }
        assert_eq!(set(&mut full, "one more", ""), Err(SettingsError::TooMany));
        assert_eq!(set(&mut full, "3", "again"), Ok(()));
        assert_eq!(Settings::from_wire(full.to_wire()), Some(full));
    }

    #[test]
    fn impossible_settings_are_rejected() {
        let entry = |name: &str| (name.to_owned(), String::new());
        assert_eq!(Settings::from_wire(vec![entry("a"), entry("a")]), None);
        assert_eq!(Settings::from_wire(vec![entry(&"x".repeat(65))]), None);
    }
}
