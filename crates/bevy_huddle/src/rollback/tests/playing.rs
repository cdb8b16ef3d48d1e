//! Matches of several players.

use std::time::Duration;

use super::game::{Age, Bangs, bad_network, play, ships, status};
use crate::{
    rollback::{MatchDesynced, SeatLeft},
    testing::Lab,
};

#[test]
fn players_simulate_the_same_match_over_a_bad_network() {
    for count in [2, 4] {
        let mut lab = Lab::new(7);
        lab.network(bad_network());
        let players = play(&mut lab, count);
        lab.run_for(Duration::from_secs(10));
        for &player in &players {
            let ticks = status(&lab, player).tick.0;
            assert!((550..660).contains(&ticks), "{ticks} ticks in 10 s");
            let age = lab[player].world().resource::<Age>().0;
            assert_eq!(age, ticks, "a rollback also restores resources");
            assert_eq!(ships(&mut lab, player).len(), count);
            let stats = status(&lab, player).stats;
            assert!(stats.rollbacks > 50 && stats.compared > 5, "{stats:?}");
            assert!(lab.take_events::<MatchDesynced>(player).is_empty());
        }
    }
}

#[test]
fn rolled_back_effects_start_once_for_each_shot() {
    let mut lab = Lab::new(8);
    lab.network(bad_network());
    let players = play(&mut lab, 2);
    lab.run_for(Duration::from_secs(10));
    for &player in &players {
        let shots: u32 = ships(&mut lab, player).iter().map(|ship| ship.shots).sum();
        let bangs = lab[player].world().resource::<Bangs>().0;
        // A mispredicted shot starts and is cancelled.
        assert!(shots > 20 && bangs >= shots && bangs < 2 * shots, "{shots} {bangs}");
    }
}

#[test]
fn player_that_leaves_the_room_leaves_the_match_at_once() {
    let mut lab = Lab::new(9);
    lab.record::<SeatLeft>();
    let players = play(&mut lab, 3);
    lab.run_for(Duration::from_secs(1));
    lab.leave(players[2]);
    lab.run_for(Duration::from_millis(700));
    let before = status(&lab, players[0]).tick.0;
    lab.run_for(Duration::from_secs(1));
    assert!(status(&lab, players[0]).tick.0 > before + 50, "the match continues");
    let left: Vec<_> = players[..2]
        .iter()
        .map(|&player| lab.take_events::<SeatLeft>(player))
        .collect();
    assert_eq!(left[0].len(), 1);
    assert_eq!(left[0][0].at_tick, left[1][0].at_tick);
}
