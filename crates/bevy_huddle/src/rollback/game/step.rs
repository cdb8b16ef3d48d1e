//! Runs the steps of the match when they are due.

use std::time::Duration;

use bevy::prelude::*;
use huddle_rollback::{Input, Seat, SeatSet, Step};
use huddle_session::{QueueError, Tick};

use crate::{
    rollback::{
        bounds::RollbackInput,
        effects::{clear_effects, finish_effects},
        game::{
            events::MatchEnded,
            report::report_events,
            requests::execute_requests,
            running::{CurrentMatch, MatchStatus, PendingLeave, ReadInput, Running},
            start::begin_pending,
            store::with_store,
        },
        tools::problem::report_problems,
    },
    room::{components::RoomTick, link::RoomLink},
};

/// The maximum number of steps in a frame. A game that is this far behind does not catch up, because the
/// other players would then wait for its frames.
const MAX_STEPS: u32 = 8;

/// Runs the steps that are due since the last frame.
///
/// A step is also the tick of the room, so the inputs that it samples leave at once.
pub(crate) fn run_match<I: RollbackInput>(world: &mut World) {
    leave_pending::<I>(world);
    begin_pending::<I>(world);
    let Some(mut running) = world.resource_mut::<CurrentMatch<I>>().0.take() else {
        return;
    };
    let time = *world.resource::<Time>();
    let mut steps = 0;
    loop {
        let Some(now) = running.now(world) else {
            // The player has left the room.
            running.end(world);
            break;
        };
        let is_idle = running.has_left && running.starting.is_none();
        if is_idle {
            // Players that connect later may not know that the local player has left.
            running.queue_messages(world);
        } else if running.next_step <= now && steps < MAX_STEPS {
            steps += 1;
            step(world, &mut running, now);
            running.end_if_replaced(world, now);
            let period = running.rate.period().div_f64(running.session.speed(now));
            running.next_step += period;
            if steps == MAX_STEPS {
                running.next_step = running.next_step.max(now);
            }
            continue;
        } else {
            running.show_status(world, now);
        }
        world.resource_mut::<CurrentMatch<I>>().0 = Some(running);
        break;
    }
    *world.resource_mut::<Time>() = time;
}

/// Leaves the match, if the game has asked for it.
fn leave_pending<I: Input>(world: &mut World) {
    if !std::mem::take(&mut world.resource_mut::<PendingLeave>().0) {
        return;
    }
    let Some(mut running) = world.resource_mut::<CurrentMatch<I>>().0.take() else {
        return;
    };
    if let Some(now) = running.now(world) {
        running.session.leave(now);
        running.queue_messages(world);
        running.starting = None;
    }
    running.end(world);
    if running.room.is_some() {
        running.has_left = true;
        world.resource_mut::<CurrentMatch<I>>().0 = Some(running);
    }
}

/// Runs a step: receives nothing, samples the inputs, simulates, and sends.
fn step<I: Input>(world: &mut World, running: &mut Running<I>, now: Duration) {
    if let Some(room) = running.room
        && let Some(mut link) = world.get_mut::<RoomLink>(room)
    {
        link.is_driven_by_match = true;
        link.advance();
        let tick = link.session.tick();
        if let Some(mut room_tick) = world.get_mut::<RoomTick>(room) {
            room_tick.0 = tick;
        }
    }
    let mut read = world.resource_mut::<ReadInput<I>>().system.take();
    let mut failure = None;
    let step = running.session.step(now, |seat, _| {
        let input = read.as_mut().map(|read| read.run(seat, world));
        match input {
            Some(Ok(input)) => input,
            Some(Err(error)) => {
                failure = Some((seat, error));
                I::default()
            }
            None => I::default(),
        }
    });
    let mut reader = world.resource_mut::<ReadInput<I>>();
    reader.system = read;
    // Once, and not in every tick.
    let is_new = !std::mem::replace(&mut reader.has_failed, failure.is_some());
    if let Some((seat, error)) = failure.filter(|_| is_new) {
        log::warn!("the input of seat {seat} cannot be read, so it is the default: {error}");
    }
    match step {
        Ok(Step::Waited(missing)) => world.resource_mut::<MatchStatus>().missing = missing,
        Ok(Step::Ran | Step::Idle) => {
            world.resource_mut::<MatchStatus>().missing = SeatSet::default();
        }
        Err(error) => log::error!("the match cannot take a step: {error}"),
    }
    report_events(world, running);
    // Commands of observers, which may leave the room, come before the ticks.
    world.flush();
    execute_requests(world, &mut running.session, running.is_sync_test);
    finish_effects(world);
    report_problems(world);
    world.flush();
    running.send(world);
}

