//! The start of matches and rematches.

use std::time::Duration;

use huddle_session::PeerId;

use super::{
    RollbackSession, event::RollbackEvent, running::RunningMatch, topic::Topic, unlinked::Unlinked,
};
use crate::{inputs::Input, membership::agreement::LeaveReason};

/// The time after the start in which a message or packet must arrive from each linked player. It ends
/// within the countdown.
const LINK_WAIT: Duration = Duration::from_millis(300);

/// The minimum of that time, counted from the beginning of the attempt. The first messages may have to
/// be sent again.
const FIRST_LINK_WAIT: Duration = Duration::from_secs(1);

impl<I: Input> RollbackSession<I> {
    /// Begins the start of a rematch once all members have begun the running match.
    pub(super) fn begin_rematch(&mut self, now: Duration) {
        if self.rematch.is_some() && std::mem::take(&mut self.has_left) {
            // The other players agree on the end of the match they play without the local player.
            self.running = None;
        }
        let is_early = self
            .running
            .as_ref()
            .is_some_and(|running| !running.has_begun());
        if is_early {
            return;
        }
        let Some(setup) = self.rematch.take() else {
            return;
        };
        let is_playing = self.running.is_some();
        let Ok(start) = setup.start(self.start.next_id(), is_playing, now) else {
            return;
        };
        if let Some(running) = &mut self.running {
            running.set_end(None);
            running.take_departed();
        }
        self.start = start;
        self.setup = Some(setup);
        self.early.clear();
        self.dropped_inputs_of.clear();
        self.has_ended = false;
    }

    /// Negotiates the tick at which the running match ends.
    pub(super) fn agree_on_end(&mut self) {
        let (Some(running), true) = (&mut self.running, self.setup.is_some()) else {
            return;
        };
        if self.start.needs_end() {
            self.start
                .set_end(running.earliest_end(), &running.members(self.local_id));
        }
        let end = self.start.end();
        running.set_end(end.map(|(end, _)| end));
        let Some((end, by)) = end.filter(|_| self.start.has_end()) else {
            self.has_ended = false;
            return;
        };
        if !running.may_end(end) {
            self.start.refuse_end(by);
        } else if running.is_confirmed(end) {
            self.start.finish();
            if !std::mem::replace(&mut self.has_ended, true) {
                let ended = RollbackEvent::Ended { at_tick: end };
                self.out.events.push_back(ended);
            }
        }
    }

    /// Starts the match once all players are ready.
    pub(super) fn begin(&mut self, now: Duration) {
        match self.start.outcome() {
            Some(Ok(started)) => {
                let Some(setup) = self.setup.take() else {
                    return;
                };
                if let Some(running) = &mut self.running {
                    running.leave_for(&setup.seats, now, &mut self.out);
                }
                self.out
                    .events
                    .push_back(RollbackEvent::Started { seed: started.seed });
                let mut running = RunningMatch::new(setup, started.id, now);
                for &peer in &self.stopped {
                    running.set_stopped(peer, true);
                }
                let due = now.saturating_add(LINK_WAIT);
                let due = due.max(self.start.began().saturating_add(FIRST_LINK_WAIT));
                self.unlinked = Unlinked {
                    peers: self.start.unlinked().collect(),
                    due: Some(due),
                };
                for peer in std::mem::take(&mut self.dropped_inputs_of) {
                    running.request_inputs(peer, &mut self.out);
                }
                self.running = Some(Box::new(running));
                for (peer, message) in std::mem::take(&mut self.early) {
                    // It is too late to report an error in an old message.
                    let _ = self.receive_message(peer, message, now);
                }
                self.drop_departed();
            }
            Some(Err(error)) if self.setup.is_some() => {
                let error = error.clone();
                self.setup = None;
                if let Some(running) = &mut self.running {
                    running.set_end(None);
                }
                let failed = RollbackEvent::StartFailed(error);
                self.out.events.push_back(failed);
            }
            _ => {}
        }
    }

    /// Queues the messages about the start of the match.
    pub(super) fn send_start(&mut self) {
        while let Some((to, body)) = self.start.collect() {
            self.out.send(to, Topic::Start, self.start.id(), &body);
        }
    }

    /// Drops the players that left after they were ready.
    pub(super) fn drop_departed(&mut self) {
        let (Some(running), None) = (&mut self.running, &self.setup) else {
            return;
        };
        if running.id() != self.start.id() {
            return;
        }
        while let Some(peer) = self.start.pop_departed() {
            running.lost(peer, LeaveReason::Left);
        }
    }

    /// Fails the start of a rematch if one of its players has left the running match.
    pub(super) fn watch_members(&mut self) {
        if let Some(running) = &mut self.running {
            for peer in running.take_departed() {
                if self.setup.is_some() {
                    self.start.lost(peer);
                }
            }
        }
    }

    /// Starts relays for the inputs of players without a link.
    pub(super) fn find_unlinked(&mut self, now: Duration) {
        if let Some(running) = &mut self.running
            && self.unlinked.due.take_if(|due| now >= *due).is_some()
        {
            for &peer in &self.unlinked.peers {
                running.without_link(peer);
            }
        }
    }

    /// Records that data has arrived directly from a player.
    pub(super) fn has_link(&mut self, peer: PeerId) {
        if self.unlinked.peers.remove(&peer)
            && self.unlinked.due.is_none()
            && let Some(running) = &mut self.running
        {
            running.with_link(peer);
        }
    }
}
