//! The metrics, and the dashboard that shows them.
#![cfg(target_os = "linux")]

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{ErrorKind, Write},
    net::SocketAddr,
    process::{Command, Stdio},
    time::Duration,
};

use common::{Client, RunningServer, TIMEOUT, get, local_config, refused};
use huddle_signaling::{Config, Server};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    sync::oneshot,
    time::{sleep, timeout},
};

/// Starts a server, and returns the address of its metrics, too.
async fn start(config: Config) -> (RunningServer, SocketAddr) {
    let config = Config {
        metrics: Some(([127, 0, 0, 1], 0).into()),
        ..config
    };
    let server = Server::bind(config).await.unwrap();
    let (addr, metrics) = (server.local_addr(), server.metrics_addr().unwrap());
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(server.run(async {
        let _ = stopped.await;
    }));
    (RunningServer { addr, stop, ended }, metrics)
}

async fn text(metrics: SocketAddr) -> String {
    let response = get(metrics, "/metrics", "").await;
    assert_eq!(response.status, 200);
    let content_type = response.header("content-type").unwrap();
    assert!(
        content_type.starts_with("text/plain; version=0.0.4"),
        "{content_type}"
    );
    response.text().to_owned()
}

/// Returns the value of each time series.
async fn scrape(metrics: SocketAddr) -> BTreeMap<String, f64> {
    let text = text(metrics).await;
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        (series.to_owned(), value.parse().unwrap())
    };
    samples.map(sample).collect()
}

