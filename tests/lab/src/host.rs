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

/// A network that programs can be started in: that of a [`Host`], or the one of this thread.
#[derive(Clone)]
pub struct Network(Arc<File>);

impl Network {
    /// The one in which this thread opens sockets.
    ///
    /// # Errors
    /// If the kernel does not show it.
    pub fn here() -> anyhow::Result<Self> {
        let file =
            File::open("/proc/thread-self/ns/net").context("cannot see this thread's network")?;
        Ok(Self(Arc::new(file)))
    }

    /// Does something on a thread in this network: sockets that it opens and processes that it starts are there, and
    /// stay there.
    ///
    /// # Errors
    /// If the kernel does not let the thread in.
    pub fn enter<T: Send>(&self, what: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
        let file = &self.0;
        let done = thread::scope(|scope| {
            let inside = scope.spawn(move || {
                setns(file.as_fd(), CloneFlags::CLONE_NEWNET)?;
                anyhow::Ok(what())
            });
            inside.join()
        });
        match done {
            Ok(done) => done.context("cannot enter a network"),
            Err(panicked) => panic::resume_unwind(panicked),
        }
    }
}

/// A machine of its own, as far as the network goes.
pub struct Host {
    name: String,
    id: HostId,
    network: Network,
    switch: Arc<Switch>,
    interfaces: Mutex<Vec<Interface>>,
}

/// What connects a [`Host`] with the switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    name: String,
    address: Ipv4Addr,
}

impl Interface {
    /// Its address.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }
}

impl Host {
    pub(crate) fn new(name: &str, switch: Arc<Switch>) -> anyhow::Result<Self> {
        let made = thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).context("the kernel gives no network namespace")?;
            ip("link set lo up")?;
            Network::here()
        });
        let Ok(network) = made.join() else {
            bail!("making a network namespace panicked");
        };
        let host = Self {
            name: name.to_owned(),
            id: switch.new_host(),
            network: network?,
            switch,
            interfaces: Mutex::default(),
        };
        host.plug_in()?;
        Ok(host)
    }

    pub(crate) fn id(&self) -> HostId {
        self.id
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// [`Network::enter`].
    ///
    /// # Errors
    /// If the kernel does not let the thread in.
    pub fn enter<T: Send>(&self, what: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
        self.network
            .enter(what)
            .with_context(|| format!("on host {}", self.name))
    }

    /// The interface that was plugged in last.
    pub fn interface(&self) -> Interface {
        let interfaces = self.interfaces.lock();
        let interfaces = interfaces.unwrap_or_else(PoisonError::into_inner);
        interfaces
            .last()
            .cloned()
            .expect("a host is made with an interface")
    }

    /// The address of the interface that was plugged in last.
    pub fn address(&self) -> Ipv4Addr {
        self.interface().address
    }

    /// Adds an interface, with an address that nobody had before, and makes it the default route.
    ///
    /// # Errors
    /// If the kernel has no TAP devices.
    pub fn plug_in(&self) -> anyhow::Result<Interface> {
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
            let mut wanted = tun::Configuration::default();
            wanted.layer(Layer::L2).tun_name(&interface.name);
            // Addresses are set by `ip`, since this knows those of L3 only.
            wanted.platform_config(|platform| {
                platform.ensure_root_privileges(false);
            });
            let device = tun::create(&wanted)
                .context("cannot make a TAP device: is there /dev/net/tun, and may it be used?")?;
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

    /// Takes an interface down: its address and routes are gone.
    ///
    /// # Errors
    /// If it is not this host's.
    pub fn take_down(&self, interface: &Interface) -> anyhow::Result<()> {
        // Linux would go on to use the address on another interface.
        self.ip(&format!("addr flush dev {}", interface.name))?;
        self.ip(&format!("link set {} down", interface.name))
    }

    /// Brings an interface back with its address, as the default route.
    ///
    /// # Errors
    /// If it is not this host's.
    pub fn bring_up(&self, interface: &Interface) -> anyhow::Result<()> {
        self.enter(|| configure(interface))?
    }

    /// From now on only the other hosts can be reached.
    ///
    /// # Errors
    /// If there is no default route already.
    pub fn remove_default_route(&self) -> anyhow::Result<()> {
        self.ip("route del default")
    }

    /// Fixes which interface has the other's address. Otherwise the machine itself notices within seconds that a host
    /// of its own network is cut off, which it cannot of one behind a router.
    ///
    /// # Errors
    /// If this host's interface is down.
    pub fn remember(&self, other: &Self) -> anyhow::Result<()> {
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

/// Gives an interface of this thread's network its address and routes.
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
