//! The allocations of the calls of a session, in steady state.

use huddle_snapshot::budget::BudgetOptions;

use crate::{
    bodies::Bodies,
    budgets::name_of,
    cost::{Call, Costs},
    network::Conditions,
    room::{Frame, Game, Room},
    time::HZ,
};

const BODIES: usize = 1000;
const WARM_UP: u32 = 20;
const SECONDS: u32 = 20;

struct Mover {
    bodies: Bodies,
    moved: usize,
}

impl Game for Mover {
    fn run(&mut self, frame: Frame<'_>) {
        while frame.session.poll().is_some() {}
        if frame.peer == 0 {
            self.bodies.step_some(frame.peer, frame.session, self.moved);
        }
    }
}

/// Prints the table.
pub(crate) fn table() {
    println!("Allocations per packet, and time per packet in µs, of {BODIES} bodies of one peer");
    println!(
        "{:>9} {:>6} {:>6} {:>9} {:>14} {:>14} {:>14} {:>14} {:>14}",
        "budget", "moved", "loss", "packets/s", "write", "receive", "delivered", "advance", "game"
    );
    for budget in [BudgetOptions::default(), BudgetOptions::UNLIMITED] {
        for moved in [BODIES, BODIES / 100] {
            for loss in [0, 5] {
                row(budget, moved, loss);
            }
        }
    }
}

fn row(budget: BudgetOptions, moved: usize, loss: u32) {
    let mut room = Room::new(2, 2, Conditions::with_loss(loss), budget, 1);
    let mut mover = Mover {
        bodies: Bodies::new(2, 1),
        moved: 0,
    };
    for _ in 0..BODIES {
        mover.bodies.spawn(&mut room, 0);
    }
    // Every entity arrives before any moves.
    for moved in [0, moved] {
        mover.moved = moved;
        for _ in 0..WARM_UP * HZ {
            room.run_tick(&mut mover);
        }
    }
    for peer in &mut room.peers {
        (peer.costs, peer.received) = (Costs::default(), 0);
    }
    for _ in 0..SECONDS * HZ {
        room.run_tick(&mut mover);
    }
    let (sender, receiver) = (&room.peers[0], &room.peers[1]);
    let packets = receiver.received as f64;
    let cell = |of: &Costs, call| {
        let cost = of.of(call);
        let time = cost.time.as_secs_f64() * 1e6 / packets;
        format!("{:.2} {time:.1}", cost.allocations as f64 / packets)
    };
    println!(
        "{:>9} {moved:>6} {:>6} {:>9.1} {:>14} {:>14} {:>14} {:>14} {:>14}",
        name_of(budget),
        format!("{loss} %"),
        packets / f64::from(SECONDS),
        cell(&sender.costs, Call::Write),
        cell(&receiver.costs, Call::Receive),
        cell(&sender.costs, Call::Delivered),
        cell(&receiver.costs, Call::Advance),
        cell(&sender.costs, Call::Game),
    );
}
