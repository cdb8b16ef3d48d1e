//! What is made of messages: whose word they are, and what they bring.

use huddle_session::Tick;

use super::{
    Agreement, AgreementError, AgreementEvent, LeaveReason, Logs,
    members::Number,
    message::{Message, Statement},
};
use crate::seat::Seat;

impl Agreement {
    pub(super) fn take(
        &mut self,
        from: Number,
        message: Message,
        logs: &mut impl Logs,
    ) -> Result<(), AgreementError> {
        match message {
            Message::Statement { of, statement } if of == from => {
                self.take_direct(of, statement, logs)?;
            }
            Message::Statement { of, .. } | Message::Inputs { of, .. } if of == self.me => {
                return Err(AgreementError::Impossible(
                    "words put into this player's mouth",
                ));
            }
            Message::Statement { of, statement } => {
                // If it contradicts itself, that is not the fault of who passes it on.
                let heard = &mut self.peer_mut(of).heard;
                if statement.version > heard.version && statement.check_after(heard).is_ok() {
                    *heard = statement;
                }
            }
            Message::Inputs {
                of,
                seat,
                start,
                inputs,
            } => {
                let peer = self.peer_mut(of);
                let tails = match of == from {
                    true => &mut peer.tails,
                    false => &mut peer.heard_tails,
                };
                tails.entry(seat).or_default().add(start, &inputs);
            }
            Message::Out { ends } => self.take_out(from, &ends)?,
        }
        Ok(())
    }

    fn take_direct(
        &mut self,
        of: Number,
        statement: Statement,
        logs: &mut impl Logs,
    ) -> Result<(), AgreementError> {
        if statement.version <= self.peer(of).direct.version {
            return Ok(());
        }
        statement.check_after(&self.peer(of).direct)?;
        let me = self.me;
        let peer = &mut self.peers[usize::from(of)];
        if statement.voted().has(me) {
            peer.lose(LeaveReason::Link);
            peer.is_final = true;
        }
        // Once, or the log would grow with every message.
        if statement.leaves && !peer.direct.leaves {
            peer.lose(LeaveReason::Left);
            for &seat in self.members.seats(of) {
                let Some(tail) = peer.tails.get(&seat) else {
                    continue;
                };
                while let Some(input) = tail.get(logs.next(seat).0) {
                    logs.append(seat, input);
                }
            }
        }
        peer.direct = statement;
        Ok(())
    }

    pub(super) fn take_out(
        &mut self,
        by: Number,
        ends: &[(Seat, u32, LeaveReason)],
    ) -> Result<(), AgreementError> {
        let seats = ends.iter().map(|(seat, ..)| seat);
        if !seats.eq(self.members.seats(self.me)) {
            return Err(AgreementError::Impossible("the ends of other seats"));
        }
        let peer = &mut self.peers[usize::from(by)];
        peer.lose(LeaveReason::Link);
        peer.is_final = true;
        if !std::mem::replace(&mut peer.has_voted_me_out, true) && !self.own.leaves {
            let at = ends.iter().map(|&(_, at, _)| at).max().unwrap_or(0);
            self.events.push_back(AgreementEvent::VotedOut {
                by: self.members.peer(by),
                at: Tick(at),
            });
        }
        Ok(())
    }
}
