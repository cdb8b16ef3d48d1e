//! The switch that connects hosts.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    io,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;

use crate::subnet::{Port, Subnet};

/// The interval at which a thread checks whether its interface or switch still exists.
const CHECK_INTERVAL: Duration = Duration::from_millis(200);
/// The maximum length of a frame with all headers. The MTU of the interfaces is 1500 bytes.
const MAX_FRAME: usize = 2048;
/// The maximum number of delayed frames. Beyond it, frames are dropped, as in a router.
const MAX_DELAYED: usize = 20_000;

/// The conditions of the connection between two hosts, in each direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conditions {
    /// The minimum delay of a frame.
    pub latency: Duration,
    /// The maximum additional delay. It is random for each frame, so frames are reordered.
    pub jitter: Duration,
    /// The probability that a frame is lost, from 0 to 1.
    pub loss: f64,
}

impl Conditions {
    /// No delay and no loss.
    pub const GOOD: Self = Self {
        latency: Duration::ZERO,
        jitter: Duration::ZERO,
        loss: 0.0,
    };
}

/// The sending and the receiving host.
pub(crate) type Direction = (HostId, HostId);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct HostId(u32);

impl HostId {
    /// Returns a new id. A router has the same id on each of its switches.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// A switch that forwards frames between the interfaces of hosts.
pub(crate) struct Switch {
    subnet: Subnet,
    state: Mutex<State>,
    wake: Arc<Condvar>,
}

struct State {
    connections: HashMap<Port, Connection>,
    next_port: u8,
    default_conditions: Conditions,
    directions: HashMap<Direction, Conditions>,
    cuts: Vec<Direction>,
    delayed: BinaryHeap<Reverse<Delayed>>,
    rng: fastrand::Rng,
    delivered: u64,
    lost: u64,
}

struct Connection {
    host: HostId,
    device: Arc<tun::Device>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Delayed {
    due: Instant,
    direction: Direction,
    to: u8,
    frame: Vec<u8>,
}

impl Switch {
    /// Starts a switch. The seed determines which frames are lost.
    pub(crate) fn start(seed: u64, subnet: Subnet) -> anyhow::Result<Arc<Self>> {
        let switch = Arc::new(Self::new(seed, subnet));
        let (weak, wake) = (Arc::downgrade(&switch), Arc::clone(&switch.wake));
        thread::Builder::new()
            .name("lab switch".to_owned())
            .spawn(move || deliver_when_due(&weak, &wake))
            .context("cannot start the switch")?;
        Ok(switch)
    }

