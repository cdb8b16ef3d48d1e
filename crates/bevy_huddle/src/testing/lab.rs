//! Starts the players' apps, and lets time pass for them.

use std::time::Duration;

use bevy::{
    app::PluginsState, ecs::schedule::SingleThreadedExecutor, prelude::*, time::TimeUpdateStrategy,
};

use crate::{
    commands::HuddleCommandsExt,
    plugin::HuddlePlugins,
    testing::{conditions::Conditions, seat::SharedNetwork},
};

/// How long [`Lab::run_until`] waits.
const RUN_LIMIT: Duration = Duration::from_secs(60);

/// The room of players whose game joins none.
const ROOM: &str = "ws://lab/room";

/// Several players' apps in one process, joined over a virtual network on a virtual clock.
///
/// See the [module](super) for an example.
pub struct Lab {
    pub(super) network: SharedNetwork,
    pub(super) now: Duration,
    phases: fastrand::Rng,
    pub(super) slots: Vec<Slot>,
    pub(super) recorders: Vec<fn(&mut App)>,
}

/// One of the players of a [`Lab`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Player(pub(super) usize);

pub(super) struct Slot {
    pub(super) setup: Box<dyn Fn(&mut App)>,
    /// `None` once killed.
    pub(super) app: Option<App>,
    /// The room joined last.
    pub(super) room: String,
    pub(super) period: Duration,
    pub(super) next_frame: Duration,
}

impl Lab {
    /// A lab with a perfect network and no players. The same seed and the same calls give the same
    /// run.
    pub fn new(seed: u64) -> Self {
        Self {
            network: SharedNetwork::new(seed),
            now: Duration::ZERO,
            phases: fastrand::Rng::with_seed(!seed),
            slots: Vec::new(),
            recorders: Vec::new(),
        }
    }

    /// Starts a player's game and runs its first frame. It has [`MinimalPlugins`] and
    /// [`HuddlePlugins`], and what `setup` adds; it runs 60 frames per second.
    ///
    /// A game that joins no room by itself is put into one.
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

    /// Changes how many frames a player's game runs per second, more than 0.
    pub fn frame_rate(&mut self, player: Player, hz: f64) {
        self.slots[player.0].period = Duration::from_secs_f64(1.0 / hz);
    }

    /// Changes the whole network.
    pub fn network(&mut self, conditions: Conditions) {
        self.network.lock().set_conditions(conditions);
    }

    /// Changes the network between two players, both ways.
    pub fn link(&mut self, a: Player, b: Player, conditions: Conditions) {
        self.one_way(a, b, conditions);
        self.one_way(b, a, conditions);
    }

    /// Changes the network from one player to another.
    pub fn one_way(&mut self, from: Player, to: Player, conditions: Conditions) {
        let (from, to) = (self.peer_id(from), self.peer_id(to));
        self.network.lock().set_one_way(from, to, conditions);
    }

    /// Lets nothing pass any more between players of one group and of the other.
    pub fn partition(&mut self, some: &[Player], others: &[Player]) {
        for &a in some {
            for &b in others {
                let (a, b) = (self.peer_id(a), self.peer_id(b));
                self.network.lock().block(a, b);
            }
        }
    }

    /// Ends all partitions. Players who have lost each other are linked again within a second or
    /// two.
    pub fn heal(&mut self) {
        self.network.lock().unblock_all();
    }

    /// Stops the signaling server: links stay, but no new ones are made.
    pub fn stop_server(&mut self) {
        self.network.lock().set_server(false);
    }

    /// Starts the signaling server again.
    pub fn start_server(&mut self) {
        self.network.lock().set_server(true);
    }

    /// Replaces the link of two players by a new one. What is under way on the old one still
    /// arrives for as long as `overlap`, interleaved with what comes over the new one; the rest is
    /// lost, on the reliable channels too.
    ///
    /// # Panics
    /// If they are not linked.
    #[track_caller]
    pub fn replace_link(&mut self, a: Player, b: Player, overlap: Duration) {
        let (a, b) = (self.peer_id(a), self.peer_id(b));
        let is_replaced = self.network.lock().replace_link(a, b, overlap);
        assert!(is_replaced, "these players are not linked");
    }

    /// Ends a player's game without a goodbye, as if its machine lost power.
    pub fn kill(&mut self, player: Player) {
        let id = self.peer_id(player);
        self.slots[player.0].room = self.room_url(player);
        self.network.lock().kill(id);
        self.slots[player.0].app = None;
    }

    /// Lets a player leave all rooms; the game runs on.
    pub fn leave(&mut self, player: Player) {
        self.slots[player.0].room = self.room_url(player);
        self.commands(player, |commands| commands.leave_rooms());
    }

    /// Lets a player who left or was killed join the room again, as somebody new. The game of one
    /// who was killed starts afresh.
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

    /// The time since the lab was made.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// Lets time pass.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
    }

    /// Lets time pass until something is so; how long that took.
    ///
    /// # Panics
    /// If it is still not so after a minute.
    #[track_caller]
    pub fn run_until(&mut self, mut is_so: impl FnMut(&Self) -> bool) -> Duration {
        let start = self.now;
        while !is_so(self) {
            assert!(
                self.step(start + RUN_LIMIT),
                "waited in vain for {RUN_LIMIT:?}"
            );
        }
        self.now - start
    }

    /// Runs the next frame, if one begins until `end`; else only time passes.
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

    /// Runs a frame of one player's game; no time passes.
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
        // Systems whose order is not given then run in the same one each time.
        for (_, schedule) in app.world_mut().resource_mut::<Schedules>().iter_mut() {
            schedule.set_executor(SingleThreadedExecutor::new());
        }
        slot.app = Some(app);
        slot.next_frame = self.now + slot.period.mul_f64(self.phases.f64());
        self.frame(player);
        if self.newest_room(player).is_none() {
            let room = self.slots[player.0].room.clone();
            self.commands(player, |commands| {
                commands.join_room(room);
            });
        }
    }
}
