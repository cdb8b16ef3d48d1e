use bytes::Bytes;

/// The newest value of each of the peer's kinds.
#[derive(Debug)]
pub(crate) struct StateReceiver {
    newest: Vec<Option<(Origin, Bytes)>>,
}

/// How a value came, which says how new it is: values need no version.
///
/// Values that came in parts are numbered. A value that came whole is newer than all parts sent
/// before it, and older than all sent after it, because a sender drops what is under way in parts
/// when it sends a whole value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    /// A packet that held it, or part of it.
    pub(crate) seq: u64,
    /// Its number among those that came in parts.
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
    /// For kinds with an index below `kinds`.
    pub(crate) fn new(kinds: usize) -> Self {
        Self {
            newest: vec![None; kinds],
        }
    }

    /// Takes a value. Yields it if it is newer than all before and not the same, which it is if it
    /// was sent again needlessly. `None` for a kind that does not exist.
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
    fn only_newer_values_count_for_each_kind() {
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
        assert!(!newer(0, 8, b"b"), "sent again");
        assert!(!newer(0, 7, b"c"), "overtaken by that");
        assert!(newer(0, 9, b"c"));
        assert!(!newer(2, 10, b"a"), "there is no such kind");
    }

    #[test]
    fn numbers_tell_which_of_the_values_in_parts_is_newer() {
        let mut receiver = StateReceiver::new(1);
        let mut newer = |seq, number, value: &'static [u8]| {
            let origin = Origin { seq, number };
            receiver
                .receive(0, origin, Bytes::from_static(value))
                .is_some()
        };
        assert!(newer(20, Some(1), b"a"), "repaired in a late packet");
        assert!(newer(18, Some(2), b"b"), "whole after earlier packets");
        assert!(!newer(21, Some(1), b"a"));
        assert!(!newer(17, None, b"c"), "sent before them");
        assert!(newer(22, None, b"d"));
        assert!(!newer(21, Some(3), b"e"));
        assert!(newer(23, Some(4), b"f"));
    }
}
