//! Time goes from one step to the next.

use std::time::Duration;

use huddle_mesh::Channel;

use crate::testing::network::state::{Network, Step};

impl Network {
    /// Lets time pass up to a point.
    pub(crate) fn advance(&mut self, to: Duration) {
        while let Some(entry) = self.agenda.first_entry()
            && entry.key().0 <= to
        {
            let ((at, _), step) = entry.remove_entry();
            self.now = self.now.max(at);
            self.take(step);
        }
        self.now = self.now.max(to);
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Beat => self.beat(),
            Step::Connect(pair) => self.connect(pair),
            Step::Open(link, side) => self.open(link, side),
            Step::Leave(flight) => self.depart(flight),
            Step::Arrive(flight) => self.arrive(flight),
            Step::Taken(link, side, len) => {
                if let Some(link) = self.link_mut(link) {
                    link.ways[side].dequeue(Channel::State, len);
                }
            }
            Step::Retire(id) => {
                if let Some(relation) = self.relations.get_mut(&id.pair) {
                    relation.links.remove(&id.generation);
                }
            }
            Step::Broken(link, side) => {
                if self.link_mut(link).is_some() {
                    self.give_up(link.pair, side);
                }
            }
        }
    }
}