    fn new(seed: u64, subnet: Subnet) -> Self {
        Self {
            subnet,
            wake: Arc::default(),
            state: Mutex::new(State {
                connections: HashMap::new(),
                next_port: 1,
                default_conditions: Conditions::GOOD,
                directions: HashMap::new(),
                cuts: Vec::new(),
                delayed: BinaryHeap::new(),
                rng: fastrand::Rng::with_seed(seed),
                delivered: 0,
                lost: 0,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_everywhere(&self, conditions: Conditions) {
        self.lock().default_conditions = conditions;
    }

    pub(crate) fn set(&self, direction: Direction, conditions: Conditions) {
        self.lock().directions.insert(direction, conditions);
    }

    pub(crate) fn cut(&self, directions: [Direction; 2]) {
        self.lock().cuts.extend(directions);
    }

    pub(crate) fn heal(&self, directions: [Direction; 2]) {
        self.lock()
            .cuts
            .retain(|direction| !directions.contains(direction));
    }

    /// Returns the number of delivered frames and the number of dropped frames.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let state = self.lock();
        (state.delivered, state.lost)
    }

    pub(crate) fn subnet(&self) -> Subnet {
        self.subnet
    }

    pub(crate) fn new_port(&self) -> Port {
        let mut state = self.lock();
        let port = Port(state.next_port);
        state.next_port = state.next_port.saturating_add(1).min(253);
        port
    }

    /// Connects an interface to a port.
    pub(crate) fn attach(
        self: &Arc<Self>,
        port: Port,
        host: HostId,
        device: tun::Device,
    ) -> anyhow::Result<()> {
        let device = Arc::new(device);
        let connection = Connection {
            host,
            device: Arc::clone(&device),
        };
        self.lock().connections.insert(port, connection);
        let switch = Arc::downgrade(self);
        thread::Builder::new()
            .name(format!("lab port {}", port.0))
            .spawn(move || read_frames(&switch, port, host, &device))
            .context("cannot start a thread for an interface")?;
        Ok(())
    }

    /// Disconnects the interfaces of a host. Their threads end within [`CHECK_INTERVAL`].
    pub(crate) fn detach(&self, host: HostId) {
        self.lock()
            .connections
            .retain(|_, connection| connection.host != host);
    }

    fn forward(&self, from: Port, host: HostId, frame: &[u8]) {
        let mut state = self.lock();
        let to = Port::of_destination(frame);
        let targets: Vec<(Port, HostId)> = state
            .connections
            .iter()
            .filter(|(port, connection)| {
                to.map_or(**port != from, |to| to == **port) && connection.host != host
            })
            .map(|(port, connection)| (*port, connection.host))
            .collect();
        for (port, target) in targets {
            state.send((host, target), port, frame);
        }
        if state.delayed.peek().is_some() {
            self.wake.notify_one();
        }
    }
}

impl State {
    fn send(&mut self, direction: Direction, to: Port, frame: &[u8]) {
        let conditions = self
            .directions
            .get(&direction)
            .copied()
            .unwrap_or(self.default_conditions);
        let lost = self.rng.f64() < conditions.loss || self.delayed.len() >= MAX_DELAYED;
        if lost || self.cuts.contains(&direction) {
            self.lost += 1;
            return;
        }
        let delay = conditions.latency + conditions.jitter.mul_f64(self.rng.f64());
        if delay.is_zero() {
            self.deliver(to, frame);
        } else {
            self.delayed.push(Reverse(Delayed {
                due: Instant::now() + delay,
                direction,
                to: to.0,
                frame: frame.to_vec(),
            }));
        }
    }

    fn deliver(&mut self, to: Port, frame: &[u8]) {
        // An interface that is down accepts no frames.
        if let Some(connection) = self.connections.get(&to)
            && connection.device.send(frame).is_ok()
        {
            self.delivered += 1;
        }
    }

    /// Delivers the frames that are due. Returns the time until the next one.
    fn deliver_due(&mut self) -> Option<Duration> {
        loop {
            let now = Instant::now();
            let wait = self.delayed.peek()?.0.due.saturating_duration_since(now);
            if !wait.is_zero() {
                return Some(wait);
            }
            if let Some(Reverse(frame)) = self.delayed.pop() {
                // A cut also drops the frames that were sent before it.
                if self.cuts.contains(&frame.direction) {
                    self.lost += 1;
                } else {
                    self.deliver(Port(frame.to), &frame.frame);
                }
            }
        }
    }
}

/// Delivers delayed frames until the switch is dropped.
fn deliver_when_due(switch: &Weak<Switch>, wake: &Condvar) {
    while let Some(switch) = switch.upgrade() {
        let mut state = switch.lock();
        let wait = state
            .deliver_due()
            .unwrap_or(CHECK_INTERVAL)
            .min(CHECK_INTERVAL);
        // The next `lock` ignores a poisoned lock.
        drop(wake.wait_timeout(state, wait));
    }
}

/// Reads frames from an interface until it is disconnected.
fn read_frames(switch: &Weak<Switch>, port: Port, host: HostId, device: &tun::Device) {
    let mut frame = [0; MAX_FRAME];
    loop {
        let read = device.recv_timeout(&mut frame, CHECK_INTERVAL);
        let Some(switch) = switch.upgrade() else {
            return;
        };
        if !switch.lock().connections.contains_key(&port) {
            return;
        }
        match read {
            Ok(len) => switch.forward(port, host, &frame[..len]),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
            // The interface is down.
            Err(_) => thread::sleep(Duration::from_millis(5)),
        }
    }
}
