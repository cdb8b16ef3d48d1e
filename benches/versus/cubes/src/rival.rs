//! A coder in the style of Fabian Giesen's entry to the challenge, the best public one that tolerates loss.
//!
//! What is known of it: a binary arithmetic coder whose adaptive models start as they were at the
//! end of the acked reference frame; exponential Golomb codes; a rotation as differences from the
//! reference; a position as the difference from the movement before the reference; contexts from
//! the magnitudes of those movements; and contexts for cubes near the player's. This file has the
//! same models and contexts, in code of our own. Movements are scaled if the distance of the
//! reference changes, which the entry did not need.

use crate::cube::{CUBES, Cube, Frame};

const PROBABILITY_BITS: u32 = 15;
const HALF: u16 = 1 << (PROBABILITY_BITS - 1);

/// Codes bits in one direction. A decoder ignores the given bit and returns the one that it read.
trait Coder {
    fn bit(&mut self, probability: u32, bit: bool) -> bool;
}

/// The interval of a carryless arithmetic coder: both ends are in it.
#[derive(Debug, Clone, Copy)]
struct Interval {
    first: u32,
    last: u32,
}

impl Interval {
    const ALL: Self = Self {
        first: 0,
        last: u32::MAX,
    };

    fn split(&self, probability: u32) -> u32 {
        let width = u64::from(self.last - self.first);
        self.first + ((width * u64::from(probability)) >> PROBABILITY_BITS) as u32
    }

    fn narrow(&mut self, split: u32, bit: bool) {
        match bit {
            true => self.last = split,
            false => self.first = split + 1,
        }
    }

    /// Removes the highest byte if both ends have the same.
    fn next_byte(&mut self) -> Option<u8> {
        let byte = self.first >> 24;
        (byte == self.last >> 24).then(|| {
            self.first <<= 8;
            self.last = self.last << 8 | 0xff;
            byte as u8
        })
    }
}

struct Writer {
    interval: Interval,
    bytes: Vec<u8>,
}

impl Writer {
    fn finish(mut self) -> Vec<u8> {
        let Interval { first, last } = self.interval;
        let ends = (0..4).map(|digits| last & !(u32::MAX >> (8 * digits)));
        let end = ends.into_iter().find(|end| *end >= first).unwrap_or(last);
        self.bytes.extend(end.to_be_bytes());
        while self.bytes.last() == Some(&0) {
            self.bytes.pop();
        }
        self.bytes
    }
}

impl Coder for Writer {
    fn bit(&mut self, probability: u32, bit: bool) -> bool {
        let split = self.interval.split(probability);
        self.interval.narrow(split, bit);
        while let Some(byte) = self.interval.next_byte() {
            self.bytes.push(byte);
        }
        bit
    }
}

struct Reader<'a> {
    interval: Interval,
    value: u32,
    bytes: std::slice::Iter<'a, u8>,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let mut reader = Self {
            interval: Interval::ALL,
            value: 0,
            bytes: bytes.iter(),
        };
        (0..4).for_each(|_| reader.next());
        reader
    }

    fn next(&mut self) {
        let byte = self.bytes.next().copied().unwrap_or(0);
        self.value = self.value << 8 | u32::from(byte);
    }
}

impl Coder for Reader<'_> {
    fn bit(&mut self, probability: u32, _: bool) -> bool {
        let split = self.interval.split(probability);
        let bit = self.value <= split;
        self.interval.narrow(split, bit);
        while self.interval.next_byte().is_some() {
            self.next();
        }
        bit
    }
}

/// The sum of a fast and a slow estimate.
#[derive(Debug, Clone, Copy)]
struct Bit([u16; 2]);

impl Bit {
    fn code(&mut self, coder: &mut impl Coder, bit: bool) -> bool {
        let [fast, slow] = self.0;
        let bit = coder.bit((fast + slow).into(), bit);
        for (estimate, shift) in self.0.iter_mut().zip([3, 7]) {
            match bit {
                true => *estimate += (HALF - *estimate) >> shift,
                false => *estimate -= *estimate >> shift,
            }
        }
        bit
    }
}

