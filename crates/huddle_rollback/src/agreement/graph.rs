//! Who reaches whom, from what the members say.

use std::time::Duration;

use super::{
    Agreement,
    members::{MAX_MEMBERS, Number, Set},
};

impl Agreement {
    /// Whether a member says that another is lost, or out.
    pub(super) fn says_lost(&self, member: Number, other: Number) -> bool {
        let word = self.word(member);
        word.lost(other).is_some() || word.voted().has(other)
    }

    /// Whether neither of two members says that the other is lost.
    pub(super) fn has_edge(&self, a: Number, b: Number) -> bool {
        !self.says_lost(a, b) && !self.says_lost(b, a)
    }

    /// How far all members within a set are from one whose inputs they may have. What counts is what
    /// each says of those nearer to it: who has inputs of another knows best.
    pub(super) fn distances(&self, from: Number, within: Set) -> [Option<u8>; MAX_MEMBERS] {
        let has = |farther, nearer| !self.says_lost(farther, nearer);
        search(from, within, |nearer, farther| has(farther, nearer))
    }

    /// Who is reached from here, oneself included: by the word of those who are nearer. So nobody
    /// can hide from those whom it lies to. Who is no more than silent, and that for less than
    /// `grace`, counts as reached.
    pub(super) fn component(&self, grace: Duration, now: Duration) -> Set {
        self.reached(self.members.all().without(self.voted()), grace, now)
    }

    /// The same by way of these alone.
    pub(super) fn reached(&self, within: Set, grace: Duration, now: Duration) -> Set {
        let has = |nearer, farther| {
            !self.says_lost(nearer, farther) || self.is_rash(nearer, farther, grace, now)
        };
        let distances = search(self.me, within, has);
        within
            .iter()
            .filter(|&member| distances[usize::from(member)].is_some())
            .collect()
    }
}

/// How far all members within a set are from one of them, by links from the nearer to the farther.
fn search(
    from: Number,
    within: Set,
    has_link: impl Fn(Number, Number) -> bool,
) -> [Option<u8>; MAX_MEMBERS] {
    let mut distances = [None; MAX_MEMBERS];
    let mut reached = Set::of(from);
    let mut newest = reached;
    let mut distance = 0;
    while !newest.is_empty() {
        let is_next = |&other: &Number| newest.iter().any(|near| has_link(near, other));
        for member in newest.iter() {
            distances[usize::from(member)] = Some(distance);
        }
        newest = within.without(reached).iter().filter(is_next).collect();
        reached = reached.with(newest);
        distance += 1;
    }
    distances
}
