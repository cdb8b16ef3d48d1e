//! The servers to measure, each in a process of its own.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::{
    connect::{Route, tls_connector},
    target::Target,
    usage::Processes,
};

/// The time that a server has to start.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// A program that serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Huddle,
    Stock,
}

impl Program {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Huddle => "huddle-signaling",
            Self::Stock => "matchbox_signaling",
        }
    }
}

/// How to start the servers.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    pub(crate) huddle: PathBuf,
    /// More arguments for `huddle-signaling`.
    pub(crate) arguments: Vec<String>,
}

/// A running server.
pub(crate) struct Server {
    program: Program,
    programs: Programs,
    arguments: Vec<String>,
    certificate: Option<Certificate>,
    child: Child,
    addr: SocketAddr,
}

/// A certificate for 127.0.0.1, in files.
struct Certificate(TempDir);

impl Certificate {
    fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let key = rcgen::KeyPair::generate()?;
        let params = rcgen::CertificateParams::new(vec![Ipv4Addr::LOCALHOST.to_string()])?;
        let certificate = params.self_signed(&key)?;
        let new = Self(folder);
        std::fs::write(new.path(), certificate.pem())?;
        std::fs::write(new.key_path(), key.serialize_pem())?;
        Ok(new)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("certificate.pem")
    }

    fn key_path(&self) -> PathBuf {
        self.0.path().join("key.pem")
    }
}

impl Server {
    /// Starts a server on a free port, with the arguments that a measurement needs.
    pub(crate) async fn start(
        programs: &Programs,
        program: Program,
        arguments: &[&str],
        tls: bool,
    ) -> anyhow::Result<Self> {
        let certificate = tls.then(Certificate::new).transpose()?;
        let mut arguments: Vec<String> = arguments.iter().map(|&text| text.into()).collect();
        if let Some(certificate) = &certificate {
            for (flag, path) in [
                ("--tls-cert", certificate.path()),
                ("--tls-key", certificate.key_path()),
            ] {
                arguments.extend([flag.into(), path.display().to_string()]);
            }
        }
        let any_port = (Ipv4Addr::LOCALHOST, 0).into();
        let (child, addr) = spawn(programs, program, &arguments, any_port).await?;
        Ok(Self {
            program,
            programs: programs.clone(),
            arguments,
            certificate,
            child,
            addr,
        })
    }

    /// Kills the server. Its clients notice that immediately.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Starts the server again after [`kill`](Self::kill), on the same port.
    pub(crate) async fn restart(&mut self) -> anyhow::Result<()> {
        let addr = self.addr;
        let started = spawn(&self.programs, self.program, &self.arguments, addr).await?;
        (self.child, self.addr) = started;
        Ok(())
    }

    pub(crate) fn route(&self) -> anyhow::Result<Route> {
        let target = Target {
            addr: self.addr,
            tls: self.certificate.is_some(),
        };
        let path = self.certificate.as_ref().map(Certificate::path);
        let tls = path.as_deref().map(tls_connector).transpose()?;
        Route::new(target, tls)
    }

    pub(crate) fn processes(&self) -> Processes {
        Processes(self.child.id().into_iter().collect())
    }
}

/// Starts a server, and waits until it listens.
async fn spawn(
    programs: &Programs,
    program: Program,
    arguments: &[String],
    addr: SocketAddr,
) -> anyhow::Result<(Child, SocketAddr)> {
    let mut command = match program {
        Program::Huddle => {
            let mut command = Command::new(&programs.huddle);
            // Without trusted proxies, the server counts the clients of each address, as on the
            // internet. The network is one for documentation.
            command.args(["--trusted-proxy", "192.0.2.0/24"]);
            command.args(arguments).args(&programs.arguments);
            command
        }
        Program::Stock => {
            let mut command = Command::new(std::env::current_exe()?);
            command.arg("stock");
            command
        }
    };
    let mut child = command
        .args(["--bind", &addr.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| {
            format!(
                "cannot start {}: build it with `cargo build --release -p huddle_signaling`, or \
                 pass its path with --server",
                programs.huddle.display()
            )
        })?;
    let stdout = child.stdout.take().context("the server has no stdout")?;
    let mut lines = BufReader::new(stdout).lines();
    let line = timeout(START_TIMEOUT, lines.next_line())
        .await
        .context("the server does not start")??;
    let Some(line) = line else {
        bail!("the server ended before it listened");
    };
    let addr = line
        .split_once("://")
        .and_then(|(_, addr)| addr.parse().ok())
        .with_context(|| format!("the server printed {line:?} instead of its address"))?;
    Ok((child, addr))
}
