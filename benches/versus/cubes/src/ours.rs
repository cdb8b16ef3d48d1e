//! The column coder of this project.

use huddle_snapshot::{
    column::{self, Baseline, Earlier, Field, Models, Number},
    entropy::{Decoder, Encoder},
};

use crate::cube::{CUBES, Cube};

/// Positions are from 0 here.
const OFFSET: [i32; 3] = [32 * 512, 32 * 512, 0];

const LAYOUT: [Field; 3] = [
    Field::Vector {
        axes: 3,
        max: [64 * 512 - 1, 64 * 512 - 1, 32 * 512 - 1],
    },
    Field::Rotation { bits: 9 },
    Field::Flag,
];

/// The number of numbers of a cube.
const NUMBERS: usize = 8;

/// What both sides know after a frame.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    time: usize,
    /// The number of frames since the reference.
    ticks: u32,
    numbers: Vec<[Number; NUMBERS]>,
    moving: Vec<bool>,
    models: Models,
}

impl Known {
    pub(crate) fn start(time: usize, cubes: &[Cube]) -> Self {
        let numbers = cubes.iter().map(|cube| numbers(cube).map(Number::new));
        Self {
            time,
            ticks: 6,
            numbers: numbers.collect(),
            moving: vec![false; CUBES],
            models: Models::new(&LAYOUT),
        }
    }

    pub(crate) fn cubes(&self) -> impl Iterator<Item = Cube> {
        self.numbers.iter().map(|numbers| {
            let [x, y, z, largest, a, b, c, interacting] = numbers.map(|number| number.value);
            let position = [x - OFFSET[0], y - OFFSET[1], z - OFFSET[2]];
            Cube {
                largest,
                rotation: [a, b, c],
                position,
                interacting,
            }
        })
    }

    fn baseline<'a>(
        &self,
        i: usize,
        numbers: &'a [Number],
        age: u32,
        earlier: Option<&'a Self>,
    ) -> Baseline<'a> {
        Baseline {
            numbers,
            ticks: self.ticks,
            age,
            earlier: earlier.map(|earlier| Earlier {
                numbers: &earlier.numbers[i],
                ticks: (self.time - earlier.time) as u32,
            }),
        }
    }

    /// Encodes a later frame and appends it to `bytes`. `known` becomes what both sides know of it.
    pub(crate) fn encode(
        &self,
        earlier: Option<&Self>,
        time: usize,
        frame: &[[i32; NUMBERS]],
        bytes: &mut Vec<u8>,
        known: &mut Self,
    ) {
        known
            .models
            .copy_from(&self.models)
            .expect("the same layout");
        known.time = time;
        known.ticks = (time - self.time) as u32;
        let mut encoder = Encoder::new(bytes);
        let mut recent = 0;
        for (i, (base, now)) in self.numbers.iter().zip(frame).enumerate() {
            let base = self.baseline(i, base, known.ticks, earlier);
            let changed = column::encode(
                &mut encoder,
                &mut known.models,
                &LAYOUT,
                &base,
                recent & 3,
                now,
                &mut known.numbers[i],
            )
            .expect("fits");
            recent = recent << 1 | usize::from(changed);
            known.moving[i] = changed;
        }
        encoder.finish();
    }

    pub(crate) fn decode(
        &self,
        earlier: Option<&Self>,
        time: usize,
        bytes: &[u8],
        known: &mut Self,
    ) {
        known
            .models
            .copy_from(&self.models)
            .expect("the same layout");
        known.time = time;
        known.ticks = (time - self.time) as u32;
        let mut decoder = Decoder::new(bytes);
        let mut recent = 0;
        for (i, base) in self.numbers.iter().enumerate() {
            let base = self.baseline(i, base, known.ticks, earlier);
            let changed = column::decode(
                &mut decoder,
                &mut known.models,
                &LAYOUT,
                &base,
                recent & 3,
                &mut known.numbers[i],
            )
            .expect("valid");
            recent = recent << 1 | usize::from(changed);
            known.moving[i] = changed;
        }
    }
}

/// Returns the numbers of a cube in the order of the layout.
pub(crate) fn numbers(cube: &Cube) -> [i32; NUMBERS] {
    let [x, y, z] = cube.position;
    let [a, b, c] = cube.rotation;
    [
        x + OFFSET[0],
        y + OFFSET[1],
        z + OFFSET[2],
        cube.largest,
        a,
        b,
        c,
        cube.interacting,
    ]
}
