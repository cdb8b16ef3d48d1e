use std::time::Duration;

use bevy::prelude::*;

use super::game::{Charge, LabExt, Label, bad_network, game, meet, meet_with};
use crate::{
    RoomHost,
    replication::{
        Cause, ClaimEnd, ClaimEnded, ClaimRefusal, LocallyOwned, OnOwnerLeft, OwnershipChanged,
        OwnershipCommandsExt, OwnershipPolicy, ReplicationAppExt, ReplicationError,
        ReplicationFailed,
    },
    testing::{Lab, Player},
};

/// Runs a command about the entity that a player sees.
fn command(lab: &mut Lab, player: Player, entity: Entity, run: impl FnOnce(&mut EntityCommands)) {
    lab.commands(player, |commands| run(&mut commands.entity(entity)));
}

fn ends(lab: &mut Lab, player: Player) -> Vec<ClaimEnd> {
    let ended = lab.take_events::<ClaimEnded>(player);
    ended.iter().map(|ended| ended.end).collect()
}

#[test]
fn touch_takes_the_entity_on_every_peer_and_its_values_follow_the_new_owner() {
    let (mut lab, [ada, bob, eve]) = meet();
    let ball = lab.spawn(ada, (Charge(1), OwnershipPolicy::ByTouch));
    lab.settle();
    let shown = lab.shown(bob, (ada, ball)).unwrap();
    command(&mut lab, bob, shown, |ball| _ = ball.touch());
    lab.settle();
    let bobs_id = lab.peer_id(bob);
    for (viewer, entity) in [
        (ada, ball),
        (bob, shown),
        (eve, lab.shown(eve, (ada, ball)).unwrap()),
    ] {
        assert_eq!(lab.owner(viewer, entity), Some(bobs_id));
        let changed = lab.take_events::<OwnershipChanged>(viewer);
        let expected = OwnershipChanged {
            entity,
            from: Some(lab.peer_id(ada)),
            to: Some(bobs_id),
            cause: Cause::Touched,
        };
        assert_eq!(changed, [expected]);
    }
    assert_eq!(ends(&mut lab, bob), [ClaimEnd::Granted]);
    assert!(!lab[ada].world().entity(ball).contains::<LocallyOwned>());
    lab.with(bob, |world| {
        *world.get_mut::<Charge>(shown).unwrap() = Charge(5)
    });
    lab.settle();
    assert_eq!(lab[ada].world().get::<Charge>(ball), Some(&Charge(5)));
    assert_eq!(lab.see(eve, (ada, ball)), Some(Charge(5)));
}

#[test]
fn new_owner_sends_what_it_changed_before() {
    let (mut lab, [ada, bob]) = meet();
    let ball = lab.spawn(ada, (Charge(1), OwnershipPolicy::ByTouch));
    lab.settle();
    let shown = lab.shown(bob, (ada, ball)).unwrap();
    lab.with(bob, |world| {
        world
            .entity_mut(shown)
            .insert((Charge(9), Label("mine".to_owned())));
    });
    command(&mut lab, bob, shown, |ball| _ = ball.touch());
    lab.settle();
    assert_eq!(lab[ada].world().get::<Charge>(ball), Some(&Charge(9)));
    assert_eq!(
        lab[ada].world().get::<Label>(ball),
        Some(&Label("mine".to_owned()))
    );
}

#[test]
fn held_entity_cannot_be_touched_until_it_is_released() {
    let (mut lab, [ada, bob]) = meet();
    let ball = lab.spawn(ada, (Charge(1), OwnershipPolicy::ByTouch));
    lab.settle();
    let shown = lab.shown(bob, (ada, ball)).unwrap();
    let adas_id = lab.peer_id(ada);
    command(&mut lab, ada, ball, |ball| _ = ball.hold());
    lab.settle();
    command(&mut lab, bob, shown, |ball| _ = ball.touch());
    lab.settle();
    assert_eq!(
        ends(&mut lab, bob),
        [ClaimEnd::Refused(ClaimRefusal::Held(adas_id))]
    );
    command(&mut lab, ada, ball, |ball| _ = ball.release());
    lab.settle();
    command(&mut lab, bob, shown, |ball| _ = ball.touch());
    lab.settle();
    assert_eq!(ends(&mut lab, bob), [ClaimEnd::Granted]);
}

