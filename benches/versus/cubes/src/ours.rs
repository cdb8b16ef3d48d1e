//! The coder of this project.

use huddle_snapshot::{
    column::{self, Baseline, Earlier, Field, Models, Number},
    entropy::{Decoder, Encoder},
};

use crate::cube::Cube;

/// The number of numbers of a cube.
const NUMBERS: usize = 8;

/// The coordinates of a position are from -OFFSET to below OFFSET, as in the challenge.
const OFFSET: i32 = 32 * 512;

/// The layout of a cube.
pub(crate) const LAYOUT: [Field; 3] = [
    Field::Vector {
        axes: 3,
        max: [2 * OFFSET as u32 - 1; 3],
    },
    Field::Rotation { bits: 9 },
    Field::Flag,
];

/// What both sides know after a frame.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    time: usize,
    /// The number of frames since the baseline.
    ticks: u32,
    cubes: Vec<[Number; NUMBERS]>,
    models: Models,
}

/// Whether the two cubes before changed, as the context of a cube.
#[derive(Debug, Default)]
struct Recent(usize);

impl Recent {
    fn push(&mut self, changed: bool) {
        self.0 = (self.0 << 1 | usize::from(changed)) & 3;
    }
}

impl Known {
    /// The start, at which both sides know a frame.
    pub(crate) fn start(time: usize, cubes: &[Cube]) -> Self {
        let cubes = cubes.iter().map(|cube| numbers(cube).map(Number::new));
        Self {
            time,
            ticks: 6,
            cubes: cubes.collect(),
            models: Models::new(&LAYOUT),
        }
    }

    pub(crate) fn cubes(&self) -> impl Iterator<Item = Cube> {
        self.cubes.iter().map(|numbers| {
            let [x, y, z, largest, a, b, c, interacting] = numbers.map(|number| number.value);
            Cube {
                largest,
                rotation: [a, b, c],
                position: [x, y, z].map(|n| n - OFFSET),
                interacting,
            }
        })
    }

    /// Encodes a later frame. `known` becomes what both sides know of it.
    pub(crate) fn encode(
        &self,
        earlier: Option<&Self>,
        time: usize,
        frame: &[[i32; NUMBERS]],
        bytes: &mut Vec<u8>,
        known: &mut Self,
    ) {
        known.follow(self, time);
        let mut encoder = Encoder::new(bytes);
        let mut recent = Recent::default();
        for (i, (now, out)) in frame.iter().zip(&mut known.cubes).enumerate() {
            let (models, baseline) = (&mut known.models, self.baseline(i, known.ticks, earlier));
            let changed =
                column::encode(&mut encoder, models, &LAYOUT, &baseline, recent.0, now, out);
            recent.push(changed.expect("the layout is right"));
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
        known.follow(self, time);
        let mut decoder = Decoder::new(bytes);
        let mut recent = Recent::default();
        for (i, out) in known.cubes.iter_mut().enumerate() {
            let (models, baseline) = (&mut known.models, self.baseline(i, known.ticks, earlier));
            let changed = column::decode(&mut decoder, models, &LAYOUT, &baseline, recent.0, out);
            recent.push(changed.expect("the packet is valid"));
        }
    }

    /// Starts a frame whose baseline is another.
    fn follow(&mut self, baseline: &Self, time: usize) {
        self.models.clone_from(&baseline.models);
        self.time = time;
        self.ticks = (time - baseline.time) as u32;
    }

    fn baseline<'a>(&'a self, i: usize, age: u32, earlier: Option<&'a Self>) -> Baseline<'a> {
        Baseline {
            numbers: &self.cubes[i],
            ticks: self.ticks,
            age,
            earlier: earlier.map(|earlier| Earlier {
                numbers: &earlier.cubes[i],
                ticks: (self.time - earlier.time) as u32,
            }),
        }
    }
}

/// Returns the numbers of a cube in the order of the layout.
pub(crate) fn numbers(cube: &Cube) -> [i32; NUMBERS] {
    let [x, y, z] = cube.position.map(|n| n + OFFSET);
    let [a, b, c] = cube.rotation;
    [x, y, z, cube.largest, a, b, c, cube.interacting]
}
