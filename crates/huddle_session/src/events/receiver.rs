//! Receives events from one peer.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::fragment::{EventError, Fragment, decode, split_kind};
use crate::{limits::MAX_EVENT_LEN, wire::MAX_VARINT_LEN};

/// The number of fragments, from the first missing one, that may arrive out of order. It exceeds
/// the data that a sender may have in flight.
const WINDOW: u64 = 256;

/// Reassembles the events of one peer in order.
///
/// Memory is bounded by [`WINDOW`] and one event. While the caller does not pop, nothing is acked,
/// so the sender stops.
#[derive(Debug, Default)]
pub(crate) struct EventReceiver {
    /// The number of the first fragment that was not popped. The next ack contains it.
    next: u64,
    /// The received fragments, starting at `next`.
    window: VecDeque<Option<Fragment>>,
    partial: Partial,
    ack_due: bool,
}

impl EventReceiver {
    /// Handles a body of fragments: of a message on the events lane (without its type and tag), or
    /// of a repair section.
    ///
    /// # Errors
    /// Returns an error if the body is invalid or too far ahead. It is then ignored.
    pub(crate) fn receive(&mut self, body: Bytes) -> Result<(), EventError> {
        let (first, fragments) = decode(body)?;
        let end = first + fragments.len() as u64;
        if end.saturating_sub(self.next) > WINDOW {
            return Err(EventError::TooFarAhead {
                number: end - 1,
                expected: self.next,
            });
        }
        self.ack_due = true;
        for (number, fragment) in (first..end).zip(fragments) {
            let Some(index) = number.checked_sub(self.next) else {
                continue;
            };
            let index = index as usize;
            if self.window.len() <= index {
                self.window.resize_with(index + 1, || None);
            }
            self.window[index].get_or_insert(fragment);
        }
        Ok(())
    }

    /// Returns the kind and the payload of the next event in order. Call it until it returns
    /// `None`, because only popped events are acked.
    ///
    /// # Errors
    /// Returns an error if the event is invalid. The next call continues with the event after it.
    pub(crate) fn pop(&mut self) -> Option<Result<(u32, Bytes), EventError>> {
        while let Some(fragment) = self.window.front_mut().and_then(Option::take) {
            self.window.pop_front();
            self.next += 1;
            self.ack_due = true;
            if let Some(event) = self.partial.push(fragment) {
                return Some(event.and_then(split_kind));
            }
        }
        None
    }

    /// Returns `true` if a fragment arrived since the last [`Self::ack`]. This includes duplicates,
    /// which mean that the previous ack was lost.
    pub(crate) fn ack_due(&self) -> bool {
        self.ack_due
    }

    /// Returns the number of the first missing fragment, to be sent to the peer.
    pub(crate) fn ack(&mut self) -> u64 {
        self.ack_due = false;
        self.next
    }
}

/// The received fragments of an incomplete event.
#[derive(Debug, Default)]
struct Partial {
    data: BytesMut,
    is_too_long: bool,
}

