//! Stores the contents of received messages.

use std::time::Duration;

use huddle_session::Tick;

use super::{
    Agreement, AgreementError, AgreementEvent, LeaveReason, Logs,
    members::Number,
    message::{Message, Statement},
};
use crate::seat::Seat;

impl Agreement {
    /// Stores the contents of a message.
    pub(super) fn store(
        &mut self,
        from: Number,
        message: Message,
        now: Duration,
        logs: &mut impl Logs,
    ) -> Result<(), AgreementError> {
        match message {
            Message::Statement { author, statement } if author == from => {
                self.store_direct(author, statement, logs)?;
                self.record_losses(author, now);
            }
            Message::Statement { author, .. } | Message::Inputs { author, .. }
                if author == self.local =>
            {
                return Err(AgreementError::Impossible(
                    "a forwarded message of its receiver",
                ));
            }
            Message::Statement { author, statement } => {
                // A contradiction is not the fault of the member that forwards it.
                let forwarded = &mut self.peer_mut(author).forwarded;
                if statement.version > forwarded.version && statement.check_after(forwarded).is_ok()
                {
                    *forwarded = statement;
                }
                self.record_losses(author, now);
            }
            Message::Inputs {
                author,
                seat,
                start,
                inputs,
            } => {
                let peer = self.peer_mut(author);
                let suffixes = match author == from {
                    true => &mut peer.suffixes,
                    false => &mut peer.forwarded_suffixes,
                };
                suffixes.entry(seat).or_default().add(start, &inputs);
            }
            Message::Dropped { ends } => self.store_dropped(from, &ends)?,
        }
        Ok(())
    }

    fn store_direct(
        &mut self,
        author: Number,
        statement: Statement,
        logs: &mut impl Logs,
    ) -> Result<(), AgreementError> {
        if statement.version <= self.peer(author).direct.version {
            return Ok(());
        }
        statement.check_after(&self.peer(author).direct)?;
        let local = self.local;
        let peer = &mut self.peers[usize::from(author)];
        if statement.voted().has(local) {
            peer.lose(LeaveReason::Lost);
            peer.is_final = true;
        }
        // Append the inputs only once. Otherwise, every message would extend the log.
        if statement.leaves && !peer.direct.leaves {
            peer.lose(LeaveReason::Left);
            for &seat in self.members.seats(author) {
                let Some(suffix) = peer.suffixes.get(&seat) else {
                    continue;
                };
                while let Some(input) = suffix.get(logs.next(seat).0) {
                    logs.append(seat, input);
                }
            }
        }
        peer.direct = statement;
        Ok(())
    }

    pub(super) fn store_dropped(
        &mut self,
        by: Number,
        ends: &[(Seat, u32, LeaveReason)],
    ) -> Result<(), AgreementError> {
        let seats = ends.iter().map(|(seat, ..)| seat);
        if !seats.eq(self.members.seats(self.local)) {
            return Err(AgreementError::Impossible("the ends of other seats"));
        }
        let peer = &mut self.peers[usize::from(by)];
        peer.lose(LeaveReason::Lost);
        peer.is_final = true;
        self.has_news = true;
        if !std::mem::replace(&mut peer.has_dropped_local, true) && !self.own.leaves {
            let at = ends.iter().map(|&(_, at, _)| at).max().unwrap_or(0);
            self.events.push_back(AgreementEvent::Dropped {
                by: self.members.peer(by),
                at: Tick(at),
            });
        }
        Ok(())
    }
}