impl Default for Bit {
    fn default() -> Self {
        Self([HALF / 2; 2])
    }
}

/// A number of `bits` bits, each in the context of those above it.
fn tree(models: &mut [Bit], coder: &mut impl Coder, bits: u32, value: u32) -> u32 {
    let mut node = 1;
    for i in (0..bits).rev() {
        node = 2 * node + usize::from(models[node].code(coder, value >> i & 1 == 1));
    }
    node as u32 - (1 << bits)
}

#[derive(Debug, Clone, Copy, Default)]
struct Number {
    magnitude: [Bit; 32],
    top: [Bit; 8],
    sign: [Bit; 2],
}

impl Number {
    fn code(&mut self, coder: &mut impl Coder, number: i32, expect_negative: bool) -> i32 {
        let above = number.unsigned_abs() + 1;
        let magnitude = tree(&mut self.magnitude, coder, 5, above.ilog2());
        let mut found = 1;
        for i in (0..magnitude).rev() {
            let bit = above >> i & 1 == 1;
            let bit = match i + 1 == magnitude {
                true => self.top[magnitude.min(7) as usize].code(coder, bit),
                false => coder.bit(HALF.into(), bit),
            };
            found = 2 * found + u32::from(bit);
        }
        let absolute = (found - 1).cast_signed();
        match absolute != 0 && self.sign[usize::from(expect_negative)].code(coder, number < 0) {
            true => -absolute,
            false => absolute,
        }
    }
}

/// The contexts of a magnitude.
const MAGNITUDES: usize = 10;

#[derive(Debug, Clone, Copy, Default)]
struct Models {
    turned: [Bit; 4],
    largest: [[Bit; 4]; 16],
    turn: [Number; MAGNITUDES + 1],
    flipped: [Bit; 2],
    moved: [Bit; 8],
    movement: [Number; MAGNITUDES],
    interacting: [Bit; 4],
}

/// How a cube changed since its reference.
#[derive(Debug, Clone, Copy, Default)]
struct Change {
    any: bool,
    turn: [i32; 3],
    movement: [i32; 3],
}

/// What both sides know after a frame.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    time: usize,
    /// The number of frames in which the changes happened.
    over: usize,
    cubes: Frame,
    changes: Vec<Change>,
    models: Box<Models>,
}

impl Known {
    /// The start, at which both sides know a frame.
    pub(crate) fn start(time: usize, cubes: Frame) -> Self {
        Self {
            time,
            over: 6,
            cubes,
            changes: vec![Change::default(); CUBES],
            models: Box::default(),
        }
    }

    pub(crate) fn cubes(&self) -> &[Cube] {
        &self.cubes
    }

    /// Encodes a later frame.
    pub(crate) fn encode(&self, time: usize, frame: &[Cube]) -> (Vec<u8>, Self) {
        let mut writer = Writer {
            interval: Interval::ALL,
            bytes: Vec::new(),
        };
        let known = self.code(&mut writer, time, frame);
        (writer.finish(), known)
    }

    pub(crate) fn decode(&self, time: usize, bytes: &[u8]) -> Self {
        self.code(&mut Reader::new(bytes), time, &self.cubes)
    }

    fn code(&self, coder: &mut impl Coder, time: usize, frame: &[Cube]) -> Self {
        let mut models = self.models.clone();
        let over = time - self.time;
        let mut known = Self {
            over,
            ..Self::start(time, Vec::with_capacity(CUBES))
        };
        known.changes.clear();
        for (i, cube) in frame.iter().enumerate() {
            let reference = &self.cubes[i];
            let close = (0..3)
                .all(|axis| (reference.position[axis] - self.cubes[0].position[axis]).abs() < 2048);
            let mut before = self.changes[i];
            before.scale(over as i32, self.over as i32);
            let (cube, change) = models.cube(coder, cube, reference, &before, close);
            known.cubes.push(cube);
            known.changes.push(change);
        }
        known.models = models;
        known
    }
}

