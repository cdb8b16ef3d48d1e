//! Eight stock clients, directly, through reverse proxies, and through two instances.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};
use huddle_tests::{Artifacts, Cluster, ProxyKind, ReverseProxy, Server, StockClient};

/// The number of clients of a mesh.
const CLIENTS: usize = 8;
/// The maximum time until all pairs are connected on a busy machine.
const MESH_TIMEOUT: Duration = Duration::from_secs(40);
const POLL: Duration = Duration::from_millis(100);

pub(crate) fn eight_stock_clients_form_a_mesh(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    form_a_mesh(artifacts, "directly", &server.room("mesh"))?;
    for kind in [ProxyKind::Caddy, ProxyKind::Nginx] {
        let proxy = ReverseProxy::start(kind, server.address())?;
        let name = format!("{kind:?}");
        form_a_mesh(artifacts, &name, &proxy.room(&name))?;
    }
    let cluster = Cluster::start(artifacts)?;
    form_a_mesh(artifacts, "through two instances", &cluster.room("mesh"))
}

fn form_a_mesh(artifacts: &Artifacts, how: &str, room: &str) -> anyhow::Result<()> {
    let start = |n| StockClient::start(artifacts, &format!("client {n}"), room);
    let mut clients: Vec<_> = (0..CLIENTS).map(start).collect::<Result<_, _>>()?;
    let began = Instant::now();
    loop {
        let mut connected = 0;
        for client in &mut clients {
            let peers = client.report()?.peers;
            ensure!(
                peers.values().all(|peer| peer.connections <= 1),
                "{how}: a client connected to a peer twice"
            );
            connected += peers.values().filter(|peer| peer.connected).count();
        }
        if connected == CLIENTS * (CLIENTS - 1) {
            println!("   {how}: a mesh after {} ms", began.elapsed().as_millis());
            return Ok(());
        }
        if began.elapsed() > MESH_TIMEOUT {
            let logs: String = clients.iter().map(StockClient::log).collect();
            bail!("{how}: only {connected} connections after {MESH_TIMEOUT:?}\n{logs}");
        }
        thread::sleep(POLL);
    }
}