#[test]
fn simultaneous_touches_have_one_winner_on_a_bad_network() {
    let (mut lab, [ada, bob, eve]) = meet();
    lab.network(bad_network());
    let ball = lab.spawn(ada, (Charge(1), OwnershipPolicy::ByTouch));
    lab.settle();
    let entities = [
        (ada, ball),
        (bob, lab.shown(bob, (ada, ball)).unwrap()),
        (eve, lab.shown(eve, (ada, ball)).unwrap()),
    ];
    for (player, entity) in &entities[1..] {
        command(&mut lab, *player, *entity, |ball| _ = ball.touch());
    }
    lab.run_for(Duration::from_secs(5));
    let owners = entities.map(|(player, entity)| lab.owner(player, entity));
    assert!(owners.iter().all(|owner| *owner == owners[0]), "{owners:?}");
    let mut granted = 0;
    for player in [bob, eve] {
        let ends = ends(&mut lab, player);
        assert_eq!(ends.len(), 1, "{ends:?}");
        granted += usize::from(ends[0] == ClaimEnd::Granted);
    }
    assert_eq!(granted, 1);
}

fn guarded(app: &mut App) {
    game(app);
    app.decide_ownership(|request| {
        let charge = request.world.get::<Charge>(request.entity);
        charge.is_some_and(|charge| charge.0 < 10)
    });
}

#[test]
fn owner_decides_about_a_request() {
    let (mut lab, [ada, bob]) = meet_with(guarded);
    let [free, locked] =
        [1, 99].map(|charge| lab.spawn(ada, (Charge(charge), OwnershipPolicy::OnRequest)));
    lab.settle();
    let shown = [free, locked].map(|entity| lab.shown(bob, (ada, entity)).unwrap());
    for entity in shown {
        command(&mut lab, bob, entity, |entity| _ = entity.claim());
    }
    lab.settle();
    let (adas_id, bobs_id) = (lab.peer_id(ada), lab.peer_id(bob));
    let ended = lab.take_events::<ClaimEnded>(bob);
    let end_of = |entity| ended.iter().find(|it| it.entity == entity).map(|it| it.end);
    assert_eq!(ended.len(), 2);
    assert_eq!(end_of(shown[0]), Some(ClaimEnd::Granted));
    let denied = ClaimEnd::Refused(ClaimRefusal::ByOwner(adas_id));
    assert_eq!(end_of(shown[1]), Some(denied));
    assert_eq!(lab.owner(ada, free), Some(bobs_id));
    assert_eq!(lab.owner(ada, locked), Some(adas_id));
}

#[test]
fn request_ends_without_an_answer_if_the_owner_is_gone() {
    let (mut lab, [ada, bob]) = meet();
    let ball = lab.spawn(ada, (Charge(1), OwnershipPolicy::OnRequest));
    lab.settle();
    let shown = lab.shown(bob, (ada, ball)).unwrap();
    lab.kill(ada);
    command(&mut lab, bob, shown, |ball| _ = ball.claim());
    lab.run_for(Duration::from_secs(30));
    assert_eq!(ends(&mut lab, bob).len(), 1);
    assert_eq!(
        lab.owner(bob, shown),
        Some(lab.peer_id(bob)),
        "Bob is the heir"
    );
}

#[test]
fn gift_changes_the_owner() {
    let (mut lab, [ada, bob]) = meet();
    let ball = lab.spawn(ada, (Charge(1), OwnershipPolicy::OnRequest));
    lab.settle();
    let bobs_id = lab.peer_id(bob);
    command(&mut lab, ada, ball, |ball| _ = ball.give(bobs_id));
    lab.settle();
    let shown = lab.shown(bob, (ada, ball)).unwrap();
    assert_eq!(lab.owner(ada, ball), Some(bobs_id));
    assert_eq!(lab.owner(bob, shown), Some(bobs_id));
    assert!(lab[bob].world().entity(shown).contains::<LocallyOwned>());
}

#[test]
fn entity_of_the_host_belongs_to_each_host_in_turn() {
    let (mut lab, players) = meet::<3>();
    let ids = players.map(|player| lab.peer_id(player));
    let host = |lab: &Lab, viewer| {
        let room = lab.room(viewer);
        let RoomHost(host) = *lab[viewer].world().get::<RoomHost>(room).unwrap();
        players[ids.iter().position(|id| *id == host).unwrap()]
    };
    let first = host(&lab, players[0]);
    let others: Vec<_> = players.into_iter().filter(|it| *it != first).collect();
    let score = lab.spawn(first, (Charge(1), OwnershipPolicy::Host));
    lab.settle();
    let shown = [0, 1].map(|at| lab.shown(others[at], (first, score)).unwrap());
    lab.leave(first);
    lab.run_for(Duration::from_secs(5));
    let next = lab.peer_id(host(&lab, others[0]));
    for at in [0, 1] {
        assert_eq!(lab.owner(others[at], shown[at]), Some(next));
    }
}

