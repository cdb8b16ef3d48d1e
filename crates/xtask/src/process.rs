//! Runs child processes to completion.

use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// Runs a command that inherits stdout and stderr. Fails if the command fails.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", command_line(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", command_line(command));
    }
    Ok(())
}

/// Runs a command and returns its stdout. If it fails, the error is the last line of its stderr.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", command_line(command)))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let last = stderr.lines().rfind(|line| !line.trim().is_empty());
        bail!(
            "{}",
            last.map_or_else(|| output.status.to_string(), |line| line.trim().to_owned())
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Formats a command as a command line.
pub(crate) fn command_line(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for arg in command.get_args() {
        text.push(' ');
        text.push_str(&arg.to_string_lossy());
    }
    text
}

// These tests start Unix programs.
#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn error_contains_the_failed_command() {
        let error = run(Command::new("false").arg("x")).unwrap_err().to_string();
        assert!(error.contains("`false x` failed"), "{error}");
    }

    #[test]
    fn error_is_the_last_line_of_stderr() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo fine; echo oh >&2; echo no >&2; exit 3"]);
        assert_eq!(output(&mut command).unwrap_err().to_string(), "no");
    }
}
