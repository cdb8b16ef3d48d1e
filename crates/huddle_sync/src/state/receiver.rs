use bytes::Bytes;

/// The newest value of each of the peer's kinds.
///
/// Values need no version: all packets that hold a value, or part of it, are sent before the first
/// that holds a newer one. So a value is as new as the newest packet that held some of it.
#[derive(Debug)]
pub(crate) struct StateReceiver {
    newest: Vec<Option<(u64, Bytes)>>,
}

impl StateReceiver {
    /// For kinds with an index below `kinds`.
    pub(crate) fn new(kinds: usize) -> Self {
        Self {
            newest: vec![None; kinds],
        }
    }

    /// Takes a value that packet `seq` held, or the last part of. Yields it if it is newer than all
    /// before and not the same, which it is if it was sent again needlessly. `None` for a kind that
    /// does not exist.
    pub(crate) fn receive(&mut self, index: u16, seq: u64, payload: Bytes) -> Option<Bytes> {
        let newest = self.newest.get_mut(usize::from(index))?;
        match newest {
            Some((last, _)) if seq <= *last => None,
            Some((last, value)) if *value == payload => {
                *last = seq;
                None
            }
            _ => {
                *newest = Some((seq, payload.clone()));
                Some(payload)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_newer_values_count_for_each_kind() {
        let mut receiver = StateReceiver::new(2);
        let mut newer = |index, seq, value: &'static [u8]| {
            receiver
                .receive(index, seq, Bytes::from_static(value))
                .is_some()
        };
        assert!(newer(0, 5, b"a"));
        assert!(!newer(0, 5, b"b"));
        assert!(!newer(0, 4, b"c"));
        assert!(newer(1, 4, b"a"));
        assert!(newer(0, 6, b"b"));
        assert!(!newer(0, 8, b"b"), "sent again");
        assert!(!newer(0, 7, b"c"), "overtaken by that");
        assert!(newer(0, 9, b"c"));
        assert!(!newer(2, 10, b"a"), "there is no such kind");
    }
}
