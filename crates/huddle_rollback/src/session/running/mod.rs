//! A match that has started: how received inputs become simulated ticks.
//!
//! An input takes this path:
//!
//! 1. [`LocalSeat`] samples the input of a local player.
//! 2. The match encodes it into the log of the seat ([`SeatTable`]).
//! 3. Each packet to a peer carries the ticks of the log that the peer has not acked ([`Link`]).
//! 4. The peer appends it to its own log of the seat.
//! 5. [`SeatTable::feed`] passes it to the driver. The [`timeline`](crate::timeline) module describes
//!    the rest.

mod ending;
mod members;
mod packets;

use std::{collections::BTreeMap, time::Duration};

use huddle_session::{PeerId, Tick};

use super::{
    error::InputError,
    event::RollbackEvent,
    links::Link,
    local::LocalSeat,
    outbox::Outbox,
    seats::SeatTable,
    setup::RollbackSetup,
    stats::{RollbackMemory, RollbackStats},
    step::{Step, StepError},
    topic::Topic,
    waiting::Waiting,
};
use crate::{
    clock::{Countdown, DelayPolicy, Pace, StepClock, Transit},
    desync::{DesyncDetector, DesyncEvent, StateDump},
    inputs::{Input, InputCodec, MAX_UNACKED},
    membership::{
        agreement::{Agreement, Member, Seats},
        start::MatchId,
    },
    seat::{Seat, SeatSet},
    timeline::{Driver, DriverSettings, Request},
};

/// The maximum lead of another player's inputs over the local peer, in ticks. It exceeds every
/// prediction window plus every input delay.
const HORIZON: u32 = 192;

/// The time in which members must vote on a departure.
const VOTE_LIMIT: Duration = Duration::from_secs(5);

/// The interval at which inputs that no player needs are released, in ticks.
const FORGET_EVERY: u32 = 16;

/// The time without packets after which a player counts as silent during the countdown.
const SILENT: Duration = Duration::from_millis(500);

/// The grace period for members that may themselves be waiting.
const GRACE: Duration = Duration::from_secs(1);

/// The number of confirmed ticks whose inputs are kept for players that lack them. A peer with more
/// unacked ticks receives no more inputs.
const KEPT: u32 = 2 * MAX_UNACKED;

pub(super) struct RunningMatch<I> {
    codec: Box<dyn InputCodec<I>>,
    driver: Driver<I>,
    seats: SeatTable,
    locals: Vec<LocalSeat<I>>,
    links: BTreeMap<PeerId, Link>,
    agreement: Agreement,
    desync: DesyncDetector,
    /// The other players in the match.
    members: Vec<PeerId>,
    /// The player of each seat at each tick.
    roster: Seats,
    /// The relay for each player without a link.
    relayed: BTreeMap<PeerId, PeerId>,
    id: MatchId,
    /// The first tick that is not simulated, because the match ends for a rematch.
    end: Option<Tick>,
    /// Members that left, until [`take_departed`](Self::take_departed).
    departed: Vec<PeerId>,
    clock: StepClock,
    /// Until the first tick.
    countdown: Option<Countdown>,
    pace: Pace,
    transit: Transit,
    stats: RollbackStats,
    waiting: Waiting,
    encoded: Vec<u8>,
}

impl<I: Input> RunningMatch<I> {
    pub(super) fn new(setup: RollbackSetup<I>, id: MatchId, now: Duration) -> Self {
        let local_id = setup.local_id;
        let seats = SeatTable::new(&setup.seats);
        let mut others: Vec<_> = seats.owners().filter(|&peer| peer != local_id).collect();
        others.sort_unstable();
        others.dedup();
        let members = others.iter().chain([&local_id]).map(|&peer| Member {
            peer,
            seats: seats.seats_of(peer).collect(),
        });
        let agreement = Agreement::new(local_id, members.collect(), VOTE_LIMIT);
        let mut roster = Seats::default();
        for (seat, &peer) in (0..).map(Seat).zip(&setup.seats) {
            let filled = roster.fill(seat, peer, Tick(0));
            debug_assert!(filled.is_ok(), "all seats are initially empty");
        }
        let settings = DriverSettings {
            window: setup.window,
            save_every: setup.save_every,
            checksum_every: setup.checksum_every,
            sync_test: setup.sync_test.map(|depth| (depth, setup.nonce)),
        };
        Self {
            agreement: agreement.expect("the setup was checked: every peer has seats of its own"),
            links: others
                .iter()
                .map(|&peer| (peer, Link::new(&seats, local_id, peer, id.number)))
                .collect(),
            locals: seats
                .seats_of(local_id)
                .map(|seat| LocalSeat::new(seat, setup.delay, setup.window))
                .collect(),
            driver: Driver::new(setup.seats.len(), setup.predict, settings),
            desync: DesyncDetector::new(others.iter().copied()),
            countdown: (!others.is_empty()).then(|| Countdown::new(setup.rate, now)),
            members: others,
            roster,
            relayed: BTreeMap::new(),
            codec: setup.codec,
            id,
            end: None,
            departed: Vec::new(),
            clock: StepClock::new(setup.rate, now),
            pace: Pace::new(setup.rate),
            transit: Transit::default(),
            stats: RollbackStats::default(),
            waiting: Waiting::new(setup.disconnect_timeout),
            encoded: Vec::new(),
            seats,
        }
    }

