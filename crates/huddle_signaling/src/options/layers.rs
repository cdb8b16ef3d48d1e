//! The sources of options, and their order: a flag overrides an environment variable, which
//! overrides the configuration file, which overrides the default.

use std::{
    env, fmt, fs, io,
    path::{Path, PathBuf},
};

use clap::{Arg, Command, CommandFactory, FromArgMatches};
use toml::{Table, Value};

use super::{Options, secrets};

/// The reason why the options are invalid.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(
        "cannot read the configuration file {}: {source}. Pass an existing file to --config",
        path.display()
    )]
    File { path: PathBuf, source: io::Error },
    #[error("in the configuration file {}{place}: {text}", path.display())]
    Syntax {
        path: PathBuf,
        place: String,
        text: String,
    },
    #[error("in the environment variable {name}: {text}")]
    Variable { name: String, text: String },
    #[error("{0} is set, but {1} is not. Set both or neither")]
    Incomplete(&'static str, &'static str),
    #[error("both {0} and {1} are set. Remove one of them")]
    TwoSecrets(&'static str, &'static str),
    #[error(
        "cannot read a secret from {}: {source}. Use a file that this user can read",
        path.display()
    )]
    Secret { path: PathBuf, source: io::Error },
    #[error("the secret file {} is empty. Write the secret into it", .0.display())]
    EmptySecret(PathBuf),
    #[error("cannot combine the options: {0}")]
    Merge(String),
}

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

/// What the errors call the types of numbers.
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
    for arg in Options::command().get_arguments() {
        let name = variable(arg);
        let (Some(flag), Some(value)) = (arg.get_long(), env::var_os(&name)) else {
            continue;
        };
        if value.is_empty() {
            continue;
        }
        let mut argument = std::ffi::OsString::from(format!("--{flag}="));
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
fn table(options: &Options) -> Result<Table, Error> {
    Table::try_from(options).map_err(|error| Error::Merge(error.to_string()))
}

/// Returns the options as a configuration file, with the names of those that are not set.
pub(crate) fn print(options: &Options) -> Result<String, Error> {
    let set = table(options)?;
    let mut text = toml::to_string(options).map_err(|error| Error::Merge(error.to_string()))?;
    let command = Options::command();
    let keys = command.get_arguments().map(|arg| arg.get_id().as_str());
    let unset: Vec<_> = keys.filter(|key| !set.contains_key(*key)).collect();
    let mut comment = |title: &str, names: &[&str]| {
        if !names.is_empty() {
            text += &format!("# {title}: {}\n", names.join(", "));
        }
    };
    comment("Not set", &unset);
    comment("Secrets in environment variables", &secrets::variables());
    Ok(text)
}

/// Adds the environment variable and the default of each option to the help of a command.
pub(crate) fn describe(command: Command) -> Command {
    let defaults = table(&Options::defaults()).unwrap_or_default();
    let options = Options::command();
    command.mut_args(|arg| {
        let key = arg.get_id().as_str();
        if !options.get_arguments().any(|option| option.get_id() == key) {
            return arg;
        }
        let mut help = arg.get_help().cloned().unwrap_or_default().to_string();
        help += &format!(" [env: {}]", variable(&arg));
        if let Some(default) = defaults.get(key) {
            help += &format!(" [default: {}]", Plain(default));
        }
        arg.help(help)
    })
}

fn variable(arg: &Arg) -> String {
    format!("HUDDLE_{}", arg.get_id().as_str().to_uppercase())
}

/// Shows a value as it is written on the command line.
struct Plain<'a>(&'a Value);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::String(text) => f.write_str(text),
            Value::Array(values) => {
                let values: Vec<_> = values
                    .iter()
                    .map(|value| Plain(value).to_string())
                    .collect();
                f.write_str(&values.join(","))
            }
            other => other.fmt(f),
        }
    }
}

/// Returns the environment variables that look like options and are none, for example because of a
/// typing error.
pub(crate) fn unknown_variables() -> Vec<String> {
    let command = Options::command();
    let mut known: Vec<_> = command.get_arguments().map(variable).collect();
    known.push("HUDDLE_CONFIG".into());
    known.extend([secrets::TOKEN_SECRET, secrets::TURN_SECRET].map(String::from));
    env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.starts_with("HUDDLE_") && !known.contains(name))
        .collect()
}
