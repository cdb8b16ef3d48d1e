use std::{collections::BTreeSet, ops::Range, time::Duration};

use bevy::prelude::*;

use super::{super::game::bad_network, *};
use crate::{
    LinkStats, PeerRefused,
    replication::{ReplicationError, ReplicationFailed, VisibleTo},
};

#[test]
fn entity_appears_with_its_large_value() {
    let (mut lab, [ada, bob, eve]) = meet();
    let level = lab.spawn(ada, (Charge(1), Map::new(7)));
    lab.settle();
    for viewer in [bob, eve] {
        assert_eq!(lab.see(viewer, (ada, level)), Some(Map::new(7)));
        let seen = lab[viewer].world().resource::<Seen>();
        assert_eq!((seen.whole, seen.partial), (1, 0));
    }
}

#[test]
fn entities_appear_whole_under_loss_and_changes_arrive() {
    let (mut lab, [ada, bob]) = meet();
    lab.network(bad_network());
    let levels: Vec<_> = (0..10)
        .map(|number| lab.spawn(ada, (Charge(1), Map::with_len(number, 5000))))
        .collect();
    let shows = |lab: &mut Lab, numbers: Range<u8>| {
        let mut shown: Vec<_> = lab.all::<Map>(bob).iter().map(Map::number).collect();
        shown.sort_unstable();
        shown.into_iter().eq(numbers)
    };
    run_until(&mut lab, |lab| shows(lab, 0..10));
    for (number, level) in levels.iter().enumerate() {
        let map = lab.see::<Map>(bob, (ada, *level));
        assert_eq!(map, Some(Map::with_len(number as u8, 5000)));
        set_map(
            &mut lab,
            ada,
            *level,
            Map::with_len(100 + number as u8, 6000),
        );
    }
    run_until(&mut lab, |lab| shows(lab, 100..110));
    for (number, level) in levels.iter().enumerate() {
        let map = lab.see::<Map>(bob, (ada, *level));
        assert_eq!(map, Some(Map::with_len(100 + number as u8, 6000)));
    }
    let seen = lab[bob].world().resource::<Seen>();
    assert_eq!((seen.whole, seen.partial), (10, 0));
    let changes: BTreeSet<_> = seen.changes.iter().copied().collect();
    assert_eq!(changes, (100..110).collect::<BTreeSet<_>>());
    assert_eq!(seen.changes.len(), 10, "each change fires once");
}

#[test]
fn equal_value_is_no_change() {
    let (mut lab, [ada, bob]) = meet();
    let level = lab.spawn(ada, (Charge(1), Map::new(7)));
    lab.settle();
    for _ in 0..10 {
        set_map(&mut lab, ada, level, Map::new(7));
        lab.run_for(Duration::from_millis(100));
    }
    let seen = lab[bob].world().resource::<Seen>();
    assert!(seen.changes.is_empty(), "{:?}", seen.changes);
    // A change back before the other one has arrived is none, too.
    set_map(&mut lab, ada, level, Map::new(8));
    lab.frame(ada);
    set_map(&mut lab, ada, level, Map::new(7));
    lab.settle();
    assert_eq!(lab.see(bob, (ada, level)), Some(Map::new(7)));
}

#[test]
fn value_that_changes_in_every_tick_makes_progress_and_the_newest_arrives() {
    let (mut lab, [ada, bob]) = meet();
    lab.network(bad_network());
    let level = lab.spawn(ada, (Charge(0), Map::with_len(0, 2000)));
    lab.settle();
    let mut last = 0;
    for number in 1..=200 {
        last = number;
        set_map(&mut lab, ada, level, Map::with_len(number, 2000));
        lab.frame(ada);
        lab.run_for(Duration::from_millis(16));
    }
    let count = lab[bob].world().resource::<Seen>().changes.len();
    assert!(count >= 4, "{count} of 200 values arrived");
    lab.run_for(Duration::from_secs(4));
    let map = lab.see::<Map>(bob, (ada, level));
    assert_eq!(map, Some(Map::with_len(last, 2000)));
    let seen = lab[bob].world().resource::<Seen>();
    let repeated = seen.changes.windows(2).any(|two| two[0] == two[1]);
    assert!(!repeated, "{:?}", seen.changes);
}

#[test]
fn late_joiner_receives_large_values() {
    let mut lab = Lab::new(4);
    let ada = lab.player(large_game);
    let levels: Vec<_> = (0..20)
        .map(|number| lab.spawn(ada, (Charge(1), Map::new(number))))
        .collect();
    lab.run_for(Duration::from_secs(1));
    let bob = lab.player(large_game);
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    let mut most = 0;
    for _ in 0..80 {
        lab.run_for(Duration::from_millis(100));
        most = most.max(queued(&lab, ada, bob));
    }
    for (number, level) in levels.iter().enumerate() {
        let map = lab.see::<Map>(bob, (ada, *level));
        assert_eq!(map, Some(Map::new(number as u8)), "{number}");
    }
    assert!(most <= 17_000, "{most} bytes were queued, and delay events");
}

