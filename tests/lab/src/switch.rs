use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    io,
    net::Ipv4Addr,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;

/// How long a thread may take to notice that its interface is gone.
const STOP: Duration = Duration::from_millis(200);
/// A frame with all headers; the interfaces' own limit is 1500 bytes.
const MAX_FRAME: usize = 2048;
/// Frames on their way at once; what is more is lost, as in any router.
const MAX_DELAYED: usize = 20_000;

/// What the way between two hosts does to frames, in each direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conditions {
    /// How long every frame takes at least.
    pub latency: Duration,
    /// How much longer, at most; each frame draws anew, so they overtake each other.
    pub jitter: Duration,
    /// Which share of frames is lost, from 0 to 1.
    pub loss: f64,
}

impl Conditions {
    /// At once, and nothing is lost.
    pub const GOOD: Self = Self {
        latency: Duration::ZERO,
        jitter: Duration::ZERO,
        loss: 0.0,
    };
}

/// From one host to another.
pub(crate) type Way = (HostId, HostId);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct HostId(u32);

/// A socket of the switch, which decides an interface's addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Port(u8);

impl Port {
    pub(crate) fn address(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 78, 0, self.0)
    }

    /// The one that an address of [`Self::address`] belongs to.
    pub(crate) fn of_address(address: Ipv4Addr) -> Self {
        Self(address.octets()[3])
    }

    pub(crate) fn mac(self) -> String {
        format!("02:00:00:00:00:{:02x}", self.0)
    }

    /// The one a frame is for, unless it is for all.
    fn of_destination(frame: &[u8]) -> Option<Self> {
        match frame {
            [2, 0, 0, 0, 0, port, ..] => Some(Self(*port)),
            _ => None,
        }
    }
}

/// Where all frames pass.
pub(crate) struct Switch {
    state: Mutex<State>,
    wake: Arc<Condvar>,
}

struct State {
    plugs: HashMap<Port, Plug>,
    next_port: u8,
    next_host: u32,
    everywhere: Conditions,
    ways: HashMap<Way, Conditions>,
    cuts: Vec<Way>,
    delayed: BinaryHeap<Reverse<Delayed>>,
    dice: fastrand::Rng,
    delivered: u64,
    lost: u64,
}

struct Plug {
    host: HostId,
    device: Arc<tun::Device>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Delayed {
    due: Instant,
    way: Way,
    to: u8,
    frame: Vec<u8>,
}

impl Switch {
    /// Starts a switch; the seed decides what is lost.
    pub(crate) fn start(seed: u64) -> anyhow::Result<Arc<Self>> {
        let switch = Arc::new(Self::new(seed));
        let (weak, wake) = (Arc::downgrade(&switch), Arc::clone(&switch.wake));
        thread::Builder::new()
            .name("lab switch".to_owned())
            .spawn(move || deliver_when_due(&weak, &wake))
            .context("cannot start the switch")?;
        Ok(switch)
    }

