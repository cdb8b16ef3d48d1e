//! A Redis server in a process of the test, and connections to it that can be cut.

use std::{
    io::ErrorKind,
    net::SocketAddr,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// A Redis server without persistence. Dropping it stops the process.
pub(crate) struct Redis {
    process: Child,
    pub(crate) addr: SocketAddr,
    folder: TempDir,
}

impl Redis {
    /// Starts Redis. Returns `None` if it is not installed.
    pub(crate) fn start() -> Option<Self> {
        for _ in 0..10 {
            let mut redis = Self::start_at(free_port())?;
            // Another process may have taken the port in the meantime.
            if redis.process.try_wait().unwrap().is_none() {
                return Some(redis);
            }
        }
        panic!("there is no free port for redis-server");
    }

    pub(crate) fn start_at(port: u16) -> Option<Self> {
        Self::start_with(port, &[])
    }

    /// Starts Redis with further arguments.
    pub(crate) fn start_with(port: u16, args: &[&str]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut redis = Self {
            process: spawn(port, &folder, args)?,
            addr: ([127, 0, 0, 1], port).into(),
            folder,
        };
        redis.wait_until_ready();
        Some(redis)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.addr)
    }

    /// Replaces the process by a new one without data.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.process = spawn(self.addr.port(), &self.folder, &[]).unwrap();
        self.wait_until_ready();
    }

    pub(crate) fn stop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Waits until it accepts connections or has ended.
    fn wait_until_ready(&mut self) {
        // A minute, for a busy machine.
        for _ in 0..1200 {
            if self.process.try_wait().unwrap().is_some()
                || std::net::TcpStream::connect(self.addr).is_ok()
            {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("redis-server does not respond");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Returns a port that is free at the moment.
pub(crate) fn free_port() -> u16 {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    free.local_addr().unwrap().port()
}

fn spawn(port: u16, folder: &TempDir, args: &[&str]) -> Option<Child> {
    let started = Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
        .args(["--save", "", "--appendonly", "no", "--dir"])
        .arg(folder.path())
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match started {
        Err(error) if error.kind() == ErrorKind::NotFound && std::env::var_os("CI").is_none() => {
            eprintln!("skipped: there is no redis-server. Install the package `redis-server`");
            None
        }
        started => Some(started.expect("CI needs redis-server, from the package `redis-server`")),
    }
}

/// The connections of one instance to Redis. While they are cut, no bytes pass. They are delivered
/// when the connections work again, like those of a network that was partitioned.
pub(crate) struct Wire {
    pub(crate) addr: SocketAddr,
    is_cut: watch::Sender<bool>,
}

impl Wire {
    pub(crate) async fn to(redis: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (is_cut, cut) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(carry(stream, redis, cut.clone()));
            }
        });
        Self { addr, is_cut }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.addr)
    }

    pub(crate) fn cut(&self) {
        self.is_cut.send_replace(true);
    }

    pub(crate) fn restore(&self) {
        self.is_cut.send_replace(false);
    }
}

async fn carry(near: TcpStream, redis: SocketAddr, mut cut: watch::Receiver<bool>) {
    if cut.wait_for(|is_cut| !is_cut).await.is_err() {
        return;
    }
    let Ok(far) = TcpStream::connect(redis).await else {
        return;
    };
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    let up = copy(near_read, far_write, cut.clone());
    let down = copy(far_read, near_write, cut);
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}

async fn copy(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut cut: watch::Receiver<bool>,
) {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let length = from.read(&mut bytes).await.unwrap_or(0);
        if length == 0
            || cut.wait_for(|is_cut| !is_cut).await.is_err()
            || to.write_all(&bytes[..length]).await.is_err()
        {
            return;
        }
    }
}
