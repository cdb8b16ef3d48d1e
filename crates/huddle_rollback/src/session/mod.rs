//! The rollback session: a state machine for a match and for the rematches that follow it.
//!
//! The caller passes received data to the session. The session returns requests for the game, messages
//! to send, and events.

mod error;
mod event;
mod input_request;
mod links;
mod local;
mod outbox;
mod receiving;
mod running;
mod seats;
mod setup;
mod starting;
mod stats;
mod step;
#[cfg(test)]
mod tests;
mod topic;
mod unlinked;
mod waiting;

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use huddle_session::{PacketInfo, PeerId, SectionSource, Tick};

pub use self::{
    error::{InputError, ReceiveError},
    event::RollbackEvent,
    input_request::InputRequestError,
    setup::{RollbackSetup, SetupError},
    stats::{RollbackMemory, RollbackStats},
    step::{Step, StepError},
};

use self::{outbox::Outbox, running::RunningMatch, unlinked::Unlinked};
use crate::{
    clock::DelayPolicy,
    desync::StateDump,
    inputs::Input,
    membership::{
        agreement::LeaveReason,
        start::{MatchId, Start},
    },
    seat::Seat,
    timeline::Request,
};

/// A rollback match, and the rematches that follow it in the same room.
///
/// A session is used together with a [`RoomSession`](huddle_session::RoomSession). It never sees the game's state.
/// In every tick, do this:
///
/// 1. Pass received data to the session:
///    - Call [`receive_packet`](Self::receive_packet) for each
///      [`SessionEvent::Section`](huddle_session::SessionEvent::Section) of the kind
///      [`Inputs`](huddle_session::SectionKind::Inputs).
///    - Call [`receive_message`](Self::receive_message) for each event of the kind
///      [`KIND`](Self::KIND).
///    - Call [`linked`](Self::linked) or [`lost`](Self::lost) when a link opens or closes.
/// 2. Call [`step`](Self::step), which samples the local inputs.
/// 3. Handle the events that [`poll`](Self::poll) returns. Execute each [`request`](Self::request) until
///    there are none. Otherwise, the next step fails.
/// 4. Queue each message that [`poll_message`](Self::poll_message) returns as an event. Pass the session
///    to [`RoomSession::collect_packet`](huddle_session::RoomSession::collect_packet) for each peer.
/// 5. Wait for the duration of a tick divided by [`speed`](Self::speed).
///
/// The room has the same ticks. Call
/// [`RoomSession::advance`](huddle_session::RoomSession::advance) before the other calls, and collect
/// no packets between two steps. Packets then carry each input in the tick that sampled it.
///
/// All times are durations since the local peer joined the room.
pub struct RollbackSession<I> {
    local_id: PeerId,
    /// The start of the running match, or of the next match.
    start: Start,
    /// The setup of the match in `start`. `None` once that match has started or failed to start.
    setup: Option<RollbackSetup<I>>,
    /// A rematch that was requested before all players had begun the running match.
    rematch: Option<RollbackSetup<I>>,
    running: Option<Box<RunningMatch<I>>>,
    /// Messages about a match that their senders have started, and the local peer has not.
    early: VecDeque<(PeerId, Bytes)>,
    /// The players whose inputs arrived, and were dropped, before the local peer started the match.
    dropped_inputs_of: BTreeSet<PeerId>,
    /// The peers whose games are stopped.
    stopped: BTreeSet<PeerId>,
    unlinked: Unlinked,
    /// Whether the local player has left the running match.
    has_left: bool,
    /// Whether the end of the running match has been reported.
    has_ended: bool,
    out: Outbox,
}

impl<I: Input> RollbackSession<I> {
    /// The event kind of the session's messages. Declare it with
    /// [`Kinds::declare`](huddle_session::Kinds::declare).
    pub const KIND: &str = "huddle/rollback";

    /// Creates a session whose match starts when all players are ready.
    ///
    /// # Errors
    /// Returns an error if the setup is invalid.
    pub fn new(setup: RollbackSetup<I>, now: Duration) -> Result<Self, SetupError> {
        let start = setup.start(MatchId::default(), false, now)?;
        Ok(Self {
            local_id: setup.local_id,
            start,
            setup: Some(setup),
            rematch: None,
            running: None,
            early: VecDeque::new(),
            dropped_inputs_of: BTreeSet::new(),
            stopped: BTreeSet::new(),
            unlinked: Unlinked::default(),
            has_left: false,
            has_ended: false,
            out: Outbox::default(),
        })
    }

    /// Starts the next match in the same room. It follows a match that has ended, replaces the running
    /// match, or repeats a start that failed. Every player of the next match must call this method.
    ///
    /// A running match continues until all of these players have called it. Then it ends at the same
    /// tick for all players ([`RollbackEvent::Ended`]), and the next match starts
    /// ([`RollbackEvent::Started`]). If the next match cannot start, the running match continues.
    /// Players without a seat in the next match stay in the running match, and the other players leave
    /// it at that tick. [`RollbackEvent::SeatLeft`] reports a tick that is later by the input delay.
    ///
    /// # Errors
    /// Returns an error if the setup is invalid.
    pub fn rematch(&mut self, setup: RollbackSetup<I>, now: Duration) -> Result<(), SetupError> {
        setup.start(MatchId::default(), false, now)?;
        self.rematch = Some(setup);
        self.begin_rematch(now);
        Ok(())
    }