    fn new(seed: u64) -> Self {
        Self {
            wake: Arc::default(),
            state: Mutex::new(State {
                plugs: HashMap::new(),
                next_port: 1,
                next_host: 0,
                everywhere: Conditions::GOOD,
                ways: HashMap::new(),
                cuts: Vec::new(),
                delayed: BinaryHeap::new(),
                dice: fastrand::Rng::with_seed(seed),
                delivered: 0,
                lost: 0,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_everywhere(&self, conditions: Conditions) {
        self.lock().everywhere = conditions;
    }

    pub(crate) fn set(&self, way: Way, conditions: Conditions) {
        self.lock().ways.insert(way, conditions);
    }

    pub(crate) fn cut(&self, ways: [Way; 2]) {
        self.lock().cuts.extend(ways);
    }

    pub(crate) fn heal(&self, ways: [Way; 2]) {
        self.lock().cuts.retain(|way| !ways.contains(way));
    }

    /// How many frames have been delivered, and how many were lost on purpose.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let state = self.lock();
        (state.delivered, state.lost)
    }

    pub(crate) fn new_host(&self) -> HostId {
        let mut state = self.lock();
        state.next_host += 1;
        HostId(state.next_host)
    }

    pub(crate) fn new_port(&self) -> Port {
        let mut state = self.lock();
        let port = Port(state.next_port);
        state.next_port = state.next_port.saturating_add(1).min(253);
        port
    }

    /// Connects an interface.
    pub(crate) fn attach(
        self: &Arc<Self>,
        port: Port,
        host: HostId,
        device: tun::Device,
    ) -> anyhow::Result<()> {
        let device = Arc::new(device);
        let plug = Plug {
            host,
            device: Arc::clone(&device),
        };
        self.lock().plugs.insert(port, plug);
        let switch = Arc::downgrade(self);
        thread::Builder::new()
            .name(format!("lab port {}", port.0))
            .spawn(move || read_frames(&switch, port, host, &device))
            .context("cannot start a thread for an interface")?;
        Ok(())
    }

    /// A host is gone; so are its interfaces, once their threads have noticed.
    pub(crate) fn detach(&self, host: HostId) {
        self.lock().plugs.retain(|_, plug| plug.host != host);
    }

    fn pass(&self, from: Port, host: HostId, frame: &[u8]) {
        let mut state = self.lock();
        let to = Port::of_destination(frame);
        let targets: Vec<(Port, HostId)> = state
            .plugs
            .iter()
            .filter(|(port, plug)| {
                to.map_or(**port != from, |to| to == **port) && plug.host != host
            })
            .map(|(port, plug)| (*port, plug.host))
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
    fn send(&mut self, way: Way, to: Port, frame: &[u8]) {
        let conditions = self.ways.get(&way).copied().unwrap_or(self.everywhere);
        let lost = self.dice.f64() < conditions.loss || self.delayed.len() >= MAX_DELAYED;
        if lost || self.cuts.contains(&way) {
            self.lost += 1;
            return;
        }
        let delay = conditions.latency + conditions.jitter.mul_f64(self.dice.f64());
        if delay.is_zero() {
            self.deliver(to, frame);
        } else {
            self.delayed.push(Reverse(Delayed {
                due: Instant::now() + delay,
                way,
                to: to.0,
                frame: frame.to_vec(),
            }));
        }
    }

    fn deliver(&mut self, to: Port, frame: &[u8]) {
        // An interface that is down takes nothing, like a cable that is not plugged in.
        if let Some(plug) = self.plugs.get(&to)
            && plug.device.send(frame).is_ok()
        {
            self.delivered += 1;
        }
    }

    /// Delivers what is due; returns how long the next takes.
    fn deliver_due(&mut self) -> Option<Duration> {
        loop {
            let now = Instant::now();
            let wait = self.delayed.peek()?.0.due.saturating_duration_since(now);
            if !wait.is_zero() {
                return Some(wait);
            }
            if let Some(Reverse(frame)) = self.delayed.pop() {
                // A cable that is cut loses what is in it.
                if self.cuts.contains(&frame.way) {
                    self.lost += 1;
                } else {
                    self.deliver(Port(frame.to), &frame.frame);
                }
            }
        }
    }
}

/// Until the switch is gone.
fn deliver_when_due(switch: &Weak<Switch>, wake: &Condvar) {
    while let Some(switch) = switch.upgrade() {
        let mut state = switch.lock();
        let wait = state.deliver_due().unwrap_or(STOP).min(STOP);
        // Nobody but this thread would see a poisoned lock here.
        drop(wake.wait_timeout(state, wait));
    }
}

/// Until the interface is gone.
fn read_frames(switch: &Weak<Switch>, port: Port, host: HostId, device: &tun::Device) {
    let mut frame = [0; MAX_FRAME];
    loop {
        let read = device.recv_timeout(&mut frame, STOP);
        let Some(switch) = switch.upgrade() else {
            return;
        };
        if !switch.lock().plugs.contains_key(&port) {
            return;
        }
        match read {
            Ok(len) => switch.pass(port, host, &frame[..len]),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
            // Down for now.
            Err(_) => thread::sleep(Duration::from_millis(5)),
        }
    }
}
