//! Prints the options: in the help, and as a configuration file.

use std::fmt;

use clap::{Command, CommandFactory};
use toml::Value;

use super::{
    error::Error,
    layers::{table, variable},
    secrets,
    values::Options,
};

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
