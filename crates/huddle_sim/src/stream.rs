use std::collections::BTreeMap;

/// The receiver of a reliable and ordered lane. Messages that arrive early wait for their turn.
#[derive(Debug)]
pub(super) struct Stream<P> {
    sent: u64,
    delivered: u64,
    early: BTreeMap<u64, P>,
}

impl<P> Default for Stream<P> {
    fn default() -> Self {
        Self {
            sent: 0,
            delivered: 0,
            early: BTreeMap::new(),
        }
    }
}

impl<P> Stream<P> {
    /// Returns the number of the next message.
    pub(super) fn number(&mut self) -> u64 {
        self.sent += 1;
        self.sent - 1
    }

    pub(super) fn arrived(&mut self, number: u64, message: P) {
        self.early.insert(number, message);
    }

    /// Returns the next message, if it has arrived.
    pub(super) fn next(&mut self) -> Option<P> {
        let message = self.early.remove(&self.delivered)?;
        self.delivered += 1;
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn early_messages_wait_for_their_turn() {
        let mut stream = Stream::default();
        assert_eq!([(); 3].map(|()| stream.number()), [0, 1, 2]);
        stream.arrived(2, 'c');
        stream.arrived(1, 'b');
        assert_eq!(stream.next(), None);
        stream.arrived(0, 'a');
        let delivered: String = std::iter::from_fn(|| stream.next()).collect();
        assert_eq!(delivered, "abc");
    }
}
