//! The options of the program, and its errors.

use std::process::{Output, Stdio};

use rcgen::{CertificateParams, KeyPair};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    time::timeout,
};

use crate::{
    common::{
        listening,
        redis::{Redis, free_port},
    },
    support::{LONG, join_again},
};

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_huddle-signaling"));
    command
        .args(["--bind", "127.0.0.1:0"])
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn failure(command: &mut Command) -> String {
    let Output { status, stderr, .. } = timeout(LONG, command.output()).await.unwrap().unwrap();
    assert!(!status.success());
    String::from_utf8(stderr).unwrap()
}

#[tokio::test]
async fn program_starts_without_redis_and_warns_until_it_answers() {
    let port = free_port();
    let url = format!("redis://127.0.0.1:{port}");
    let args = ["--redis", &url, "--cluster-bind", "127.0.0.1:0"];
    let mut process = program(&args).spawn().unwrap();
    let addr = listening(&mut process).await;
    let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
    let mut next = async |text: &str| {
        let found = async {
            while let Some(line) = log.next_line().await.unwrap() {
                if line.contains(text) {
                    return line;
                }
            }
            panic!("the log does not contain {text:?}");
        };
        timeout(LONG, found).await.unwrap()
    };
    let warning = next("Redis").await;
    let redis = format!("127.0.0.1:{port}");
    for part in ["WARN", redis.as_str(), "refused", "Is it running?"] {
        assert!(warning.contains(part), "{warning}");
    }
    let Some(_redis) = Redis::start_at(port) else {
        return;
    };
    next("the store of the cluster answers again").await;
    let _client = join_again(addr, "/room").await;
    assert_eq!(process.try_wait().unwrap(), None);
}

#[tokio::test]
async fn bad_options_are_explained() {
    for url in [
        "redis",
        "http://127.0.0.1",
        "redis://",
        "redis+unix:///tmp/x",
        "redis://a:b",
    ] {
        let error = failure(&mut program(&["--redis", url])).await;
        assert!(error.contains("redis://10.0.0.1:6379"), "{url}: {error}");
    }
    let redis = ["--redis", "redis://127.0.0.1:1"];
    let args = |more: &[&'static str]| [&redis[..], more].concat();
    for (more, expected) in [
        (["--lease", "0s"], "lease must be from 1 s to 60 s"),
        (["--cluster-address", "0.0.0.0:3537"], "cluster_address"),
        (["--cluster-address", "10.0.0.1:0"], "cluster_address"),
        (["--cluster-bind", "somewhere"], "an address and a port"),
    ] {
        let error = failure(&mut program(&args(&more))).await;
        assert!(error.contains(expected), "{error}");
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let error = failure(&mut program(
        &[&redis[..], &["--cluster-bind", addr.as_str()]].concat(),
    ))
    .await;
    assert!(error.contains("--cluster-bind"), "{error}");
    assert!(
        error.contains(&addr) && error.contains("already taken"),
        "{error}"
    );
}

#[tokio::test]
async fn password_of_redis_is_read_from_a_file_or_variable_and_never_shown() {
    let password = "a-secret-password";
    let url = format!("redis://user:{password}@127.0.0.1:{}", free_port());
    // Every user of the machine sees the arguments.
    let error = failure(&mut program(&["--redis", &url])).await;
    assert!(error.contains("--redis-url-file"), "{error}");
    assert!(!error.contains(password), "{error}");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("redis.url");
    std::fs::write(&path, format!("{url}\n")).unwrap();
    let path = path.to_str().unwrap();
    let bind = ["--cluster-bind", "127.0.0.1:0", "--log", "debug"];
    let mut from_file = program(&[&bind[..], &["--redis-url-file", path]].concat());
    let mut from_variable = program(&bind);
    from_variable.env("HUDDLE_REDIS_URL", &url);
    for command in [&mut from_file, &mut from_variable] {
        let mut process = command.spawn().unwrap();
        listening(&mut process).await;
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut has_warned = false;
        let warning = async {
            while let Some(line) = log.next_line().await.unwrap() {
                assert!(!line.contains(password), "{line}");
                has_warned |= line.contains("WARN");
                if has_warned && line.contains("DEBUG") {
                    return;
                }
            }
        };
        timeout(LONG, warning).await.unwrap();
        let printed = command.arg("--print-config").output().await.unwrap();
        let printed = String::from_utf8(printed.stdout).unwrap();
        assert!(!printed.contains(password), "{printed}");
        assert!(printed.contains("redis_prefix"), "{printed}");
    }
    let mut both = program(&["--redis", "redis://127.0.0.1", "--redis-url-file", path]);
    let error = failure(&mut both).await;
    assert!(error.contains("Remove one"), "{error}");
}

/// Redis with TLS and a password, whose certificate the system trusts.
#[tokio::test]
async fn redis_is_reached_with_tls_and_a_password() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".into()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    std::fs::write(path("cert.pem"), certificate.pem()).unwrap();
    std::fs::write(path("key.pem"), key.serialize_pem()).unwrap();
    let tls_port = free_port().to_string();
    let (certificate, key) = (path("cert.pem"), path("key.pem"));
    let args = [
        ["--tls-port", &tls_port],
        ["--tls-cert-file", &certificate],
        ["--tls-key-file", &key],
        ["--tls-ca-cert-file", &certificate],
        ["--tls-auth-clients", "no"],
        ["--requirepass", "secret"],
    ]
    .concat();
    let Some(_redis) = Redis::start_with(free_port(), &args) else {
        return;
    };
    let mut process = program(&["--cluster-bind", "127.0.0.1:0"]);
    let url = format!("rediss://:secret@localhost:{tls_port}");
    process
        .env("HUDDLE_REDIS_URL", url)
        .env("SSL_CERT_FILE", &certificate)
        .stderr(Stdio::null());
    let mut process = process.spawn().unwrap();
    let addr = listening(&mut process).await;
    let _client = join_again(addr, "/room").await;
}