impl Change {
    fn scale(&mut self, frames: i32, over: i32) {
        if frames != over {
            for n in self.turn.iter_mut().chain(&mut self.movement) {
                *n = *n * frames / over;
            }
        }
    }
}

impl Models {
    fn cube(
        &mut self,
        coder: &mut impl Coder,
        cube: &Cube,
        reference: &Cube,
        before: &Change,
        close: bool,
    ) -> (Cube, Change) {
        let mut found = *reference;
        let active = usize::from(before.any) + 2 * usize::from(close);
        let turned = (cube.largest, cube.rotation) != (reference.largest, reference.rotation);
        let turned = self.turned[active].code(coder, turned);
        if turned {
            let largest = &mut self.largest[crossing(reference)];
            found.largest = tree(largest, coder, 2, cube.largest as u32) as i32;
            if found.largest == reference.largest {
                for i in 0..3 {
                    let number = &mut self.turn[magnitude(before.turn[i])];
                    let turn = cube.rotation[i] - reference.rotation[i];
                    found.rotation[i] += number.code(coder, turn, before.turn[i] < 0);
                }
            } else {
                self.other_largest(coder, cube, reference, before, &mut found);
            }
        }
        let moved = &mut self.moved[usize::from(turned) + 2 * active];
        let moved = moved.code(coder, cube.position != reference.position);
        let mut change = Change {
            any: turned || moved,
            ..Change::default()
        };
        if moved {
            for i in 0..3 {
                let expected = before.movement[i];
                let movement = cube.position[i] - reference.position[i];
                let number = &mut self.movement[magnitude(expected)];
                change.movement[i] =
                    expected + number.code(coder, movement - expected, expected < 0);
                found.position[i] += change.movement[i];
            }
        }
        let interacting =
            &mut self.interacting[reference.interacting as usize + 2 * usize::from(change.any)];
        found.interacting = interacting.code(coder, cube.interacting == 1).into();
        change.turn = std::array::from_fn(|i| found.rotation[i] - reference.rotation[i]);
        (found, change)
    }

    /// A rotation of which another component is now the largest, relative to the reference with all
    /// four components.
    fn other_largest(
        &mut self,
        coder: &mut impl Coder,
        cube: &Cube,
        reference: &Cube,
        before: &Change,
        found: &mut Cube,
    ) {
        let (old, new) = (reference.largest as usize, found.largest as usize);
        let mut all = [450; 4];
        for i in 0..3 {
            all[axis_of(i, old)] = reference.rotation[i];
        }
        let expect_flip = usize::from(all[new] < 256);
        let was_largest = index_of(old, new);
        let flipped = self.flipped[expect_flip].code(coder, cube.rotation[was_largest] < 256);
        if flipped {
            all = all.map(|component| 512 - component);
        }
        for i in 0..3 {
            let axis = axis_of(i, new);
            let (context, negative) = match axis == old {
                true => (MAGNITUDES, false),
                false => {
                    let turn = before.turn[index_of(axis, old)];
                    (magnitude(turn), turn < 0)
                }
            };
            let turn = cube.rotation[i] - all[axis];
            found.rotation[i] =
                all[axis] + self.turn[context].code(coder, turn, negative != flipped);
        }
    }
}

/// Returns the component of a rotation that an index of the smallest three means.
fn axis_of(index: usize, largest: usize) -> usize {
    index + usize::from(index >= largest)
}

fn index_of(axis: usize, largest: usize) -> usize {
    axis - usize::from(axis > largest)
}

/// Returns the context of the largest component: which it is, and which is close to it.
fn crossing(cube: &Cube) -> usize {
    let sizes = cube.rotation.map(|component| (component - 256).abs());
    let second = (0..3).rev().max_by_key(|i| sizes[*i]).unwrap_or(0);
    let close = match sizes[second] >= 128 {
        true => second + 1,
        false => 0,
    };
    cube.largest as usize + 4 * close
}

fn magnitude(number: i32) -> usize {
    (number.unsigned_abs().max(1).ilog2() as usize).min(MAGNITUDES - 1)
}
