use bevy::{ecs::system::RunSystemOnce, prelude::*};
use serde::{Deserialize, Serialize};

use super::game::{Charge, LabExt, game, meet_with};
use crate::{
    prelude::*,
    replication::{EntityId, ReplicatedEntities},
};

/// A message about an entity.
#[derive(Serialize, Deserialize)]
struct Ping(EntityId);

/// The entity that the last message was about.
#[derive(Resource, Default)]
struct Pinged(Option<Entity>);

fn game_with_pings(app: &mut App) {
    game(app);
    app.init_resource::<Pinged>()
        .add_peer_event::<Ping>("ping")
        .add_observer(
            |ping: On<FromPeer<Ping>>, entities: ReplicatedEntities, mut pinged: ResMut<Pinged>| {
                pinged.0 = entities.entity(ping.message.0);
            },
        );
}

#[test]
fn event_about_an_entity_finds_it_on_every_peer() {
    let (mut lab, [ada, bob]) = meet_with(game_with_pings);
    let ball = lab.spawn(ada, Charge(1));
    lab.settle();
    let id = lab.with(ada, |world| {
        let find = move |entities: ReplicatedEntities| entities.id(ball);
        world.run_system_once(find).unwrap().unwrap()
    });
    lab.commands(ada, |commands| {
        commands.send_to(Recipients::All, Ping(id));
    });
    lab.settle();
    let shown = lab.shown(bob, (ada, ball));
    assert!(shown.is_some());
    assert_eq!(lab[bob].world().resource::<Pinged>().0, shown);
    assert_eq!(lab[ada].world().resource::<Pinged>().0, Some(ball));

    lab.with(ada, |world| world.despawn(ball));
    lab.settle();
    lab.commands(bob, |commands| {
        commands.send_to(Recipients::All, Ping(id));
    });
    lab.settle();
    for player in [ada, bob] {
        assert_eq!(lab[player].world().resource::<Pinged>().0, None);
    }
}
