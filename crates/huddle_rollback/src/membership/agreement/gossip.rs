//! Sends the local statement to all members, and forwards statements to members that their authors
//! do not reach.

use huddle_session::PeerId;

use super::{
    Agreement, AgreementEvent,
    members::{Number, Set},
    message::{CHUNK_LEN, Message},
    suffix::InputSuffix,
};
use crate::seat::Seat;

impl Agreement {
    /// Sends everything that was not sent yet. Returns `true` if a blocked member has to wait.
    pub(super) fn gossip(&mut self, is_blocked: impl Fn(PeerId) -> bool) -> bool {
        let mut must_wait = false;
        let others = self.members.all().without(Set::of(self.local));
        for to in others.iter() {
            if !self.peer(to).has_link {
                continue;
            }
            if is_blocked(self.members.peer(to)) {
                must_wait = true;
                continue;
            }
            if self.voted().has(to) {
                self.send_dropped(to);
                continue;
            }
            for author in self.members.all().without(self.voted()).iter() {
                if author == self.local || (author != to && !self.has_edge(author, to)) {
                    self.send_statement(to, author);
                }
            }
        }
        must_wait
    }

    fn send_statement(&mut self, to: Number, author: Number) {
        let mut messages = Vec::new();
        for (seat, suffix) in self.unsent_suffixes(to, author) {
            let sent = self.peer(to).sent.inputs.get(&(author, seat)).copied();
            messages.extend(chunks(author, seat, suffix, sent));
        }
        for message in &messages {
            if let Message::Inputs {
                seat,
                start,
                inputs,
                ..
            } = message
            {
                let sent = &mut self.peer_mut(to).sent.inputs;
                sent.insert((author, *seat), start + inputs.len() as u32);
            }
        }
        let version = Some(self.statement(author).version);
        let sent = &mut self.peer_mut(to).sent.versions[usize::from(author)];
        if *sent < version {
            *sent = version;
            messages.push(Message::Statement {
                author,
                statement: self.statement(author).clone(),
            });
        }
        for message in messages {
            self.send(to, &message);
        }
    }

    /// Returns the inputs behind a member's vote. If the local member leaves, they include its own
    /// last inputs.
    fn unsent_suffixes(&self, to: Number, author: Number) -> Vec<(Seat, &InputSuffix)> {
        let statement = self.statement(author);
        let known = statement.vote.iter().flat_map(|vote| &vote.known);
        let voted = self.members.seats_of(statement.voted()).zip(known);
        let peer = self.peer(author);
        let sent = |seat| self.peer(to).sent.inputs.get(&(author, seat)).copied();
        let voted = voted.filter_map(|((_, seat), known)| {
            let suffix = match author == self.local {
                true => peer.suffixes.get(&seat),
                false if sent(seat) < Some(known.next) => peer.suffix(seat, known),
                false => None,
            };
            Some((seat, suffix?))
        });
        let leaves = author == self.local && self.own.leaves;
        let own = self.members.seats(author).iter().filter(|_| leaves);
        let own = own.filter_map(|&seat| Some((seat, peer.suffixes.get(&seat)?)));
        voted.chain(own).collect()
    }

    /// Tells a dropped member that it is out, so that it does not wait for the remaining members.
    fn send_dropped(&mut self, to: Number) {
        if !self.decided.has(to) || self.peer(to).sent.dropped {
            return;
        }
        self.peer_mut(to).sent.dropped = true;
        let seats = self.members.seats(to).iter();
        let ends = seats
            .filter_map(|&seat| Some((seat, self.ends.get(&seat)?)))
            .map(|(seat, end)| (seat, end.next, end.reason))
            .collect();
        self.send(to, &Message::Dropped { ends });
    }

    fn send(&mut self, to: Number, message: &Message) {
        if let Some(bytes) = message.encode() {
            let to = self.members.peer(to);
            self.events.push_back(AgreementEvent::Send { to, bytes });
        }
    }
}

/// Splits the unsent part of a suffix into messages of moderate length.
fn chunks(author: Number, seat: Seat, suffix: &InputSuffix, sent: Option<u32>) -> Vec<Message> {
    let begin = match sent {
        Some(sent) if (suffix.start()..=suffix.end()).contains(&sent) => sent,
        _ => suffix.start(),
    };
    let mut messages = Vec::new();
    let mut start = begin;
    let mut inputs = Vec::new();
    let mut len = 0;
    for tick in begin..suffix.end() {
        let input = suffix.get(tick).unwrap_or_default();
        len += input.len();
        inputs.push(input.to_vec());
        if len >= CHUNK_LEN || tick + 1 == suffix.end() {
            messages.push(Message::Inputs {
                author,
                seat,
                start,
                inputs: std::mem::take(&mut inputs),
            });
            (start, len) = (tick + 1, 0);
        }
    }
    messages
}
