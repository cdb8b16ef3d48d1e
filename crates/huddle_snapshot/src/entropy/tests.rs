use proptest::prelude::*;

use super::{limits::MAX_OMITTED, *};

/// What a test encodes.
#[derive(Debug, Clone, Copy)]
enum Item {
    Bit(usize, bool),
    Number(NumberContext, i32),
    Raw(u32, u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Models {
    bits: [BitModel; 4],
    number: NumberModel,
}

fn context() -> impl Strategy<Value = NumberContext> {
    let context = |max| prop_oneof![0..2_usize, 0..=max, Just(usize::MAX)];
    let contexts = (
        context(NumberContext::MAX_FIRST),
        context(NumberContext::MAX_SECOND),
        context(NumberContext::MAX_THIRD),
    );
    contexts.prop_map(|(first, second, third)| NumberContext {
        first,
        second,
        third,
    })
}

fn item() -> impl Strategy<Value = Item> {
    let number = prop_oneof![
        4 => -3..=3,
        2 => -1000..1000,
        1 => any::<i32>(),
        1 => prop_oneof![Just(i32::MIN), Just(i32::MAX), Just(0xff00), Just(0xffff)],
    ];
    prop_oneof![
        (0..4_usize, prop::bool::weighted(0.05)).prop_map(|(model, bit)| Item::Bit(model, bit)),
        (context(), number).prop_map(|(context, n)| Item::Number(context, n)),
        (any::<u32>(), 0..=32_u32).prop_map(|(value, n)| Item::Raw(value, n)),
    ]
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    prop::collection::vec(item(), 0..300)
}

fn encode(encoder: &mut Encoder<'_>, models: &mut Models, item: Item) {
    match item {
        Item::Bit(model, bit) => models.bits[model].encode(encoder, bit),
        Item::Number(context, n) => models.number.encode(encoder, context, n),
        Item::Raw(value, n) => encoder.raw(value, n),
    }
}

fn check(decoder: &mut Decoder<'_>, models: &mut Models, item: Item) -> Result<(), TestCaseError> {
    match item {
        Item::Bit(model, bit) => prop_assert_eq!(models.bits[model].decode(decoder), bit),
        Item::Number(context, n) => {
            prop_assert_eq!(models.number.decode(decoder, context), n);
        }
        Item::Raw(value, n) => {
            let mask = u32::MAX.unbounded_shr(32 - n);
            prop_assert_eq!(decoder.raw(n), value & mask);
        }
    }
    prop_assert!(!decoder.is_past_end());
    Ok(())
}

proptest! {
    #[test]
    fn items_round_trip_behind_other_bytes(before in prop::collection::vec(any::<u8>(), 0..4), items in items()) {
        let mut out = before.clone();
        let mut encoder = Encoder::new(&mut out);
        let mut models = Models::default();
        for &item in &items {
            encode(&mut encoder, &mut models, item);
        }
        let announced = encoder.len();
        encoder.finish();

        let bytes = out.strip_prefix(&before[..]).unwrap();
        prop_assert!(bytes.len() <= announced);
        prop_assert!(bytes.len() == announced || bytes.len() + MAX_OMITTED >= announced);
        let mut decoder = Decoder::new(bytes);
        let mut decoded = Models::default();
        for &item in &items {
            check(&mut decoder, &mut decoded, item)?;
        }
        prop_assert_eq!(decoder.unread(), 0);
        prop_assert_eq!(decoded, models);
    }

    #[test]
    fn restored_encoder_forgets_what_followed_the_checkpoint(kept in items(), removed in items(), after in items()) {
        let mut expected = Vec::new();
        let mut encoder = Encoder::new(&mut expected);
        let mut models = Models::default();
        kept.iter().chain(&after).for_each(|&item| encode(&mut encoder, &mut models, item));
        encoder.finish();

        let mut out = Vec::new();
        let mut encoder = Encoder::new(&mut out);
        let mut models = Models::default();
        kept.iter().for_each(|&item| encode(&mut encoder, &mut models, item));
        let (checkpoint, copy) = (encoder.checkpoint(), models);
        removed.iter().for_each(|&item| encode(&mut encoder, &mut models, item));
        encoder.restore(checkpoint);
        models = copy;
        after.iter().for_each(|&item| encode(&mut encoder, &mut models, item));
        encoder.finish();
        prop_assert_eq!(out, expected);
    }

    #[test]
    fn any_bytes_decode_to_something(bytes in prop::collection::vec(any::<u8>(), 0..40), items in items()) {
        let mut decoder = Decoder::new(&bytes);
        let mut models = Models::default();
        for item in items {
            match item {
                Item::Bit(model, _) => drop(models.bits[model].decode(&mut decoder)),
                Item::Number(context, _) => {
                    models.number.decode(&mut decoder, context);
                }
                Item::Raw(_, n) => {
                    let value = decoder.raw(n);
                    prop_assert!(n == 32 || value < 1 << n);
                }
            }
        }
    }
}

#[test]
fn decoder_notices_the_end_of_the_bytes() {
    let mut decoder = Decoder::new(&[1, 2, 3]);
    assert_eq!(decoder.unread(), 0);
    for _ in 0..MAX_OMITTED {
        assert!(!decoder.is_past_end());
        decoder.raw(8);
    }
    assert!(decoder.is_past_end());
}

#[test]
fn zeros_take_no_bytes_and_ones_almost_none() {
    let len_of = |bit| {
        let mut out = Vec::new();
        let mut encoder = Encoder::new(&mut out);
        let mut model = BitModel::new();
        for _ in 0..10_000 {
            model.encode(&mut encoder, bit);
        }
        encoder.finish();
        out.len()
    };
    assert_eq!(len_of(false), 0);
    assert!(len_of(true) < 12, "{}", len_of(true));
}

#[test]
fn nothing_encodes_to_no_bytes() {
    let mut out = vec![7, 0];
    let encoder = Encoder::new(&mut out);
    assert_eq!(encoder.len(), 0);
    encoder.finish();
    assert_eq!(out, [7, 0]);
}

#[test]
fn carry_passes_through_held_bytes() {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out);
    // The interval starts close below 0x1000000000.
    for _ in 0..6 {
        encoder.raw(0xff, 8);
    }
    let mut model = BitModel::new();
    for _ in 0..40 {
        model.encode(&mut encoder, true);
    }
    encoder.finish();
    let mut decoder = Decoder::new(&out);
    assert!((0..6).all(|_| decoder.raw(8) == 0xff));
    let mut model = BitModel::new();
    assert!((0..40).all(|_| model.decode(&mut decoder)));
}

#[test]
fn numbers_match_golden_bytes() {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out);
    let mut model = NumberModel::default();
    for (first, number) in [
        (0, 0),
        (0, 0),
        (0, 1),
        (3, -7),
        (3, 100),
        (11, i32::MIN),
        (11, i32::MAX),
    ] {
        let context = NumberContext {
            first,
            second: first,
            third: 0,
        };
        model.encode(&mut encoder, context, number);
    }
    BitModel::new().encode(&mut encoder, true);
    encoder.raw(0x12345, 20);
    encoder.finish();
    let expected = [
        67, 42, 32, 213, 3, 11, 136, 22, 51, 42, 168, 142, 41, 246, 46, 222, 237, 160,
    ];
    assert_eq!(out, expected);
}
