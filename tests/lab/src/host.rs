use std::{
    fs::File,
    net::Ipv4Addr,
    os::fd::AsFd,
    panic,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use anyhow::{Context, bail};
use nix::sched::{CloneFlags, setns, unshare};
use tun::Layer;

use crate::{
    isolation::ip,
    switch::{HostId, Port, Switch},
};

/// A network namespace in which programs can be started.
#[derive(Clone)]
pub struct Network(Arc<File>);

impl Network {
    /// Returns the network of this thread.
    ///
    /// # Errors
    /// Returns an error if the namespace's file cannot be opened.
    pub fn here() -> anyhow::Result<Self> {
        let file = File::open("/proc/thread-self/ns/net")
            .context("cannot open this thread's network namespace")?;
        Ok(Self(Arc::new(file)))
    }

    /// Runs a function on a thread in this network. The sockets that it opens and the processes
    /// that it starts stay in this network.
    ///
    /// # Errors
    /// Returns an error if the thread cannot enter the namespace.
    pub fn enter<T: Send>(&self, function: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
        let file = &self.0;
        let done = thread::scope(|scope| {
            let inside = scope.spawn(move || {
                setns(file.as_fd(), CloneFlags::CLONE_NEWNET)?;
                anyhow::Ok(function())
            });
            inside.join()
        });
        match done {
            Ok(done) => done.context("cannot enter a network"),
            Err(panicked) => panic::resume_unwind(panicked),
        }
    }
}

/// A machine of the lab: a network namespace that is connected to the switch.
pub struct Host {
    name: String,
    id: HostId,
    network: Network,
    switch: Arc<Switch>,
    interfaces: Mutex<Vec<Interface>>,
}

/// A network interface that connects a [`Host`] to the switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    name: String,
    address: Ipv4Addr,
}

impl Interface {
    /// Returns the interface's address.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }
}

impl Host {
    pub(crate) fn new(name: &str, switch: Arc<Switch>) -> anyhow::Result<Self> {
        let created = thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).context("cannot create a network namespace")?;
            ip("link set lo up")?;
            Network::here()
        });
        let Ok(network) = created.join() else {
            bail!("the thread that creates a network namespace panicked");
        };
        let host = Self {
            name: name.to_owned(),
            id: switch.new_host(),
            network: network?,
            switch,
            interfaces: Mutex::default(),
        };
        host.add_interface()?;
        Ok(host)
    }

    pub(crate) fn id(&self) -> HostId {
        self.id
    }

    /// Returns the host's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the host's network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Runs a function on a thread in the host's network, like [`Network::enter`].
    ///
    /// # Errors
    /// Returns an error if the thread cannot enter the namespace.
    pub fn enter<T: Send>(&self, function: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
        self.network
            .enter(function)
            .with_context(|| format!("on host {}", self.name))
    }

    /// Returns the newest interface.
    pub fn interface(&self) -> Interface {
        let interfaces = self.interfaces.lock();
        let interfaces = interfaces.unwrap_or_else(PoisonError::into_inner);
        interfaces
            .last()
            .cloned()
            .expect("a new host has an interface")
    }

    /// Returns the address of the newest interface.
    pub fn address(&self) -> Ipv4Addr {
        self.interface().address
    }

    /// Adds an interface with an unused address, and makes it the default route.
    ///
    /// # Errors
    /// Returns an error if the kernel has no TAP devices.
    pub fn add_interface(&self) -> anyhow::Result<Interface> {
        let mut interfaces = self
            .interfaces
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let port = self.switch.new_port();
        let interface = Interface {
            name: format!("eth{}", interfaces.len()),
            address: port.address(),
        };
        let device = self.enter(|| -> anyhow::Result<tun::Device> {
            let mut configuration = tun::Configuration::default();
            configuration.layer(Layer::L2).tun_name(&interface.name);
            // `ip` sets the addresses, because this library sets those of L3 only.
            configuration.platform_config(|platform| {
                platform.ensure_root_privileges(false);
            });
            let device = tun::create(&configuration).context(
                "cannot create a TAP device: does /dev/net/tun exist, and may this user open it?",
            )?;
            ip(&format!(
                "link set dev {} address {}",
                interface.name,
                port.mac()
            ))?;
            configure(&interface)?;
            Ok(device)
        })??;
        self.switch.attach(port, self.id, device)?;
        interfaces.push(interface.clone());
        Ok(interface)
    }

    /// Takes an interface down, and removes its address and routes.
    ///
    /// # Errors
    /// Returns an error if the interface belongs to another host.
    pub fn take_down(&self, interface: &Interface) -> anyhow::Result<()> {
        // Otherwise Linux would continue to use the address on another interface.
        self.ip(&format!("addr flush dev {}", interface.name))?;
        self.ip(&format!("link set {} down", interface.name))
    }

    /// Brings an interface up again with its address, and makes it the default route.
    ///
    /// # Errors
    /// Returns an error if the interface belongs to another host.
    pub fn bring_up(&self, interface: &Interface) -> anyhow::Result<()> {
        self.enter(|| configure(interface))?
    }

    /// Removes the default route, so that only the other hosts are reachable.
    ///
    /// # Errors
    /// Returns an error if there is no default route.
    pub fn remove_default_route(&self) -> anyhow::Result<()> {
        self.ip("route del default")
    }

    /// Adds a permanent ARP entry for another host. Without it, the kernel detects within seconds
    /// that a host of the same network is cut off, which is not possible for a host behind a
    /// router.
    ///
    /// # Errors
    /// Returns an error if this host's interface is down.
    pub fn add_arp_entry(&self, other: &Self) -> anyhow::Result<()> {
        let (name, address) = (self.interface().name, other.address());
        let mac = Port::of_address(address).mac();
        self.ip(&format!(
            "neigh replace {address} lladdr {mac} dev {name} nud permanent"
        ))
    }

    fn ip(&self, arguments: &str) -> anyhow::Result<()> {
        self.enter(|| ip(arguments))?
    }
}

/// Sets the address and the routes of an interface in this thread's network.
fn configure(interface: &Interface) -> anyhow::Result<()> {
    let Interface { name, address } = interface;
    ip(&format!(
        "addr add {address}/24 broadcast 10.78.0.255 dev {name}"
    ))?;
    ip(&format!("link set {name} up"))?;
    ip(&format!("route replace default via 10.78.0.254 dev {name}"))
}

impl Drop for Host {
    fn drop(&mut self) {
        self.switch.detach(self.id);
    }
}
