//! What the server logs.

mod common;

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use common::{
    Client, connect, get, local_config, refused,
    sources::{connect_from, loopback},
    start,
};
use huddle_signaling::Config;
use tracing::{Level, subscriber::DefaultGuard};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Records what the current thread logs.
    fn record(&self, level: Level) -> DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .with_writer(move || log.clone());
        tracing::subscriber::set_default(subscriber.finish())
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn queries_are_not_logged() {
    let log = Log::default();
    let _recording = log.record(Level::TRACE);
    let server = start(local_config()).await;
    let mut client = Client::join(server.addr, "/joined?token=SECRET").await;
    client.send(r#"{"SECRET":"#).await;
    client.expect_nothing().await;
    client.leave().await;
    refused(server.addr, "/a/b/refused?token=SECRET").await;
    drop(connect(server.addr, "/a/b/refused?huddle=1&token=SECRET").await);
    get(server.addr, "/file?token=SECRET", "").await;
    get(server.addr, "/file?SECRET", "Upgrade: websocket\r\n").await;
    drop(server);
    let text = log.text();
    assert!(
        text.contains("/joined") && text.contains("/a/b/refused"),
        "{text}"
    );
    assert!(!text.contains("SECRET"), "{text}");
}

#[tokio::test]
async fn missing_trust_in_a_proxy_is_reported_once() {
    let log = Log::default();
    let _recording = log.record(Level::WARN);
    let config = Config {
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
        ..local_config()
    };
    let server = start(config).await;
    Client::join(server.addr, "/room").await;
    assert_eq!(log.text(), "");
    for _ in 0..3 {
        let headers = [("X-Forwarded-For", "203.0.113.7")];
        let joined = connect_from(loopback(2), server.addr, "/room", &headers).await;
        Client::new(joined.unwrap()).await;
    }
    let text = log.text();
    assert_eq!(text.matches("--trusted-proxy").count(), 1, "{text}");
}
