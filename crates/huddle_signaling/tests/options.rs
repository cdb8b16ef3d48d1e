//! The sources of options, and their documentation.
#![cfg(unix)]

use std::{
    collections::BTreeMap, ffi::OsStr, fs, os::unix::ffi::OsStrExt, path::Path, process::Command,
};

use tempfile::TempDir;

/// Returns a command that runs the program with only these environment variables.
fn program(variables: &[(&str, &str)], args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_huddle-signaling"));
    command
        .env_clear()
        .envs(variables.iter().copied())
        .args(args);
    command
}

fn stdout(variables: &[(&str, &str)], args: &[&str]) -> String {
    let output = program(variables, args).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs the program, which must fail at once, and returns its error.
fn failure(variables: &[(&str, &str)], args: &[&str]) -> String {
    let output = program(variables, args).output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

fn effective(variables: &[(&str, &str)], args: &[&str]) -> toml::Table {
    let args = [args, &["--print-config"]].concat();
    stdout(variables, &args).parse().unwrap()
}

fn file(dir: &TempDir, text: &str) -> String {
    let path = dir.path().join("huddle.toml");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn flag_overrides_environment_overrides_file_overrides_default() {
    let dir = TempDir::new().unwrap();
    let path = file(&dir, "max_clients = 1\napps = [\"one\"]\n");
    let config = ("HUDDLE_CONFIG", path.as_str());
    let clients = ("HUDDLE_MAX_CLIENTS", "2");
    let max = |variables: &[_], args: &[_]| effective(variables, args)["max_clients"].as_integer();
    assert_eq!(max(&[], &[]), Some(10_000));
    assert_eq!(max(&[config], &[]), Some(1));
    assert_eq!(max(&[], &["--config", &path]), Some(1));
    assert_eq!(max(&[config, clients], &[]), Some(2));
    assert_eq!(max(&[config, clients], &["--max-clients", "3"]), Some(3));
    // Empty variables are not set, for example in a compose file.
    let empty = [config, ("HUDDLE_MAX_CLIENTS", ""), ("HUDDLE_APPS", "")];
    assert_eq!(max(&empty, &[]), Some(1));
    // A list replaces the list below it.
    let apps = |variables: &[_], args: &[_]| effective(variables, args)["apps"].to_string();
    assert_eq!(apps(&[config], &[]), r#"["one"]"#);
    assert_eq!(
        apps(&[config, ("HUDDLE_APPS", "two,three")], &[]),
        r#"["two", "three"]"#
    );
    assert_eq!(
        apps(&[config], &["--app", "four", "--app", "five"]),
        r#"["four", "five"]"#
    );
}

#[test]
fn printed_configuration_is_a_file_with_the_same_effect() {
    let dir = TempDir::new().unwrap();
    for (name, text) in [("token", "t".repeat(32)), ("turn", "u".repeat(32))] {
        fs::write(dir.path().join(name), text + "\n").unwrap();
    }
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (token, turn) = (path("token"), path("turn"));
    let args = [
        "--bind=[::1]:0",
        "--serve=web",
        "--metrics=127.0.0.1:9100",
        "--drain=1h 30m",
        "--resume-timeout=500ms",
        "--trusted-proxy=10.0.0.0/8",
        "--trusted-proxy=192.0.2.1",
        "--allow-origin=https://game.example.com",
        "--app=duel",
        "--turn-url=turn:turn.example.com:3478?transport=udp",
        "--redis=redis://10.0.0.1:6379",
        "--redis-prefix=games:",
        "--cluster-bind=10.0.0.2:3537",
        "--cluster-address=192.0.2.2:3538",
        "--lease=10s",
        "--log=debug",
        &format!("--turn-secret-file={turn}"),
        &format!("--token-secret-file={token}"),
    ];
    let printed = stdout(&[], &[&args[..], &["--print-config"]].concat());
    for line in [
        "trusted_proxies = [\"10.0.0.0/8\", \"192.0.2.1/32\"]",
        "drain = \"1h 30m\"",
        "resume_timeout = \"500ms\"",
        "lease = \"10s\"",
        "redis = \"redis://10.0.0.1:6379\"",
        "log = \"debug\"",
    ] {
        assert!(
            printed.lines().any(|printed| printed == line),
            "{line}: {printed}"
        );
    }
    let path = file(&dir, &printed);
    assert_eq!(stdout(&[], &["--config", &path, "--print-config"]), printed);
}

#[test]
fn secrets_are_not_printed() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("secret");
    fs::write(&path, "a secret in a file, of 32 bytes or more").unwrap();
    let variables = [
        ("HUDDLE_TOKEN_SECRET", "a secret in a variable, of 32 bytes"),
        (
            "HUDDLE_TURN_SECRET",
            "a secret of the TURN server, long enough",
        ),
        ("HUDDLE_TURN_URLS", "turn:turn.example.com"),
    ];
    let secret_file = [
        "--token-secret-file",
        path.to_str().unwrap(),
        "--print-config",
    ];
    let printed = stdout(&variables, &secret_file);
    assert!(printed.contains(path.to_str().unwrap()), "{printed}");
    assert!(
        printed.contains("HUDDLE_TOKEN_SECRET, HUDDLE_TURN_SECRET"),
        "{printed}"
    );
    assert!(!printed.contains("a secret"), "{printed}");
    // A secret in the wrong place.
    let path = file(&dir, "turn_secret = \"a secret\"\n");
    let error = failure(&[], &["--config", &path]);
    assert!(
        error.contains("turn_secret") && !error.contains("a secret"),
        "{error}"
    );
}

#[test]
fn invalid_values_are_explained() {
    let dir = TempDir::new().unwrap();
    for (text, expected) in [
        (
            "\nmax_client = 1",
            ["line 2", "`max_client`", "`max_clients`"],
        ),
        ("drain = 20", ["line 1", "drain", "\"20s\""]),
        ("drain = \"20\"", ["line 1", "drain", "\"20s\""]),
        (
            "trusted_proxies = [\"10.0.0/8\"]",
            ["line 1", "trusted_proxies", "\"10.0.0.0/8\""],
        ),
        (
            "max_clients = \"many\"",
            ["line 1", "max_clients", "a whole number"],
        ),
        ("log = \"loud\"", ["line 1", "log", "debug"]),
        ("bind", ["line 1", "huddle.toml", "="]),
    ] {
        let path = file(&dir, text);
        let error = failure(&[], &["--config", &path]);
        assert!(error.contains(&path), "{error}");
        for words in expected {
            assert!(error.contains(words), "{words}: {error}");
        }
    }
    for (name, value, expected) in [
        ("HUDDLE_MAX_CLIENTS", "many", "whole number"),
        ("HUDDLE_DRAIN", "20", "\"20s\""),
        ("HUDDLE_BIND", "3536", "[::]:3536"),
        ("HUDDLE_TRUSTED_PROXIES", "localhost", "10.0.0.0/8"),
        ("HUDDLE_LOG", "loud", "debug"),
        ("HUDDLE_CONFIG", "no/such/file", "existing file"),
    ] {
        let error = failure(&[(name, value)], &[]);
        assert!(error.contains(expected), "{error}");
        assert!(name == "HUDDLE_CONFIG" || error.contains(name), "{error}");
    }
}

#[test]
fn printing_the_configuration_checks_limits() {
    let args = ["--max-queue-bytes", "1000", "--print-config"];
    let error = failure(&[], &args);
    assert!(error.contains("max_queue_bytes must be"), "{error}");
}

#[test]
fn secret_that_is_not_text_is_not_ignored() {
    let mut command = program(&[], &["--print-config"]);
    let secret = OsStr::from_bytes(b"\xff a secret of at least 32 bytes");
    let output = command.env("HUDDLE_TOKEN_SECRET", secret).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(error.contains("HUDDLE_TOKEN_SECRET"), "{error}");
}

#[test]
fn incomplete_pairs_are_explained() {
    for (args, expected) in [
        (["--tls-cert", "cert.pem"], "tls_key"),
        (["--tls-key", "key.pem"], "tls_cert"),
        (["--turn-url", "turn:turn.example.com"], "turn_secret_file"),
        (["--turn-secret-file", "no/such/secret"], "no/such/secret"),
        (
            ["--token-secret-file", "no/such/secret"],
            "this user can read",
        ),
        (["--token-public-key-file", "/dev/null"], "is empty"),
    ] {
        let error = failure(&[], &args);
        assert!(error.contains(expected), "{error}");
    }
    let turn = [("HUDDLE_TURN_SECRET", "secret")];
    assert!(failure(&turn, &[]).contains("turn_urls"));
    let error = failure(&turn, &["--turn-secret-file", "file"]);
    assert!(error.contains("Remove one"), "{error}");
}

#[test]
fn variable_that_resembles_an_option_is_an_error() {
    for (name, expected) in [
        ("HUDDLE_MAX_CLIENT", "HUDDLE_MAX_CLIENTS?"),
        ("HUDDLE_RESUMETIMEOUT", "HUDDLE_RESUME_TIMEOUT?"),
        // The names of flags.
        ("HUDDLE_APP", "HUDDLE_APPS?"),
        ("HUDDLE_ALLOW_ORIGIN", "HUDDLE_ALLOWED_ORIGINS?"),
    ] {
        let error = failure(&[(name, "1")], &[]);
        assert!(error.contains(name) && error.contains(expected), "{error}");
    }
    // Variables of other programs, and those that Kubernetes sets for a service.
    effective(
        &[
            ("HUDDLE_CACHE", "/tmp"),
            ("HUDDLE_SIGNALING_PORT", "tcp://10.0.0.1:3536"),
            ("HUDDLE_SIGNALING_SERVICE_HOST", "10.0.0.1"),
        ],
        &[],
    );
}

/// An option in its documentation: its key, its variable and its default.
#[derive(Debug, PartialEq, Eq)]
struct Described {
    key: String,
    variable: String,
    default: String,
}

/// Parses `--help`. The keys of the map are the flags with their values.
fn described_by_help() -> BTreeMap<String, Described> {
    let help = stdout(&[], &["--help"]);
    let mut options = BTreeMap::new();
    let mut flag = String::new();
    for line in help.lines().map(str::trim) {
        if line.starts_with("--") {
            flag = line.replace(['<', '>'], "");
        }
        let Some((_, rest)) = line.split_once(" [env: ") else {
            continue;
        };
        let (variable, rest) = rest.split_once(']').unwrap();
        let default = rest.trim().strip_prefix("[default: ");
        let default = default.and_then(|text| text.strip_suffix(']'));
        let described = Described {
            key: variable.strip_prefix("HUDDLE_").unwrap().to_lowercase(),
            variable: variable.to_owned(),
            default: default.unwrap_or_default().to_owned(),
        };
        options.insert(flag.clone(), described);
    }
    // It is the path of the file.
    options.remove("--config FILE").unwrap();
    options
}

fn guide() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/hosting.md");
    fs::read_to_string(path).unwrap()
}

/// Parses the table of options in the guide.
fn described_by_guide() -> BTreeMap<String, Described> {
    let guide = guide();
    let rows = guide.lines().filter(|line| line.starts_with("| `--"));
    let option = |row: &str| {
        let cells: Vec<_> = row
            .split('|')
            .map(|cell| cell.trim().replace('`', ""))
            .collect();
        let [_, flag, key, variable, default, meaning, _] = cells.try_into().unwrap();
        assert!(!meaning.is_empty(), "{flag}");
        let described = Described {
            key,
            variable,
            default,
        };
        (flag, described)
    };
    rows.map(option).collect()
}

#[test]
fn help_file_and_guide_have_the_same_options_and_defaults() {
    let help = described_by_help();
    assert!(help.len() > 25, "{help:?}");
    let printed = stdout(&[], &["--print-config"]);
    let table: toml::Table = printed.parse().unwrap();
    let unset = printed
        .lines()
        .find_map(|line| line.strip_prefix("# Not set: "));
    let mut keys: Vec<_> = unset.unwrap().split(", ").map(String::from).collect();
    keys.extend(table.keys().cloned());
    keys.sort_unstable();
    let mut described: Vec<_> = help.values().map(|option| option.key.clone()).collect();
    described.sort_unstable();
    assert_eq!(described, keys);
    for option in help.values() {
        let default = match table.get(&option.key) {
            None => String::new(),
            Some(toml::Value::String(text)) => text.clone(),
            Some(toml::Value::Array(values)) => {
                let values: Vec<_> = values.iter().map(|value| value.as_str().unwrap()).collect();
                values.join(",")
            }
            Some(other) => other.to_string(),
        };
        assert_eq!(option.default, default, "{}", option.key);
    }
    assert_eq!(described_by_guide(), help);
}

#[test]
fn example_file_of_the_guide_is_valid() {
    let dir = TempDir::new().unwrap();
    let secret = dir.path().join("turn.secret");
    fs::write(&secret, "secret").unwrap();
    let guide = guide();
    let (_, example) = guide.split_once("```toml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let example = example.replace(
        "/etc/huddle-signaling/turn.secret",
        secret.to_str().unwrap(),
    );
    let path = file(&dir, &example);
    assert_eq!(
        effective(&[], &["--config", &path])["drain"].as_str(),
        Some("5s")
    );
}
