//! TLS, and certificates that are replaced while the server runs.

mod common;

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use common::{RunningServer, TIMEOUT, get_on, local_config};
use huddle_signaling::{Config, Server, Tls, close_code};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::client_async;

/// An authority that the clients trust.
struct Authority(Issuer<'static, KeyPair>, CertificateDer<'static>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self(Issuer::new(params, key), certificate.der().clone())
    }

    fn issue(&self) -> Pair {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".into()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Pair {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().clone(),
        }
    }

    fn connector(&self) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.1.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Arc::new(config).into()
    }
}

struct Pair {
    certificate: String,
    key: String,
    der: CertificateDer<'static>,
}

/// The files of a server's certificate.
struct Files(TempDir);

impl Files {
    fn new(pair: &Pair) -> Self {
        let files = Self(TempDir::new().unwrap());
        files.write("cert.pem", &pair.certificate);
        files.write("key.pem", &pair.key);
        files
    }

    fn tls(&self) -> Tls {
        Tls {
            certificates: self.0.path().join("cert.pem"),
            key: self.0.path().join("key.pem"),
        }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }
}

fn config(files: &Files) -> Config {
    Config {
        tls: Some(files.tls()),
        ..local_config()
    }
}

async fn start(files: &Files) -> RunningServer {
    common::start(config(files)).await
}

async fn connect(addr: SocketAddr, connector: &TlsConnector) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(addr).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connected = timeout(TIMEOUT, connector.connect(name, stream)).await;
    connected.unwrap().unwrap()
}

/// Connects, and returns the certificate of the server.
async fn certificate(addr: SocketAddr, connector: &TlsConnector) -> CertificateDer<'static> {
    let stream = connect(addr, connector).await;
    let (_, connection) = stream.get_ref();
    connection.peer_certificates().unwrap()[0]
        .clone()
        .into_owned()
}

