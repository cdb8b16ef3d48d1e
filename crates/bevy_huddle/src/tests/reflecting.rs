use std::any::TypeId;

use bevy::{
    ecs::reflect::{ReflectComponent, ReflectEvent, ReflectResource},
    prelude::*,
    reflect::TypeRegistry,
};

use super::game::{meet, offline_app};
use crate::{
    prelude::*,
    replication::{components::PeerEntity, room::RoomReplication},
    room::{link::RoomLink, status::ReportedStatus},
};

fn registry(app: &App) -> impl std::ops::Deref<Target = TypeRegistry> + '_ {
    app.world().resource::<AppTypeRegistry>().read()
}

#[test]
fn components_of_rooms_and_peers_are_reflected() {
    let (lab, [ada, bob]) = meet();
    let world = lab[ada].world();
    let registry = registry(&lab[ada]);
    let private = [
        TypeId::of::<RoomLink>(),
        TypeId::of::<ReportedStatus>(),
        TypeId::of::<RoomReplication>(),
        TypeId::of::<PeerEntity>(),
    ];
    let mut reflected = 0;
    for entity in [lab.room(ada), lab.peer(ada, bob)] {
        for component in world.inspect_entity(entity).unwrap() {
            let id = component.type_id().unwrap();
            if !private.contains(&id) {
                let data = registry.get_type_data::<ReflectComponent>(id);
                assert!(data.is_some(), "{:?}", registry.get_type_info(id));
                reflected += 1;
            }
        }
    }
    assert!(reflected >= 10, "{reflected}");
}

#[test]
fn events_and_resources_are_reflected() {
    let app = offline_app();
    let registry = registry(&app);
    let event = |id| registry.get_type_data::<ReflectEvent>(id).is_some();
    assert!(event(TypeId::of::<PeerJoined>()));
    assert!(event(TypeId::of::<RoomFailed>()));
    assert!(event(TypeId::of::<SendFailed>()));
    assert!(event(TypeId::of::<TransferStarted>()));
    let accepted = TypeId::of::<AcceptedTransfers>();
    assert!(
        registry
            .get_type_data::<ReflectResource>(accepted)
            .is_some()
    );
}

#[test]
fn status_can_be_read_by_reflection() {
    let (lab, [ada, _]) = meet();
    let registry = registry(&lab[ada]);
    let id = TypeId::of::<RoomStatus>();
    let component = registry.get_type_data::<ReflectComponent>(id).unwrap();
    let room = lab[ada].world().entity(lab.room(ada));
    let status = component.reflect(room).unwrap();
    assert_eq!(
        status.reflect_ref().as_enum().unwrap().variant_name(),
        "Playing"
    );
}
