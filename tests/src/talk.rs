//! Rooms without a game, in this process, that talk to each other all the time.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};
use huddle_mesh::{
    Channel, DisconnectReason, PeerId, ProtocolViolation, Room, RoomConfig, RoomEvent, Signaling,
    SignalingLoss, ViolationSource,
};

const STEP: Duration = Duration::from_millis(10);

/// What one of them has lived through.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Its own id.
    pub me: PeerId,
    /// Who is here.
    pub here: BTreeSet<PeerId>,
    /// Who is gone, and why.
    pub left: Vec<(PeerId, DisconnectReason)>,
    /// Who broke the rules.
    pub violations: Vec<(ViolationSource, ProtocolViolation, u64)>,
    /// Why the server was lost.
    pub losses: Vec<SignalingLoss>,
    /// Whether there is a server now.
    pub connected: bool,
    /// When somebody was last heard.
    last: BTreeMap<PeerId, Instant>,
    /// The longest time between two packets of somebody.
    pub longest_silence: BTreeMap<PeerId, Duration>,
}

/// Rooms that are joined until this is dropped.
pub struct Talk {
    heard: Arc<Mutex<Vec<Heard>>>,
    over: Arc<AtomicBool>,
    talking: Option<JoinHandle<()>>,
}

impl Talk {
    /// Joins a room so many times.
    ///
    /// # Errors
    /// If the address cannot be used.
    pub fn start(room: &str, members: usize) -> anyhow::Result<Self> {
        let config = RoomConfig::new(room)?;
        let mut rooms = Vec::new();
        for _ in 0..members {
            rooms.push(Room::join(config.clone())?);
        }
        let heard: Vec<Heard> = rooms
            .iter()
            .filter_map(Room::local_id)
            .map(Heard::new)
            .collect();
        let heard = Arc::new(Mutex::new(heard));
        let over = Arc::new(AtomicBool::new(false));
        let talking = thread::spawn({
            let (heard, over) = (Arc::clone(&heard), Arc::clone(&over));
            move || {
                while !over.load(Ordering::Relaxed) {
                    for (room, heard) in rooms.iter_mut().zip(&mut *lock(&heard)) {
                        heard.step(room);
                    }
                    thread::sleep(STEP);
                }
            }
        });
        Ok(Self {
            heard,
            over,
            talking: Some(talking),
        })
    }

    /// What they have lived through so far.
    pub fn heard(&self) -> Vec<Heard> {
        lock(&self.heard).clone()
    }

    /// Waits until something holds for what they have lived through.
    ///
    /// # Errors
    /// If it takes longer than that; the text says what they have lived through.
    pub fn wait_until(
        &self,
        limit: Duration,
        what: &str,
        holds: impl Fn(&[Heard]) -> bool,
    ) -> anyhow::Result<Duration> {
        let began = Instant::now();
        loop {
            let heard = self.heard();
            if holds(&heard) {
                return Ok(began.elapsed());
            }
            if began.elapsed() > limit {
                let all: Vec<String> = heard.iter().map(Heard::to_string).collect();
                bail!("not within {limit:?}: {what}: {}", all.join("; "));
            }
            ensure!(
                self.talking
                    .as_ref()
                    .is_some_and(|talking| !talking.is_finished()),
                "a room has panicked, while waiting for: {what}"
            );
            thread::sleep(STEP);
        }
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(talking) = self.talking.take() {
            // If it has panicked, a test has said so.
            let _ = talking.join();
        }
    }
}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let violations: Vec<String> = self
            .violations
            .iter()
            .map(|(by, violation, count)| format!("{by:?}: {violation} ({count})"))
            .collect();
        write!(
            f,
            "{} with {:?}, without {:?}, losses {:?}, told of {violations:#?}",
            self.me, self.here, self.left, self.losses
        )
    }
}

impl Heard {
    fn new(me: PeerId) -> Self {
        Self {
            me,
            here: BTreeSet::new(),
            left: Vec::new(),
            violations: Vec::new(),
            losses: Vec::new(),
            connected: false,
            last: BTreeMap::new(),
            longest_silence: BTreeMap::new(),
        }
    }

    fn step(&mut self, room: &mut Room) {
        while let Some(event) = room.poll() {
            match event {
                RoomEvent::PeerJoined { peer_id: peer, .. } => {
                    self.here.insert(peer);
                }
                RoomEvent::PeerLeft {
                    peer_id: peer,
                    reason,
                } => {
                    self.here.remove(&peer);
                    self.left.push((peer, reason));
                }
                RoomEvent::ProtocolViolation {
                    by,
                    violation,
                    count,
                } => {
                    self.violations.push((by, violation, count));
                }
                RoomEvent::Signaling(Signaling::Retrying { reason, .. }) => {
                    self.connected = false;
                    self.losses.push(reason);
                }
                RoomEvent::Signaling(Signaling::Connected { .. }) => self.connected = true,
                RoomEvent::Packet {
                    peer_id: peer,
                    arrived,
                    ..
                } => {
                    if let Some(last) = self.last.insert(peer, arrived) {
                        let silence = arrived.saturating_duration_since(last);
                        let longest = self.longest_silence.entry(peer).or_default();
                        *longest = silence.max(*longest);
                    }
                }
                _ => {}
            }
        }
        for peer in &self.here {
            // What a link does not take now is left out.
            let _ = room.send(*peer, Channel::State, vec![7; 100].into());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
