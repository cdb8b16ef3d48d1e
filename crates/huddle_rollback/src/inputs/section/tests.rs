use huddle_session::Tick;
use proptest::prelude::*;

use super::*;
use crate::{
    inputs::{EncodedLog, InStream, OutStream},
    seat::{MAX_SEATS, Seat},
};

const PLAIN: SectionHead = SectionHead {
    lead: 2,
    ahead: None,
    checksum: None,
};

const MATCH: u32 = 0x107;

fn log(inputs: &[impl AsRef<[u8]>]) -> EncodedLog {
    let mut log = EncodedLog::starting(Tick(0));
    for input in inputs {
        log.push(input.as_ref()).unwrap();
    }
    log
}

/// Writes a section with streams from the start of the logs. Returns it and the ends of the ticks.
fn section(
    head: SectionHead,
    limit: usize,
    (subscription, first): (u8, usize),
    logs: &[EncodedLog],
) -> Option<(Vec<u8>, Vec<Tick>)> {
    let mut out = vec![9];
    let mut ends = vec![Tick(0); logs.len()];
    let streams = logs.iter().map(|_| OutStream::starting(Tick(0)));
    let streams: Vec<_> = (0..).map(Seat).zip(streams).collect();
    let is_written = write_section(
        &mut out,
        limit,
        (MATCH, subscription),
        head,
        (&streams, first),
        |seat| logs.get(seat.index()),
        &mut ends,
    );
    assert_eq!(out.remove(0), 9);
    assert!(out.len() <= limit && (is_written || out.is_empty()));
    is_written.then_some((out, ends))
}

/// Reads a section of any subscription. The subscription has this many streams.
fn read(bytes: &[u8], streams: usize) -> Result<SectionReader<'_>, SectionError> {
    let section = SectionReader::new(bytes, MATCH, Tick(100_000), |_| Some(streams))?;
    Ok(section.expect("the section is of this match"))
}

/// Returns a receiver's log after one packet.
fn received(part: &StreamPart<'_>) -> EncodedLog {
    let mut log = EncodedLog::starting(Tick(0));
    let mut stream = InStream::starting(Tick(0));
    stream.receive(part, &mut log, Tick(1 << 20)).unwrap();
    log
}

