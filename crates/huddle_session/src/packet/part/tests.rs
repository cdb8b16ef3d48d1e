use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{
    limits::MAX_STATE_LEN,
    packet::{Fate, Packets, section},
    tick::{Tick, TickRate},
};

const ID: u32 = 20;

fn packets() -> Packets<Blocks> {
    Packets::new(0, TickRate::from_hz(60.0).unwrap())
}

fn whole(len: usize) -> Bytes {
    (0..len).map(|i| (i * 7 + i / 256) as u8).collect()
}

fn all(len: usize) -> Blocks {
    Blocks::of_len(len)
}

/// Returns the parts that fit into one packet of `credit` bytes, and the blocks they contain.
fn parts(
    packets: &mut Packets<Blocks>,
    sender: &mut PartSender,
    tick: u32,
    credit: usize,
) -> Vec<(Blocks, Bytes)> {
    let Some(mut writer) = packets.begin(Duration::ZERO, Tick(tick), credit) else {
        return Vec::new();
    };
    let mut blocks = Vec::new();
    while let Some(written) = sender.write(ID, &mut writer) {
        blocks.push(written);
    }
    let Some(bytes) = writer.finish() else {
        return Vec::new();
    };
    assert!(bytes.len() <= credit);
    let mut peer = self::packets();
    let arrival = peer
        .receive(bytes, Duration::ZERO, Tick(0).into())
        .unwrap()
        .unwrap();
    let sections = arrival.sections.map(|(id, bytes)| {
        assert_eq!(id, section::PART);
        bytes
    });
    blocks.into_iter().zip(sections).collect()
}

fn receiver() -> PartReceiver {
    PartReceiver::new(16..24)
}

/// Returns a part with this header and `zeros` zero bytes.
fn part(id: u8, number: u16, len: u16, first: u8, zeros: usize) -> Bytes {
    let [low, high] = number.to_le_bytes();
    let len = [
        len as u8 & 0x7f | 0x80,
        (len >> 7) as u8 | 0x80,
        (len >> 14) as u8,
    ];
    let head = [id, low, high, len[0], len[1], len[2], first];
    [&head[..], &vec![0; zeros]].concat().into()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn message_is_reassembled_despite_loss_duplication_and_reordering(
        len in 1..=MAX_STATE_LEN,
        number: u16,
        packets_of in prop::collection::vec((0usize..1100, any::<bool>(), any::<bool>()), 1..40),
        seed: u64,
    ) {
        let expected = whole(len);
        let (mut packets, mut receiver) = (packets(), receiver());
        let mut sender = PartSender::new(number, expected.clone());
        let mut under_way = Vec::new();
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut received = Vec::new();
        let rest = std::iter::repeat_n((1100, false, false), 70);
        for (seq, (credit, is_lost, is_late)) in (0u32..).zip(packets_of.into_iter().chain(rest)) {
            for (blocks, part) in parts(&mut packets, &mut sender, seq, credit) {
                sender.settle(blocks, if is_lost { Fate::Lost } else { Fate::Delivered });
                if !is_lost || is_late {
                    under_way.push((u64::from(seq), part.clone()));
                }
                if is_late {
                    under_way.push((u64::from(seq), part));
                }
            }
            if !is_late {
                rng.shuffle(&mut under_way);
                for (seq, part) in under_way.drain(..) {
                    received.extend(receiver.receive(seq, part).unwrap());
                }
            }
        }
        prop_assert!(sender.is_done() && sender.waiting() == 0);
        prop_assert_eq!(received.len(), 1);
        prop_assert_eq!(received[0].id, ID);
        prop_assert_eq!(&received[0].bytes, &expected);
    }

    #[test]
    fn hostile_parts_never_panic_and_memory_is_bounded(
        hostile in prop::collection::vec(
            (
                (0u8..30, any::<u16>(), any::<u16>(), any::<u8>()),
                prop_oneof![Just(256usize), 0usize..1100],
                any::<prop::sample::Index>(),
            ),
            0..200,
        ),
    ) {
        let mut receiver = receiver();
        for (seq, ((id, number, len, first), zeros, cut)) in (0u64..).zip(hostile) {
            let (len, first) = (len % 0x4800, first % 80);
            let bytes = part(id, number % 3, len, first, zeros);
            let short = bytes.slice(..cut.index(bytes.len()));
            for bytes in [bytes, short] {
                if let Ok(Some(whole)) = receiver.receive(seq, bytes) {
                    prop_assert!((16..24).contains(&whole.id));
                    prop_assert!(whole.bytes.len() <= MAX_STATE_LEN);
                }
            }
            prop_assert!(held(&receiver) <= 8 * MAX_STATE_LEN);
        }
    }
}

