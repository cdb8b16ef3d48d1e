//! The signaling server that serves the pages.

use std::{
    env::consts::EXE_SUFFIX,
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Child,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

use crate::{env, process, project::Project};

pub(super) const POLL: Duration = Duration::from_millis(100);
/// The maximum time to wait until the server accepts connections.
const SERVER_START: Duration = Duration::from_secs(10);
/// The maximum time to wait for the answer of a server that already runs.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(1);
/// The maximum number of bytes to read of that answer.
const MAX_HEALTH_LEN: u64 = 4096;

pub(super) fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Returns whether a `huddle-signaling` server is running at this address.
pub(super) fn is_signaling_server(address: SocketAddr) -> bool {
    let fields = ["\"rooms\":", "\"clients\":", "\"uptime_s\":"];
    health(address).is_ok_and(|answer| fields.iter().all(|field| answer.contains(field)))
}

/// Returns the answer to `GET /health`.
fn health(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, HEALTH_TIMEOUT)?;
    stream.set_read_timeout(Some(HEALTH_TIMEOUT))?;
    stream.set_write_timeout(Some(HEALTH_TIMEOUT))?;
    let request = format!("GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.take(MAX_HEALTH_LEN).read_to_string(&mut answer)?;
    Ok(answer)
}

/// A child process that is killed when dropped.
pub(super) struct KillOnDrop(pub(super) Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        // An error means that the process has already ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(super) fn check_free(address: SocketAddr) -> anyhow::Result<()> {
    TcpListener::bind(address).map(drop).with_context(|| {
        let port = address.port();
        format!(
            "cannot listen on port {port}. Is another `cargo play` running? Choose another port with --port {}",
            port.checked_add(1).unwrap_or(3536)
        )
    })
}

/// Builds the signaling server and returns its program.
pub(super) fn build_server(project: &Project) -> anyhow::Result<PathBuf> {
    // Beside this program, which shares dependencies with it. `cargo run -p huddle_signaling` uses the same folder.
    let own = std::env::current_exe().context("the path of this program is unknown")?;
    let target = own
        .ancestors()
        .nth(2)
        .context("xtask is not in cargo's target directory")?;
    let mut cargo = env::command("cargo");
    cargo
        .current_dir(&project.root)
        .args(["build", "-p", "huddle_signaling", "--bins", "--target-dir"])
        .arg(target);
    process::run(&mut cargo)?;
    Ok(target
        .join("debug")
        .join(format!("huddle-signaling{EXE_SUFFIX}")))
}

pub(super) fn start_server(
    program: &Path,
    address: SocketAddr,
    site: &Path,
) -> anyhow::Result<KillOnDrop> {
    let mut command = env::command(program);
    command
        // After Ctrl-C, the next `cargo play` can use the port at once.
        .args(["--bind", &address.to_string(), "--drain", "0s", "--serve"])
        .arg(site);
    let child = command
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let mut server = KillOnDrop(child);
    let local = local(address.port());
    let deadline = Instant::now() + SERVER_START;
    while TcpStream::connect_timeout(&local, POLL).is_err() {
        if let Some(status) = server.0.try_wait()? {
            bail!("the server stopped while starting ({status})");
        }
        if Instant::now() > deadline {
            bail!("the server does not accept connections at {local}");
        }
        thread::sleep(POLL);
    }
    Ok(server)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_for_a_used_port_names_the_option() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let error = check_free(taken.local_addr().unwrap())
            .unwrap_err()
            .to_string();
        assert!(error.contains("--port"), "{error}");
    }

    /// Starts a server that answers one request with `body`.
    fn serve_once(body: &'static str) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let len = stream.read(&mut [0; 1024]).unwrap();
            assert!(len > 0);
            let answer = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).unwrap();
        });
        address
    }

    #[test]
    fn only_a_signaling_server_counts_as_a_running_server() {
        let health = r#"{"status":"ok","rooms":1,"clients":2,"uptime_s":3,"version":"0.1.0"}"#;
        assert!(is_signaling_server(serve_once(health)));
        assert!(!is_signaling_server(serve_once("<h1>It works!</h1>")));
    }
}
