//! The trace: a simulation of cubes that the player's cube rolls through.
//!
//! The player's cube is pushed around a field of 900 small cubes. At times it attracts the cubes
//! near it, so that they stick to it, and at times it repels them.

use std::{fs, io, path::Path};

use fastrand::Rng;
use rapier3d::prelude::*;

use crate::cube::{CUBES, Cube, Frame};

/// The number of frames, at 60 Hz.
const FRAMES: usize = 1200;
/// The seed of the trace whose hash is known.
pub(crate) const SEED: u64 = 901;

const ROWS: usize = 30;
const PLAYER_SIZE: Real = 1.5;
const SIZE: Real = 0.4;
/// The player's speed in m/s, and its greatest acceleration.
const SPEED: Real = 7.0;
const PUSH: Real = 40.0;

/// Simulates all frames.
fn simulate(seed: u64) -> Vec<Frame> {
    let mut field = Field::new(seed);
    let mut frames = Vec::with_capacity(FRAMES);
    for _ in 0..FRAMES {
        frames.push(field.frame());
        field.step();
    }
    frames
}

/// Reads the trace from a file in the layout of the challenge, or simulates it and writes the file.
pub(crate) fn load(path: &Path, seed: u64) -> io::Result<Vec<Frame>> {
    if let Ok(bytes) = fs::read(path) {
        return Ok(from_bytes(&bytes));
    }
    let frames = simulate(seed);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, to_bytes(&frames))?;
    Ok(frames)
}

/// Returns the trace in the layout of the challenge: 8 little-endian numbers of 32 bits per cube.
fn to_bytes(frames: &[Frame]) -> Vec<u8> {
    let numbers = frames.iter().flatten().flat_map(Cube::numbers);
    numbers.flat_map(i32::to_le_bytes).collect()
}

fn from_bytes(bytes: &[u8]) -> Vec<Frame> {
    let numbers: Vec<i32> = bytes
        .as_chunks()
        .0
        .iter()
        .map(|bytes| i32::from_le_bytes(*bytes))
        .collect();
    let (cubes, _) = numbers.as_chunks();
    let cubes: Vec<Cube> = cubes
        .iter()
        .map(|numbers| Cube::from_numbers(*numbers))
        .collect();
    cubes.chunks_exact(CUBES).map(<[Cube]>::to_vec).collect()
}

/// Returns the FNV-1a hash of the trace.
pub(crate) fn hash(frames: &[Frame]) -> u64 {
    to_bytes(frames)
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

/// What the player does for a while.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mode {
    Roll,
    Attract,
    Repel,
}

struct Field {
    rng: Rng,
    mode: Mode,
    mode_frames: u32,
    /// Where the player is going.
    aim: Vector<Real>,
    aim_frames: u32,
    cubes: Vec<RigidBodyHandle>,
    colliders: Vec<ColliderHandle>,
    pipeline: PhysicsPipeline,
    parameters: IntegrationParameters,
    islands: IslandManager,
    broad_phase: DefaultBroadPhase,
    narrow_phase: NarrowPhase,
    bodies: RigidBodySet,
    all_colliders: ColliderSet,
    impulse_joints: ImpulseJointSet,
    multibody_joints: MultibodyJointSet,
    ccd: CCDSolver,
}