/// Waits until new connections receive this certificate.
async fn expect_certificate(addr: SocketAddr, connector: &TlsConnector, pair: &Pair) {
    let presented = async {
        while certificate(addr, connector).await != pair.der {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(TIMEOUT, presented).await.unwrap();
}

async fn start_error(tls: Tls) -> String {
    let config = Config {
        tls: Some(tls),
        ..local_config()
    };
    Server::bind(config).await.unwrap_err().to_string()
}

#[tokio::test]
async fn clients_join_and_are_disconnected_over_tls() {
    let authority = Authority::new();
    let server = start(&Files::new(&authority.issue())).await;
    let stream = connect(server.addr, &authority.connector()).await;
    let url = "wss://localhost/room";
    let (mut socket, _) = client_async(url, stream).await.unwrap();
    let text = futures_util::StreamExt::next(&mut socket)
        .await
        .unwrap()
        .unwrap();
    assert!(text.to_text().unwrap().contains("IdAssigned"), "{text}");
    server.stop.send(()).unwrap();
    let close = timeout(TIMEOUT, futures_util::StreamExt::next(&mut socket)).await;
    let tokio_tungstenite::tungstenite::Message::Close(Some(frame)) =
        close.unwrap().unwrap().unwrap()
    else {
        panic!("the server must close the connection");
    };
    assert_eq!(u16::from(frame.code), close_code::GOING_AWAY);
}

#[tokio::test]
async fn plain_connection_to_a_tls_port_is_closed() {
    let authority = Authority::new();
    let server = start(&Files::new(&authority.issue())).await;
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    stream
        .write_all(b"GET /health HTTP/1.1\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    // The server sends an alert, or resets the connection.
    let _ = timeout(TIMEOUT, stream.read_to_end(&mut answer))
        .await
        .unwrap();
    assert!(!answer.starts_with(b"HTTP"));
}

#[tokio::test]
async fn certificate_is_replaced_under_load() {
    let authority = Authority::new();
    let files = Files::new(&authority.issue());
    let server = start(&files).await;
    let connector = authority.connector();
    let mut idle = connect(server.addr, &connector).await;
    let finished = Arc::new(AtomicBool::new(false));
    let load: Vec<_> = (0..4)
        .map(|_| {
            let (finished, connector) = (Arc::clone(&finished), connector.clone());
            let addr = server.addr;
            tokio::spawn(async move {
                let mut connections = 0;
                while !finished.load(Ordering::Relaxed) {
                    // Panics if a connection is refused.
                    certificate(addr, &connector).await;
                    connections += 1;
                    sleep(Duration::from_millis(5)).await;
                }
                connections
            })
        })
        .collect();
    for _ in 0..2 {
        let next = authority.issue();
        // Like an administrator: one file after the other.
        files.write("cert.pem", &next.certificate);
        sleep(Duration::from_millis(20)).await;
        files.write("key.pem", &next.key);
        expect_certificate(server.addr, &connector, &next).await;
    }
    finished.store(true, Ordering::Relaxed);
    for task in load {
        assert!(task.await.unwrap() > 20);
    }
    // A connection with the old certificate continues.
    idle.write_all(b"GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut answer = [0; 12];
    idle.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
}

#[tokio::test]
async fn invalid_certificate_keeps_the_old_one() {
    let authority = Authority::new();
    let first = authority.issue();
    let files = Files::new(&first);
    let config = Config {
        metrics: Some(([127, 0, 0, 1], 0).into()),
        ..config(&files)
    };
    let server = Server::bind(config).await.unwrap();
    let (addr, metrics) = (server.local_addr(), server.metrics_addr().unwrap());
    tokio::spawn(server.run(std::future::pending()));
    let connector = authority.connector();
    let mut scraper = TcpStream::connect(metrics).await.unwrap();
    let mut expect_reloads = async |result: &str, count: u32| {
        let expected = format!("huddle_tls_reloads_total{{result=\"{result}\"}} {count}");
        let counted = async {
            while !get_on(&mut scraper, "/metrics", "")
                .await
                .text()
                .contains(&expected)
            {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(TIMEOUT, counted).await.expect(&expected);
    };

    let second = authority.issue();
    files.write("cert.pem", &second.certificate);
    expect_reloads("failed", 1).await;
    assert_eq!(certificate(addr, &connector).await, first.der);
    files.write("cert.pem", "");
    expect_reloads("failed", 2).await;
    assert_eq!(certificate(addr, &connector).await, first.der);
    fs::remove_file(files.tls().certificates).unwrap();
    expect_reloads("failed", 3).await;
    assert_eq!(certificate(addr, &connector).await, first.der);

    files.write("cert.pem", &second.certificate);
    files.write("key.pem", &second.key);
    expect_reloads("loaded", 1).await;
    assert_eq!(certificate(addr, &connector).await, second.der);
}

#[tokio::test]
async fn unusable_certificate_is_explained_at_the_start() {
    let authority = Authority::new();
    let (pair, other) = (authority.issue(), authority.issue());
    let files = Files::new(&pair);
    let tls = files.tls();
    let missing = Path::new("no/such/key.pem").to_owned();
    let swapped = Tls {
        certificates: tls.key.clone(),
        key: tls.certificates.clone(),
    };
    for (tls, expected) in [
        (
            Tls {
                key: missing,
                ..tls.clone()
            },
            "cannot read no/such/key.pem",
        ),
        (swapped, "no valid certificate in"),
        (
            Tls {
                key: tls.certificates.clone(),
                ..tls.clone()
            },
            "no valid private key in",
        ),
    ] {
        let error = start_error(tls).await;
        assert!(error.contains(expected), "{error}");
    }
    files.write("key.pem", &other.key);
    let error = start_error(tls).await;
    assert!(
        error.contains("does not belong to the certificate"),
        "{error}"
    );
    assert!(
        error.contains("key.pem") && error.contains("cert.pem"),
        "{error}"
    );
}

#[tokio::test]
async fn incomplete_handshake_does_not_delay_other_clients_or_the_shutdown() {
    let authority = Authority::new();
    let server = start(&Files::new(&authority.issue())).await;
    let _silent = TcpStream::connect(server.addr).await.unwrap();
    let _client = connect(server.addr, &authority.connector()).await;
    server.stop.send(()).unwrap();
    timeout(Duration::from_secs(1), server.ended)
        .await
        .unwrap()
        .unwrap();
}
