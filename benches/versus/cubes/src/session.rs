//! Two sessions of this project with a link, over which the cubes travel as entities.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use fastrand::Rng;
use huddle_id::PeerId;
use huddle_snapshot::{
    ComponentId, Layout, NewEntity, Shape, SnapshotSession, Value, budget::BudgetOptions,
    id::EntityId,
};

use crate::{
    cube::Frame,
    ours::{LAYOUT, numbers},
};

/// The space for snapshots in a packet, in bytes.
const SPACE: usize = 1000;

const SENDER: PeerId = PeerId::from_u128(1);
const RECEIVER: PeerId = PeerId::from_u128(2);

/// A sender and a receiver. A frame can need several packets.
pub(crate) struct Sessions {
    sender: SnapshotSession,
    receiver: SnapshotSession,
    component: ComponentId,
    cubes: Vec<EntityId>,
    tick: u32,
    seq: u64,
    /// The packets whose fate the sender does not know, with the tick and whether they arrived.
    under_way: VecDeque<(u32, u64, bool)>,
    packet: Vec<u8>,
    /// The share of lost packets, in percent.
    loss: u8,
    rng: Rng,
}

/// What a frame has cost.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FrameCost {
    pub(crate) bytes: usize,
    pub(crate) packets: usize,
    pub(crate) set: Duration,
    pub(crate) write: Duration,
    pub(crate) receive: Duration,
}

impl FrameCost {
    /// Takes the shorter times of another run of the same frame.
    pub(crate) fn shorten(&mut self, other: Self) {
        self.set = self.set.min(other.set);
        self.write = self.write.min(other.write);
        self.receive = self.receive.min(other.receive);
    }
}

impl Sessions {
    /// Creates sessions of which the sender owns the cubes of a frame.
    pub(crate) fn new(frame: &Frame, loss: u8) -> Self {
        let layout = Layout::new([("cube".to_owned(), Shape::Fields(LAYOUT.to_vec()))]);
        let layout = layout.expect("the layout is valid");
        let component = layout.id("cube").expect("the component exists");
        let mut sender = SnapshotSession::new(SENDER, layout.clone(), 0);
        let mut receiver = SnapshotSession::new(RECEIVER, layout, 0);
        for session in [&mut sender, &mut receiver] {
            session.set_budget_options(BudgetOptions::UNLIMITED);
        }
        sender.link_opened(RECEIVER);
        receiver.link_opened(SENDER);
        let spawn = |cube| {
            let numbers = numbers(cube);
            let values = [(component, Value::Numbers(&numbers))];
            let id = sender.spawn(NewEntity::default(), &values);
            id.expect("the values agree with the layout")
        };
        Self {
            cubes: frame.iter().map(spawn).collect(),
            sender,
            receiver,
            component,
            tick: 0,
            seq: 0,
            under_way: VecDeque::new(),
            packet: Vec::new(),
            loss,
            rng: Rng::with_seed(7),
        }
    }

    /// Sends a frame. The sender knows the fate of its packets after `distance` frames.
    pub(crate) fn send(&mut self, frame: &Frame, distance: usize) -> FrameCost {
        self.tick += 1;
        let now = Duration::from_secs(1) * self.tick / 60;
        let mut cost = FrameCost::default();
        self.report_fates(distance as u32);
        self.sender.advance(now);
        self.receiver.advance(now);
        let start = Instant::now();
        for (id, cube) in self.cubes.iter().zip(frame) {
            let result = self
                .sender
                .set(*id, self.component, Value::Numbers(&numbers(cube)));
            result.expect("the sender owns the cube");
        }
        cost.set = start.elapsed();
        loop {
            self.packet.clear();
            let start = Instant::now();
            let packet = &mut self.packet;
            let is_written = self
                .sender
                .write(RECEIVER, self.seq, self.tick, SPACE, packet);
            cost.write += start.elapsed();
            if !is_written {
                break;
            }
            cost.bytes += packet.len();
            cost.packets += 1;
            let arrives = self.rng.u8(..100) >= self.loss;
            if arrives {
                let start = Instant::now();
                let result = self.receiver.receive(SENDER, self.seq, self.tick, packet);
                cost.receive += start.elapsed();
                result.expect("an honest peer sent the packet");
            }
            self.under_way.push_back((self.tick, self.seq, arrives));
            self.seq += 1;
        }
        while self.receiver.poll().is_some() {}
        cost
    }

    fn report_fates(&mut self, distance: u32) {
        while let Some(&(tick, seq, arrived)) = self.under_way.front()
            && tick + distance <= self.tick
        {
            self.under_way.pop_front();
            match arrived {
                true => self.sender.delivered(RECEIVER, seq),
                false => self.sender.lost(RECEIVER, seq),
            }
        }
    }

    /// Returns whether the receiver has the cubes of a frame.
    pub(crate) fn has_arrived(&self, frame: &Frame) -> bool {
        self.cubes.iter().zip(frame).all(|(id, cube)| {
            let value = self.receiver.get(*id, self.component);
            value == Some(Value::Numbers(&numbers(cube)))
        })
    }
}
