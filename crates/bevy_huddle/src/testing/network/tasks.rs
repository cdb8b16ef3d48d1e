//! Advances the clock and runs the scheduled tasks.

use std::time::Duration;

use huddle_mesh::Channel;

use crate::testing::network::state::{Network, Task};

impl Network {
    /// Advances the clock to a point in time and runs all tasks until then.
    pub(crate) fn advance(&mut self, to: Duration) {
        while let Some(entry) = self.tasks.first_entry()
            && entry.key().0 <= to
        {
            let ((at, _), task) = entry.remove_entry();
            self.now = self.now.max(at);
            self.run_task(task);
        }
        self.now = self.now.max(to);
    }

    fn run_task(&mut self, task: Task) {
        match task {
            Task::CheckLiveness => self.check_liveness(),
            Task::Connect(pair) => self.connect(pair),
            Task::Open(link, side) => self.open(link, side),
            Task::Depart(transmission) => self.depart(transmission),
            Task::Arrive(transmission) => self.arrive(transmission),
            Task::Dequeue(link, side, len) => {
                if let Some(link) = self.link_mut(link) {
                    link.directions[side].dequeue(Channel::State, len);
                }
            }
            Task::RemoveLink(id) => {
                if let Some(connection) = self.connections.get_mut(&id.pair) {
                    connection.links.remove(&id.generation);
                }
            }
            Task::DetectClosedLink(pair, side) => {
                let connection = self.connections.get(&pair);
                if connection.is_some_and(|connection| !connection.has_link()) {
                    self.set_reconnecting(pair, side);
                }
            }
        }
    }
}