impl<I: Input> Running<I> {
    /// Returns the time since the room was joined, or since the app started in a match without a room.
    /// Returns `None` if the room no longer exists.
    pub(crate) fn now(&self, world: &World) -> Option<Duration> {
        match self.room {
            Some(room) => Some(world.get::<RoomLink>(room)?.now()),
            None => Some(world.resource::<Time<Real>>().elapsed()),
        }
    }

    /// Sends the messages and the packets of a step.
    fn send(&mut self, world: &mut World) {
        let Some(room) = self.room else {
            while self.session.poll_message().is_some() {}
            return;
        };
        self.queue_messages(world);
        if let Some(mut link) = world.get_mut::<RoomLink>(room) {
            link.send_tick(Some(&mut self.session));
        }
    }

    /// Queues the messages of the session as events of the room.
    pub(crate) fn queue_messages(&mut self, world: &mut World) {
        let (Some(room), Some(kind)) = (self.room, self.kind) else {
            return;
        };
        let Some(mut link) = world.get_mut::<RoomLink>(room) else {
            return;
        };
        while let Some((peer, message)) = self.session.poll_message() {
            match link.session.queue_event(peer, kind, message.clone()) {
                Ok(()) => {}
                // It waits for space in the queue.
                Err(QueueError::Full { .. }) => self.session.return_message(peer, message),
                Err(error) => log::error!("a message of the match to {peer} is lost: {error}"),
            }
        }
    }

    /// Ends the match once its other members have left it for a match without the local player.
    fn end_if_replaced(&mut self, world: &mut World, now: Duration) {
        // Listing the members allocates, and this runs in every step.
        if !self.replacement.is_called() {
            return;
        }
        let end = self.replacement.end(&self.session.members());
        let is_confirmed = |end: &Tick| !end.is_after(self.session.confirmed());
        if self.starting.is_none()
            && let Some(end) = end.filter(is_confirmed)
        {
            self.session.leave(now);
            self.queue_messages(world);
            self.end_at(world, end);
            self.has_left = true;
        }
    }

    /// Ends the match on this machine, and despawns its entities. The room is driven by the game's own ticks
    /// again.
    pub(crate) fn end(&mut self, world: &mut World) {
        let at_tick = world.resource::<MatchStatus>().tick;
        self.end_at(world, at_tick);
    }

    /// Ends the match like [`end`](Self::end), and reports a tick as its end.
    fn end_at(&mut self, world: &mut World, at_tick: Tick) {
        with_store(world, |store, world| store.clear(world));
        clear_effects(world);
        if let Some(room) = self.room
            && let Some(mut link) = world.get_mut::<RoomLink>(room)
        {
            link.is_driven_by_match = false;
        }
        let mut status = world.resource_mut::<MatchStatus>();
        let none = MatchStatus {
            number: status.number,
            ..default()
        };
        let status = std::mem::replace(&mut *status, none);
        if status.is_running() {
            world.trigger(MatchEnded { at_tick });
        }
    }

    fn show_status(&self, world: &mut World, now: Duration) {
        let period = self.rate.period().as_secs_f32();
        let left = self.next_step.saturating_sub(now).as_secs_f32();
        let mut status = world.resource_mut::<MatchStatus>();
        status.tick = self.session.tick();
        status.confirmed = self.session.confirmed();
        let session = &self.session;
        let seats = (0..).map(Seat).take(status.seats.len());
        status.input_lag.clear();
        status
            .input_lag
            .extend(seats.map(|seat| session.input_lag(seat)));
        let local_seats = status.local_seats.iter();
        let delays = local_seats.filter_map(|&seat| session.delay(seat));
        status.input_delay = delays.max().unwrap_or(0);
        status.checksum = self.session.newest_checksum();
        status.overstep = (1.0 - left / period).clamp(0.0, 1.0);
        status.waiting_for.clear();
        status.waiting_for.extend(self.session.waiting_for());
        if let Some(stats) = self.session.stats() {
            status.stats = *stats;
        }
    }
}