#[test]
fn hidden_content_does_not_leave_the_machine() {
    let (mut lab, [ada, bob, eve]) = meet();
    let only_bob = VisibleTo::Only([lab.peer_id(bob)].into());
    let level = lab.spawn(ada, (Charge(1), Map::new(7), only_bob));
    lab.settle();
    assert_eq!(lab.see(bob, (ada, level)), Some(Map::new(7)));
    assert_eq!(lab.all::<Map>(eve), []);
    let to_eve = lab.peer(ada, eve);
    let stats = lab[ada].world().get::<LinkStats>(to_eve).unwrap();
    assert!(stats.delivery.bytes_sent < 15_000);
    lab.with(ada, |world| {
        world.entity_mut(level).insert(VisibleTo::All).id()
    });
    lab.settle();
    assert_eq!(lab.see(eve, (ada, level)), Some(Map::new(7)));
    // The value changes and is hidden in the same tick.
    set_map(&mut lab, ada, level, Map::new(8));
    lab.with(ada, |world| {
        let hidden = VisibleTo::Only(BTreeSet::new());
        world.entity_mut(level).insert(hidden).id()
    });
    lab.settle();
    assert_eq!((lab.all::<Map>(bob), lab.all::<Map>(eve)), (vec![], vec![]));
}

#[test]
fn value_that_is_too_large_is_an_error_that_says_what_to_do() {
    let (mut lab, [ada, bob]) = meet();
    let level = lab.spawn(ada, (Charge(1), Map::new(7)));
    lab.settle();
    set_map(&mut lab, ada, level, Map::with_len(8, 16_400));
    lab.spawn(ada, (Charge(2), Map::with_len(8, 16_400)));
    lab.settle();
    let failed = lab.take_events::<ReplicationFailed>(ada);
    assert_eq!(failed.len(), 2);
    for failed in failed {
        let text = failed.error.to_string();
        assert!(matches!(
            failed.error,
            ReplicationError::TooLarge { name: "map", .. }
        ));
        assert!(
            text.contains("16384") && text.contains("send_transfer"),
            "{text}"
        );
    }
    assert_eq!(lab.all::<Map>(bob), [Map::new(7)], "it keeps the last one");
}

#[test]
fn large_component_that_is_added_and_removed_later_follows() {
    let (mut lab, [ada, bob]) = meet();
    let level = lab.spawn(ada, Charge(1));
    lab.settle();
    for number in 0..2 {
        lab.with(ada, |world| {
            world.entity_mut(level).insert(Map::new(number)).id()
        });
        lab.settle();
        assert_eq!(lab.see(bob, (ada, level)), Some(Map::new(number)));
        lab.with(ada, |world| world.entity_mut(level).remove::<Map>().id());
        lab.settle();
        assert_eq!(lab.see::<Map>(bob, (ada, level)), None);
    }
}

#[test]
fn references_in_a_large_value_arrive() {
    #[derive(Component, Clone, Serialize, Deserialize)]
    struct Squad(#[entities] Vec<Entity>, Vec<u8>);
    fn game(app: &mut App) {
        large_game(app);
        app.replicate_with::<Squad>("squad", |rule| rule.large());
    }
    let (mut lab, [ada, bob]) = super::super::game::meet_with(game);
    let members: Vec<_> = (0..3)
        .map(|number| lab.spawn(ada, Charge(number)))
        .collect();
    let squad = lab.spawn(ada, Squad(members.clone(), vec![1; 5000]));
    lab.settle();
    let seen = lab.see::<Squad>(bob, (ada, squad)).unwrap();
    let shown: Vec<_> = members
        .iter()
        .map(|member| lab.shown(bob, (ada, *member)).unwrap())
        .collect();
    assert_eq!(seen.0, shown);
}

#[test]
fn peers_that_disagree_about_what_is_large_refuse_each_other() {
    fn game(app: &mut App, is_large: bool) {
        super::super::game::game(app);
        match is_large {
            true => app.replicate_with::<Map>("map", |rule| rule.large()),
            false => app.replicate::<Map>("map"),
        };
    }
    let mut lab = Lab::new(5);
    lab.record::<PeerRefused>();
    let ada = lab.player(|app| game(app, true));
    lab.player(|app| game(app, false));
    lab.run_for(Duration::from_secs(3));
    let refused = lab.take_events::<PeerRefused>(ada);
    let text = refused[0].refusal.to_string();
    assert!(text.contains("map") && text.contains("large"), "{text}");
}

#[test]
#[should_panic(expected = "is large and cannot be interpolated")]
fn interpolated_large_component_panics() {
    let mut app = App::new();
    app.replicate_with::<Map>("map", |rule| rule.large().interpolate());
}

#[test]
#[should_panic(expected = "is large and has fields")]
fn large_component_with_fields_panics() {
    #[derive(Component, Clone, Default, Serialize, Deserialize)]
    struct Other;
    let mut app = App::new();
    app.replicate_with::<Other>("other", |rule| rule.flag(|_| true, |_, _| {}).large());
}
