//! A real TURN server: coturn.

use std::{
    env, fs,
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{ClientConfig, RootCertStore};

use crate::{config::IceServer, platform::tls};

const START_TIMEOUT: Duration = Duration::from_secs(20);

/// A running coturn on all loopback addresses, with the user `ada`. Dropping it stops the server.
pub(super) struct TurnServer {
    process: Child,
    folder: PathBuf,
    pub(super) port: u16,
    pub(super) tls_port: u16,
    /// Settings for TLS that trust only the server's certificate authority.
    pub(super) tls: Arc<ClientConfig>,
}

impl TurnServer {
    /// Starts coturn. Returns `None` if it is not installed, except in CI.
    pub(super) fn start(options: &[&str]) -> Option<Self> {
        static FOLDERS: AtomicU32 = AtomicU32::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("huddle-coturn-{}-{number}", std::process::id());
        let folder = env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        let roots = write_certificate(&folder);
        let [port, tls_port] = free_ports();
        let process = Command::new("turnserver")
            .args(["-n", "--lt-cred-mech", "--realm=huddle.test"])
            .args(["--user=ada:secret", "--no-cli", "--no-dtls"])
            .args(["--allow-loopback-peers", "--log-file=stdout"])
            .arg(format!("--pidfile={}", folder.join("pid").display()))
            .arg(format!("--cert={}", folder.join("cert.pem").display()))
            .arg(format!("--pkey={}", folder.join("key.pem").display()))
            .arg(format!("--listening-port={port}"))
            .arg(format!("--tls-listening-port={tls_port}"))
            .args(["--listening-ip=127.0.0.1", "--listening-ip=::1"])
            .args(["--relay-ip=127.0.0.1", "--relay-ip=::1"])
            .args(options)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let process = match process {
            Ok(process) => process,
            Err(error) if env::var("CI").is_ok_and(|ci| ci == "true") => {
                panic!("cannot start coturn: {error}; install the package `coturn`");
            }
            Err(error) => {
                eprintln!("skipped, because coturn does not start: {error}");
                let _ = fs::remove_dir_all(folder);
                return None;
            }
        };
        let server = Self {
            process,
            folder,
            port,
            tls_port,
            tls: tls::config_with(roots).unwrap(),
        };
        let began = Instant::now();
        while [port, tls_port]
            .iter()
            .any(|port| TcpStream::connect(("127.0.0.1", *port)).is_err())
        {
            assert!(began.elapsed() < START_TIMEOUT, "coturn does not start");
            thread::sleep(Duration::from_millis(50));
        }
        Some(server)
    }

    pub(super) fn ice_server(&self, url: &str) -> IceServer {
        let url = url
            .replace("TLS_PORT", &self.tls_port.to_string())
            .replace("PORT", &self.port.to_string());
        IceServer::turn(url, "ada", "secret")
    }
}

impl Drop for TurnServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Creates a certificate authority and a certificate for the loopback addresses. Returns the
/// authority.
fn write_certificate(folder: &std::path::Path) -> RootCertStore {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let root = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(names)
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(root.der().clone()).unwrap();
    roots
}

/// Returns two ports that are free now.
fn free_ports() -> [u16; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}
