//! The sources of options, and their order: a flag overrides an environment variable, which
//! overrides the configuration file, which overrides the default.

use std::{env, ffi::OsString, fs, path::Path};

use clap::{Arg, Command, CommandFactory, FromArgMatches};
use strsim::normalized_damerau_levenshtein;
use toml::Table;

use super::{error::Error, secrets, values::Options};

/// Reads the configuration file.
pub(crate) fn from_file(path: &Path) -> Result<Options, Error> {
    let text = fs::read_to_string(path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })?;
    toml::from_str(&text).map_err(|error| Error::Syntax {
        path: path.to_owned(),
        place: error
            .span()
            .map_or_else(String::new, |span| place(&text, span.start)),
        text: error
            .message()
            .replace("usize", NUMBER)
            .replace("u32", NUMBER),
    })
}

/// The types of numbers, as errors name them.
const NUMBER: &str = "a whole number";

/// Returns the line and the key of an error. The value is not shown: it could be a secret that does
/// not belong there.
fn place(text: &str, position: usize) -> String {
    let before = text.get(..position).unwrap_or(text);
    let number = before.matches('\n').count() + 1;
    let line = text.lines().nth(number - 1).unwrap_or_default();
    match line.split_once('=') {
        Some((key, _)) => format!(", line {number}, {}", key.trim()),
        None => format!(", line {number}"),
    }
}

/// Reads the environment variables of all options. An empty variable counts as not set.
pub(crate) fn from_environment() -> Result<Options, Error> {
    let mut options = Options::default();
    let command = Options::command();
    check_names(&command)?;
    for arg in command.get_arguments() {
        let name = variable(arg);
        let (Some(flag), Some(value)) = (arg.get_long(), env::var_os(&name)) else {
            continue;
        };
        if value.is_empty() {
            continue;
        }
        let mut argument = OsString::from(format!("--{flag}="));
        argument.push(value);
        let command = Options::command().no_binary_name(true);
        command
            .try_get_matches_from([argument])
            .and_then(|mut matches| options.update_from_arg_matches_mut(&mut matches))
            .map_err(|error| Error::Variable {
                name,
                text: reason(&error),
            })?;
    }
    Ok(options)
}

/// Returns the first paragraph of clap's error.
fn reason(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    text.split("\n\n").next().unwrap_or_default().to_owned()
}

/// Combines options. Later ones override earlier ones.
pub(crate) fn merge<const N: usize>(layers: [Options; N]) -> Result<Options, Error> {
    let mut merged = Table::new();
    for layer in layers {
        merged.extend(table(&layer)?);
    }
    merged
        .try_into()
        .map_err(|error: toml::de::Error| Error::Merge(error.to_string()))
}

/// Returns the options that are set.
pub(super) fn table(options: &Options) -> Result<Table, Error> {
    Table::try_from(options).map_err(|error| Error::Merge(error.to_string()))
}

const PREFIX: &str = "HUDDLE_";

/// Returns the name of the environment variable of an option.
pub(super) fn variable(arg: &Arg) -> String {
    format!("{PREFIX}{}", arg.get_id().as_str().to_uppercase())
}

/// The similarity (0 to 1) above which a name counts as a typo.
const SIMILAR: f64 = 0.8;

/// Returns an error for an environment variable that resembles an option. If the program ignored
/// it, a server could stay open although its host meant to restrict it. Other programs may use the
/// remaining names.
fn check_names(command: &Command) -> Result<(), Error> {
    let known: Vec<_> = command.get_arguments().map(variable).collect();
    let mut names: Vec<_> = env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.starts_with(PREFIX) && !known.contains(name))
        .collect();
    names.sort_unstable();
    for name in names {
        let part = &name[PREFIX.len()..];
        let resembles = |arg: &&Arg| {
            let flag = arg.get_long().unwrap_or_default().replace('-', "_");
            let key = arg.get_id().as_str().to_uppercase();
            part == flag.to_uppercase() || normalized_damerau_levenshtein(part, &key) >= SIMILAR
        };
        let is_secret = secrets::VARIABLES.contains(&name.as_str());
        if let Some(arg) = command
            .get_arguments()
            .find(resembles)
            .filter(|_| !is_secret)
        {
            let suggestion = variable(arg);
            return Err(Error::UnknownVariable { name, suggestion });
        }
    }
    Ok(())
}
