use huddle_session::Tick;
use proptest::prelude::*;

use super::{head::*, reader::StreamPart, *};
use crate::{
    coding::{
        encoded::EncodedLog,
        stream::{Carried, InStream, OutStream, Scratch},
    },
    seat::{MAX_SEATS, Seat},
};

const PLAIN: SectionHead = SectionHead {
    round: 0,
    lead: 2,
    ahead: None,
    checksum: None,
};

fn log(inputs: &[impl AsRef<[u8]>]) -> EncodedLog {
    let mut log = EncodedLog::starting(Tick(0));
    for input in inputs {
        log.push(input.as_ref()).unwrap();
    }
    log
}

/// Streams from the start of the logs in a section of a set.
fn section(
    head: SectionHead,
    limit: usize,
    number: u8,
    logs: &[EncodedLog],
) -> Option<(Vec<u8>, Vec<Carried>)> {
    let (mut out, mut scratch) = (vec![9], Scratch::default());
    let set = (number, logs.len());
    let mut writer = SectionWriter::begin(&mut out, &mut scratch, limit, head, set)?;
    let mut carried = Vec::new();
    for (seat, log) in (0..).map(Seat).zip(logs) {
        carried.push(writer.stream(&mut OutStream::starting(Tick(0)), (seat, log)));
    }
    writer.finish();
    assert_eq!(out.remove(0), 9);
    assert!(out.len() <= limit);
    Some((out, carried))
}

/// Whatever set it is, it has so many streams.
fn read(bytes: &[u8], streams: usize) -> Result<SectionReader<'_>, SectionError> {
    let round = u32::from(bytes.first().copied().unwrap_or(0) >> 7);
    let section = SectionReader::new(bytes, round, Tick(100_000), |_| Some(streams))?;
    Ok(section.expect("it is what was asked for"))
}

fn received(part: &StreamPart<'_>) -> EncodedLog {
    let mut log = EncodedLog::starting(Tick(0));
    let (mut stream, mut scratch) = (InStream::starting(Tick(0)), Scratch::default());
    part.take(&mut stream, &mut log, Tick(1 << 20), &mut scratch)
        .unwrap();
    log
}

#[test]
fn the_bytes_are_pinned() {
    let held = log(&[b"\0"; 8]);
    let (bytes, _) = section(PLAIN, 100, 0, &[held]).unwrap();
    assert_eq!(bytes, [0x02, 8, 0, 0xff, 0xfc, 0xaa]);
    let head = SectionHead {
        round: 7,
        lead: 300,
        ahead: Some(-1.5),
        checksum: Some(Checksum {
            tick: Tick(0x1_2345),
            hash: 0x0102_0304_0506_0708,
        }),
    };
    let counted: Vec<_> = (0..10u32).map(|i| (i * 31 + 7).to_le_bytes()).collect();
    let logs = [
        log(&counted),
        log(&[[0; 0]; 0]),
        log(&[b"ab", b"ab", b"ac"]),
        log(&counted),
    ];
    let (bytes, _) = section(head, 1000, 5, &logs).unwrap();
    let coded = [0xff, 0xfa, 0x87, 0x8f, 0xe0, 0x39, 0x3c, 0x5c, 0x49, 0x1e];
    let expected = [
        // Flags and lead, 300 - 15, the set, -1.5 ticks in eighths.
        &[0xff, 0x9d, 2, 5, 0xf4][..],
        // The low bits of the checksum's tick, and the hash.
        &[0x45, 0x23, 8, 7, 6, 5, 4, 3, 2, 1],
        // Ten ticks of the first seat, none of the second, three of the third.
        &[10, 0, 10],
        &coded,
        &[0],
        &[3, 0, 6, 0xff, 0xfc, 0x2f, 0x7b, 0x72, 0x6c],
        // The last has no length.
        &[10, 0],
        &coded,
    ];
    assert_eq!(bytes, expected.concat());
    // An input that does not fit: the first two of its three parts.
    let large: Vec<u8> = {
        let mut rng = fastrand::Rng::with_seed(2);
        (0..600).map(|_| rng.u8(..)).collect()
    };
    let (bytes, carried) = section(PLAIN, 600, 0, &[log(&[&large])]).unwrap();
    assert_eq!(carried[0].parts, 0b011);
    assert_eq!(bytes[..4], [2, 255, 0, 0x20]);
    assert_eq!(bytes[4..], large[..512]);
}

#[test]
fn inputs_that_do_not_change_take_nothing_but_three_bytes() {
    let log = log(&[b"held"; 30]);
    let (mut stream, mut scratch) = (OutStream::starting(Tick(0)), Scratch::default());
    let carried = Carried {
        base: Tick(0),
        end: Tick(20),
        parts: 0,
    };
    let mut out = Vec::new();
    let mut write = |stream: &mut OutStream, out: &mut Vec<u8>| {
        out.clear();
        let mut writer = SectionWriter::begin(out, &mut scratch, 100, PLAIN, (0, 1)).unwrap();
        let carried = writer.stream(stream, (Seat(0), &log));
        writer.finish();
        carried
    };
    write(&mut stream, &mut out);
    stream.acked(carried, &log, &mut Scratch::default());
    let carried = write(&mut stream, &mut out);
    assert_eq!((carried.base, carried.end), (Tick(20), Tick(30)));
    assert_eq!(out, [2, 10, 20]);
}

