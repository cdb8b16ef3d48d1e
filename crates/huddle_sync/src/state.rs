use std::collections::BTreeMap;

use bytes::Bytes;

use crate::{KindId, MAX_STATE_LEN, codec::EncodeError, packet::StatePacketBuilder};

/// How many ticks in a row a changed value is sent, so that a lost packet or two do no harm.
const BURST: u8 = 3;

/// After how many ticks an unchanged value is sent again.
const REFRESH_TICKS: u64 = 30;

/// This player's own state: the latest value of each kind.
///
/// One of them serves all peers. Every change gets a higher version, so receivers can tell what is
/// newer, whatever order packets arrive in.
#[derive(Debug, Default)]
pub struct OwnStates {
    last_version: u64,
    values: BTreeMap<KindId, Value>,
}

#[derive(Debug)]
struct Value {
    version: u64,
    payload: Bytes,
}

/// What one peer has been sent of [`OwnStates`].
#[derive(Debug, Default)]
pub(crate) struct StateSender(BTreeMap<KindId, Sent>);

#[derive(Debug, Clone, Copy)]
struct Sent {
    version: u64,
    times: u8,
    tick: u64,
}

/// Which versions have been received from one peer.
#[derive(Debug, Default)]
pub(crate) struct StateReceiver(BTreeMap<KindId, u64>);

impl OwnStates {
    /// Sets the value of a kind. What is equal to the current value changes nothing.
    ///
    /// # Errors
    /// If the payload is longer than [`MAX_STATE_LEN`].
    pub fn set(&mut self, kind: KindId, payload: Bytes) -> Result<(), EncodeError> {
        if payload.len() > MAX_STATE_LEN {
            return Err(EncodeError::TooLong {
                len: payload.len(),
                max: MAX_STATE_LEN,
            });
        }
        if self
            .values
            .get(&kind)
            .is_none_or(|value| value.payload != payload)
        {
            self.last_version += 1;
            self.values.insert(
                kind,
                Value {
                    version: self.last_version,
                    payload,
                },
            );
        }
        Ok(())
    }

    /// Forgets all values. Versions go on from where they were.
    pub fn clear(&mut self) {
        self.values.clear();
    }
}

impl StateSender {
    /// One packet of what is due at `tick`, those that have waited longest first.
    pub(crate) fn collect(&mut self, own: &OwnStates, tick: u64, budget: usize) -> Option<Bytes> {
        let mut due: Vec<_> = own
            .values
            .iter()
            .filter(|(kind, value)| self.0.get(kind).is_none_or(|sent| sent.is_due(value, tick)))
            .collect();
        due.sort_by_key(|(kind, _)| self.0.get(kind).map(|sent| sent.tick));

        let mut packet = StatePacketBuilder::new(budget);
        for (&kind, value) in due {
            if !packet.push(kind, value.version, &value.payload) {
                continue;
            }
            let times = match self.0.get(&kind) {
                Some(sent) if sent.version == value.version => sent.times.saturating_add(1),
                _ => 1,
            };
            self.0.insert(
                kind,
                Sent {
                    version: value.version,
                    times,
                    tick,
                },
            );
        }
        packet.finish()
    }
}

impl Sent {
    fn is_due(&self, value: &Value, tick: u64) -> bool {
        self.version != value.version
            || self.times < BURST
            || tick.saturating_sub(self.tick) >= REFRESH_TICKS
    }
}

