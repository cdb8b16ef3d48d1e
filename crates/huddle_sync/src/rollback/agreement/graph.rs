//! Who reaches whom, from what the members say.

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

    /// How far all members within a set are from one of them.
    pub(super) fn distances(&self, from: Number, within: Set) -> [Option<u8>; MAX_MEMBERS] {
        let mut distances = [None; MAX_MEMBERS];
        let mut reached = Set::of(from);
        let mut newest = reached;
        let mut distance = 0;
        while !newest.is_empty() {
            let is_near = |&other: &Number| newest.iter().any(|near| self.has_edge(near, other));
            for member in newest.iter() {
                distances[usize::from(member)] = Some(distance);
            }
            newest = within.without(reached).iter().filter(is_near).collect();
            reached = reached.with(newest);
            distance += 1;
        }
        distances
    }

    /// Who is reached from here, oneself included.
    pub(super) fn component(&self) -> Set {
        let within = self.members.all().without(self.voted());
        let distances = self.distances(self.me, within);
        within
            .iter()
            .filter(|&member| distances[usize::from(member)].is_some())
            .collect()
    }
}