fn held(receiver: &PartReceiver) -> usize {
    let partial = receiver.ids.iter().flat_map(|messages| &messages.partial);
    partial.map(|message| message.bytes.capacity()).sum()
}

#[test]
fn buffer_is_no_longer_than_its_message() {
    let mut receiver = receiver();
    for (number, len) in [(0, 15_000), (1, MAX_STATE_LEN as u16)] {
        let part = part(ID as u8, number, len, 0, 256);
        assert_eq!(receiver.receive(number.into(), part), Ok(None));
    }
    assert_eq!(held(&receiver), MAX_STATE_LEN);
}

#[test]
fn concurrent_messages_share_the_maximum_state_length() {
    let mut receiver = receiver();
    let mut take = |seq, number, len: u16, first: u8| {
        let rest = usize::from(len) - 256 * usize::from(first);
        let whole = receiver.receive(seq, part(20, number, len, first, rest.min(256)));
        whole.unwrap().map(|whole| whole.number)
    };
    for number in 0..3 {
        assert_eq!(take(number.into(), number, 5000, 0), None);
    }
    // 1384 bytes are left.
    assert_eq!(take(3, 3, 1385, 0), None, "the oldest is dropped");
    assert_eq!(take(4, 0, 5000, 1), None, "too old to be stored");
    for first in 1..19 {
        assert_eq!(take(5, 2, 5000, first), None);
    }
    assert_eq!(take(5, 2, 5000, 19), Some(2));
    assert_eq!(take(6, 1, 5000, 1), None, "older than a complete message");
    for first in 1..5 {
        assert_eq!(take(7, 3, 1385, first), None);
    }
    assert_eq!(take(7, 3, 1385, 5), Some(3));
    let (all, partial) = (held(&receiver), receiver.ids[4].partial.len());
    assert_eq!((all, partial), (0, 0));
}

#[test]
fn message_numbers_wrap_without_a_complete_message() {
    let mut receiver = receiver();
    let mut take = |number: u32, first| {
        let zeros = [256, 44][usize::from(first)];
        let part = part(20, number as u16, 300, first, zeros);
        let whole = receiver.receive(number.into(), part).unwrap();
        whole.map(|whole| whole.number)
    };
    assert_eq!(take(0, 0), None);
    assert_eq!(take(0, 1), Some(0));
    for number in 1..100_000 {
        assert_eq!(take(number, 0), None);
    }
    assert_eq!(take(99_999, 1), Some(99_999));
    assert_eq!(take(99_998, 1), None);
}

#[test]
fn part_encoding_matches_golden_bytes() {
    let (mut packets, mut sender) = (packets(), PartSender::new(0x0102, whole(600)));
    let mut packet = |tick| {
        let mut writer = packets.begin(Duration::ZERO, Tick(tick), 540).unwrap();
        sender.write(ID, &mut writer).unwrap();
        // Skip the packet header: flags, tag, number and base.
        writer.finish().unwrap().slice(5..)
    };
    let head = [3, 0x86, 0x04, 20, 0x02, 0x01, 0xd8, 0x04, 0];
    assert_eq!(packet(0), [&head, &whole(600)[..512]].concat());
    let head = [3, 0x5e, 20, 0x02, 0x01, 0xd8, 0x04, 2];
    assert_eq!(packet(1), [&head, &whole(600)[512..]].concat());
}