/// Waits until the time series have these values.
async fn expect(metrics: SocketAddr, expected: &[(&str, f64)]) {
    let mut last = BTreeMap::new();
    let reached = async {
        loop {
            last = scrape(metrics).await;
            if expected
                .iter()
                .all(|(series, value)| last.get(*series) == Some(value))
            {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    if timeout(TIMEOUT, reached).await.is_err() {
        panic!("expected {expected:?}, got {last:#?}");
    }
}

#[tokio::test]
async fn clients_rooms_and_relayed_signals_are_counted() {
    let (server, metrics) = start(local_config()).await;
    let mut a = Client::join(server.addr, "/room").await;
    let mut b = Client::join(server.addr, "/room").await;
    let _c = Client::join(server.addr, "/other").await;
    a.expect_new_peer(&b).await;
    a.signal(b.id, json!("12345678")).await;
    b.expect_signal(a.id, json!("12345678")).await;
    let series = scrape(metrics).await;
    for (name, value) in [
        ("huddle_clients", 3.0),
        ("huddle_rooms", 2.0),
        ("huddle_max_clients", 10_000.0),
        ("huddle_joins_total{result=\"accepted\"}", 3.0),
        ("huddle_joins_total{result=\"refused\"}", 0.0),
        ("huddle_relayed_messages_total", 1.0),
        // With the quotes.
        ("huddle_relayed_bytes_total", 10.0),
        ("huddle_draining", 0.0),
    ] {
        assert_eq!(series.get(name), Some(&value), "{name}: {series:#?}");
    }
    let version = concat!(
        "huddle_build_info{version=\"",
        env!("CARGO_PKG_VERSION"),
        "\"}"
    );
    assert_eq!(series.get(version), Some(&1.0));
    assert!(series["process_open_fds"] > 5.0);
    assert!(series["process_max_fds"] >= series["process_open_fds"]);

    b.leave().await;
    drop(a);
    let disconnects = [
        ("huddle_disconnects_total{reason=\"closed\"}", 1.0),
        ("huddle_disconnects_total{reason=\"gone\"}", 1.0),
        ("huddle_clients", 1.0),
        ("huddle_rooms", 1.0),
    ];
    expect(metrics, &disconnects).await;
}

#[tokio::test]
async fn refusals_have_reasons() {
    let config = Config {
        max_room_members: 1,
        ..local_config()
    };
    let (server, metrics) = start(config).await;
    let _member = Client::join(server.addr, "/room").await;
    refused(server.addr, "/room").await;
    refused(server.addr, "/room?huddle=1").await;
    refused(server.addr, "/room?next=0").await;
    let refusals = [
        ("huddle_joins_total{result=\"refused\"}", 3.0),
        ("huddle_refusals_total{reason=\"room_full\"}", 2.0),
        ("huddle_refusals_total{reason=\"bad_next\"}", 1.0),
    ];
    expect(metrics, &refusals).await;
}

#[tokio::test]
async fn connections_that_do_not_join_are_handshakes() {
    let (server, metrics) = start(local_config()).await;
    let half_open = TcpStream::connect(server.addr).await.unwrap();
    expect(metrics, &[("huddle_handshakes", 1.0)]).await;
    let _client = Client::join(server.addr, "/room").await;
    drop(half_open);
    expect(
        metrics,
        &[("huddle_handshakes", 0.0), ("huddle_clients", 1.0)],
    )
    .await;
}

#[tokio::test]
async fn slow_reader_has_a_queue_until_it_is_ejected() {
    let config = Config {
        message_burst: 1_000_000,
        ..local_config()
    };
    let (server, metrics) = start(config).await;
    let mut sender = Client::join(server.addr, "/room").await;
    let slow = Client::join(server.addr, "/room").await;
    sender.expect_new_peer(&slow).await;
    // Fills the buffers of the sockets, then the queue.
    let signal = json!("x".repeat(60_000));
    let mut queued = 0.0;
    for _ in 0..400 {
        sender.signal(slow.id, signal.clone()).await;
        let series = scrape(metrics).await;
        queued = series["huddle_queued_bytes"].max(queued);
        if series["huddle_queue_ejections_total"] == 1.0 {
            assert!(queued > 1_000_000.0, "{queued}");
            let ends = [
                ("huddle_queued_bytes", 0.0),
                ("huddle_disconnects_total{reason=\"too_slow\"}", 1.0),
            ];
            return expect(metrics, &ends).await;
        }
    }
    panic!("the client was not ejected, with {queued} bytes in its queue");
}

#[tokio::test]
async fn drain_is_visible() {
    let config = Config {
        drain: Duration::from_secs(3600),
        ..local_config()
    };
    let (server, metrics) = start(config).await;
    let _client = Client::join(server.addr, "/room").await;
    server.stop.send(()).unwrap();
    expect(metrics, &[("huddle_draining", 1.0)]).await;
    refused(server.addr, "/room").await;
    expect(
        metrics,
        &[("huddle_refusals_total{reason=\"draining\"}", 1.0)],
    )
    .await;
}

#[tokio::test]
async fn metrics_are_only_on_their_own_address() {
    let (server, metrics) = start(local_config()).await;
    assert_eq!(get(server.addr, "/metrics", "").await.status, 426);
    assert_eq!(get(metrics, "/health", "").await.status, 404);
}

#[tokio::test]
async fn rooms_and_addresses_are_no_labels() {
    let (server, metrics) = start(local_config()).await;
    let _client = Client::join(server.addr, "/a-secret-room").await;
    refused(server.addr, "/a-secret-room?next=0").await;
    let text = text(metrics).await;
    for private in ["secret", "127.0.0.1"] {
        assert!(!text.contains(private), "{text}");
    }
}

#[tokio::test]
async fn promtool_accepts_the_metrics() {
    let (server, metrics) = start(local_config()).await;
    let _client = Client::join(server.addr, "/room").await;
    check(&["check", "metrics"], &text(metrics).await);
}

#[test]
fn promtool_accepts_the_alerts_of_the_guide() {
    let guide = guide();
    let alerts = guide
        .split("```yaml\n")
        .find(|block| block.starts_with("groups:"));
    let (alerts, _) = alerts.unwrap().split_once("```").unwrap();
    check(&["check", "rules", "/dev/stdin"], alerts);
}

#[test]
fn promtool_accepts_the_queries_of_the_dashboard() {
    let dashboard = dashboard();
    let rules: Vec<_> = expressions(&dashboard)
        .into_iter()
        .enumerate()
        .map(|(number, query)| {
            let query = query.replace("$__rate_interval", "5m");
            json!({"record": format!("query_{number}"), "expr": query})
        })
        .collect();
    // JSON is YAML.
    let rules = json!({"groups": [{"name": "dashboard", "rules": rules}]});
    check(&["check", "rules", "/dev/stdin"], &rules.to_string());
}

/// Checks a text with promtool, which must report no problem.
fn check(args: &[&str], text: &str) {
    let promtool = Command::new("promtool")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool = match promtool {
        Err(error) if error.kind() == ErrorKind::NotFound && std::env::var_os("CI").is_none() => {
            eprintln!("skipped: there is no promtool. Install the package `prometheus`");
            return;
        }
        promtool => promtool.expect("CI needs promtool, from the package `prometheus`"),
    };
    promtool
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = promtool.wait_with_output().unwrap();
    let complaints = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    let is_accepted = complaints.is_empty() || complaints.contains("SUCCESS:");
    assert!(
        output.status.success() && is_accepted,
        "{complaints}\n{text}"
    );
}

/// Returns the names of metrics in a PromQL expression, and in the queries of variables.
fn names(expression: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    expression
        .split(|c| !is_part(c))
        .filter(|word| {
            (word.starts_with("huddle_") && *word != "huddle_signaling")
                || word.starts_with("process_")
        })
        .map(String::from)
        .collect()
}

/// Collects the values of all members with this key.
fn collect<'a>(json: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match json {
        Value::Object(members) => {
            found.extend(members.get(key).and_then(Value::as_str));
            members
                .values()
                .for_each(|value| collect(value, key, found));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, key, found)),
        _ => {}
    }
}

fn dashboard() -> Value {
    serde_json::from_str(include_str!("../dashboard.json")).unwrap()
}

fn expressions(dashboard: &Value) -> Vec<&str> {
    let mut expressions = Vec::new();
    collect(dashboard, "expr", &mut expressions);
    expressions
}

async fn existing(metrics: SocketAddr) -> BTreeSet<String> {
    let series = scrape(metrics).await;
    series
        .keys()
        .map(|series| series.split('{').next().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn dashboard_shows_all_metrics_and_no_others() {
    let (_server, metrics) = start(local_config()).await;
    let existing = existing(metrics).await;
    let dashboard = dashboard();
    let expressions = expressions(&dashboard);
    assert!(expressions.len() > 10, "{expressions:?}");
    let shown: BTreeSet<_> = expressions.iter().flat_map(|text| names(text)).collect();
    assert_eq!(shown, existing);
    let mut panels = Vec::new();
    collect(&dashboard["panels"], "title", &mut panels);
    let unique: BTreeSet<_> = panels.iter().collect();
    assert_eq!(unique.len(), panels.len(), "{panels:?}");
}

#[tokio::test]
async fn guide_explains_all_metrics_and_no_others() {
    let (_server, metrics) = start(local_config()).await;
    assert_eq!(names(&guide()), existing(metrics).await);
}

fn guide() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/hosting.md");
    std::fs::read_to_string(path).unwrap()
}
