//! A match played by rollback, from the agreement to start until no other player is left, and the
//! matches after it in the same room. A state machine: it receives what arrives, and returns what to
//! simulate, what to send and what happened.

mod error;
mod event;
mod input_request;
mod links;
mod local;
mod outbox;
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
use huddle_session::{PeerId, SectionSource, Tick};

pub use self::{
    error::{InputError, ReceiveError},
    event::RollbackEvent,
    input_request::InputRequestError,
    setup::{RollbackSetup, SetupError},
    stats::{RollbackMemory, RollbackStats},
    step::{Step, StepError},
};

use self::{outbox::Outbox, running::RunningMatch, topic::Topic, unlinked::Unlinked};
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

/// A match played by rollback, and the matches after it in the same room.
///
/// It lives beside a [`RoomSession`](huddle_session::RoomSession) and never sees the game's state. In every
/// tick, do this:
///
/// 1. Pass it what arrived: [`receive_packet`](Self::receive_packet) for each
///    [`SessionEvent::Section`](huddle_session::SessionEvent::Section), [`receive_message`](Self::receive_message)
///    for the events of its own kind ([`KIND`](Self::KIND)), [`linked`](Self::linked) and
///    [`lost`](Self::lost) when players come and go.
/// 2. Call [`step`](Self::step), which samples the local inputs.
/// 3. Handle the events ([`poll`](Self::poll)), and execute each [`request`](Self::request) until there
///    are none. The next step fails otherwise.
/// 4. Send: queue each message ([`poll_message`](Self::poll_message)) as an event, and pass the session
///    to [`RoomSession::collect_packet`](huddle_session::RoomSession::collect_packet) for each peer.
/// 5. Start the next tick after the tick's duration divided by [`speed`](Self::speed).
///
/// This is also the tick of the room: call
/// [`RoomSession::advance`](huddle_session::RoomSession::advance) first, and collect no packets
/// between two steps. Each input then leaves in the step that sampled it.
///
/// All times are since the room was joined.
pub struct RollbackSession<I> {
    me: PeerId,
    /// The start of the running match, or of the next one.
    start: Start,
    /// Until the match of `start` has started.
    setup: Option<RollbackSetup<I>>,
    /// A rematch that was requested before the running match had begun for all players.
    rematch: Option<RollbackSetup<I>>,
    running: Option<Box<RunningMatch<I>>>,
    /// Messages about a match that has started for their senders only.
    early: VecDeque<(PeerId, Bytes)>,
    /// The players whose inputs arrived before the match started here, and were dropped.
    dropped_inputs_of: BTreeSet<PeerId>,
    /// The peers whose games are stopped.
    stopped: BTreeSet<PeerId>,
    unlinked: Unlinked,
    /// Whether the end of the running match has been reported.
    has_ended: bool,
    out: Outbox,
}

/// The maximum number of early messages per player, and of their bytes.
const MAX_EARLY: usize = 64;
const MAX_EARLY_LEN: usize = 128 * 1024;

impl<I: Input> RollbackSession<I> {
    /// The kind of events under which a session's messages travel: declare it with
    /// [`Kinds::declare`](huddle_session::Kinds::declare).
    pub const KIND: &str = "huddle/rollback";

    /// Creates a session whose match starts when all players are ready.
    ///
    /// # Errors
    /// Returns an error if the setup is invalid.
    pub fn new(setup: RollbackSetup<I>, now: Duration) -> Result<Self, SetupError> {
        let start = setup.start(MatchId::default(), false, now)?;
        Ok(Self {
            me: setup.me,
            start,
            setup: Some(setup),
            rematch: None,
            running: None,
            early: VecDeque::new(),
            dropped_inputs_of: BTreeSet::new(),
            stopped: BTreeSet::new(),
            unlinked: Unlinked::default(),
            has_ended: false,
            out: Outbox::default(),
        })
    }

    /// Starts the next match in the same room: after a match, instead of the running one, or again
    /// after a failed start. Every player of the next match has to call it.
    ///
    /// A running match goes on until all of them have. It then ends at the same tick for all
    /// ([`RollbackEvent::Ended`]), and the next one starts ([`RollbackEvent::Started`]). If that
    /// fails, the running match goes on. Its members without a seat in the next match play on without
    /// those that have one.
    ///
    /// # Errors
    /// Returns an error if the setup is invalid.
    pub fn rematch(&mut self, setup: RollbackSetup<I>, now: Duration) -> Result<(), SetupError> {
        setup.start(MatchId::default(), false, now)?;
        self.rematch = Some(setup);
        self.begin_rematch(now);
        Ok(())
    }