impl StateReceiver {
    /// Whether this version is newer than all before; if so it is remembered.
    pub(crate) fn accept(&mut self, kind: KindId, version: u64) -> bool {
        let last = self.0.entry(kind).or_default();
        let newer = version > *last;
        *last = version.max(*last);
        newer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{Packet, decode};

    const POSE: KindId = KindId::of("pose");
    const NAME: KindId = KindId::of("name");

    fn kinds_sent(
        sender: &mut StateSender,
        own: &OwnStates,
        tick: u64,
        budget: usize,
    ) -> Vec<KindId> {
        match sender.collect(own, tick, budget).map(decode) {
            Some(Ok(Packet::State(entries))) => entries.iter().map(|entry| entry.kind).collect(),
            Some(other) => panic!("not a state packet: {other:?}"),
            None => Vec::new(),
        }
    }

    fn ticks_sent(
        sender: &mut StateSender,
        own: &OwnStates,
        ticks: std::ops::Range<u64>,
    ) -> Vec<u64> {
        ticks
            .filter(|&tick| sender.collect(own, tick, 1100).is_some())
            .collect()
    }

    #[test]
    fn a_change_is_sent_three_times_and_then_refreshed() {
        let (mut own, mut sender) = (OwnStates::default(), StateSender::default());
        own.set(POSE, Bytes::from_static(b"a")).unwrap();
        assert_eq!(ticks_sent(&mut sender, &own, 10..80), [10, 11, 12, 42, 72]);
        own.set(POSE, Bytes::from_static(b"a")).unwrap();
        assert_eq!(
            ticks_sent(&mut sender, &own, 80..90),
            [] as [u64; 0],
            "nothing changed"
        );
        own.set(POSE, Bytes::from_static(b"b")).unwrap();
        assert_eq!(ticks_sent(&mut sender, &own, 90..130), [90, 91, 92, 122]);
    }

    #[test]
    fn a_new_peer_gets_all_values_at_once() {
        let mut own = OwnStates::default();
        own.set(POSE, Bytes::from_static(b"here")).unwrap();
        own.set(NAME, Bytes::from_static(b"Ada")).unwrap();
        let mut early = StateSender::default();
        ticks_sent(&mut early, &own, 0..20);
        let mut sent = kinds_sent(&mut StateSender::default(), &own, 20, 1100);
        sent.sort();
        let mut all = [POSE, NAME];
        all.sort();
        assert_eq!(sent, all);
    }

    #[test]
    fn values_that_do_not_fit_together_take_turns() {
        let (mut own, mut sender) = (OwnStates::default(), StateSender::default());
        let kinds: Vec<_> = (0..4).map(KindId).collect();
        let mut counts = [0; 4];
        for tick in 0..40u64 {
            for &kind in &kinds {
                own.set(kind, Bytes::from(vec![tick as u8; 40])).unwrap();
            }
            for kind in kinds_sent(&mut sender, &own, tick, 100) {
                counts[kind.0 as usize] += 1;
            }
        }
        assert_eq!(counts, [20; 4]);
    }

    #[test]
    fn nothing_is_sent_without_room_and_nothing_is_lost_by_it() {
        let (mut own, mut sender) = (OwnStates::default(), StateSender::default());
        own.set(POSE, Bytes::from_static(b"here")).unwrap();
        assert_eq!(sender.collect(&own, 0, 0), None);
        assert_eq!(sender.collect(&own, 1, 10), None);
        assert!(sender.collect(&own, 2, 1100).is_some());
    }

    #[test]
    fn versions_go_on_after_clearing() {
        let (mut own, mut sender) = (OwnStates::default(), StateSender::default());
        own.set(POSE, Bytes::from_static(b"a")).unwrap();
        assert_eq!(ticks_sent(&mut sender, &own, 0..9).len(), 3);
        own.clear();
        assert_eq!(sender.collect(&own, 100, 1100), None);
        own.set(POSE, Bytes::from_static(b"a")).unwrap();
        assert_eq!(own.values[&POSE].version, 2);
        assert_eq!(ticks_sent(&mut sender, &own, 101..110).len(), 3);
    }

    #[test]
    fn a_value_that_is_too_long_is_refused_and_the_old_one_stays() {
        let mut own = OwnStates::default();
        own.set(POSE, Bytes::from_static(b"a")).unwrap();
        assert_eq!(
            own.set(POSE, Bytes::from(vec![0; MAX_STATE_LEN + 1])),
            Err(EncodeError::TooLong {
                len: MAX_STATE_LEN + 1,
                max: MAX_STATE_LEN
            })
        );
        assert_eq!(own.values[&POSE].payload, "a");
    }

    #[test]
    fn only_newer_versions_are_accepted() {
        let mut receiver = StateReceiver::default();
        assert!(receiver.accept(POSE, 5));
        assert!(!receiver.accept(POSE, 5));
        assert!(!receiver.accept(POSE, 4));
        assert!(receiver.accept(NAME, 4));
        assert!(receiver.accept(POSE, 6));
    }
}