#[test]
fn command_about_an_entity_outside_of_a_room_is_reported() {
    let (mut lab, [ada, bob]) = meet();
    let stone = lab.with(ada, |world| world.spawn(Charge(1)).id());
    command(&mut lab, ada, stone, |stone| _ = stone.touch());
    let failed = lab.take_events::<ReplicationFailed>(ada);
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].error, ReplicationError::NotReplicated);
    let ball = lab.spawn(ada, Charge(1));
    lab.settle();
    let shown = lab.shown(bob, (ada, ball)).unwrap();
    command(&mut lab, bob, shown, |ball| _ = ball.release());
    let failed = lab.take_events::<ReplicationFailed>(bob);
    assert!(matches!(
        failed[..],
        [ReplicationFailed {
            error: ReplicationError::Entity(_),
            ..
        }]
    ));
}

#[test]
fn touched_entity_can_be_despawned_at_once_on_every_peer() {
    let (mut lab, [ada, bob, eve]) = meet();
    let coin = lab.spawn(ada, (Charge(1), OwnershipPolicy::ByTouch));
    lab.settle();
    let shown = lab.shown(bob, (ada, coin)).unwrap();
    lab.commands(bob, |commands| {
        commands.entity(shown).touch();
        commands.entity(shown).despawn();
    });
    lab.settle();
    for player in [ada, bob, eve] {
        assert_eq!(lab.all::<Charge>(player), []);
    }
    assert_eq!(ends(&mut lab, bob), [], "there is no entity to report on");
}

#[test]
fn touch_in_each_tick_is_one_claim() {
    let (mut lab, [ada, bob]) = meet();
    let ball = lab.spawn(ada, (Charge(1), OwnershipPolicy::ByTouch));
    lab.settle();
    let shown = lab.shown(bob, (ada, ball)).unwrap();
    lab[bob].add_systems(FixedUpdate, move |mut commands: Commands| {
        commands.entity(shown).touch();
    });
    lab.run_for(Duration::from_secs(5));
    assert_eq!(ends(&mut lab, bob), [ClaimEnd::Granted]);
}

#[test]
fn new_entity_belongs_to_the_local_peer_even_without_a_room() {
    let mut lab = Lab::new(6);
    let ada = lab.player(game);
    lab.leave(ada);
    let ball = lab.spawn(ada, Charge(1));
    assert!(lab[ada].world().entity(ball).contains::<LocallyOwned>());
}

#[test]
fn policy_is_the_same_on_every_peer() {
    let (mut lab, [ada, bob]) = meet();
    let ball = lab.spawn(
        ada,
        (Charge(1), OwnershipPolicy::ByTouch, OnOwnerLeft::Despawn),
    );
    lab.settle();
    assert_eq!(lab.see(bob, (ada, ball)), Some(OwnershipPolicy::ByTouch));
    assert_eq!(lab.see(bob, (ada, ball)), Some(OnOwnerLeft::Despawn));
}

#[test]
fn entity_that_passes_on_stays_in_the_room_and_exists_once_after_a_rejoin() {
    let (mut lab, [ada, bob]) = meet();
    lab.spawn(ada, (Charge(1), OwnershipPolicy::ByTouch));
    lab.settle();
    lab.leave(ada);
    assert_eq!(lab.all::<Charge>(ada), []);
    lab.run_for(Duration::from_secs(3));
    lab.rejoin(ada);
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    lab.settle();
    assert_eq!(lab.all::<Charge>(ada), [Charge(1)]);
    assert_eq!(lab.all::<Charge>(bob), [Charge(1)]);
}

#[test]
fn change_in_the_tick_of_a_gift_is_undone() {
    let (mut lab, [ada, bob]) = meet();
    let ball = lab.spawn(
        ada,
        (Charge(1), Label("red".into()), OwnershipPolicy::ByTouch),
    );
    lab.settle();
    let bobs_id = lab.peer_id(bob);
    lab.with(ada, |world| {
        world.commands().entity(ball).give(bobs_id);
        world.flush();
        *world.get_mut::<Charge>(ball).unwrap() = Charge(9);
        world.entity_mut(ball).remove::<Label>();
    });
    lab.settle();
    assert_eq!(lab.owner(ada, ball), Some(bobs_id));
    assert_eq!(lab.see(bob, (ada, ball)), Some(Charge(1)));
    assert_eq!(lab[ada].world().get(ball), Some(&Charge(1)));
    assert_eq!(lab[ada].world().get(ball), Some(&Label("red".into())));
}
