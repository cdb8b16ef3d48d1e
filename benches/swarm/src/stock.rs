//! The stock server: `matchbox_signaling` with the full-mesh topology and nothing else.

use std::{
    io::{self, Write},
    net::SocketAddr,
};

use matchbox_signaling::SignalingServer;

/// Serves until the process is killed.
pub(crate) async fn serve(addr: SocketAddr) -> anyhow::Result<()> {
    let mut server = SignalingServer::full_mesh_builder(addr).build();
    let addr = server.bind()?;
    let mut stdout = io::stdout();
    writeln!(stdout, "listening on http://{addr}")?;
    stdout.flush()?;
    server.serve().await?;
    Ok(())
}
