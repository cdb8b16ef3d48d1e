use proptest::prelude::*;

use super::*;
use crate::entropy::{Decoder, Encoder};

fn field() -> impl Strategy<Value = Field> {
    let max = prop_oneof![0..300_u32, 0..1_u32 << 18, Just(u32::MAX)];
    prop_oneof![
        (1..=3_u8, prop::array::uniform3(max)).prop_map(|(axes, max)| Field::Vector { axes, max }),
        (1..=31_u8).prop_map(|bits| Field::Angle { bits }),
        Just(Field::Flag),
        (2..=16_u8).prop_map(|bits| Field::Rotation { bits }),
    ]
}

/// How a state differs from the one before.
#[derive(Debug, Clone)]
struct Step {
    changes: Vec<i32>,
    ticks: u32,
    age: usize,
    has_earlier: bool,
    context: usize,
}

fn step() -> impl Strategy<Value = Step> {
    let change = prop_oneof![4 => Just(0), 4 => -3..=3, 1 => -5000..5000, 1 => any::<i32>()];
    let changes = prop_oneof![
        1 => Just(vec![0; 16]),
        3 => prop::collection::vec(change, 16),
    ];
    let ticks = prop_oneof![9 => 0..20_u32, 1 => any::<u32>()];
    (changes, ticks, 1..4_usize, any::<bool>(), 0..20_usize).prop_map(
        |(changes, ticks, age, has_earlier, context)| Step {
            changes,
            ticks,
            age,
            has_earlier,
            context,
        },
    )
}

/// The states that a side keeps, the newest last.
struct History(Vec<(Vec<Number>, u32)>);

impl History {
    fn new(layout: &[Field]) -> Self {
        let len = layout.iter().map(Field::len).sum();
        Self(vec![(vec![Number::UNKNOWN; len], 0)])
    }

    fn baseline(&self, step: &Step) -> Baseline<'_> {
        let newest = self.0.len() - 1;
        let index = newest.saturating_sub(step.age - 1);
        let (numbers, ticks) = &self.0[index];
        let earlier = index.checked_sub(1).filter(|_| step.has_earlier);
        Baseline {
            numbers,
            ticks: *ticks,
            age: step.ticks,
            earlier: earlier.map(|index| Earlier {
                numbers: &self.0[index].0,
                ticks: *ticks,
            }),
        }
    }
}

proptest! {
    #[test]
    fn states_round_trip(
        layout in prop::collection::vec(field(), 0..4),
        steps in prop::collection::vec(step(), 1..30),
    ) {
        let mut sent = History::new(&layout);
        let mut received = History::new(&layout);
        let (mut models, mut decoded) = (Models::new(&layout), Models::new(&layout));
        let len = sent.0[0].0.len();
        for step in &steps {
            let mut bytes = Vec::new();
            let mut encoder = Encoder::new(&mut bytes);
            let baseline = sent.baseline(step);
            let numbers = baseline.numbers.iter().zip(&step.changes);
            let now: Vec<i32> = numbers.map(|(n, change)| n.value.wrapping_add(*change)).collect();
            let mut out = vec![Number::default(); len];
            let changed = encode(&mut encoder, &mut models, &layout, &baseline, step.context, &now, &mut out).unwrap();
            encoder.finish();

            let limits = layout.iter().flat_map(|field| (0..field.len()).map(|i| field.max(i)));
            let expected: Vec<i32> = now.iter().zip(limits).map(|(n, max)| *n.clamp(&0, &max)).collect();
            prop_assert!(out.iter().map(|n| n.value).eq(expected));

            let mut decoder = Decoder::new(&bytes);
            let mut found = vec![Number::default(); len];
            let baseline = received.baseline(step);
            let result = decode(&mut decoder, &mut decoded, &layout, &baseline, step.context, &mut found);
            prop_assert_eq!(result, Ok(changed));
            prop_assert_eq!(decoder.unread(), 0);
            prop_assert_eq!(&found, &out);
            prop_assert_eq!(&decoded, &models);
            sent.0.push((out, step.ticks));
            received.0.push((found, step.ticks));
        }
    }

    #[test]
    fn any_bytes_decode_to_numbers_in_range_or_an_error(
        layout in prop::collection::vec(field(), 1..4),
        steps in prop::collection::vec(step(), 30),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut received = History::new(&layout);
        let mut models = Models::new(&layout);
        let len = received.0[0].0.len();
        let mut decoder = Decoder::new(&bytes);
        for step in &steps {
            let mut found = vec![Number::default(); len];
            let baseline = received.baseline(step);
            let result = decode(&mut decoder, &mut models, &layout, &baseline, step.context, &mut found);
            if let Err(error) = result {
                prop_assert!(error != RecordError::Layout);
                return Ok(());
            }
            let limits = layout.iter().flat_map(|field| (0..field.len()).map(|i| field.max(i)));
            for (number, max) in found.iter().zip(limits) {
                prop_assert!((0..=max).contains(&number.value));
            }
            received.0.push((found, step.ticks));
        }
    }
}

const PLACE: [Field; 3] = [
    Field::Vector {
        axes: 3,
        max: [32_767; 3],
    },
    Field::Rotation { bits: 9 },
    Field::Flag,
];

