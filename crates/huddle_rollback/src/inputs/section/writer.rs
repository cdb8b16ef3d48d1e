use huddle_session::{
    MAX_PACKET_LEN, Tick,
    wire::{put_varint, varint_len},
};

use super::head::SectionHead;
use crate::{
    inputs::{encoded::EncodedLog, stream::OutStream},
    seat::{MAX_SEATS, Seat},
};

/// The maximum length of a stream's length.
const LEN_LEN: usize = varint_len(MAX_PACKET_LEN as u64);

/// Appends a section of a match and subscription, at most `limit` bytes. It contains as many unacked
/// ticks of each stream as fit, and `ends` receives the tick after the last of each.
///
/// The streams take their space in turn, beginning with the one of index `first`. If `first` changes
/// from packet to packet, every stream makes progress even if there is space for only one.
///
/// Returns `false`, and appends nothing, if not even a section without ticks fits.
pub(crate) fn write_section<'a>(
    out: &mut Vec<u8>,
    limit: usize,
    (match_number, subscription): (u32, u8),
    head: SectionHead,
    (streams, first): (&[(Seat, OutStream)], usize),
    log: impl Fn(Seat) -> Option<&'a EncodedLog>,
    ends: &mut [Tick],
) -> bool {
    let at = out.len();
    head.write(match_number, subscription, out);
    let end = at + limit.min(MAX_PACKET_LEN);
    // Every stream takes a byte for its number of ticks.
    let Some(mut space) = end.checked_sub(out.len() + streams.len()) else {
        out.truncate(at);
        return false;
    };
    let mut lens = [0; MAX_SEATS];
    for i in (0..streams.len()).map(|i| (first + i) % streams.len()) {
        let (seat, stream) = &streams[i];
        let is_last = i + 1 == streams.len();
        let most = 1 + if is_last { 0 } else { LEN_LEN };
        ends[i] = stream.base();
        if let Some(room) = space.checked_sub(most)
            && let Some(log) = log(*seat)
        {
            (ends[i], lens[i]) = stream.fit(log, room);
        }
        if ends[i] != stream.base() {
            space -= 1
                + lens[i]
                + if is_last {
                    0
                } else {
                    varint_len(lens[i] as u64)
                };
        }
    }
    for (i, (seat, stream)) in streams.iter().enumerate() {
        let base = stream.base();
        out.push(ends[i].since(base) as u8);
        if ends[i] == base {
            continue;
        }
        out.push(base.0 as u8);
        if i + 1 < streams.len() {
            put_varint(out, lens[i] as u64);
        }
        if let Some(log) = log(*seat) {
            stream.write(log, ends[i], lens[i], out);
        }
    }
    true
}
