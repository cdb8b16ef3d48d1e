//! An input too large for one packet travels alone, in parts of a fixed size.
//!
//! A packet carries a run of parts as they are: a byte, of which the low half is the number of the
//! first part and the high half that of the last one of the input, then the bytes.

use super::MAX_INPUT_LEN;

/// The bytes in each part but the last.
const PART_LEN: usize = 256;

/// At most 16 parts, so that a byte says two of their numbers and 16 bits which there are.
const _: () = assert!(MAX_INPUT_LEN == 16 * PART_LEN);

fn parts_in(len: usize) -> u32 {
    len.div_ceil(PART_LEN).clamp(1, 16) as u32
}

/// The bits of parts `first..first + parts`.
fn bits(first: u32, parts: u32) -> u16 {
    (((1u32 << parts) - 1) << first) as u16
}

/// Which parts of an input were sent and received.
#[derive(Debug, Default)]
pub(super) struct PartsSent {
    acked: u16,
    next: u32,
}

impl PartsSent {
    /// Appends unacked parts that follow each other, as many as fit into `room`, going on where it
    /// stopped before. Tells their bits.
    pub(super) fn write(&mut self, input: &[u8], out: &mut Vec<u8>, room: usize) -> u16 {
        let parts = parts_in(input.len());
        let is_acked = |part: u32| self.acked >> part & 1 == 1;
        let mut in_turn = (0..parts).map(|i| (self.next + i) % parts);
        let Some(first) = in_turn.find(|&part| !is_acked(part)) else {
            return 0;
        };
        let start = first as usize * PART_LEN;
        let mut end = start;
        let mut after = first;
        while after < parts && !is_acked(after) {
            let part_end = (end + PART_LEN).min(input.len());
            if 1 + part_end - start > room {
                break;
            }
            (end, after) = (part_end, after + 1);
        }
        if end == start {
            return 0;
        }
        out.push((first | (parts - 1) << 4) as u8);
        out.extend_from_slice(&input[start..end]);
        self.next = after % parts;
        bits(first, after - first)
    }

    /// Notes which parts have arrived; says whether these are all of an input of that length.
    pub(super) fn acked(&mut self, parts: u16, input_len: usize) -> bool {
        self.acked |= parts;
        self.acked == bits(0, parts_in(input_len))
    }
}

/// Bytes that are no parts of an input, or not of the same as those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadParts;

/// The parts of an input that are there so far.
#[derive(Debug, Default)]
pub(super) struct PartsReceived {
    last: u32,
    have: u16,
    bytes: Vec<u8>,
}

impl PartsReceived {
    /// Takes a run of parts; returns the input when it is whole.
    ///
    /// # Errors
    /// If it is no run of parts, or of another number than before.
    pub(super) fn receive(&mut self, run: &[u8]) -> Result<Option<&[u8]>, BadParts> {
        let (&head, rest) = run.split_first().ok_or(BadParts)?;
        let (first, last) = (u32::from(head & 15), u32::from(head >> 4));
        if first > last || (self.have != 0 && last != self.last) || rest.is_empty() {
            return Err(BadParts);
        }
        let parts = rest.len().div_ceil(PART_LEN) as u32;
        let has_last = first + parts > last;
        if first + parts > last + 1 || (!has_last && !rest.len().is_multiple_of(PART_LEN)) {
            return Err(BadParts);
        }
        self.last = last;
        let start = first as usize * PART_LEN;
        let end = start + rest.len();
        let had_last = self.have >> last & 1 == 1;
        if has_last && had_last && end != self.bytes.len() {
            return Err(BadParts);
        }
        if end > self.bytes.len() {
            self.bytes.resize(end, 0);
        }
        self.bytes[start..end].copy_from_slice(rest);
        self.have |= bits(first, parts);
        Ok((self.have == bits(0, last + 1)).then_some(&self.bytes[..]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_cycle_until_all_are_there(
            input in prop::collection::vec(any::<u8>(), 1..=MAX_INPUT_LEN),
            room in 1 + PART_LEN..1100,
            seed: u64,
        ) {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut sent = PartsSent::default();
            let mut received = PartsReceived::default();
            let mut whole = None;
            for _ in 0..1000 {
                let mut run = Vec::new();
                let parts = sent.write(&input, &mut run, room);
                prop_assert!(parts != 0);
                prop_assert!(run.len() <= room);
                if rng.bool() {
                    continue;
                }
                if let Some(bytes) = received.receive(&run).unwrap() {
                    whole = Some(bytes.to_vec());
                }
                if rng.bool() && sent.acked(parts, input.len()) {
                    break;
                }
            }
            prop_assert_eq!(whole, Some(input.clone()));
            prop_assert_eq!(sent.write(&input, &mut Vec::new(), room), 0);
        }

        #[test]
        fn any_bytes_stay_within_bounds(
            runs in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..1100), 0..20),
        ) {
            let mut received = PartsReceived::default();
            for run in runs {
                if let Ok(Some(input)) = received.receive(&run) {
                    prop_assert!(!input.is_empty());
                }
                prop_assert!(received.bytes.len() <= MAX_INPUT_LEN);
            }
        }
    }

    #[test]
    fn what_is_no_part_is_refused() {
        let run = |head: u8, len: usize| [vec![head], vec![7; len]].concat();
        let refused = |before: &[Vec<u8>], run: Vec<u8>| {
            let mut received = PartsReceived::default();
            for run in before {
                assert_eq!(received.receive(run), Ok(None));
            }
            received.receive(&run) == Err(BadParts)
        };
        assert!(refused(&[], vec![]));
        assert!(refused(&[], run(0x10, 0)));
        // Part 2 of 0 and 1.
        assert!(refused(&[], run(0x12, 5)));
        // Two parts and a bit of two.
        assert!(refused(&[], run(0x10, 2 * PART_LEN + 1)));
        // One that is not the last has all its bytes.
        assert!(refused(&[], run(0x10, 5)));
        assert!(!refused(&[], run(0x11, 5)));
        // Another number of parts, and another length, than before.
        assert!(refused(&[run(0x10, PART_LEN)], run(0x22, 5)));
        assert!(refused(&[run(0x22, 5)], run(0x22, 6)));
        assert!(!refused(&[run(0x22, 5)], run(0x22, 5)));
    }

    #[test]
    fn no_part_goes_where_none_fits() {
        let mut sent = PartsSent::default();
        let mut out = Vec::new();
        assert_eq!(sent.write(&[1; 600], &mut out, PART_LEN), 0);
        assert_eq!(sent.write(&[], &mut out, 1000), 0);
        assert!(out.is_empty());
        assert_eq!(sent.write(&[1; 600], &mut out, 1 + 2 * PART_LEN), 0b11);
        assert_eq!(out.len(), 1 + 2 * PART_LEN);
        assert_eq!(out[0], 0x20);
        assert_eq!(sent.write(&[1; 600], &mut out, 1000), 0b100);
    }
}
