//! Who is told what: everybody what this player says, and what others say to those they do not
//! reach themselves.

use super::{
    Agreement, AgreementEvent,
    members::{Number, Set},
    message::{CHUNK_LEN, Message},
    tail::Tail,
};
use crate::seat::Seat;

impl Agreement {
    /// Sends what has not been sent yet.
    pub(super) fn gossip(&mut self) {
        let others = self.members.all().without(Set::of(self.me));
        for to in others.iter() {
            if !self.peer(to).has_link {
                continue;
            }
            if self.voted().has(to) {
                self.tell_out(to);
                continue;
            }
            for of in self.members.all().without(self.voted()).iter() {
                if of == self.me || (of != to && !self.has_edge(of, to)) {
                    self.tell(to, of);
                }
            }
        }
    }

    fn tell(&mut self, to: Number, of: Number) {
        let mut messages = Vec::new();
        for (seat, tail) in self.untold_tails(to, of) {
            let told = self.peer(to).told.inputs.get(&(of, seat)).copied();
            messages.extend(chunks(of, seat, tail, told));
        }
        for message in &messages {
            if let Message::Inputs {
                seat,
                start,
                inputs,
                ..
            } = message
            {
                let told = &mut self.peer_mut(to).told.inputs;
                told.insert((of, *seat), start + inputs.len() as u32);
            }
        }
        let version = Some(self.word(of).version);
        let told = &mut self.peer_mut(to).told.versions[usize::from(of)];
        if *told < version {
            *told = version;
            messages.push(Message::Statement {
                of,
                statement: self.word(of).clone(),
            });
        }
        for message in messages {
            self.send(to, &message);
        }
    }

    /// The inputs behind a member's vote, and its own if this is the one and it leaves.
    fn untold_tails(&self, to: Number, of: Number) -> Vec<(Seat, &Tail)> {
        let word = self.word(of);
        let known = word.vote.iter().flat_map(|vote| &vote.known);
        let voted = self.members.seats_of(word.voted()).zip(known);
        let peer = self.peer(of);
        let told = |seat| self.peer(to).told.inputs.get(&(of, seat)).copied();
        let voted = voted.filter_map(|((_, seat), known)| {
            let tail = match of == self.me {
                true => peer.tails.get(&seat),
                false if told(seat) < Some(known.next) => peer.tail(seat, known),
                false => None,
            };
            Some((seat, tail?))
        });
        let leaves = of == self.me && self.own.leaves;
        let own = self.members.seats(of).iter().filter(|_| leaves);
        let own = own.filter_map(|&seat| Some((seat, peer.tails.get(&seat)?)));
        voted.chain(own).collect()
    }

    /// Who is out learns it, so that it does not wait for those who go on.
    fn tell_out(&mut self, to: Number) {
        if !self.decided.has(to) || self.peer(to).told.out {
            return;
        }
        self.peer_mut(to).told.out = true;
        let seats = self.members.seats(to).iter();
        let ends = seats
            .filter_map(|&seat| Some((seat, self.ends.get(&seat)?)))
            .map(|(seat, end)| (seat, end.next, end.reason))
            .collect();
        self.send(to, &Message::Out { ends });
    }

    fn send(&mut self, to: Number, message: &Message) {
        if let Some(bytes) = message.encode() {
            let to = self.members.peer(to);
            self.events.push_back(AgreementEvent::Send { to, bytes });
        }
    }
}

/// The part of a tail that has not been told, in messages of moderate length.
fn chunks(of: Number, seat: Seat, tail: &Tail, told: Option<u32>) -> Vec<Message> {
    let begin = match told {
        Some(told) if (tail.start()..=tail.end()).contains(&told) => told,
        _ => tail.start(),
    };
    let mut messages = Vec::new();
    let mut start = begin;
    let mut inputs = Vec::new();
    let mut len = 0;
    for tick in begin..tail.end() {
        let input = tail.get(tick).unwrap_or_default();
        len += input.len();
        inputs.push(input.to_vec());
        if len >= CHUNK_LEN || tick + 1 == tail.end() {
            messages.push(Message::Inputs {
                of,
                seat,
                start,
                inputs: std::mem::take(&mut inputs),
            });
            (start, len) = (tick + 1, 0);
        }
    }
    messages
}