    /// Starts a step. Simulates another tick if that is possible.
    pub(super) fn step(
        &mut self,
        now: Duration,
        sample: &mut dyn FnMut(Seat, Tick) -> I,
        out: &mut Outbox,
    ) -> Result<Step, StepError> {
        if self.driver.is_in_step() {
            return Err(StepError::RequestsLeft);
        }
        let passed = self.clock.step(now);
        if self.counts_down(passed, now) {
            self.send_input_requests(out);
            self.agree(now, out);
            return Ok(Step::Idle);
        }
        let continues = self
            .end
            .is_none_or(|end| end.is_after(self.driver.current()));
        if continues {
            self.sample_inputs(now, sample)?;
        }
        self.feed();
        self.send_input_requests(out);
        self.watch_members(passed, now, out);
        self.agree(now, out);
        self.detect_desyncs(now, out);
        self.forget();
        let begun = self.driver.begin(continues);
        self.stats.rolled_back(begun.resimulated);
        let lag = self.driver.current().since(self.driver.confirmed());
        self.stats.stepped(lag.unsigned_abs());
        let missing = match begun.is_new {
            true => SeatSet::default(),
            false => self.missing(),
        };
        let stopped = self.stopped_seats(missing);
        if self.waiting.has_changed(missing, stopped) {
            out.events.push_back(RollbackEvent::Waiting {
                seats: missing,
                stopped,
            });
        }
        if begun.is_new {
            self.stats.ticks += 1;
            return Ok(Step::Ran);
        }
        if !continues && missing.is_empty() {
            return Ok(Step::Idle);
        }
        self.stats.stalled(missing, self.waiting.total());
        Ok(Step::Waited(missing))
    }

    /// Returns the seats whose inputs must arrive before the next tick. At the end of the match, these
    /// are all seats with predicted ticks.
    fn missing(&self) -> SeatSet {
        let current = self.driver.current();
        if self.end.is_none_or(|end| end.is_after(current)) {
            return self.driver.missing();
        }
        let seats = self.seats.owners().enumerate();
        let seats = seats.map(|(i, _)| Seat(i as u8));
        let is_missing = |&seat: &Seat| {
            let next = self.driver.next_input(seat);
            next.is_some_and(|next| current.is_after(next))
        };
        seats.filter(is_missing).collect()
    }

    /// Advances the countdown. Returns `true` if it is too early for the first tick.
    fn counts_down(&mut self, passed: Duration, now: Duration) -> bool {
        let Some(countdown) = &mut self.countdown else {
            return false;
        };
        let begins = |peer: &PeerId| !self.agreement.has_lost(*peer);
        let others = self.members.iter().copied().filter(begins);
        if !countdown.step(passed, now, others) {
            return true;
        }
        for &peer in &self.members {
            let silence = countdown.silence(peer, now);
            if silence >= SILENT && !self.agreement.has_lost(peer) {
                // A player that sends no packets does not wait for inputs itself.
                let silence = silence.saturating_add(GRACE);
                for seat in self.seats.seats_of(peer) {
                    self.waiting.silent_before(seat, silence);
                }
            }
        }
        self.countdown = None;
        self.links.values_mut().for_each(Link::begin);
        false
    }