    /// A player is linked, and was not before. The session also finds links by the messages that
    /// arrive, so that links from before it was created need no call.
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

    /// Reports that a player's program was restarted: a new program uses the player's id, and does
    /// not know the match. Call it instead of [`Self::linked`]. The player's seats end without a
    /// wait once all players report this.
    pub fn restarted(&mut self, peer: PeerId, now: Duration) {
        self.lose(peer, LeaveReason::Restarted, now);
    }

    fn lose(&mut self, peer: PeerId, reason: LeaveReason, now: Duration) {
        if reason != LeaveReason::Restarted {
            // A new program may send a hello of its own.
            self.start.lost(peer);
        }
        // All may have been ready just before.
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

    /// Leaves the match. The other players are notified if the messages that
    /// [`poll_message`](Self::poll_message) then returns are sent before the links are closed.
    ///
    /// If this player stays in the room, keep reporting players that are [linked](Self::linked) later, and
    /// keep sending: they may not know yet that it has left. The session needs no more steps.
    pub fn leave(&mut self, now: Duration) {
        self.begin(now);
        self.rematch = None;
        if self.setup.take().is_some() {
            self.start.withdraw();
            self.send_start();
        }
        if let Some(running) = &mut self.running {
            running.leave(now, &mut self.out);
        }
    }

    /// Takes what rode in packet number `packet` of a player; `rtt` is the mean round trip, if it is
    /// known.
    ///
    /// # Errors
    /// If it makes no sense, which an honest player's never does. What came before the error counts.
    pub fn receive_packet(
        &mut self,
        peer: PeerId,
        packet: u64,
        payload: &[u8],
        arrived: Duration,
        rtt: Option<Duration>,
    ) -> Result<(), ReceiveError> {
        self.has_link(peer);
        if let Some(setup) = &self.setup
            && links::has_inputs(payload, self.start.id().number, peer, &setup.seats)
        {
            // Its match started earlier. It sends these inputs again when the match starts here.
            self.dropped_inputs_of.insert(peer);
        }
        match &mut self.running {
            Some(running) => running.receive_packet(peer, packet, payload, arrived, rtt),
            None => Ok(()),
        }
    }

    /// Takes a message of a player.
    ///
    /// # Errors
    /// If it makes no sense, which an honest player's never does.
    pub fn receive_message(
        &mut self,
        peer: PeerId,
        message: Bytes,
        now: Duration,
    ) -> Result<(), ReceiveError> {
        let (&topic, rest) = message.split_first().ok_or(ReceiveError::Topic)?;
        let topic = Topic::of(topic).ok_or(ReceiveError::Topic)?;
        self.has_link(peer);
        if topic == Topic::Start {
            self.start.receive(peer, rest)?;
            self.drop_departed();
            return Ok(());
        }
        let (tag, body) = rest.split_at_checked(2).ok_or(ReceiveError::Topic)?;
        match &mut self.running {
            Some(running) if running.id().tag() == tag => {
                // A peer without a seat may be in another match with the same number.
                match running.knows(peer) {
                    true => running.receive(peer, topic, body, now),
                    false => Ok(()),
                }
            }
            _ => {
                let is_next = self.setup.is_some() && self.start.id().tag() == tag;
                if is_next && self.start.has_player(peer) {
                    self.keep_early(peer, message);
                }
                Ok(())
            }
        }
    }

    /// Keeps a message until the match starts here, if there are not too many.
    fn keep_early(&mut self, peer: PeerId, message: Bytes) {
        let same = self.early.iter().filter(|(from, _)| *from == peer);
        let (count, len) = same.fold((0, message.len()), |(count, len), (_, kept)| {
            (count + 1, len + kept.len())
        });
        if count < MAX_EARLY && len <= MAX_EARLY_LEN {
            self.early.push_back((peer, message));
        }
    }

    /// Advances the match by a tick if that is possible. `sample` returns the input of a local seat
    /// for the next tick. It is called once for each local seat and tick.
    ///
    /// Afterwards, execute all requests ([`request`](Self::request)).
    ///
    /// # Errors
    /// Returns an error, and takes no step, if requests of the last step are left, or if an input
    /// cannot be encoded. In that case, `sample` is called for it again in the next step.
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

    /// Returns the players that are not known to be ready, until the match has started.
    pub fn waiting_for(&self) -> impl Iterator<Item = PeerId> {
        let is_starting = self.setup.is_some();
        self.start.waiting_for().filter(move |_| is_starting)
    }

    /// Returns the next request of the last [`step`](Self::step), or `None` if the game has received
    /// all of them. The next step fails if there is one left.
    pub fn request(&mut self) -> Option<Request<'_, I>> {
        self.running.as_mut()?.request()
    }

