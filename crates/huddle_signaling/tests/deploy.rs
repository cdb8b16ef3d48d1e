//! The files in `deploy`: their options exist, and they agree with each other and with the guide.
#![cfg(unix)]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde::Deserialize;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_huddle-signaling");

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(name: &str) -> String {
    let path = repository().join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[derive(Deserialize)]
struct Compose {
    services: BTreeMap<String, Service>,
    networks: BTreeMap<String, Network>,
}

#[derive(Deserialize)]
struct Service {
    #[serde(default)]
    build: Option<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    network_mode: Option<String>,
    #[serde(default)]
    networks: BTreeMap<String, Attachment>,
    #[serde(default)]
    ports: Vec<String>,
    #[serde(default)]
    volumes: Vec<String>,
    #[serde(default)]
    read_only: bool,
    #[serde(default)]
    cap_drop: Vec<String>,
    #[serde(default)]
    cap_add: Vec<String>,
    #[serde(default)]
    security_opt: Vec<String>,
    #[serde(default)]
    stop_grace_period: Option<String>,
    #[serde(default)]
    healthcheck: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Attachment {
    ipv4_address: String,
}

#[derive(Deserialize)]
struct Network {
    internal: bool,
}

fn compose() -> Compose {
    serde_saphyr::from_str(&read("deploy/compose.yaml")).unwrap()
}

/// Returns the variables in a file with lines `NAME=VALUE`.
fn variables(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Returns `.env.example` with secrets.
fn example_variables() -> BTreeMap<String, String> {
    let mut variables = variables(&read("deploy/.env.example"));
    for name in ["TURN_SECRET", "REDIS_PASSWORD"] {
        let empty = variables.insert(name.to_owned(), "0123456789abcdef".repeat(4));
        assert_eq!(empty.as_deref(), Some(""), "the example contains a secret");
    }
    variables
}

/// Returns the name, the operator and its argument of each `${NAME}`, `${NAME:-DEFAULT}` and
/// `${NAME:?ERROR}`.
fn references(text: &str) -> Vec<(&str, &str, &str)> {
    let parts = text.split("${").skip(1);
    let inner = parts.map(|part| part.split_once('}').unwrap().0);
    let parsed = inner.map(|inner| match inner.split_once(':') {
        Some((name, rest)) => (name, &rest[..1], &rest[1..]),
        None => (inner, "", ""),
    });
    parsed.collect()
}

/// Replaces variables as Docker does.
fn interpolate(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut result = text.to_owned();
    for (name, operator, argument) in references(text) {
        let value = variables.get(name).filter(|value| !value.is_empty());
        let (value, reference) = match operator {
            "" => (value.cloned(), format!("${{{name}}}")),
            "-" => (
                value.cloned().or_else(|| Some(argument.to_owned())),
                format!("${{{name}:-{argument}}}"),
            ),
            "?" => (value.cloned(), format!("${{{name}:?{argument}}}")),
            other => panic!("unknown operator {other}"),
        };
        let value = value.unwrap_or_else(|| panic!("{name} is empty"));
        result = result.replace(&reference, &value);
    }
    result
}

/// Runs the program with only these environment variables, and returns its effective options.
fn options(variables: &BTreeMap<String, String>, args: &[&str]) -> toml::Table {
    let mut command = Command::new(PROGRAM);
    let output = command
        .env_clear()
        .envs(variables)
        .args(args)
        .arg("--print-config")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    String::from_utf8(output.stdout).unwrap().parse().unwrap()
}

/// Parses a time such as `30s`.
fn time(text: &str) -> Duration {
    humantime::parse_duration(text).unwrap()
}

fn drain(options: &toml::Table) -> Duration {
    time(options["drain"].as_str().unwrap())
}

#[test]
fn compose_file_starts_instances_with_options_that_exist() {
    let help = Command::new(PROGRAM).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let known: BTreeSet<_> = help
        .split(|c: char| c != '_' && !c.is_ascii_uppercase())
        .collect();
    let example = example_variables();
    let compose = compose();
    let mut addresses = Vec::new();
    for (name, service) in &compose.services {
        if service.build.is_none() {
            continue;
        }
        let environment: BTreeMap<_, _> = service
            .environment
            .iter()
            .map(|(name, value)| (name.clone(), interpolate(value, &example)))
            .collect();
        for name in environment.keys() {
            assert!(known.contains(&**name), "{name} is not an option");
        }
        let options = options(&environment, &[]);
        let urls = options["turn_urls"].as_array().unwrap();
        assert!(
            urls[0].as_str().unwrap().contains(&example["DOMAIN"]),
            "{urls:?}"
        );
        // Docker kills a container after this time.
        let grace = service.stop_grace_period.as_deref().unwrap();
        assert!(
            time(grace) > drain(&options) + Duration::from_secs(5),
            "{name}"
        );
        let address = &service.networks["signaling"].ipv4_address;
        addresses.push(format!("{address}:3536"));
        // The host has the first address of the network, from which Caddy connects.
        let (network, _) = address.rsplit_once('.').unwrap();
        let proxies = options["trusted_proxies"].as_array().unwrap();
        assert_eq!(proxies.len(), 1);
        assert_eq!(proxies[0].as_str(), Some(&*format!("{network}.1/32")));
    }
    assert_eq!(addresses.len(), 2);
    let upstreams = &compose.services["caddy"].environment["UPSTREAMS"];
    assert_eq!(*upstreams, addresses.join(" "));
}

#[test]
fn example_of_variables_has_those_of_the_compose_file() {
    let compose = read("deploy/compose.yaml");
    let used: BTreeSet<_> = references(&compose)
        .into_iter()
        .map(|(name, ..)| name.to_owned())
        .collect();
    let example: BTreeSet<_> = example_variables().into_keys().collect();
    assert_eq!(used, example);
    // Docker refuses to start without these.
    for name in ["DOMAIN", "TURN_SECRET", "REDIS_PASSWORD"] {
        assert!(compose.contains(&format!("${{{name}:?")), "{name}");
    }
}

#[test]
fn containers_have_no_rights_that_they_do_not_need() {
    let compose = compose();
    assert_eq!(compose.services.len(), 5);
    for (name, service) in &compose.services {
        assert!(service.read_only, "{name}");
        assert_eq!(service.cap_drop, ["ALL"], "{name}");
        assert_eq!(service.security_opt, ["no-new-privileges:true"], "{name}");
        // The image of the server has a health check.
        let image = read("Dockerfile");
        let checked = service.healthcheck.is_some()
            || service.build.is_some() && image.contains("HEALTHCHECK");
        assert!(checked, "{name}");
        // Ports that Docker publishes bypass the firewall of the host.
        assert!(service.ports.is_empty(), "{name}");
        let on_host = service.network_mode.as_deref() == Some("host");
        assert_eq!(on_host, service.networks.is_empty(), "{name}");
        assert_eq!(on_host, ["caddy", "coturn"].contains(&name.as_str()));
        let capabilities: &[&str] = if on_host { &["NET_BIND_SERVICE"] } else { &[] };
        assert_eq!(service.cap_add, capabilities, "{name}");
        for volume in &service.volumes {
            let writable = volume == "caddy_data:/data";
            assert!(writable || volume.ends_with(":ro"), "{name}: {volume}");
        }
    }
    assert!(compose.networks.values().all(|network| network.internal));
}

/// Returns the values of a setting in the unit file.
fn settings<'a>(unit: &'a str, name: &str) -> Vec<&'a str> {
    let pairs = unit.lines().filter_map(|line| line.split_once('='));
    pairs
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value)
        .collect()
}

