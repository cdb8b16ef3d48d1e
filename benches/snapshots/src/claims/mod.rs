//! The time from a claim until all peers agree about the owner.

mod ball;
mod contest;

use huddle_snapshot::budget::BudgetOptions;

use self::contest::{Contest, Kind};
use crate::{budgets::SMALL, histogram::Histogram, network::Conditions, room::Room, time::HZ};

const SEEDS: u64 = 4;

/// The number of balls in each room.
const BALLS: usize = 10;

/// How often each ball is claimed.
const CLAIMS: usize = 10;

/// The ticks between a claim and a claim of the next ball.
const PAUSE: u32 = 9;

const WARM_UP: u32 = 5 * HZ;

/// The number of bodies that each peer moves in a busy room.
const MOVING: usize = 50;

/// Prints the table.
pub(crate) fn table() {
    println!("Claims: ms until all peers have the same owner");
    println!(
        "{:>14} {:>13} {:>5} {:>7} {:>5} {:>5} {:>5} {:>5} {:>7}",
        "claim", "room", "loss", "claims", "rate", "p50", "p99", "max", "target"
    );
    for (load, moving, budget) in [
        ("rest", 0, BudgetOptions::default()),
        ("busy", MOVING, BudgetOptions::default()),
        ("busy, 6 kB/s", MOVING, SMALL),
    ] {
        for (name, kind) in [
            ("touch", Kind::Touch),
            ("two touches", Kind::TwoTouches),
            ("request", Kind::Request),
        ] {
            for loss in [0, 5] {
                let conditions = Conditions::with_loss(loss);
                let (times, hz) = measure(kind, moving, budget, conditions);
                let target = conditions.round_trip().as_millis() as u32 + 2 * 1000 / hz;
                println!(
                    "{name:>14} {load:>13} {:>5} {:>7} {hz:>5} {:>5} {:>5} {:>5} {target:>7}",
                    format!("{loss} %"),
                    times.len(),
                    times.quantile(0.5),
                    times.quantile(0.99),
                    times.quantile(1.0),
                );
            }
        }
    }
}

/// Returns the times of all claims, and the packets per second of a link.
fn measure(
    kind: Kind,
    moving: usize,
    budget: BudgetOptions,
    conditions: Conditions,
) -> (Histogram, u32) {
    let (mut times, mut hz) = (Histogram::default(), 0);
    for seed in 0..SEEDS {
        let (mut room, mut contest) = Contest::new(kind, BALLS, moving, budget, conditions, seed);
        for _ in 0..WARM_UP {
            room.run_tick(&mut contest);
        }
        hz = rate(&room);
        for round in 0..=CLAIMS {
            for ball in 0..BALLS {
                // The claim of the round before is over.
                if round > 0 {
                    let agreement = contest.agreement(ball);
                    times.add(agreement.expect("all peers agree"));
                }
                if round < CLAIMS {
                    contest.start_claim(ball);
                }
                for _ in 0..PAUSE {
                    room.run_tick(&mut contest);
                }
            }
        }
    }
    (times, hz)
}

fn rate(room: &Room) -> u32 {
    let report = room.peers[0].session.link_stats(room.peers[1].id);
    report.expect("the peers are linked").send_rate.hz()
}
