use std::{
    fs::File,
    net::IpAddr,
    os::fd::AsFd,
    panic,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use anyhow::{Context, bail};
use nix::sched::{CloneFlags, setns, unshare};
use tun::Layer;

use crate::{
    programs::ip,
    subnet::{Addresses, Port, Subnet},
    switch::{HostId, Switch},
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

/// A machine of the lab: a network namespace that is connected to a switch.
pub struct Host {
    name: String,
    id: HostId,
    network: Network,
    switch: Arc<Switch>,
    interfaces: Mutex<Interfaces>,
}

#[derive(Default)]
struct Interfaces {
    connected: Vec<Interface>,
    /// The switches of the interfaces.
    switches: Vec<Arc<Switch>>,
    /// Interfaces whose other end does nothing.
    dead: Vec<tun::Device>,
}

/// A network interface that connects a [`Host`] to a switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    name: String,
    subnet: Subnet,
    port: Port,
}

impl Interface {
    /// Returns the interface's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the interface's address, or the IPv4 address if there are two.
    pub fn address(&self) -> IpAddr {
        self.addresses()[0]
    }

    /// Returns the interface's addresses, at least one.
    pub fn addresses(&self) -> Vec<IpAddr> {
        self.subnet.addresses(self.port)
    }

    /// Creates the device in this thread's network.
    fn create(&self) -> anyhow::Result<tun::Device> {
        let mut configuration = tun::Configuration::default();
        configuration.layer(Layer::L2).tun_name(&self.name);
        // `ip` sets the addresses, because this library sets those of L3 only.
        configuration.platform_config(|platform| {
            platform.ensure_root_privileges(false);
        });
        let device = tun::create(&configuration).context(
            "cannot create a TAP device: does /dev/net/tun exist, and may this user open it?",
        )?;
        let mac = self.subnet.mac(self.port);
        ip(&format!("link set dev {} address {mac}", self.name))?;
        Ok(device)
    }

    /// Sets the addresses in this thread's network, and brings the interface up.
    fn bring_up(&self) -> anyhow::Result<()> {
        for command in self.subnet.address_commands(self.port, &self.name) {
            ip(&command)?;
        }
        ip(&format!("link set {} up", self.name))
    }

    /// Makes the interface the default route in this thread's network.
    fn add_default_route(&self) -> anyhow::Result<()> {
        let commands = self.subnet.route_commands(&self.name);
        commands.iter().try_for_each(|command| ip(command))
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
            id: HostId::new(),
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

    fn interfaces(&self) -> MutexGuard<'_, Interfaces> {
        let interfaces = self.interfaces.lock();
        interfaces.unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the newest interface.
    pub fn interface(&self) -> Interface {
        let interfaces = self.interfaces();
        interfaces
            .connected
            .last()
            .cloned()
            .expect("a new host has an interface")
    }

    /// Returns the address of the newest interface.
    pub fn address(&self) -> IpAddr {
        self.interface().address()
    }

    /// Adds an interface with an unused address, and makes it the default route.
    ///
    /// # Errors
    /// Returns an error if the kernel has no TAP devices.
    pub fn add_interface(&self) -> anyhow::Result<Interface> {
        let interface = self.connect(&self.switch, self.switch.new_port())?;
        self.enter(|| interface.add_default_route())??;
        Ok(interface)
    }

    /// Connects the host to another switch, as the router of its hosts.
    pub(crate) fn connect_as_gateway(&self, switch: &Arc<Switch>) -> anyhow::Result<Interface> {
        self.connect(switch, Port::GATEWAY)
    }

    fn connect(&self, switch: &Arc<Switch>, port: Port) -> anyhow::Result<Interface> {
        let mut interfaces = self.interfaces();
        let interface = Interface {
            name: format!("eth{}", interfaces.connected.len()),
            subnet: switch.subnet(),
            port,
        };
        let device = self.enter(|| -> anyhow::Result<tun::Device> {
            let device = interface.create()?;
            interface.bring_up()?;
            Ok(device)
        })??;
        switch.attach(port, self.id, device)?;
        interfaces.connected.push(interface.clone());
        interfaces.switches.push(Arc::clone(switch));
        Ok(interface)
    }

    /// Adds an interface that is up and has addresses, but is connected to nothing, like those of
    /// VPNs and virtual machines.
    ///
    /// # Errors
    /// Returns an error if the kernel has no TAP devices.
    pub fn add_dead_interface(&self) -> anyhow::Result<()> {
        let mut interfaces = self.interfaces();
        let interface = Interface {
            name: format!("dead{}", interfaces.dead.len()),
            subnet: Subnet::unused(Addresses::Both),
            port: Port(1),
        };
        let device = self.enter(|| -> anyhow::Result<tun::Device> {
            let device = interface.create()?;
            interface.bring_up()?;
            Ok(device)
        })??;
        interfaces.dead.push(device);
        Ok(())
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
        self.enter(|| {
            interface.bring_up()?;
            interface.add_default_route()
        })?
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
        let (name, interface) = (self.interface().name, other.interface());
        let mac = interface.subnet.mac(interface.port);
        interface.addresses().iter().try_for_each(|address| {
            self.ip(&format!(
                "neigh replace {address} lladdr {mac} dev {name} nud permanent"
            ))
        })
    }

    fn ip(&self, arguments: &str) -> anyhow::Result<()> {
        self.enter(|| ip(arguments))?
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        for switch in &self.interfaces().switches {
            switch.detach(self.id);
        }
    }
}
