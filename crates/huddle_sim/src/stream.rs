use std::collections::BTreeMap;

/// The receiving end of a lane that is reliable and ordered: what overtook something waits for it.
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
    /// The number of the next message.
    pub(super) fn number(&mut self) -> u64 {
        self.sent += 1;
        self.sent - 1
    }

    pub(super) fn arrived(&mut self, number: u64, message: P) {
        self.early.insert(number, message);
    }

    /// The next message, if it is here.
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
    fn what_comes_early_waits() {
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
