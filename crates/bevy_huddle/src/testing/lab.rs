//! Starts the players' apps and advances their clock.

use std::time::Duration;

use bevy::{
    app::PluginsState, ecs::schedule::SingleThreadedExecutor, prelude::*, time::TimeUpdateStrategy,
};

use crate::{
    commands::HuddleCommandsExt,
    plugin::HuddlePlugins,
    testing::{conditions::Conditions, transport::SharedNetwork},
};

/// The time limit of [`Lab::run_until`].
const RUN_LIMIT: Duration = Duration::from_secs(60);

/// The room that the lab joins for players whose games join none.
const ROOM: &str = "ws://lab/room";

/// The apps of several players in one process, on a virtual network and a virtual clock.
///
/// See the [module](super) for an example.
pub struct Lab {
    pub(super) network: SharedNetwork,
    pub(super) now: Duration,
    /// Draws the time of each player's first frame.
    frame_offsets: fastrand::Rng,
    pub(super) slots: Vec<Slot>,
    pub(super) recorders: Vec<fn(&mut App)>,
}

/// A player in a [`Lab`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Player(pub(super) usize);

pub(super) struct Slot {
    pub(super) setup: Box<dyn Fn(&mut App)>,
    /// `None` if the player was killed.
    pub(super) app: Option<App>,
    /// The room that the player joined last.
    pub(super) room: String,
    pub(super) period: Duration,
    pub(super) next_frame: Duration,
}

impl Lab {
    /// Creates a lab with a perfect network and no players. The same seed and the same calls
    /// produce the same run.
    pub fn new(seed: u64) -> Self {
        Self {
            network: SharedNetwork::new(seed),
            now: Duration::ZERO,
            frame_offsets: fastrand::Rng::with_seed(!seed),
            slots: Vec::new(),
            recorders: Vec::new(),
        }
    }

    /// Adds a player and runs the first frame of its game. The app has [`MinimalPlugins`],
    /// [`HuddlePlugins`] and whatever `setup` adds. It runs 60 frames per second.
    ///
    /// If the game joins no room, the lab joins one for it.
    pub fn player(&mut self, setup: impl Fn(&mut App) + 'static) -> Player {
        let player = Player(self.slots.len());
        self.slots.push(Slot {
            setup: Box::new(setup),
            app: None,
            room: ROOM.to_owned(),
            period: Duration::from_secs_f64(1.0 / 60.0),
            next_frame: self.now,
        });
        self.start(player);
        player
    }

    /// Sets the frame rate of a player's game in frames per second, greater than 0.
    pub fn frame_rate(&mut self, player: Player, hz: f64) {
        self.slots[player.0].period = Duration::from_secs_f64(1.0 / hz);
    }

    /// Sets the conditions of the whole network.
    pub fn network(&mut self, conditions: Conditions) {
        self.network.lock().set_conditions(conditions);
    }

    /// Sets the conditions between two players, in both directions.
    pub fn link(&mut self, a: Player, b: Player, conditions: Conditions) {
        self.one_way(a, b, conditions);
        self.one_way(b, a, conditions);
    }

    /// Sets the conditions from one player to another.
    pub fn one_way(&mut self, from: Player, to: Player, conditions: Conditions) {
        let (from, to) = (self.peer_id(from), self.peer_id(to));
        self.network.lock().set_one_way(from, to, conditions);
    }

    /// Drops all packets between the players of two groups.
    pub fn partition(&mut self, some: &[Player], others: &[Player]) {
        for &a in some {
            for &b in others {
                let (a, b) = (self.peer_id(a), self.peer_id(b));
                self.network.lock().block(a, b);
            }
        }
    }

    /// Ends all partitions. Players that have lost each other are linked again within about
    /// two seconds.
    pub fn heal(&mut self) {
        self.network.lock().unblock_all();
    }

    /// Stops the signaling server. Existing links stay open, and no new ones are established.
    pub fn stop_server(&mut self) {
        self.network.lock().set_server_running(false);
    }

    /// Starts the signaling server again.
    pub fn start_server(&mut self) {
        self.network.lock().set_server_running(true);
    }

    /// Replaces the link between two players with a new one. Packets in flight on the old link keep
    /// arriving for the duration `overlap`, interleaved with packets of the new link. After that
    /// they are lost, even on the reliable channels.
    ///
    /// # Panics
    /// Panics if the players are not linked.
    #[track_caller]
    pub fn replace_link(&mut self, a: Player, b: Player, overlap: Duration) {
        let (a, b) = (self.peer_id(a), self.peer_id(b));
        let is_replaced = self.network.lock().replace_link(a, b, overlap);
        assert!(is_replaced, "these players are not linked");
    }