impl Field {
    fn new(seed: u64) -> Self {
        let mut bodies = RigidBodySet::new();
        let mut all_colliders = ColliderSet::new();
        all_colliders.insert(
            ColliderBuilder::cuboid(100.0, 1.0, 100.0).translation(vector![0.0, -1.0, 0.0]),
        );
        let (mut cubes, mut colliders) = (Vec::new(), Vec::new());
        // Walls around the field.
        for (x, z) in [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)] {
            let wall = ColliderBuilder::cuboid(20.0, 10.0, 20.0);
            all_colliders.insert(wall.translation(vector![x * 40.0, 10.0, z * 40.0]));
        }
        let mut add = |size: Real, at: Vector<Real>| {
            let body = bodies.insert(RigidBodyBuilder::dynamic().translation(at));
            let collider =
                ColliderBuilder::cuboid(size / 2.0, size / 2.0, size / 2.0).friction(0.7);
            colliders.push(all_colliders.insert_with_parent(collider, body, &mut bodies));
            cubes.push(body);
        };
        add(PLAYER_SIZE, vector![0.0, 4.0, 0.0]);
        for i in 0..ROWS * ROWS {
            let at = |n: usize| n as Real - (ROWS - 1) as Real / 2.0;
            add(SIZE, vector![at(i % ROWS), SIZE / 2.0, at(i / ROWS)]);
        }
        Self {
            rng: Rng::with_seed(seed),
            mode: Mode::Roll,
            mode_frames: 120,
            aim: Vector::zeros(),
            aim_frames: 0,
            cubes,
            colliders,
            pipeline: PhysicsPipeline::new(),
            parameters: IntegrationParameters {
                dt: 1.0 / 60.0,
                ..IntegrationParameters::default()
            },
            islands: IslandManager::new(),
            broad_phase: DefaultBroadPhase::new(),
            narrow_phase: NarrowPhase::new(),
            bodies,
            all_colliders,
            impulse_joints: ImpulseJointSet::new(),
            multibody_joints: MultibodyJointSet::new(),
            ccd: CCDSolver::new(),
        }
    }

    /// Returns the present state of all cubes.
    fn frame(&self) -> Frame {
        let interacting = self.interacting();
        let cubes = self.cubes.iter().zip(interacting);
        cubes
            .map(|(handle, is_interacting)| {
                Cube::new(self.bodies[*handle].position(), is_interacting)
            })
            .collect()
    }

    /// Returns for each cube whether it moves and touches the player's, maybe through other cubes.
    fn interacting(&self) -> Vec<bool> {
        let mut found = vec![false; CUBES];
        let mut open = vec![0];
        found[0] = true;
        let index = |collider| self.colliders.iter().position(|handle| *handle == collider);
        while let Some(cube) = open.pop() {
            for pair in self.narrow_phase.contact_pairs_with(self.colliders[cube]) {
                if !pair.has_any_active_contact {
                    continue;
                }
                for other in [pair.collider1, pair.collider2]
                    .into_iter()
                    .filter_map(index)
                {
                    if !found[other] && !self.bodies[self.cubes[other]].is_sleeping() {
                        found[other] = true;
                        open.push(other);
                    }
                }
            }
        }
        found
    }

    fn step(&mut self) {
        self.decide();
        self.apply_forces();
        self.pipeline.step(
            &vector![0.0, -9.81, 0.0],
            &self.parameters,
            &mut self.islands,
            &mut self.broad_phase,
            &mut self.narrow_phase,
            &mut self.bodies,
            &mut self.all_colliders,
            &mut self.impulse_joints,
            &mut self.multibody_joints,
            &mut self.ccd,
            None,
            &(),
            &(),
        );
    }

    /// Chooses another mode or another direction if it is time.
    fn decide(&mut self) {
        if self.mode_frames == 0 {
            self.mode = match (self.mode, self.rng.u8(..4)) {
                (Mode::Attract, 0) => Mode::Repel,
                (Mode::Attract | Mode::Repel, _) => Mode::Roll,
                (Mode::Roll, 0) => Mode::Repel,
                (Mode::Roll, _) => Mode::Attract,
            };
            self.mode_frames = match self.mode {
                Mode::Roll => self.rng.u32(60..180),
                Mode::Attract => self.rng.u32(120..360),
                Mode::Repel => self.rng.u32(5..20),
            };
        }
        if self.aim_frames == 0 {
            self.aim_frames = self.rng.u32(30..120);
            let mut at = || self.rng.f32() * 30.0 - 15.0;
            self.aim = vector![at(), 0.0, at()];
        }
        self.mode_frames -= 1;
        self.aim_frames -= 1;
    }

    fn apply_forces(&mut self) {
        let dt = self.parameters.dt;
        let player = self.cubes[0];
        let centre = *self.bodies[player].translation();
        let body = &mut self.bodies[player];
        let way = self.aim - centre;
        let velocity = way * (SPEED / way.norm().max(1.0));
        let mut change = (velocity - body.linvel()) * 0.1;
        change.y = 0.0;
        let push = change.cap_magnitude(PUSH * dt) * body.mass();
        body.apply_impulse(push, true);
        let (acceleration, radius) = match self.mode {
            Mode::Roll => return,
            Mode::Attract => (-30.0, 3.5),
            Mode::Repel => (60.0, 6.0),
        };
        for handle in &self.cubes[1..] {
            let body = &mut self.bodies[*handle];
            let away = body.translation() - centre;
            let distance = away.norm();
            if distance < radius && distance > 0.01 {
                let impulse = away / distance * acceleration * body.mass() * dt;
                body.apply_impulse(impulse, true);
            }
        }
    }
}
