use std::time::Duration;

use bevy::prelude::*;

use super::{super::game::bad_network, *};
use crate::replication::{
    LocallyOwned, OnOwnerLeft, OwnershipCommandsExt, OwnershipPolicy, PlacedId, Replicated,
};

/// Returns the number of events that a player has received from the others.
fn received(lab: &Lab, player: Player, others: &[Player]) -> u64 {
    let peers = others.iter().map(|other| lab.peer(player, *other));
    let stats = peers.map(|peer| {
        lab.app(player)
            .world()
            .get::<crate::LinkStats>(peer)
            .unwrap()
    });
    stats.map(|stats| stats.events_received).sum()
}

#[test]
fn handover_sends_no_content_and_the_new_owner_changes_the_value() {
    let (mut lab, [ada, bob, eve]) = meet();
    let level = lab.spawn(ada, (Charge(1), Map::new(1), OwnershipPolicy::ByTouch));
    lab.settle();
    let before = received(&lab, eve, &[ada, bob]) + received(&lab, ada, &[bob, eve]);
    let shown = lab.shown(bob, (ada, level)).unwrap();
    lab.commands(bob, |commands| _ = commands.entity(shown).touch());
    lab.settle();
    assert!(lab[bob].world().entity(shown).contains::<LocallyOwned>());
    let after = received(&lab, eve, &[ada, bob]) + received(&lab, ada, &[bob, eve]);
    assert_eq!(after, before, "nothing was requested or sent");
    set_map(&mut lab, bob, shown, Map::new(2));
    lab.settle();
    assert_eq!(lab[ada].world().get::<Map>(level), Some(&Map::new(2)));
    assert_eq!(lab.see(eve, (ada, level)), Some(Map::new(2)));
}

#[test]
fn gift_keeps_a_value_that_has_not_arrived() {
    let (mut lab, [ada, bob, eve]) = meet();
    let level = lab.spawn(ada, (Charge(1), Map::new(1), OwnershipPolicy::OnRequest));
    lab.settle();
    lab.network(bad_network());
    set_map(&mut lab, ada, level, Map::new(2));
    lab.run_for(Duration::from_millis(20));
    let bobs_id = lab.peer_id(bob);
    lab.commands(ada, |commands| _ = commands.entity(level).give(bobs_id));
    lab.run_for(Duration::from_secs(8));
    assert_eq!(lab.owner(ada, level), Some(bobs_id));
    for viewer in [ada, bob, eve] {
        assert_eq!(lab.see(viewer, (ada, level)), Some(Map::new(2)));
    }
}

#[test]
fn heir_keeps_the_value() {
    let (mut lab, [ada, bob, eve]) = meet();
    let pass_on = (OwnershipPolicy::ByTouch, OnOwnerLeft::PassOn);
    let level = lab.spawn(ada, (Charge(1), Map::new(1), pass_on));
    lab.settle();
    let shown = [bob, eve].map(|viewer| (viewer, lab.shown(viewer, (ada, level)).unwrap()));
    lab.leave(ada);
    lab.run_for(Duration::from_secs(3));
    let owners = shown.map(|(viewer, entity)| lab.owner(viewer, entity));
    assert_eq!(owners[0], owners[1]);
    let heir = match owners[0] == Some(lab.peer_id(bob)) {
        true => shown[0],
        false => shown[1],
    };
    set_map(&mut lab, heir.0, heir.1, Map::new(3));
    lab.settle();
    for (viewer, entity) in shown {
        assert_eq!(lab[viewer].world().get::<Map>(entity), Some(&Map::new(3)));
    }
}

#[test]
fn owner_that_leaves_before_the_content_has_arrived_leaves_nothing() {
    let (mut lab, [ada, bob]) = meet();
    lab.network(bad_network());
    for number in 0..30 {
        let pass_on = (OwnershipPolicy::ByTouch, OnOwnerLeft::PassOn);
        lab.spawn(ada, (Charge(1), Map::new(number), pass_on));
    }
    lab.run_for(Duration::from_millis(700));
    lab.leave(ada);
    lab.run_for(Duration::from_secs(10));
    let (charges, maps) = (lab.all::<Charge>(bob).len(), lab.all::<Map>(bob).len());
    assert_eq!(charges, maps, "what is there is whole");
    assert!(maps < 30);
    let seen = lab[bob].world().resource::<Seen>();
    assert_eq!(seen.partial, 0);
}

#[test]
fn despawn_while_the_content_is_under_way_leaves_nothing() {
    let (mut lab, [ada, bob]) = meet();
    lab.network(bad_network());
    for number in 0..20 {
        let level = lab.spawn(ada, (Charge(1), Map::new(number)));
        lab.run_for(Duration::from_millis(u64::from(number) * 20));
        lab.with(ada, |world| world.despawn(level));
    }
    lab.run_for(Duration::from_secs(4));
    assert_eq!(
        (lab.all::<Charge>(bob), lab.all::<Map>(bob)),
        (vec![], vec![])
    );
    lab.with(bob, |world| {
        let mut links = world.query::<&crate::room::link::RoomLink>();
        let link = links.single(world).unwrap();
        assert!(link.large.is_empty());
    });
}

#[test]
fn level_entity_takes_the_large_value_of_the_room() {
    fn level(app: &mut App) {
        large_game(app);
        let policy = OwnershipPolicy::ByTouch;
        let placed = (Replicated, PlacedId(1), policy, Charge(0), Map::new(0));
        app.world_mut().spawn(placed);
    }
    let mut lab = Lab::new(6);
    let ada = lab.player(level);
    lab.run_for(Duration::from_secs(1));
    let entity = lab.with(ada, |world| {
        let mut levels = world.query_filtered::<Entity, With<Map>>();
        levels.single(world).unwrap()
    });
    lab.commands(ada, |commands| _ = commands.entity(entity).touch());
    lab.run_for(Duration::from_millis(100));
    set_map(&mut lab, ada, entity, Map::new(9));
    lab.run_for(Duration::from_millis(100));
    let bob = lab.player(level);
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    lab.settle();
    assert_eq!(lab.all::<Map>(bob), [Map::new(9)]);
}

#[test]
fn local_peer_has_a_large_component() {
    let (mut lab, [ada, bob]) = meet();
    let local = lab.peer(ada, ada);
    lab.with(ada, |world| {
        world.entity_mut(local).insert(Map::new(4)).id()
    });
    lab.settle();
    let peer = lab.peer(bob, ada);
    assert_eq!(lab[bob].world().get::<Map>(peer), Some(&Map::new(4)));
    lab.leave(ada);
    lab.settle();
    lab.rejoin(ada);
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    lab.settle();
    // The entity of the local peer is new, too.
    let local = lab.peer(ada, ada);
    lab.with(ada, |world| {
        world.entity_mut(local).insert(Map::new(5)).id()
    });
    lab.settle();
    let peer = lab.peer(bob, ada);
    assert_eq!(lab[bob].world().get::<Map>(peer), Some(&Map::new(5)));
}

#[test]
fn content_arrives_although_the_link_is_replaced() {
    let (mut lab, [ada, bob]) = meet();
    lab.network(bad_network());
    let level = lab.spawn(ada, (Charge(1), Map::new(1)));
    for _ in 0..5 {
        lab.run_for(Duration::from_millis(150));
        lab.replace_link(ada, bob, Duration::from_millis(20));
    }
    run_until(&mut lab, |lab| !lab.all::<Map>(bob).is_empty());
    assert_eq!(lab.see(bob, (ada, level)), Some(Map::new(1)));
}
