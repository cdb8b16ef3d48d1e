//! `bevy_replicon` with its own test transport, which passes messages between apps in memory.

use bevy::{prelude::*, state::app::StatesPlugin};
use bevy_replicon::{prelude::*, test_app::ServerTestAppExt};

use crate::{
    measure::{self, Cell, FRAMES, Measured, WARM_UP, summary},
    world::{ENTITIES, Facing, Mover, Place, Speed, body, move_bodies},
};

fn game() -> App {
    let mut app = App::new();
    app.add_plugins((
        MinimalPlugins,
        StatesPlugin,
        RepliconPlugins.set(ServerPlugin::new(PostUpdate)),
    ))
    .replicate::<Place>()
    .replicate::<Facing>()
    .replicate::<Speed>();
    app
}

pub(crate) fn run(cell: Cell) -> Measured {
    measure(cell, ENTITIES)
}

pub(crate) fn run_empty(cell: Cell) -> Measured {
    measure(cell, 0)
}

fn measure(cell: Cell, entities: usize) -> Measured {
    let mut server = game();
    server
        .add_plugins(measure::plugin)
        .insert_resource(Mover::new(cell.changed.min(entities)))
        .add_systems(Update, move_bodies);
    server.finish();
    let mut clients: Vec<_> = (0..cell.peers)
        .map(|_| {
            let mut client = game();
            client.finish();
            client
        })
        .collect();
    for client in &mut clients {
        server.connect_client(client);
    }
    for number in 0..entities {
        server.world_mut().spawn((Replicated, body(number)));
    }
    let mut bytes = 0;
    for frame in 0..WARM_UP + FRAMES {
        server.update();
        if frame >= WARM_UP {
            bytes += sent(&mut server);
        }
        for client in &mut clients {
            server.exchange_with_client(client);
            client.update();
            server.exchange_with_client(client);
        }
    }
    summary(&server, bytes as f64, cell)
}

/// Returns the bytes of the messages that wait to be exchanged.
fn sent(server: &mut App) -> u64 {
    let mut messages = server.world_mut().resource_mut::<ServerMessages>();
    let all: Vec<_> = messages.drain_sent().collect();
    let bytes = all.iter().map(|(_, _, message)| message.len() as u64).sum();
    for (client, channel, message) in all {
        messages.send(client, channel, message);
    }
    bytes
}
