//! A game played by rollback, from the agreement to begin until nobody is left: one machine that is
//! told what arrives and says what to simulate, what to send and what happened.

mod clock;
mod countdown;
mod error;
mod event;
mod links;
mod local;
mod outbox;
mod play;
mod seats;
mod setup;
mod stats;
mod step;
#[cfg(test)]
mod tests;
mod topic;
mod waiting;
mod wish;

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use huddle_session::{PeerId, SectionSource, Tick};

pub use self::{
    error::{InputError, ReceiveError},
    event::RollbackEvent,
    setup::{RollbackSetup, SetupError},
    stats::{RollbackMemory, RollbackStats},
    step::{Step, StepError},
    wish::WishError,
};

use self::{outbox::Outbox, play::Play, topic::Topic};
use crate::{
    agreement::LeaveReason, coding::Input, delay::DelayPolicy, desync::StateDump, driver::Request,
    seat::Seat, start::Start,
};

/// A game played by rollback.
///
/// It lives beside a [`RoomSession`](huddle_session::RoomSession) and never sees the game's state. In every
/// tick, do this:
///
/// 1. Give it what arrived: [`receive_packet`](Self::receive_packet) for each
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
    round: u32,
    start: Start,
    /// Until the game has begun.
    setup: Option<RollbackSetup<I>>,
    play: Option<Box<Play<I>>>,
    /// What others said of the game before it began here.
    early: VecDeque<(PeerId, Bytes)>,
    /// Whose inputs came before that, and were not kept.
    unheard: BTreeSet<PeerId>,
    is_failed: bool,
    /// The peers whose games are stopped, until the match has started.
    stopped: BTreeSet<PeerId>,
    out: Outbox,
}

/// How many messages of each player whose game began earlier are kept, and how many bytes of them.
const MAX_EARLY: usize = 64;
const MAX_EARLY_LEN: usize = 128 * 1024;

impl<I: Input> RollbackSession<I> {
    /// The kind of events under which a session's messages travel: declare it with
    /// [`Kinds::declare`](huddle_session::Kinds::declare).
    pub const KIND: &str = "huddle/rollback";

    /// A game that begins when all players are ready.
    ///
    /// # Errors
    /// If the setup makes no sense.
    pub fn new(setup: RollbackSetup<I>, now: Duration) -> Result<Self, SetupError> {
        let start = setup.start(now)?;
        Ok(Self {
            me: setup.me,
            round: setup.number,
            start,
            setup: Some(setup),
            play: None,
            early: VecDeque::new(),
            unheard: BTreeSet::new(),
            is_failed: false,
            stopped: BTreeSet::new(),
            out: Outbox::default(),
        })
    }