/// Encodes states, each relative to the one before. Returns the length of every packet.
fn packets(layout: &[Field], states: &[Vec<i32>]) -> Vec<Vec<u8>> {
    let mut models = Models::new(layout);
    let mut history = History::new(layout);
    let mut packets = Vec::new();
    for now in states {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes);
        let step = Step {
            changes: Vec::new(),
            ticks: 1,
            age: 1,
            has_earlier: true,
            context: 0,
        };
        let mut out = vec![Number::default(); now.len()];
        let baseline = history.baseline(&step);
        encode(
            &mut encoder,
            &mut models,
            layout,
            &baseline,
            0,
            now,
            &mut out,
        )
        .unwrap();
        encoder.finish();
        history.0.push((out, 1));
        packets.push(bytes);
    }
    packets
}

fn moving(tick: i32) -> Vec<i32> {
    vec![
        1000 + 7 * tick,
        900 - 20 * tick,
        300,
        3,
        250 + 2 * tick,
        200,
        255,
        0,
    ]
}

#[test]
fn records_match_golden_bytes() {
    let mut states: Vec<_> = (0..4).map(moving).collect();
    states.push(vec![1040, 700, 0, 0, 500, 255, 255, 1]);
    let expected: [&[u8]; 5] = [
        &[255, 243, 146, 155, 114, 241, 67, 4, 218, 187, 251, 108, 127],
        &[255, 144, 42, 34, 93, 230, 176, 28, 148, 226, 52, 30],
        &[176, 108],
        &[178],
        &[245, 192, 65, 46, 137, 6, 123, 232, 32, 243, 217],
    ];
    assert_eq!(packets(&PLACE, &states), expected);
}

#[test]
fn unchanged_states_take_no_bytes() {
    let lens: Vec<_> = packets(&PLACE, &vec![moving(0); 40])
        .iter()
        .map(Vec::len)
        .collect();
    assert!(lens[1..].iter().all(|len| *len == 0), "{lens:?}");
}

#[test]
fn steady_movement_takes_two_bytes_after_a_while() {
    let states: Vec<_> = (0..40).map(moving).collect();
    let lens: Vec<_> = packets(&PLACE, &states).iter().map(Vec::len).collect();
    assert!(lens[20..].iter().all(|len| *len <= 2), "{lens:?}");
}

#[test]
fn an_angle_that_wraps_around_moves_steadily() {
    let layout = [Field::Angle { bits: 8 }];
    let states: Vec<_> = (0..90).map(|tick| vec![(tick * 9) & 255]).collect();
    let lens: Vec<_> = packets(&layout, &states).iter().map(Vec::len).collect();
    assert!(lens[40..].iter().all(|len| *len <= 1), "{lens:?}");
}

#[test]
fn mistakes_about_the_layout_are_errors() {
    let mut models = Models::new(&PLACE);
    let history = History::new(&PLACE);
    let baseline = Baseline {
        numbers: &history.0[0].0,
        ticks: 1,
        age: 1,
        earlier: None,
    };
    let shorter = Baseline {
        numbers: &baseline.numbers[1..],
        ..baseline
    };
    let mut out = [Number::default(); 8];
    let mut result = |layout, models: &mut Models, baseline, now: &[i32], len: usize| {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes);
        encode(
            &mut encoder,
            models,
            layout,
            baseline,
            0,
            now,
            &mut out[..len],
        )
    };
    let now = [0; 8];
    assert_eq!(result(&PLACE, &mut models, &baseline, &now, 8), Ok(false));
    let errors = [
        result(&PLACE, &mut models, &shorter, &now, 8),
        result(&PLACE, &mut models, &baseline, &now[1..], 8),
        result(&PLACE, &mut models, &baseline, &now, 7),
        result(&PLACE[..2], &mut models, &baseline, &now, 8),
        result(&PLACE, &mut Models::new(&[Field::Flag]), &baseline, &now, 8),
    ];
    assert_eq!(errors, [Err(RecordError::Layout); 5]);
}

#[test]
fn a_record_that_does_not_fit_is_taken_back() {
    const LIMIT: usize = 200;
    let history = History::new(&PLACE);
    let baseline = Baseline {
        numbers: &history.0[0].0,
        ticks: 1,
        age: 1,
        earlier: None,
    };
    let mut out = [Number::default(); 8];
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes);
    let mut models = Models::new(&PLACE);
    let mut before = models.clone();
    let mut count = 0;
    loop {
        let checkpoint = encoder.checkpoint();
        before.clone_from(&models);
        let now = moving(count);
        encode(
            &mut encoder,
            &mut models,
            &PLACE,
            &baseline,
            0,
            &now,
            &mut out,
        )
        .unwrap();
        if encoder.len() > LIMIT {
            encoder.restore(checkpoint);
            models.clone_from(&before);
            break;
        }
        count += 1;
    }
    encoder.finish();
    assert!((LIMIT - 20..=LIMIT).contains(&bytes.len()));

    let mut decoder = Decoder::new(&bytes);
    let mut decoded = Models::new(&PLACE);
    for i in 0..count {
        decode(&mut decoder, &mut decoded, &PLACE, &baseline, 0, &mut out).unwrap();
        assert_eq!(out.map(|number| number.value)[..], moving(i));
    }
    assert_eq!(decoded, models);
    assert_eq!(decoder.unread(), 0);
}
