//! Several instances of the signaling server that share their rooms through a Redis.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

use crate::{
    artifacts::Artifacts,
    child::{self, ChildGuard},
    forwarder::Forwarder,
    server::Server,
};

const START_TIMEOUT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(30);

/// A Redis without persistence. Dropping it stops the program.
pub struct Redis {
    address: SocketAddr,
    process: Option<ChildGuard>,
}

impl Redis {
    /// Starts on a free port.
    ///
    /// # Errors
    /// Returns an error if the program is missing or does not start.
    pub fn start() -> anyhow::Result<Self> {
        // Redis does not print its port, so the test chooses one. Nothing else opens ports in this
        // network.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut redis = Self {
            address,
            process: None,
        };
        redis.restart()?;
        Ok(redis)
    }

    /// Kills the program. All data is lost.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts the program again, without data.
    ///
    /// # Errors
    /// Returns an error if it does not start.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.kill();
        let mut command = child::command("redis-server");
        command
            .args(["--bind", &self.address.ip().to_string()])
            .args(["--port", &self.address.port().to_string()])
            .args(["--save", "", "--appendonly", "no"]);
        let mut process = ChildGuard::start("Redis", &mut command, Some)
            .context("Redis is needed: install the package `redis-server`")?;
        let began = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            process.check_alive()?;
            if began.elapsed() > START_TIMEOUT {
                bail!("Redis did not start listening:\n{}", process.log.text());
            }
            thread::sleep(POLL);
        }
        self.process = Some(process);
        Ok(())
    }
}

/// Two instances of the server behind a load balancer.
pub struct Cluster {
    /// Contains the owners of the rooms.
    pub redis: Redis,
    /// The servers.
    pub instances: [Server; 2],
    balancer: Forwarder,
}

impl Cluster {
    /// Starts all programs.
    ///
    /// # Errors
    /// Returns an error if one does not start.
    pub fn start(artifacts: &Artifacts) -> anyhow::Result<Self> {
        let redis = Redis::start()?;
        let options = || {
            let url = format!("redis://{}", redis.address);
            let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            vec![
                ("HUDDLE_REDIS_URL", url),
                ("HUDDLE_CLUSTER_BIND", any.to_string()),
            ]
        };
        let instances = [
            Server::with_options(artifacts, options())?,
            Server::with_options(artifacts, options())?,
        ];
        let balancer = Forwarder::balance(instances.iter().map(Server::address).collect())?;
        Ok(Self {
            redis,
            instances,
            balancer,
        })
    }

    /// Returns the URL of a room behind the load balancer.
    pub fn room(&self, name: &str) -> String {
        format!("ws://{}/{name}", self.balancer.address())
    }

    /// Returns the addresses of the instances.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.instances.iter().map(Server::address).collect()
    }
}
