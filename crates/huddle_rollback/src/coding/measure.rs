//! What inputs take on the wire, as a table: `cargo test -p huddle_rollback measure -- --nocapture`.

use fastrand::Rng;
use huddle_session::hash::Fnv64;

use super::{model::Model, range_coder::Dry, range_coder::Encoder};

/// How many ticks a packet carries, at least, if the round trip takes as many.
const WINDOWS: [usize; 4] = [1, 4, 8, 16];

type Source = fn(&mut Rng, u32, &mut Vec<u8>);

const SOURCES: [(&str, Source); 11] = [
    ("constant, 4 bytes", |_, _, input| {
        input.resize(4, 7);
    }),
    ("buttons, 1 byte", |rng, _, input| {
        input.resize(1, 0);
        if rng.f64() < 1.0 / 15.0 {
            input[0] ^= 1 << rng.u8(0..8);
        }
    }),
    ("buttons of a fighting game, 2 bytes", |rng, tick, input| {
        // A direction held for a while, and a button pressed now and then for some ticks.
        input.resize(2, 0);
        if rng.f64() < 1.0 / 20.0 {
            input[0] = [0, 1, 2, 4, 8, 5, 6, 9, 10][rng.usize(0..9)];
        }
        if input[1] != 0 && tick.is_multiple_of(5) {
            input[1] = 0;
        } else if rng.f64() < 1.0 / 30.0 {
            input[1] = 1 << rng.u8(0..4);
        }
    }),
    ("tick * 31 + 7, 4 bytes", |_, tick, input| {
        input.clear();
        input.extend((tick * 31 + 7).to_le_bytes());
    }),
    ("tick * 31 + 7, varint", |_, tick, input| {
        input.clear();
        let value = tick * 31 + 7;
        match value {
            ..251 => input.push(value as u8),
            251..0x1_0000 => {
                input.push(251);
                input.extend((value as u16).to_le_bytes());
            }
            _ => {
                input.push(252);
                input.extend(value.to_le_bytes());
            }
        }
    }),
    ("stick held at 1000 a tick, 4 bytes", |_, tick, input| {
        input.clear();
        input.extend((tick * 1000).to_le_bytes());
    }),
    ("mouse, 2 x i16, smooth", |rng, tick, input| {
        let at = |phase: f64| {
            let t = f64::from(tick) / 60.0;
            400.0 * (t * 1.3 + phase).sin() + 150.0 * (t * 3.1 + 2.0 * phase).cos()
        };
        input.clear();
        for phase in [0.0, 1.0] {
            let value = at(phase) + rng.f64() * 2.0;
            input.extend((value as i16).to_le_bytes());
        }
    }),
    ("stick, 2 x i8, and buttons", |rng, tick, input| {
        let t = f64::from(tick) / 60.0;
        input.resize(3, 0);
        let noise = |rng: &mut Rng| rng.f64() * 3.0;
        input[0] = (100.0 * (t * 2.0).sin() + noise(rng)) as i8 as u8;
        input[1] = (100.0 * (t * 1.7).cos() + noise(rng)) as i8 as u8;
        if rng.f64() < 1.0 / 15.0 {
            input[2] ^= 1 << rng.u8(0..4);
        }
    }),
    ("aim, f32, smooth", |_, tick, input| {
        input.clear();
        input.extend((f64::from(tick) / 50.0).sin().to_bits().to_le_bytes()[4..].iter());
    }),
    ("random, 1 byte", |rng, _, input| {
        input.resize(1, 0);
        input[0] = rng.u8(..);
    }),
    ("random, 8 bytes", |rng, _, input| {
        input.resize(8, 0);
        rng.fill(input);
    }),
];

/// Those that are the same on every machine, which sines are not, and the hash of their packets.
const PINNED: [(&str, u64); 7] = [
    ("constant, 4 bytes", 0x24ff_d60e_317c_df41),
    ("buttons, 1 byte", 0xfe0d_1adc_08a8_73aa),
    ("buttons of a fighting game, 2 bytes", 0xac6b_63fd_8d70_17b8),
    ("tick * 31 + 7, 4 bytes", 0xfa18_81ee_9297_4683),
    ("tick * 31 + 7, varint", 0x7a27_8133_559e_671c),
    ("stick held at 1000 a tick, 4 bytes", 0x74b1_aab9_9bc1_628e),
    ("random, 8 bytes", 0x34b0_64ae_ccab_f49e),
];

const TICKS: usize = 6000;

fn inputs(source: Source) -> Vec<Vec<u8>> {
    let mut rng = Rng::with_seed(5);
    let mut input = Vec::new();
    (0..TICKS as u32)
        .map(|tick| {
            source(&mut rng, tick, &mut input);
            input.clone()
        })
        .collect()
}

fn before(inputs: &[Vec<u8>], tick: usize) -> [&[u8]; 2] {
    [1, 2].map(|back| tick.checked_sub(back).map_or(&[][..], |i| &inputs[i]))
}

/// How many bytes of coded inputs the packets have on average, and the hash of them all.
fn packets(inputs: &[Vec<u8>], window: usize) -> (f64, u64) {
    let mut base = Model::new();
    let mut model = Model::new();
    let mut out = Vec::new();
    let mut packet = Vec::new();
    let mut bytes = 0;
    let mut hash = Fnv64::new();
    for end in 1..=inputs.len() {
        let first = end.saturating_sub(window);
        if first > 0 {
            let i = first - 1;
            base.code(&mut Dry, before(inputs, i), &inputs[i], &mut out)
                .unwrap();
        }
        model.copy_from(&base);
        packet.clear();
        let mut encoder = Encoder::new(&mut packet, usize::MAX);
        for i in first..end {
            model
                .code(&mut encoder, before(inputs, i), &inputs[i], &mut out)
                .unwrap();
        }
        encoder.finish();
        bytes += packet.len();
        hash = hash.write(&packet);
    }
    (bytes as f64 / inputs.len() as f64, hash.finish())
}

#[test]
fn measured_inputs_take_little() {
    println!("bytes of inputs per packet, by how many ticks it carries, and per tick at 8");
    println!(
        "{:40} {}",
        "",
        WINDOWS.map(|ticks| format!("{ticks:8}")).join(" ")
    );
    for (name, source) in SOURCES {
        let inputs = inputs(source);
        let sizes = WINDOWS.map(|window| packets(&inputs, window).0);
        println!(
            "{name:40} {} | {:6.3}",
            sizes.map(|size| format!("{size:8.3}")).join(" "),
            sizes[2] / 8.0
        );
        let len = inputs[0].len() as f64;
        let most = match name {
            _ if name.starts_with("constant") => 0.005,
            _ if name.starts_with("buttons, ") => 0.15,
            _ if name.starts_with("tick") => 0.4,
            _ if name.starts_with("random") => 1.02 * len,
            _ => len,
        };
        assert!(sizes[2] / 8.0 <= most, "{name}");
    }
}

/// Every packet of many ticks, so that whatever the model does else is noticed: peers whose models
/// differ do not understand each other, and the protocol's version must say so.
#[test]
fn the_bytes_are_pinned() {
    let found = PINNED.map(|(name, _)| {
        let source = SOURCES.iter().find(|(of, _)| *of == name);
        let inputs = inputs(source.expect("it is one of them").1);
        (name, packets(&inputs, 8).1)
    });
    assert_eq!(found, PINNED);
}