#[test]
fn what_is_no_section_is_named() {
    let error = |bytes: &[u8], own| read(bytes, own).unwrap_err();
    assert_eq!(error(&[], 0), SectionError::Truncated);
    assert_eq!(error(&[0], 1), SectionError::Truncated);
    assert_eq!(error(&[0, 1], 1), SectionError::Truncated);
    assert_eq!(error(&[15], 0), SectionError::Truncated);
    assert_eq!(
        error(&[15, 0xff, 0xff, 0xff, 0xff, 15], 0),
        SectionError::Truncated
    );
    assert_eq!(error(&[0x10], 0), SectionError::Truncated);
    assert_eq!(error(&[0x20, 1, 2, 3], 0), SectionError::Truncated);
    assert_eq!(error(&[0x40], 0), SectionError::Truncated);
    assert_eq!(error(&[0, 129, 0], 1), SectionError::BadCount(129));
    assert_eq!(error(&[0, 0, 7], 1), SectionError::LeftOver(1));
    // The first of two streams says more than there is.
    assert_eq!(error(&[0, 1, 0, 4, 1, 0], 2), SectionError::Truncated);
}

#[test]
fn another_round_or_set_is_no_business_of_the_receivers() {
    let log = log(&[b"ab"; 5]);
    let head = SectionHead { round: 1, ..PLAIN };
    let (bytes, _) = section(head, 100, 7, &[log]).unwrap();
    let read = |round, wanted: u8| {
        let set = |number| (number == wanted).then_some(1);
        SectionReader::new(&bytes, round, Tick(0), set)
    };
    assert!(read(1, 7).unwrap().is_some() && read(3, 7).unwrap().is_some());
    assert!(read(2, 7).unwrap().is_none() && read(1, 6).unwrap().is_none());
}

#[test]
fn seats_share_what_room_there_is() {
    let mut rng = fastrand::Rng::with_seed(8);
    let inputs: Vec<[u8; 8]> = (0..100).map(|_| rng.u64(..).to_le_bytes()).collect();
    let log = log(&inputs);
    let (bytes, carried) = section(PLAIN, 400, 0, &[log.clone(), log.clone()]).unwrap();
    assert!(bytes.len() > 380);
    assert!(
        carried
            .iter()
            .all(|carried| (20..26).contains(&carried.count()))
    );
    for (part, carried) in read(&bytes, 2).unwrap().zip(carried) {
        assert_eq!(received(&part).next(), carried.end);
    }
}

proptest! {
    #[test]
    fn sections_come_back_within_their_limit(
        (round, number) in (0u32..2, 0u8..3),
        lead in prop_oneof![0u32..40, any::<u32>()],
        ahead in prop::option::of(-128i8..=127),
        checksum in any::<Option<(i16, u64)>>(),
        logs in prop::collection::vec(prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..140), 0..6),
        limit in prop_oneof![0usize..40, 0usize..1100, Just(1100)],
    ) {
        let head = SectionHead {
            round,
            lead,
            ahead: ahead.map(|ahead| f32::from(ahead) / 8.0),
            checksum: checksum.map(|(ahead, hash)| Checksum {
                tick: Tick(100_000u32.wrapping_add_signed(ahead.into())),
                hash,
            }),
        };
        let logs: Vec<_> = logs.iter().map(|inputs| log(inputs)).collect();
        let Some((bytes, carried)) = section(head, limit, number, &logs) else {
            prop_assert!(limit < 1 + 5 + 1 + 1 + 10 + logs.len());
            return Ok(());
        };
        let reader = read(&bytes, logs.len()).unwrap();
        prop_assert_eq!(reader.head, head);
        let mut found: Vec<_> = reader.collect();
        for (stream, (log, carried)) in logs.iter().zip(carried).enumerate() {
            prop_assert!(carried.count() <= 128);
            prop_assert!(limit < 1100 || logs.len() > 1 || carried.end == log.next() || carried.count() > 100);
            if carried.is_empty() {
                continue;
            }
            let part = found.remove(0);
            prop_assert_eq!(part.stream, stream);
            let received = received(&part);
            if carried.parts != 0 {
                // Too little room for the shortest input as it is coded, but as a part it fits.
                prop_assert_eq!(received.get(Tick(0)), log.get(Tick(0)));
                continue;
            }
            prop_assert_eq!(received.next(), carried.end);
            for tick in 0..carried.end.0 {
                prop_assert_eq!(received.get(Tick(tick)), log.get(Tick(tick)));
            }
        }
        prop_assert!(found.is_empty());
    }

    #[test]
    fn any_bytes_are_a_section_or_not(
        bytes in prop::collection::vec(prop_oneof![0u8..20, any::<u8>()], 0..80),
        own in 0usize..4,
    ) {
        if let Ok(reader) = read(&bytes, own) {
            let parts: Vec<_> = reader.collect();
            prop_assert!(parts.len() <= own);
            let coded: usize = parts.iter().map(|part| part.coded.len() + 2).sum();
            prop_assert!(coded < bytes.len());
        }
    }
}

#[test]
fn many_seats_keep_to_any_limit() {
    for own in 1..=MAX_SEATS {
        let logs: Vec<_> = (0..own)
            .map(|i| log(&vec![vec![1; i % 3]; 2 + i % 2]))
            .collect();
        for limit in 0..150 {
            let Some((bytes, carried)) = section(PLAIN, limit, 0, &logs) else {
                assert!(limit < 1 + own);
                continue;
            };
            let some = carried.iter().filter(|carried| !carried.is_empty());
            assert_eq!(read(&bytes, own).unwrap().count(), some.count());
        }
    }
}