#[test]
fn options_file_of_the_service_is_valid() {
    let unit = read("deploy/huddle-signaling.service");
    let text = read("deploy/huddle-signaling.toml");
    let secret_path = "/run/credentials/huddle-signaling.service/huddle.turn";
    assert!(settings(&unit, "LoadCredential").contains(&"huddle.turn"));
    assert!(text.contains(secret_path));
    let dir = TempDir::new().unwrap();
    let secret = dir.path().join("secret");
    fs::write(&secret, "a secret").unwrap();
    let file = dir.path().join("huddle-signaling.toml");
    let text = text.replace(secret_path, secret.to_str().unwrap());
    fs::write(&file, text).unwrap();
    let options = options(&BTreeMap::new(), &["--config", file.to_str().unwrap()]);
    assert_eq!(options["bind"].as_str(), Some("127.0.0.1:3536"));
    // systemd kills the process after this time.
    let [stop] = settings(&unit, "TimeoutStopSec")[..] else {
        panic!("the unit must set TimeoutStopSec");
    };
    assert!(time(stop) > drain(&options) + Duration::from_secs(5));
}

/// Runs systemd-analyze on the unit, which must not print anything. Returns `None` if it is not
/// installed.
fn analyze(args: &[&str]) -> Option<String> {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("huddle-signaling.service");
    let unit = read("deploy/huddle-signaling.service");
    fs::write(
        &file,
        unit.replace("/usr/local/bin/huddle-signaling", PROGRAM),
    )
    .unwrap();
    let output = Command::new("systemd-analyze")
        .args(args)
        .arg(&file)
        .output();
    let output = match output {
        Err(error) if error.kind() == ErrorKind::NotFound && env::var_os("CI").is_none() => {
            eprintln!("skipped: there is no systemd-analyze. Install the package `systemd`");
            return None;
        }
        output => output.expect("CI needs systemd-analyze, from the package `systemd`"),
    };
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success(), "{text}");
    Some(text)
}

#[test]
fn systemd_accepts_the_unit() {
    if let Some(text) = analyze(&["verify", "--man=no"]) {
        // It ignores settings that it does not know, but reports them.
        assert!(!text.contains("huddle-signaling"), "{text}");
    }
}

#[test]
fn unit_gives_the_service_few_rights() {
    // Tenths of the exposure level, from 0 to 100. The level of a unit without protection is 96.
    analyze(&["security", "--offline=true", "--threshold=15", "--no-pager"]);
}

#[test]
fn guides_name_files_that_exist() {
    for guide in ["deployment.md", "going-online.md", "hosting.md"] {
        let text = read(&format!("docs/{guide}"));
        for part in text.split("`deploy/").skip(1) {
            let name = part.split('`').next().unwrap();
            // Hosts create it.
            let exists = repository().join("deploy").join(name).exists();
            assert!(exists || name == ".env", "{guide}: deploy/{name}");
        }
    }
    let guide = read("docs/deployment.md");
    let files = fs::read_dir(repository().join("deploy")).unwrap();
    for file in files {
        let name = file.unwrap().file_name().into_string().unwrap();
        // What hosts create in the folder of a clone.
        if [".env", "pages"].contains(&name.as_str()) {
            continue;
        }
        assert!(
            guide.contains(&name),
            "the guide does not name deploy/{name}"
        );
    }
}