    /// A player is linked, and was not before.
    pub fn linked(&mut self, peer: PeerId) {
        if let Some(play) = &mut self.play {
            play.linked(peer, &mut self.out);
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
        self.start.lost(peer);
        if self.play.is_none() {
            // All may have been ready just before.
            self.begin(now);
        }
        if let Some(play) = &mut self.play {
            play.lost(peer, reason);
        }
        self.out.forget(peer);
    }

    /// Sets whether a peer's game is stopped, for example because its page is hidden.
    /// [`RollbackEvent::Waiting`] reports it if the match waits for that peer. The disconnect timeout
    /// applies as usual.
    pub fn set_stopped(&mut self, peer: PeerId, is_stopped: bool) {
        match (&mut self.play, is_stopped) {
            (Some(play), _) => play.set_stopped(peer, is_stopped),
            (None, true) => drop(self.stopped.insert(peer)),
            (None, false) => drop(self.stopped.remove(&peer)),
        }
    }

    /// This player leaves: the others are told, if what [`poll_message`](Self::poll_message) gives
    /// after this is sent.
    pub fn leave(&mut self, now: Duration) {
        if let Some(play) = &mut self.play {
            play.leave(now, &mut self.out);
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
        match &mut self.play {
            Some(play) => play.receive_packet(peer, packet, payload, arrived, rtt),
            // Their game began earlier. They are asked to say it again when it begins here.
            None => {
                if let Some(setup) = &self.setup
                    && links::has_inputs(payload, self.round, peer, &setup.seats)
                {
                    self.unheard.insert(peer);
                }
                Ok(())
            }
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
        let (&round, body) = rest.split_first().ok_or(ReceiveError::Topic)?;
        if round != self.round as u8 {
            // Of an earlier game, or of one that begins later here.
            return Ok(());
        }
        match (topic, &mut self.play) {
            (Topic::Start, _) => Ok(self.start.receive(peer, body)?),
            (_, Some(play)) => play.receive(peer, topic, body, now),
            (_, None) => {
                self.keep_early(peer, message);
                Ok(())
            }
        }
    }

    /// Keeps what a player said before the game began here, if there is not too much of it.
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
        self.start.advance(now);
        if self.play.is_none() {
            self.begin(now);
        }
        while let Some((to, body)) = self.start.collect() {
            self.out.send(to, Topic::Start, self.round, &body);
        }
        match &mut self.play {
            Some(play) => play.step(now, &mut sample, &mut self.out),
            None => Ok(Step::Idle),
        }
    }

    /// Begins the game once all are ready.
    fn begin(&mut self, now: Duration) {
        match self.start.outcome() {
            Some(Ok(started)) => {
                let Some(setup) = self.setup.take() else {
                    return;
                };
                self.out
                    .events
                    .push_back(RollbackEvent::Started { seed: started.seed });
                let mut play = Play::new(setup, now);
                for peer in std::mem::take(&mut self.stopped) {
                    play.set_stopped(peer, true);
                }
                for peer in std::mem::take(&mut self.unheard) {
                    play.wish(peer, &mut self.out);
                }
                self.play = Some(Box::new(play));
                for (peer, message) in std::mem::take(&mut self.early) {
                    // Nobody is blamed any more for what was said so long ago.
                    let _ = self.receive_message(peer, message, now);
                }
            }
            Some(Err(error)) if !self.is_failed => {
                self.is_failed = true;
                self.out
                    .events
                    .push_back(RollbackEvent::StartFailed(error.clone()));
            }
            _ => {}
        }
    }

    /// Who is not known to be ready, until the game has begun.
    pub fn waiting_for(&self) -> impl Iterator<Item = PeerId> {
        let is_starting = self.play.is_none();
        self.start.waiting_for().filter(move |_| is_starting)
    }

    /// Returns the next request of the last [`step`](Self::step), or `None` if the game has received
    /// all of them. The next step fails if there is one left.
    pub fn request(&mut self) -> Option<Request<'_, I>> {
        self.play.as_mut()?.request()
    }

    /// Takes the checksum of the state that was saved for a tick.
    pub fn checksum(&mut self, tick: Tick, hash: u64) {
        if let Some(play) = &mut self.play {
            play.checksum(tick, hash, &mut self.out);
        }
    }

    /// Takes the dump of the state that was saved for a tick, which [`Request::Inspect`] requested.
    pub fn inspected(&mut self, tick: Tick, dump: StateDump) {
        if let Some(play) = &mut self.play {
            play.inspected(tick, dump);
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
        self.play.as_ref().map_or(1.0, |play| play.speed(now))
    }

    /// The tick that is simulated next.
    pub fn tick(&self) -> Tick {
        self.play.as_ref().map_or(Tick(0), |play| play.tick())
    }

    /// The first tick of which not all inputs are known, or that was not simulated yet. The state
    /// before it is final, after the requests of a step are done.
    pub fn confirmed(&self) -> Tick {
        self.play.as_ref().map_or(Tick(0), |play| play.confirmed())
    }

    /// Who plays, this player included; nobody before the game has begun.
    pub fn members(&self) -> Vec<PeerId> {
        self.play
            .as_ref()
            .map_or_else(Vec::new, |play| play.members(self.me))
    }

    /// Who plays a seat at a tick, as far as it is decided; nobody before the game has begun.
    pub fn seat_at(&self, seat: Seat, tick: Tick) -> Option<PeerId> {
        self.play.as_ref()?.roster().seat_at(seat, tick)
    }

    /// How the game goes, once it has begun.
    pub fn stats(&self) -> Option<&RollbackStats> {
        self.play.as_ref().map(|play| play.stats())
    }

    /// How much this session keeps.
    pub fn memory(&self) -> RollbackMemory {
        let unread = self.out.len() + self.early.len();
        let memory = self.play.as_ref().map(|play| play.memory());
        RollbackMemory {
            unread,
            ..memory.unwrap_or_default()
        }
    }

    /// How many ticks this player is ahead of another; negative if behind. `None` without news.
    pub fn ahead(&self, peer: PeerId, now: Duration) -> Option<f64> {
        self.play.as_ref()?.ahead(peer, now)
    }

    /// How many ticks after it is made an input of a seat of this machine counts.
    pub fn delay(&self, seat: Seat) -> Option<u8> {
        self.play.as_ref()?.delay(seat)
    }

    /// Changes how the delay of a seat of this machine is chosen. It follows tick by tick.
    pub fn set_delay(&mut self, seat: Seat, policy: DelayPolicy) {
        if let Some(play) = &mut self.play {
            play.set_delay(seat, policy);
        }
    }
}

impl<I: Input> SectionSource for RollbackSession<I> {
    fn delivered(&mut self, peer: PeerId, token: u32) {
        if let Some(play) = &mut self.play {
            play.delivered(peer, token);
        }
    }

    fn write(&mut self, peer: PeerId, room: usize, out: &mut Vec<u8>) -> Option<u32> {
        self.play.as_mut()?.write(peer, room, out)
    }
}