    /// Reports a new link to a player. The session also detects a link when it receives a message, so
    /// links that opened before the session was created need no call.
    pub fn linked(&mut self, peer: PeerId) {
        self.start.linked(peer);
        self.unlinked.peers.remove(&peer);
        if let Some(running) = &mut self.running {
            running.linked(peer, &mut self.out);
        }
    }

    /// Reports that the link to a player is lost. The player stays in the match while another
    /// player receives its inputs, and may be [linked](Self::linked) again.
    pub fn lost(&mut self, peer: PeerId, now: Duration) {
        self.lose(peer, LeaveReason::Lost, now);
    }

    /// Reports that a player was kicked from the room, or disconnected for protocol violations. It
    /// cannot return to the match.
    pub fn removed(&mut self, peer: PeerId, now: Duration) {
        self.lose(peer, LeaveReason::Removed, now);
    }

    /// Reports that a player's program was restarted. The new program has the same peer id, and does
    /// not know the match. Call this method instead of [`linked`](Self::linked). The player's seats
    /// end once all other players have reported the restart. No disconnect timeout applies.
    pub fn restarted(&mut self, peer: PeerId, now: Duration) {
        self.lose(peer, LeaveReason::Restarted, now);
    }

    fn lose(&mut self, peer: PeerId, reason: LeaveReason, now: Duration) {
        if reason != LeaveReason::Restarted {
            // The new program may send its own hello.
            self.start.lost(peer);
        }
        // All players may be ready since the last step.
        self.begin(now);
        if let Some(running) = &mut self.running {
            running.lost(peer, reason);
        }
        self.out.forget(peer);
    }

    /// Sets whether a peer's game is stopped, for example because its page is hidden.
    /// [`RollbackEvent::Waiting`] reports it if the match waits for that peer. The disconnect timeout
    /// applies as usual.
    pub fn set_stopped(&mut self, peer: PeerId, is_stopped: bool) {
        match is_stopped {
            true => self.stopped.insert(peer),
            false => self.stopped.remove(&peer),
        };
        if let Some(running) = &mut self.running {
            running.set_stopped(peer, is_stopped);
        }
    }

    /// Leaves the match. To notify the other players, send the messages that
    /// [`poll_message`](Self::poll_message) returns before you close the links.
    ///
    /// If the local peer stays in the room, continue to call [`linked`](Self::linked) and to send
    /// messages, because players that connect later may not know that it has left. The session needs
    /// no more steps until it starts the next match ([`rematch`](Self::rematch)).
    pub fn leave(&mut self, now: Duration) {
        self.begin(now);
        self.rematch = None;
        if self.setup.take().is_some() {
            self.start.withdraw();
            self.send_start();
        }
        if let Some(running) = &mut self.running {
            running.leave(now, &mut self.out);
            self.has_left = true;
        }
    }

    /// Advances the match by a tick if that is possible. `sample` returns the input of a local seat
    /// for the next tick. The session calls it once for each local seat and tick.
    ///
    /// Afterwards, execute all requests ([`request`](Self::request)).
    ///
    /// # Errors
    /// Returns an error, and does not advance, in two cases:
    ///
    /// - A request of the last step is left.
    /// - An input cannot be encoded. The next step samples this input again.
    pub fn step(
        &mut self,
        now: Duration,
        mut sample: impl FnMut(Seat, Tick) -> I,
    ) -> Result<Step, StepError> {
        self.out.step();
        self.begin_rematch(now);
        self.start.advance(now);
        self.agree_on_end();
        self.begin(now);
        self.send_start();
        self.find_unlinked(now);
        match &mut self.running {
            Some(running) => {
                let step = running.step(now, &mut sample, &mut self.out);
                self.watch_members();
                step
            }
            None => Ok(Step::Idle),
        }
    }

    /// Returns the players that are not known to be ready. It is empty once the match has started.
    pub fn waiting_for(&self) -> impl Iterator<Item = PeerId> {
        let is_starting = self.setup.is_some();
        self.start.waiting_for().filter(move |_| is_starting)
    }

