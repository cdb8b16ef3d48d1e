//! The graph of members: which of them reach each other, according to their statements.

use std::time::Duration;

use super::{
    Agreement,
    members::{MAX_MEMBERS, Number, Set},
};

impl Agreement {
    /// Returns the members that a member states are lost or out.
    pub(super) fn lost_by(&self, member: Number) -> Set {
        let statement = self.statement(member);
        let lost = statement.lost.iter().map(|loss| loss.member);
        lost.collect::<Set>().with(statement.voted())
    }

    /// Returns `true` if neither of two members states that the other is lost.
    pub(super) fn has_edge(&self, a: Number, b: Number) -> bool {
        !self.lost_by(a).has(b) && !self.lost_by(b).has(a)
    }

    /// Returns the distance of each member of a set from a member whose inputs they may have. The
    /// statement of the member that is farther away counts, because it receives the inputs.
    pub(super) fn distances(&self, from: Number, within: Set) -> [Option<u8>; MAX_MEMBERS] {
        let lost: Vec<_> = within
            .iter()
            .map(|member| (member, self.lost_by(member)))
            .collect();
        search(from, within, |nearer| {
            let has = lost.iter().filter(|(_, lost)| !lost.has(nearer));
            has.map(|&(farther, _)| farther).collect()
        })
    }

    /// Returns the members that the local member reaches, including itself. The statements of the
    /// members that are nearer count, so no member can hide from the members it lies to. A loss in
    /// its grace period does not count.
    pub(super) fn component(&self, grace: Duration, now: Duration) -> Set {
        self.reached(self.members.all().without(self.voted()), grace, now)
    }

    /// Returns the members of a set that the local member reaches through that set.
    pub(super) fn reached(&self, within: Set, grace: Duration, now: Duration) -> Set {
        let holds = |nearer: Number| {
            let lost = self.lost_by(nearer).iter();
            let lost = lost.filter(|&member| !self.is_in_grace(nearer, member, grace, now));
            within.without(lost.collect())
        };
        let distances = search(self.local, within, holds);
        within
            .iter()
            .filter(|&member| distances[usize::from(member)].is_some())
            .collect()
    }
}

/// Returns the distances from a member to the members of a set. `next` returns the members that are
/// linked with one that is nearer.
fn search(from: Number, within: Set, next: impl Fn(Number) -> Set) -> [Option<u8>; MAX_MEMBERS] {
    let mut distances = [None; MAX_MEMBERS];
    let mut reached = Set::of(from);
    let mut newest = reached;
    let mut distance = 0;
    while !newest.is_empty() {
        let mut linked = Set::default();
        for member in newest.iter() {
            distances[usize::from(member)] = Some(distance);
            linked = linked.with(next(member));
        }
        newest = linked.intersection(within).without(reached);
        reached = reached.with(newest);
        distance += 1;
    }
    distances
}