    /// Samples the inputs of the local seats for the next tick.
    fn sample_inputs(
        &mut self,
        now: Duration,
        sample: &mut dyn FnMut(Seat, Tick) -> I,
    ) -> Result<(), InputError> {
        let tick = self.driver.current();
        let transit = self.transit.typical(now);
        for local in &mut self.locals {
            let seat = local.seat;
            let Some(log) = self.seats.open_log(seat) else {
                continue;
            };
            let Some((input, copies)) =
                local.sample(tick, log.next(), transit, now, |seat| sample(seat, tick))
            else {
                continue;
            };
            self.encoded.clear();
            let encoded = self.codec.encode(input, &mut self.encoded);
            let added = encoded
                .map_err(|error| InputError::encode(seat, error))
                .and_then(|()| {
                    (0..copies)
                        .try_for_each(|_| log.push(&self.encoded))
                        .map_err(|error| InputError::too_long(seat, error))
                });
            if let Err(error) = added {
                local.sample_again();
                return Err(error);
            }
        }
        Ok(())
    }

    /// Compares the local state with those of the other peers.
    fn detect_desyncs(&mut self, now: Duration, out: &mut Outbox) {
        self.desync.advance(now);
        while let Some((to, body)) = self.desync.poll_message() {
            out.send(to, Topic::StateDump, self.id, &body);
        }
        while let Some(event) = self.desync.poll() {
            out.events.push_back(match event {
                DesyncEvent::Mismatch(mismatch) => RollbackEvent::Mismatch(mismatch),
                DesyncEvent::Report(report) => RollbackEvent::Desync(report),
            });
        }
        if !self.desync.is_active() {
            self.driver.stop_checksums();
        }
        self.stats.compared = self.desync.compared();
    }

    fn feed(&mut self) {
        let Self {
            stats,
            codec,
            driver,
            ..
        } = self;
        self.seats
            .feed(driver, &**codec, |_| stats.undecodable += 1);
    }

    pub(super) fn request(&mut self) -> Option<Request<'_, I>> {
        if let Some(tick) = self.desync.next_inspection() {
            return Some(Request::Inspect { tick });
        }
        self.driver.request(|tick| self.desync.keeps(tick))
    }

    pub(super) fn checksum(&mut self, tick: Tick, hash: u64, out: &mut Outbox) {
        if let Some(mismatch) = self.driver.compare(tick, hash) {
            out.events
                .push_back(RollbackEvent::SyncTestFailed(mismatch));
        }
        if self.driver.is_compared_with_peers(tick) {
            self.desync.add_checksum(tick, hash);
        }
    }

    pub(super) fn newest_checksum(&self) -> Option<(Tick, u64)> {
        self.desync.newest_checksum()
    }

    pub(super) fn inspected(&mut self, tick: Tick, dump: StateDump) {
        self.desync.inspected(tick, dump);
    }

    /// Releases inputs that no player needs.
    fn forget(&mut self) {
        if !self.driver.current().0.is_multiple_of(FORGET_EVERY) {
            return;
        }
        // Other players may lack these inputs, and a stream needs the two ticks before them.
        let kept = match self.links.is_empty() {
            true => 0,
            false => KEPT + 2,
        };
        let confirmed = self.driver.confirmed();
        self.seats
            .forget_before(Tick(confirmed.0.saturating_sub(kept)));
    }

    pub(super) fn speed(&self, now: Duration) -> f64 {
        self.pace.speed(now)
    }

    pub(super) fn tick(&self) -> Tick {
        self.driver.current()
    }

    pub(super) fn confirmed(&self) -> Tick {
        self.driver.confirmed()
    }

    pub(super) fn roster(&self) -> &Seats {
        &self.roster
    }

    pub(super) fn stats(&self) -> &RollbackStats {
        &self.stats
    }

    pub(super) fn memory(&self) -> RollbackMemory {
        RollbackMemory {
            saves: self.driver.saved(),
            inputs: self.driver.kept() + self.seats.kept(),
            agreement: self.agreement.kept(),
            unread: 0,
        }
    }

    pub(super) fn ahead(&self, peer: PeerId, now: Duration) -> Option<f64> {
        self.pace.ahead(peer, now)
    }

    pub(super) fn input_lag(&self, seat: Seat) -> Option<i32> {
        self.driver.lag(seat)
    }

    pub(super) fn delay(&self, seat: Seat) -> Option<u8> {
        self.locals
            .iter()
            .find(|local| local.seat == seat)
            .map(LocalSeat::delay)
    }

    pub(super) fn set_delay(&mut self, seat: Seat, policy: DelayPolicy) {
        if let Some(local) = self.locals.iter_mut().find(|local| local.seat == seat) {
            local.set_delay(policy);
        }
    }
}