    /// Ends the link between two players, as an error in the WebRTC library would. Packets in
    /// flight are lost. The players are reconnecting until a new link opens, after about a second.
    ///
    /// # Panics
    /// Panics if the players are not linked.
    #[track_caller]
    pub fn break_link(&mut self, a: Player, b: Player) {
        let (a, b) = (self.peer_id(a), self.peer_id(b));
        let is_broken = self.network.lock().break_link(a, b);
        assert!(is_broken, "these players are not linked");
    }

    /// Ends a player's game without notifying its peers, as if its machine lost power.
    pub fn kill(&mut self, player: Player) {
        let id = self.peer_id(player);
        self.slots[player.0].room = self.room_url(player);
        self.network.lock().kill(id);
        self.slots[player.0].app = None;
    }

    /// Makes a player leave all rooms. Its game keeps running.
    pub fn leave(&mut self, player: Player) {
        self.slots[player.0].room = self.room_url(player);
        self.commands(player, |commands| commands.leave_rooms());
    }

    /// Makes a player who left or was killed join the room again, as a new peer. The game of a
    /// killed player is restarted.
    pub fn rejoin(&mut self, player: Player) {
        if self.slots[player.0].app.is_none() {
            self.start(player);
        } else {
            let room = self.slots[player.0].room.clone();
            self.commands(player, |commands| {
                commands.join_room(room);
            });
        }
    }

    /// Starts the game of a killed player again, with the same peer id.
    #[cfg(test)]
    pub(crate) fn revive(&mut self, player: Player) {
        self.network.lock().keep_last_killed();
        self.start(player);
    }

    /// Returns the time since the lab was created.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// Runs the games and the network for the given time.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
    }

    /// Runs the games and the network until a condition is true. Returns how long that took.
    ///
    /// # Panics
    /// Panics if the condition is still false after a minute.
    #[track_caller]
    pub fn run_until(&mut self, mut condition: impl FnMut(&Self) -> bool) -> Duration {
        let start = self.now;
        while !condition(self) {
            assert!(
                self.step(start + RUN_LIMIT),
                "the condition is still false after {RUN_LIMIT:?}"
            );
        }
        self.now - start
    }

    /// Runs the next frame if one begins by `end`, and otherwise advances the clock to `end`.
    /// Returns whether a frame ran.
    fn step(&mut self, end: Duration) -> bool {
        let next = (0..self.slots.len())
            .filter(|&i| self.slots[i].app.is_some())
            .min_by_key(|&i| self.slots[i].next_frame)
            .filter(|&i| self.slots[i].next_frame <= end);
        match next {
            Some(i) => {
                self.now = self.slots[i].next_frame;
                let period = self.slots[i].period;
                self.slots[i].next_frame += period;
                self.frame(Player(i));
            }
            None => {
                self.now = end;
                self.network.lock().advance(end);
            }
        }
        next.is_some()
    }

    /// Runs a frame of one player's game without advancing the clock.
    pub fn frame(&mut self, player: Player) {
        let now = self.now;
        let instant = {
            let mut network = self.network.lock();
            network.advance(now);
            network.instant(now)
        };
        let app = self.app_mut(player);
        app.insert_resource(TimeUpdateStrategy::ManualInstant(instant));
        app.update();
    }

    fn start(&mut self, player: Player) {
        let slot = &mut self.slots[player.0];
        let mut app = App::new();
        app.insert_resource(self.network.connector())
            .add_plugins((MinimalPlugins, HuddlePlugins));
        (slot.setup)(&mut app);
        for record in &self.recorders {
            record(&mut app);
        }
        while app.plugins_state() == PluginsState::Adding {}
        app.finish();
        app.cleanup();
        // Runs systems without an explicit order in the same order each time.
        for (_, schedule) in app.world_mut().resource_mut::<Schedules>().iter_mut() {
            schedule.set_executor(SingleThreadedExecutor::new());
        }
        slot.app = Some(app);
        slot.next_frame = self.now + slot.period.mul_f64(self.frame_offsets.f64());
        self.frame(player);
        if self.newest_room(player).is_none() {
            let room = self.slots[player.0].room.clone();
            self.commands(player, |commands| {
                commands.join_room(room);
            });
        }
    }
}
