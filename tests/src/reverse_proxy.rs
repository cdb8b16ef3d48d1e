//! Caddy or nginx in front of the signaling server.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::child::{self, ChildGuard};

const START_TIMEOUT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(30);

/// The program of a reverse proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyKind {
    /// Debian package `caddy`.
    Caddy,
    /// Debian package `nginx-light`.
    Nginx,
}

/// A running reverse proxy. Dropping it stops the program.
pub struct ReverseProxy {
    address: SocketAddr,
    _process: ChildGuard,
    _files: TempDir,
}

impl ReverseProxy {
    /// Starts a proxy on a free port in front of a server.
    ///
    /// # Errors
    /// Returns an error if the program is not installed, or does not listen.
    pub fn start(kind: ProxyKind, server: SocketAddr) -> anyhow::Result<Self> {
        // The programs do not print their port, so the test chooses one.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let files = tempfile::tempdir()?;
        let config = files.path().join("config");
        fs::write(&config, configuration(kind, address, server, &files))?;
        let mut command = match kind {
            ProxyKind::Caddy => {
                let mut command = child::command("caddy");
                command
                    .args(["run", "--adapter", "caddyfile", "--config"])
                    .arg(&config)
                    .env("HOME", files.path());
                command
            }
            ProxyKind::Nginx => {
                let mut command = child::command("nginx");
                command.arg("-p").arg(files.path()).arg("-c").arg(&config);
                command
            }
        };
        let mut process = ChildGuard::start("the reverse proxy", &mut command, Some)
            .context("install the packages `caddy` and `nginx-light`")?;
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            process.check_alive()?;
            if began.elapsed() > START_TIMEOUT {
                bail!("{kind:?} did not start:\n{}", process.log.text());
            }
            thread::sleep(POLL);
        }
        Ok(Self {
            address,
            _process: process,
            _files: files,
        })
    }

    /// Returns the URL of a room of the server behind the proxy.
    pub fn room(&self, name: &str) -> String {
        format!("ws://{}/{name}", self.address)
    }
}

/// Returns a configuration as in the guide for hosts.
fn configuration(
    kind: ProxyKind,
    address: SocketAddr,
    server: SocketAddr,
    files: &TempDir,
) -> String {
    let dir = files.path().display();
    match kind {
        ProxyKind::Caddy => {
            format!(
                "{{\nadmin off\nauto_https off\n}}\nhttp://{address} {{\nreverse_proxy {server}\n}}\n"
            )
        }
        ProxyKind::Nginx => format!(
            "daemon off;
            master_process off;
            pid {dir}/pid;
            error_log {dir}/errors;
            events {{}}
            http {{
                access_log off;
                client_body_temp_path {dir}/body;
                proxy_temp_path {dir}/proxy;
                fastcgi_temp_path {dir}/fastcgi;
                uwsgi_temp_path {dir}/uwsgi;
                scgi_temp_path {dir}/scgi;
                server {{
                    listen {address};
                    location / {{
                        proxy_pass http://{server};
                        proxy_http_version 1.1;
                        proxy_set_header Upgrade $http_upgrade;
                        proxy_set_header Connection \"upgrade\";
                        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                        proxy_read_timeout 60s;
                    }}
                }}
            }}"
        ),
    }
}
