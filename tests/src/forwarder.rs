//! A load balancer that forwards each new connection to one of several servers.

use std::{
    io,
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

/// A running load balancer. It forwards connections until the test process ends.
pub struct Forwarder {
    address: SocketAddr,
    targets: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Forwarder {
    /// Starts on a free port.
    ///
    /// # Errors
    /// Returns an error if the port cannot be opened.
    pub fn start(target: SocketAddr) -> anyhow::Result<Self> {
        Self::balance(vec![target])
    }

    /// Starts on a free port. Each new connection goes to the next server that accepts it.
    ///
    /// # Errors
    /// Returns an error if the port cannot be opened.
    pub fn balance(targets: Vec<SocketAddr>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let targets = Arc::new(Mutex::new(targets));
        let current = Arc::clone(&targets);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let targets = {
                    let mut targets = current.lock().unwrap_or_else(PoisonError::into_inner);
                    targets.rotate_left(1);
                    targets.clone()
                };
                // If no server runs, the client loses its connection.
                let server = targets
                    .iter()
                    .find_map(|target| TcpStream::connect(target).ok());
                if let Some(server) = server {
                    let _ = forward(&client, &server);
                }
            }
        });
        Ok(Self { address, targets })
    }

    /// Returns the address for clients.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Forwards new connections to another server. Open connections stay.
    pub fn switch_to(&self, target: SocketAddr) {
        *self.targets.lock().unwrap_or_else(PoisonError::into_inner) = vec![target];
    }
}

fn forward(client: &TcpStream, server: &TcpStream) -> io::Result<()> {
    for (from, to) in [(client, server), (server, client)] {
        from.set_nodelay(true)?;
        let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
    }
    Ok(())
}