    /// Takes the checksum of the state that was saved for a tick.
    pub fn checksum(&mut self, tick: Tick, hash: u64) {
        if let Some(running) = &mut self.running {
            running.checksum(tick, hash, &mut self.out);
        }
    }

    /// Takes the dump of the state that was saved for a tick, which [`Request::Inspect`] requested.
    pub fn inspected(&mut self, tick: Tick, dump: StateDump) {
        if let Some(running) = &mut self.running {
            running.inspected(tick, dump);
        }
    }

    /// What happened.
    pub fn poll(&mut self) -> Option<RollbackEvent> {
        self.out.events.pop_front()
    }

    /// Returns the next message to queue for a player as an event of kind [`KIND`](Self::KIND). If
    /// it cannot be queued, [return it](Self::return_message).
    pub fn poll_message(&mut self) -> Option<(PeerId, Bytes)> {
        self.out.poll()
    }

    /// Takes back the message that [`Self::poll_message`] returned last, because the queue of its
    /// receiver is full. It is returned again after the next [step](Self::step). Until then no
    /// other message to this player is.
    ///
    /// A message to a player without an open session may be dropped: everything that still matters
    /// is sent again when the player is [linked](Self::linked).
    pub fn return_message(&mut self, peer: PeerId, message: Bytes) {
        self.out.give_back(peer, message);
    }

    /// How fast the game's clock should run now, as part of its usual speed, so that all players
    /// come to the same tick at the same time: from 0.97 to 1.015.
    pub fn speed(&self, now: Duration) -> f64 {
        self.running
            .as_ref()
            .map_or(1.0, |running| running.speed(now))
    }

    /// Returns the number of the running match, which counts the matches of the room, and `None`
    /// before the first one.
    pub fn number(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.id().number)
    }

    /// The tick that is simulated next.
    pub fn tick(&self) -> Tick {
        self.running
            .as_ref()
            .map_or(Tick(0), |running| running.tick())
    }

    /// The first tick of which not all inputs are known, or that was not simulated yet. The state
    /// before it is final, after the requests of a step are done.
    pub fn confirmed(&self) -> Tick {
        self.running
            .as_ref()
            .map_or(Tick(0), |running| running.confirmed())
    }

    /// Who plays, this player included; nobody before the game has begun.
    pub fn members(&self) -> Vec<PeerId> {
        self.running
            .as_ref()
            .map_or_else(Vec::new, |running| running.members(self.me))
    }

    /// Who plays a seat at a tick, as far as it is decided; nobody before the game has begun.
    pub fn seat_at(&self, seat: Seat, tick: Tick) -> Option<PeerId> {
        self.running.as_ref()?.roster().seat_at(seat, tick)
    }

    /// How the game goes, once it has begun.
    pub fn stats(&self) -> Option<&RollbackStats> {
        self.running.as_ref().map(|running| running.stats())
    }

    /// How much this session keeps.
    pub fn memory(&self) -> RollbackMemory {
        let unread = self.out.len() + self.early.len();
        let memory = self.running.as_ref().map(|running| running.memory());
        RollbackMemory {
            unread,
            ..memory.unwrap_or_default()
        }
    }

    /// How many ticks this player is ahead of another; negative if behind. `None` without news.
    pub fn ahead(&self, peer: PeerId, now: Duration) -> Option<f64> {
        self.running.as_ref()?.ahead(peer, now)
    }

    /// How many ticks after it is made an input of a seat of this machine counts.
    pub fn delay(&self, seat: Seat) -> Option<u8> {
        self.running.as_ref()?.delay(seat)
    }

    /// Changes how the delay of a seat of this machine is chosen. It follows tick by tick.
    pub fn set_delay(&mut self, seat: Seat, policy: DelayPolicy) {
        if let Some(running) = &mut self.running {
            running.set_delay(seat, policy);
        }
    }
}

impl<I: Input> SectionSource for RollbackSession<I> {
    fn delivered(&mut self, peer: PeerId, token: u32) {
        if let Some(running) = &mut self.running {
            running.delivered(peer, token);
        }
    }

    fn write(&mut self, peer: PeerId, room: usize, out: &mut Vec<u8>) -> Option<u32> {
        self.running.as_mut()?.write(peer, room, out)
    }
}
