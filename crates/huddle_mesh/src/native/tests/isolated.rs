//! Networks of their own for tests: the test runs itself again in a new network namespace.

use std::{
    env,
    process::{Command, Stdio},
};

const ISOLATED: &str = "HUDDLE_TEST_IS_ISOLATED";

/// Returns whether the test runs in its own network, and should continue.
///
/// Otherwise, creates a network with the shell commands in `setup`, and runs the test with this
/// name in it. Skips the test if the system does not allow that, except in CI.
///
/// # Panics
/// Panics if the test fails in its network.
pub(super) fn is_isolated(test: &str, setup: &str) -> bool {
    if env::var_os(ISOLATED).is_some() {
        return true;
    }
    let must_run = env::var("CI").is_ok_and(|ci| ci == "true");
    let in_namespace = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net", "sh", "-ec", script]);
        command.arg("sh").arg(env::current_exe().unwrap()).arg(test);
        command.env(ISOLATED, "1");
        command
    };
    let setup = format!("ip link set lo up\n{setup}\n");
    let ready = in_namespace(&setup).stdout(Stdio::null()).status();
    if !must_run && !ready.is_ok_and(|status| status.success()) {
        eprintln!("skipped, because `unshare` or `ip` fails");
        return false;
    }
    let run = setup + r#"exec "$1" --exact "$2" --nocapture"#;
    let output = in_namespace(&run).output().unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}\n{err}");
    assert!(out.contains("1 passed"), "no test has this name:\n{out}");
    println!("{out}");
    false
}