    /// Returns the next request of the last [`step`](Self::step), or `None` if there are no more. The
    /// next step fails if a request is left.
    pub fn request(&mut self) -> Option<Request<'_, I>> {
        self.running.as_mut()?.request()
    }

    /// Passes the checksum of a saved state to the session, as requested by [`Request::Checksum`].
    pub fn checksum(&mut self, tick: Tick, hash: u64) {
        if let Some(running) = &mut self.running {
            running.checksum(tick, hash, &mut self.out);
        }
    }

    /// Returns the newest local checksum that the players compare, and its tick: the state before that tick is final.
    /// The tick is a multiple of [`RollbackSetup::checksum_every`], so all players report the same value for it.
    /// Returns `None` before the first such tick, and in a match without other players. It no longer changes once
    /// there is no player to compare with, because all have left or differ.
    pub fn newest_checksum(&self) -> Option<(Tick, u64)> {
        self.running.as_ref()?.newest_checksum()
    }

    /// Passes the dump of a saved state to the session, as requested by [`Request::Inspect`].
    pub fn inspected(&mut self, tick: Tick, dump: StateDump) {
        if let Some(running) = &mut self.running {
            running.inspected(tick, dump);
        }
    }

    /// Returns the next event.
    pub fn poll(&mut self) -> Option<RollbackEvent> {
        self.out.events.pop_front()
    }

    /// Returns the next message and its receiver. Queue the message as an event of the kind
    /// [`KIND`](Self::KIND). If the queue is full, call [`return_message`](Self::return_message).
    pub fn poll_message(&mut self) -> Option<(PeerId, Bytes)> {
        self.out.poll()
    }

    /// Returns a message to the session, because the queue of its receiver is full. It must be the last
    /// message that [`poll_message`](Self::poll_message) returned. The session offers it again after
    /// the next [`step`](Self::step), and offers no other message to this player until then.
    ///
    /// You may drop a message to a player without an open session. The session sends everything that
    /// is still needed again when the player is [linked](Self::linked).
    pub fn return_message(&mut self, peer: PeerId, message: Bytes) {
        self.out.give_back(peer, message);
    }

    /// Returns the speed at which the game's clock should run, relative to its normal speed. It is
    /// between 0.97 and 1.015, and keeps all players at the same tick.
    pub fn speed(&self, now: Duration) -> f64 {
        self.running
            .as_ref()
            .map_or(1.0, |running| running.speed(now))
    }

    /// Returns the number of the running match, or `None` before the first match. Matches of a room
    /// are numbered in order.
    pub fn number(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.id().number)
    }

    /// Returns the next tick to simulate.
    pub fn tick(&self) -> Tick {
        self.running
            .as_ref()
            .map_or(Tick(0), |running| running.tick())
    }

    /// Returns the first tick that is not confirmed: some of its inputs are unknown, or it was not
    /// simulated yet. The state before this tick is final once the game has executed all requests.
    pub fn confirmed(&self) -> Tick {
        self.running
            .as_ref()
            .map_or(Tick(0), |running| running.confirmed())
    }

    /// Returns the players in the match, including the local peer. It is empty before the match has
    /// started.
    pub fn members(&self) -> Vec<PeerId> {
        self.running
            .as_ref()
            .map_or_else(Vec::new, |running| running.members(self.local_id))
    }

    /// Returns the player of a seat at a tick, or `None` if the seat is empty or the match has not
    /// started.
    pub fn seat_at(&self, seat: Seat, tick: Tick) -> Option<PeerId> {
        self.running.as_ref()?.roster().seat_at(seat, tick)
    }

    /// Returns the statistics of the match, or `None` before it has started.
    pub fn stats(&self) -> Option<&RollbackStats> {
        self.running.as_ref().map(|running| running.stats())
    }

    /// Returns the amount of data that the session keeps.
    pub fn memory(&self) -> RollbackMemory {
        let unread = self.out.len() + self.early.len();
        let memory = self.running.as_ref().map(|running| running.memory());
        RollbackMemory {
            unread,
            ..memory.unwrap_or_default()
        }
    }

    /// Returns the lead of the local peer over a player, in ticks. It is negative if the local peer is
    /// behind. Returns `None` without a recent measurement.
    pub fn ahead(&self, peer: PeerId, now: Duration) -> Option<f64> {
        self.running.as_ref()?.ahead(peer, now)
    }

    /// Returns how late the inputs of a seat are: the number of simulated ticks, up to the last one, whose input was
    /// not known at the last [`step`](Self::step). It is 0 if the newest known input is that of the last simulated
    /// tick, and negative if later ones are known: that of a local seat is minus its [`delay`](Self::delay). Returns
    /// `None` if the player has left, or if no match has started.
    pub fn input_lag(&self, seat: Seat) -> Option<i32> {
        self.running.as_ref()?.input_lag(seat)
    }

    /// Returns the input delay of a local seat, in ticks.
    pub fn delay(&self, seat: Seat) -> Option<u8> {
        self.running.as_ref()?.delay(seat)
    }

    /// Changes the delay policy of a local seat. The input delay follows by one tick at a time.
    pub fn set_delay(&mut self, seat: Seat, policy: DelayPolicy) {
        if let Some(running) = &mut self.running {
            running.set_delay(seat, policy);
        }
    }
}

impl<I: Input> SectionSource for RollbackSession<I> {
    fn delivered(&mut self, peer: PeerId, token: u64) {
        if let Some(running) = &mut self.running
            && let Ok(token) = u32::try_from(token)
        {
            running.delivered(peer, token);
        }
    }

    fn write(&mut self, packet: PacketInfo, budget: usize, out: &mut Vec<u8>) -> Option<u64> {
        let running = self.running.as_mut()?;
        running.write(packet.peer, budget, out).map(u64::from)
    }
}
