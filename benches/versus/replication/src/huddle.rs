//! Replication of this project, in its lab: the network costs nothing, and the clock is virtual.

use std::time::Duration;

use bevy::prelude::*;
use bevy_huddle::{LinkStats, replication::*, testing::Lab};

use crate::{
    measure::{self, Cell, FRAMES, Measured, WARM_UP, summary},
    world::{ENTITIES, Facing, Mover, Place, Speed, body, move_bodies},
};

fn game(app: &mut App) {
    app.insert_resource(Time::<Fixed>::from_hz(60.0))
        .insert_resource(ReplicationBudget {
            bytes_per_second: u32::MAX,
        })
        .replicate_with::<Place>("place", |rule| {
            rule.vec3(|it| it.0, |it, at| it.0 = at, within(500.0).step(0.01))
        })
        .replicate_with::<Facing>("facing", |rule| {
            rule.rotation(|it| it.0, |it, facing| it.0 = facing, 10)
        })
        .replicate_with::<Speed>("speed", |rule| {
            rule.vec3(|it| it.0, |it, speed| it.0 = speed, within(32.0).step(0.05))
        });
}

pub(crate) fn run(cell: Cell) -> Measured {
    measure(cell, ENTITIES)
}

pub(crate) fn run_empty(cell: Cell) -> Measured {
    measure(cell, 0)
}

fn measure(cell: Cell, entities: usize) -> Measured {
    let mut lab = Lab::new(1);
    let owner = lab.player(move |app| {
        game(app);
        app.add_plugins(measure::plugin)
            .insert_resource(Mover::new(cell.changed.min(entities)))
            .add_systems(FixedUpdate, move_bodies);
    });
    let mut players = vec![owner];
    players.extend((0..cell.peers).map(|_| lab.player(game)));
    lab.run_until(|lab| lab.have_met(&players));
    let world = lab.app_mut(owner).world_mut();
    for number in 0..entities {
        world.spawn((Replicated, body(number)));
    }
    let frames = |count: usize| Duration::from_secs_f64(count as f64 / 60.0);
    lab.run_for(frames(WARM_UP));
    let sent = |lab: &Lab| -> u64 {
        let peers = players[1..].iter();
        peers
            .map(|&peer| {
                lab.seen::<LinkStats>(owner, peer)
                    .map_or(0, |it| it.delivery.bytes_sent)
            })
            .sum()
    };
    let before = sent(&lab);
    lab.run_for(frames(FRAMES));
    let bytes = sent(&lab) - before;
    summary(&lab[owner], bytes as f64, cell)
}