#[test]
fn sections_match_golden_bytes() {
    let held = log(&[b"\x07"; 8]);
    let (bytes, _) = section(PLAIN, 100, (0, 0), &[held]).unwrap();
    // Match 7, the lead, 8 ticks from tick 0: an input of one byte, then seven equal ones.
    assert_eq!(bytes, [7, 2, 8, 0, 0x3f, 0x80, 0x03]);
    let head = SectionHead {
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
    let (bytes, ends) = section(head, 1000, (5, 0), &logs).unwrap();
    assert_eq!(ends, [10, 0, 3, 10].map(Tick));
    let coded = [0x9f, 0x80, 0x03, 0, 0, 0x80, 0x6d, 0x02];
    let expected = [
        // The match, flags and lead, 300 - 15, the subscription, -1.5 ticks in eighths.
        &[7, 0x7f, 0x9d, 2, 5, 0xf4][..],
        // The low bits of the checksum's tick, and the hash.
        &[0x45, 0x23, 8, 7, 6, 5, 4, 3, 2, 1],
        // Ten ticks of the first seat, none of the second, three of the third.
        &[10, 0, 8],
        &coded,
        &[0],
        &[3, 0, 6, 0x5f, 0x80, 0x30, 0x31, 0x53, 0],
        // The last has no length.
        &[10, 0],
        &coded,
    ];
    assert_eq!(bytes, expected.concat());
}

#[test]
fn repeated_inputs_take_no_bytes() {
    let log = log(&[b"held"; 30]);
    let mut stream = OutStream::starting(Tick(0));
    stream.acked(Tick(20));
    let (mut out, mut ends) = (Vec::new(), [Tick(0)]);
    let streams = [(Seat(0), stream)];
    let of = |_| Some(&log);
    assert!(write_section(
        &mut out,
        100,
        (0, 0),
        PLAIN,
        (&streams, 0),
        of,
        &mut ends
    ));
    assert_eq!(ends, [Tick(30)]);
    assert_eq!(out, [0, 2, 10, 20]);
}

#[test]
fn invalid_sections_are_errors() {
    let error = |bytes: &[u8], own| {
        let bytes = [&[MATCH as u8], bytes].concat();
        read(&bytes, own).unwrap_err()
    };
    assert_eq!(read(&[], 0).unwrap_err(), SectionError::Truncated);
    assert_eq!(error(&[], 0), SectionError::Truncated);
    assert_eq!(error(&[0], 1), SectionError::Truncated);
    assert_eq!(error(&[0, 1], 1), SectionError::Truncated);
    assert_eq!(error(&[15], 0), SectionError::Truncated);
    let lead = [15, 0xff, 0xff, 0xff, 0xff, 15];
    assert_eq!(error(&lead, 0), SectionError::Truncated);
    assert_eq!(error(&[0x10], 0), SectionError::Truncated);
    assert_eq!(error(&[0x20, 1, 2, 3], 0), SectionError::Truncated);
    assert_eq!(error(&[0x40], 0), SectionError::Truncated);
    assert_eq!(error(&[0, 129, 0], 1), SectionError::BadCount(129));
    assert_eq!(error(&[0, 0, 7], 1), SectionError::TrailingBytes(1));
    // The length of the first of two streams is too large.
    assert_eq!(error(&[0, 1, 0, 4, 1, 0], 2), SectionError::Truncated);
}

#[test]
fn sections_of_other_matches_and_subscriptions_are_ignored() {
    let log = log(&[b"ab"; 5]);
    let (bytes, _) = section(PLAIN, 100, (7, 0), &[log]).unwrap();
    let read = |match_number, wanted: u8| {
        let streams = |subscription| (subscription == wanted).then_some(1);
        SectionReader::new(&bytes, match_number, Tick(0), streams).unwrap()
    };
    assert!(read(MATCH, 7).is_some());
    assert!(read(MATCH, 6).is_none());
    for earlier in 1..100 {
        assert!(read(MATCH - earlier, 7).is_none());
    }
    // Even if they would be invalid in this match.
    let bytes = [MATCH as u8 + 1];
    let section = SectionReader::new(&bytes, MATCH, Tick(0), |_| Some(1));
    assert!(matches!(section, Ok(None)));
}

#[test]
fn every_stream_has_its_turn_when_there_is_little_space() {
    let mut rng = fastrand::Rng::with_seed(8);
    let mut noise = |len| {
        let inputs: Vec<Vec<u8>> = (0..100)
            .map(|_| (0..len).map(|_| rng.u8(..)).collect())
            .collect();
        log(&inputs)
    };
    // One of the longest inputs fits.
    let logs = [noise(512), noise(512), noise(512)];
    for first in 0..3 {
        let (_, ends) = section(PLAIN, 600, (0, first), &logs).unwrap();
        let expected: [Tick; 3] = std::array::from_fn(|i| Tick(u32::from(i == first)));
        assert_eq!(ends, expected);
    }
    // The other streams take the remaining space.
    let logs = [noise(8), noise(80)];
    let (bytes, ends) = section(PLAIN, 400, (0, 1), &logs).unwrap();
    assert!(
        ends[0].0 >= 5 && ends[1].0 == 4 && bytes.len() > 380,
        "{ends:?}"
    );
}

proptest! {
    #[test]
    fn sections_round_trip_within_their_limit(
        (subscription, first) in (0u8..3, 0usize..6),
        lead in prop_oneof![0u32..40, any::<u32>()],
        ahead in prop::option::of(-128i8..=127),
        checksum in any::<Option<(i16, u64)>>(),
        logs in prop::collection::vec(prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..140), 0..6),
        limit in prop_oneof![0usize..40, 0usize..1100, Just(1100)],
    ) {
        let head = SectionHead {
            lead,
            ahead: ahead.map(|ahead| f32::from(ahead) / 8.0),
            checksum: checksum.map(|(ahead, hash)| Checksum {
                tick: Tick(100_000u32.wrapping_add_signed(ahead.into())),
                hash,
            }),
        };
        let logs: Vec<_> = logs.iter().map(|inputs| log(inputs)).collect();
        let Some((bytes, ends)) = section(head, limit, (subscription, first), &logs) else {
            prop_assert!(limit < 2 + 5 + 1 + 1 + 10 + logs.len());
            return Ok(());
        };
        let reader = read(&bytes, logs.len()).unwrap();
        prop_assert_eq!(reader.head, head);
        let mut found: Vec<_> = reader.collect();
        for (stream, (log, end)) in logs.iter().zip(ends).enumerate() {
            prop_assert!(end.0 <= 128);
            prop_assert!(limit < 1100 || logs.len() > 1 || end == log.next() || end.0 > 100);
            if end.0 == 0 {
                continue;
            }
            let part = found.remove(0);
            prop_assert_eq!(part.stream, stream);
            let received = received(&part);
            prop_assert_eq!(received.next(), end);
            for tick in (0..end.0).map(Tick) {
                prop_assert_eq!(received.get(tick), log.get(tick));
            }
        }
        prop_assert!(found.is_empty());
    }

    #[test]
    fn any_bytes_are_a_section_or_an_error(
        bytes in prop::collection::vec(prop_oneof![0u8..20, any::<u8>()], 0..80),
        own in 0usize..4,
    ) {
        let bytes = [&[MATCH as u8], &bytes[..]].concat();
        if let Ok(reader) = read(&bytes, own) {
            let parts: Vec<_> = reader.collect();
            prop_assert!(parts.len() <= own);
            let coded: usize = parts.iter().map(|part| part.coded.len() + 2).sum();
            prop_assert!(coded < bytes.len());
        }
    }
}

#[test]
fn sections_of_many_seats_keep_any_limit() {
    for own in 1..=MAX_SEATS {
        let logs: Vec<_> = (0..own)
            .map(|i| log(&vec![vec![1; i % 3]; 2 + i % 2]))
            .collect();
        for limit in 0..150 {
            let Some((bytes, ends)) = section(PLAIN, limit, (0, limit), &logs) else {
                assert!(limit < 2 + own);
                continue;
            };
            let some = ends.iter().filter(|end| end.0 > 0);
            assert_eq!(read(&bytes, own).unwrap().count(), some.count());
        }
    }
}