impl Partial {
    /// Adds a fragment. Returns the event if it is complete.
    fn push(&mut self, fragment: Fragment) -> Option<Result<Bytes, EventError>> {
        if fragment.is_last && self.data.is_empty() && !self.is_too_long {
            return Some(Ok(fragment.data));
        }
        if self.data.len() + fragment.data.len() > MAX_EVENT_LEN + MAX_VARINT_LEN {
            self.is_too_long = true;
            self.data = BytesMut::new();
        }
        if !self.is_too_long {
            self.data.extend_from_slice(&fragment.data);
        }
        fragment.is_last.then(|| {
            let whole = std::mem::take(self);
            if whole.is_too_long {
                Err(EventError::EventTooLong)
            } else {
                Ok(whole.data.freeze())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{events::fragment::put_fragment, wire::put_varint};

    /// Returns a body with one fragment.
    fn body(number: u64, kind: Option<u32>, data: &[u8], is_last: bool) -> Bytes {
        let mut out = BytesMut::new();
        put_varint(&mut out, number);
        put_fragment(&mut out, kind, data, is_last);
        out.freeze()
    }

    fn event(kind: u32, payload: &'static [u8]) -> Option<Result<(u32, Bytes), EventError>> {
        Some(Ok((kind, Bytes::from_static(payload))))
    }

    #[test]
    fn out_of_order_fragments_wait_for_missing_ones() {
        let mut bob = EventReceiver::default();
        bob.receive(body(2, Some(8), b"c", true)).unwrap();
        bob.receive(body(1, None, b"b", true)).unwrap();
        assert_eq!(bob.pop(), None);
        assert!(bob.ack_due());
        assert_eq!(bob.ack(), 0);
        bob.receive(body(0, Some(7), b"a", false)).unwrap();
        assert_eq!(bob.pop(), event(7, b"ab"));
        assert_eq!(bob.pop(), event(8, b"c"));
        assert_eq!(bob.pop(), None);
        assert_eq!(bob.ack(), 3);
        assert!(!bob.ack_due());
    }

    #[test]
    fn duplicate_is_acked_again_but_not_delivered_again() {
        let mut bob = EventReceiver::default();
        for _ in 0..2 {
            bob.receive(body(0, Some(7), b"a", true)).unwrap();
        }
        assert_eq!(bob.pop(), event(7, b"a"));
        assert_eq!((bob.pop(), bob.ack()), (None, 1));
        bob.receive(body(0, Some(7), b"a", true)).unwrap();
        assert_eq!(bob.pop(), None);
        assert!(bob.ack_due());
    }

    #[test]
    fn unpopped_fragments_are_not_acked_and_are_bounded() {
        let mut bob = EventReceiver::default();
        for number in 0..WINDOW {
            bob.receive(body(number, Some(7), b"a", true)).unwrap();
        }
        let beyond = body(WINDOW, Some(7), b"a", true);
        assert_eq!(
            bob.receive(beyond.clone()),
            Err(EventError::TooFarAhead {
                number: WINDOW,
                expected: 0
            })
        );
        assert_eq!(bob.ack(), 0);
        assert_eq!(bob.window.len() as u64, WINDOW);
        assert_eq!(bob.pop(), event(7, b"a"));
        assert_eq!(bob.receive(beyond), Ok(()));
        assert_eq!(bob.ack(), 1);
    }

    #[test]
    fn endless_event_is_bounded_and_the_next_one_arrives() {
        let mut bob = EventReceiver::default();
        let fragments = 2 * (MAX_EVENT_LEN as u64 / 1000);
        for number in 0..fragments {
            bob.receive(body(number, None, &[1; 1000], false)).unwrap();
            assert_eq!(bob.pop(), None);
            assert!(bob.partial.data.capacity() <= 2 * (MAX_EVENT_LEN + MAX_VARINT_LEN));
        }
        bob.receive(body(fragments, None, b"end", true)).unwrap();
        assert_eq!(bob.pop(), Some(Err(EventError::EventTooLong)));
        bob.receive(body(fragments + 1, Some(7), b"next", true))
            .unwrap();
        assert_eq!(bob.pop(), event(7, b"next"));
    }

    #[test]
    fn event_without_a_kind_is_skipped() {
        let mut bob = EventReceiver::default();
        bob.receive(body(0, None, &[0x80], true)).unwrap();
        bob.receive(body(1, Some(7), b"next", true)).unwrap();
        assert_eq!(bob.pop(), Some(Err(EventError::NoKind)));
        assert_eq!(bob.pop(), event(7, b"next"));
    }

    proptest! {
        #[test]
        fn hostile_fragments_never_panic_and_memory_is_bounded(
            bodies in prop::collection::vec(
                (prop_oneof![0u64..600, any::<u64>()], prop::collection::vec(any::<u8>(), 0..80)),
                0..50,
            ),
            pops in any::<bool>(),
        ) {
            let mut bob = EventReceiver::default();
            for (number, rest) in bodies {
                let mut out = BytesMut::new();
                put_varint(&mut out, number);
                out.extend_from_slice(&rest);
                let _ = bob.receive(out.freeze());
                prop_assert!(bob.window.len() as u64 <= WINDOW);
                while pops && bob.pop().is_some() {}
            }
        }
    }
}