#[test]
fn only_lost_blocks_are_retransmitted() {
    let (mut packets, mut sender) = (packets(), PartSender::new(0, whole(2000)));
    let mut sent = |sender: &mut PartSender, tick| {
        let parts = parts(&mut packets, sender, tick, 1100);
        parts
            .into_iter()
            .map(|(blocks, _)| blocks)
            .collect::<Vec<_>>()
    };
    assert_eq!(sent(&mut sender, 0), [Blocks::run(0..4)]);
    assert_eq!(sent(&mut sender, 1), [Blocks::run(4..8)]);
    assert_eq!(sent(&mut sender, 2), []);
    sender.settle(Blocks::run(1..2), Fate::Lost);
    sender.settle(Blocks::run(4..8), Fate::Lost);
    sender.settle(Blocks::run(6..7), Fate::Delivered);
    sender.settle(Blocks::run(6..7), Fate::Lost);
    let lost = [1..2, 4..6, 7..8].map(Blocks::run);
    assert_eq!(sent(&mut sender, 3), lost);
    sender.settle(all(2000), Fate::Delivered);
    assert!(sender.is_done());
}

#[test]
fn messages_are_reassembled_concurrently_until_a_newer_one_is_complete() {
    let mut receiver = receiver();
    let mut take = |seq, number, first| {
        let zeros = [256, 44][usize::from(first)];
        let whole = receiver.receive(seq, part(20, number, 300, first, zeros));
        whole.unwrap().map(|whole| (whole.number, whole.seq))
    };
    assert_eq!(take(5, 1, 0), None);
    assert_eq!(take(7, 2, 1), None);
    assert_eq!(take(6, 1, 1), Some((1, 6)), "no newer message is complete");
    assert_eq!(take(6, 1, 1), None, "already complete");
    assert_eq!(take(8, 3, 0), None);
    assert_eq!(take(9, 4, 0), None);
    assert_eq!(take(10, 3, 1), Some((3, 10)));
    assert_eq!(take(8, 2, 0), None, "a newer message is complete");
    // It is as new as its newest packet, regardless of the order of arrival.
    assert_eq!(take(8, 4, 1), Some((4, 9)));
}

#[test]
fn unknown_ids_are_skipped() {
    let mut receiver = receiver();
    for id in [0, 15, 24, 100] {
        assert_eq!(receiver.receive(0, part(id, 0, 1, 0, 1)), Ok(None));
    }
    assert!(receiver.receive(0, part(16, 0, 1, 0, 1)).unwrap().is_some());
    assert!(receiver.receive(0, part(23, 0, 1, 0, 1)).unwrap().is_some());
}

#[test]
fn invalid_parts_are_rejected_with_their_reason_and_change_nothing() {
    let mut receiver = receiver();
    receiver.receive(0, part(20, 0, 300, 0, 256)).unwrap();
    let mut error = |bytes| receiver.receive(1, bytes).unwrap_err();
    assert_eq!(
        error(Bytes::from_static(&[20, 0, 0, 1])),
        PartError::Truncated
    );
    assert_eq!(error(part(20, 0, 0, 0, 0)), PartError::Length(0));
    let long = MAX_STATE_LEN as u16 + 1;
    assert_eq!(error(part(20, 0, long, 0, 256)), PartError::Length(16385));
    let blocks = |first, len, whole| PartError::Blocks { first, len, whole };
    assert_eq!(error(part(20, 0, 300, 0, 0)), blocks(0, 0, 300));
    assert_eq!(error(part(20, 0, 300, 0, 255)), blocks(0, 255, 300));
    assert_eq!(error(part(20, 0, 300, 1, 45)), blocks(1, 45, 300));
    assert_eq!(error(part(20, 0, 300, 255, 256)), blocks(255, 256, 300));
    assert_eq!(
        error(part(20, 0, 301, 1, 45)),
        PartError::LengthChanged { is: 301, was: 300 }
    );
    let whole = receiver.receive(1, part(20, 0, 300, 1, 44)).unwrap();
    assert_eq!(whole.unwrap().bytes, vec![0; 300]);
}
