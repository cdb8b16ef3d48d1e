//! Rooms without a game, in this process, that constantly send packets to each other.

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

/// The events that a room has reported.
#[derive(Clone, Debug)]
pub struct RoomLog {
    /// The local peer's id.
    pub local_id: PeerId,
    /// The peers in the room.
    pub peers: BTreeSet<PeerId>,
    /// The peers that left, and why.
    pub left: Vec<(PeerId, DisconnectReason)>,
    /// The protocol violations, with their source and count.
    pub violations: Vec<(ViolationSource, ProtocolViolation, u64)>,
    /// The reasons for losing the server.
    pub losses: Vec<SignalingLoss>,
    /// Whether the room is connected to a server.
    pub connected: bool,
    /// The time of each peer's last packet.
    last_packet: BTreeMap<PeerId, Instant>,
    /// The longest time between two packets of each peer.
    pub longest_silence: BTreeMap<PeerId, Duration>,
}

/// Several connections to one room. Dropping the group leaves the room.
pub struct RoomGroup {
    logs: Arc<Mutex<Vec<RoomLog>>>,
    is_stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl RoomGroup {
    /// Joins a room `members` times.
    ///
    /// # Errors
    /// Returns an error if the URL is invalid.
    pub fn start(room: &str, members: usize) -> anyhow::Result<Self> {
        let config = RoomConfig::new(room)?;
        let mut rooms = Vec::new();
        for _ in 0..members {
            rooms.push(Room::join(config.clone())?);
        }
        let logs: Vec<RoomLog> = rooms
            .iter()
            .filter_map(Room::local_id)
            .map(RoomLog::new)
            .collect();
        let logs = Arc::new(Mutex::new(logs));
        let is_stopping = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let (logs, is_stopping) = (Arc::clone(&logs), Arc::clone(&is_stopping));
            move || {
                while !is_stopping.load(Ordering::Relaxed) {
                    for (room, log) in rooms.iter_mut().zip(&mut *lock(&logs)) {
                        log.step(room);
                    }
                    thread::sleep(STEP);
                }
            }
        });
        Ok(Self {
            logs,
            is_stopping,
            thread: Some(thread),
        })
    }

    /// Returns the logs of all members so far.
    pub fn logs(&self) -> Vec<RoomLog> {
        lock(&self.logs).clone()
    }

    /// Waits until a condition holds for the logs of the members.
    ///
    /// # Errors
    /// Returns an error with the logs if the condition does not hold within `limit`.
    pub fn wait_until(
        &self,
        limit: Duration,
        what: &str,
        holds: impl Fn(&[RoomLog]) -> bool,
    ) -> anyhow::Result<Duration> {
        let began = Instant::now();
        loop {
            let logs = self.logs();
            if holds(&logs) {
                return Ok(began.elapsed());
            }
            if began.elapsed() > limit {
                let logs: Vec<String> = logs.iter().map(RoomLog::to_string).collect();
                bail!("not within {limit:?}: {what}: {}", logs.join("; "));
            }
            ensure!(
                self.thread
                    .as_ref()
                    .is_some_and(|thread| !thread.is_finished()),
                "a room panicked while the test waited for: {what}"
            );
            thread::sleep(STEP);
        }
    }
}

impl Drop for RoomGroup {
    fn drop(&mut self) {
        self.is_stopping.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // `wait_until` reports panics.
            let _ = thread.join();
        }
    }
}

impl fmt::Display for RoomLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let violations: Vec<String> = self
            .violations
            .iter()
            .map(|(source, violation, count)| format!("{source:?}: {violation} ({count})"))
            .collect();
        write!(
            f,
            "{}: peers {:?}, left {:?}, server losses {:?}, violations {violations:#?}",
            self.local_id, self.peers, self.left, self.losses
        )
    }
}

impl RoomLog {
    fn new(local_id: PeerId) -> Self {
        Self {
            local_id,
            peers: BTreeSet::new(),
            left: Vec::new(),
            violations: Vec::new(),
            losses: Vec::new(),
            connected: false,
            last_packet: BTreeMap::new(),
            longest_silence: BTreeMap::new(),
        }
    }

    fn step(&mut self, room: &mut Room) {
        while let Some(event) = room.poll() {
            match event {
                RoomEvent::PeerJoined { peer_id: peer, .. } => {
                    self.peers.insert(peer);
                }
                RoomEvent::PeerLeft {
                    peer_id: peer,
                    reason,
                } => {
                    self.peers.remove(&peer);
                    self.left.push((peer, reason));
                }
                RoomEvent::ProtocolViolation {
                    source,
                    violation,
                    count,
                } => {
                    self.violations.push((source, violation, count));
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
                    if let Some(last_packet) = self.last_packet.insert(peer, arrived) {
                        let silence = arrived.saturating_duration_since(last_packet);
                        let longest = self.longest_silence.entry(peer).or_default();
                        *longest = silence.max(*longest);
                    }
                }
                _ => {}
            }
        }
        for peer in &self.peers {
            // A packet that the link refuses is skipped.
            let _ = room.send(*peer, Channel::State, vec![7; 100].into());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
