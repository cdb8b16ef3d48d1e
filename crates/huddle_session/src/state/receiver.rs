use bytes::Bytes;

/// The newest value of each of the peer's state kinds.
#[derive(Debug)]
pub(crate) struct StateReceiver {
    newest: Vec<Option<(Origin, Bytes)>>,
}

/// The packet or message that a value was received in. It determines which of two values is newer,
/// so values carry no version.
///
/// Values sent in parts are numbered. A value sent as a whole is newer than all parts sent before
/// it and older than all parts sent after it, because a sender drops the parts in flight when it
/// sends a whole value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    /// The newest packet that contained the value or a part of it.
    pub(crate) seq: u64,
    /// Its number among the values sent in parts; `None` if it was sent as a whole.
    pub(crate) number: Option<u64>,
}

impl Origin {
    fn is_newer(self, than: Self) -> bool {
        match (self.number, than.number) {
            (Some(number), Some(than)) => number > than,
            _ => self.seq > than.seq,
        }
    }
}

impl StateReceiver {
    /// Creates a receiver for kinds with an index below `kinds`.
    pub(crate) fn new(kinds: usize) -> Self {
        Self {
            newest: vec![None; kinds],
        }
    }

    /// Handles a received value. Returns it if it is newer than the last one and differs from it. A
    /// retransmission can contain the same value again. Returns `None` for an unknown kind.
    pub(crate) fn receive(&mut self, index: u16, origin: Origin, payload: Bytes) -> Option<Bytes> {
        let newest = self.newest.get_mut(usize::from(index))?;
        match newest {
            Some((last, _)) if !origin.is_newer(*last) => None,
            Some((last, value)) if *value == payload => {
                *last = origin;
                None
            }
            _ => {
                *newest = Some((origin, payload.clone()));
                Some(payload)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_newer_values_of_a_kind_are_accepted() {
        let mut receiver = StateReceiver::new(2);
        let mut newer = |index, seq, value: &'static [u8]| {
            let origin = Origin { seq, number: None };
            receiver
                .receive(index, origin, Bytes::from_static(value))
                .is_some()
        };
        assert!(newer(0, 5, b"a"));
        assert!(!newer(0, 5, b"b"));
        assert!(!newer(0, 4, b"c"));
        assert!(newer(1, 4, b"a"));
        assert!(newer(0, 6, b"b"));
        assert!(!newer(0, 8, b"b"), "retransmitted");
        assert!(!newer(0, 7, b"c"), "older than the retransmission");
        assert!(newer(0, 9, b"c"));
        assert!(!newer(2, 10, b"a"), "unknown kind");
    }

    #[test]
    fn values_in_parts_are_ordered_by_number() {
        let mut receiver = StateReceiver::new(1);
        let mut newer = |seq, number, value: &'static [u8]| {
            let origin = Origin { seq, number };
            receiver
                .receive(0, origin, Bytes::from_static(value))
                .is_some()
        };
        assert!(newer(20, Some(1), b"a"), "retransmitted in a late packet");
        assert!(
            newer(18, Some(2), b"b"),
            "newer number in an earlier packet"
        );
        assert!(!newer(21, Some(1), b"a"));
        assert!(!newer(17, None, b"c"), "sent before the parts");
        assert!(newer(22, None, b"d"));
        assert!(!newer(21, Some(3), b"e"));
        assert!(newer(23, Some(4), b"f"));
    }
}
