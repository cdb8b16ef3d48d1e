//! The host starts matches for some of the players in the room.

use std::time::Duration;

use bevy::prelude::*;
use huddle_session::Tick;
use serde::Serialize;

use super::game::{add_game, bad_network, is_running, plugin, ships, status};
use crate::{
    rollback::{
        MatchDesynced, MatchEnded, MatchStartError, MatchStartFailed, RollbackAppExt,
        RollbackCommandsExt,
    },
    testing::{Lab, Player},
};

fn lobby(app: &mut App) {
    app.add_plugins(plugin()).add_plugins(add_game);
}

/// Adds players to a room. The first one is the host.
fn meet(lab: &mut Lab, count: usize) -> Vec<Player> {
    lab.record::<MatchEnded>();
    lab.record::<MatchStartFailed>();
    lab.record::<MatchDesynced>();
    let host = lab.player(lobby);
    lab.run_for(Duration::from_secs(2));
    let others = (1..count).map(|_| lab.player(lobby));
    let players: Vec<_> = [host].into_iter().chain(others).collect();
    let all = players.clone();
    lab.run_until(|lab| lab.have_met(&all));
    lab.run_for(Duration::from_secs(1));
    players
}

/// Lets a player start a match, and plays for a few seconds.
fn start_by(lab: &mut Lab, player: Player, seats: &[Player]) {
    let seats: Vec<_> = seats.iter().map(|&seat| lab.peer_id(seat)).collect();
    lab.commands(player, |commands| commands.start_match(seats));
    lab.run_for(Duration::from_secs(5));
}

/// Returns the ticks at which the matches of a player have ended since the last call.
fn ended(lab: &mut Lab, player: Player) -> Vec<Tick> {
    let ended = lab.take_events::<MatchEnded>(player);
    ended.iter().map(|ended| ended.at_tick).collect()
}

fn failed(lab: &mut Lab, player: Player) -> Vec<MatchStartError> {
    let failed = lab.take_events::<MatchStartFailed>(player);
    failed.into_iter().map(|failed| failed.error).collect()
}

#[test]
fn match_ends_for_players_without_a_seat_in_the_next_one() {
    for seed in 0..2 {
        let mut lab = Lab::new(seed);
        lab.network(bad_network());
        let players = meet(&mut lab, 4);
        let [ada, bob, carl, dora] = players[..] else {
            unreachable!()
        };
        for (seats, next) in [
            (vec![ada, carl], vec![bob, carl]),
            (vec![carl, ada, bob], vec![carl, dora]),
            (vec![carl, bob, ada], vec![bob, dora, carl]),
            (vec![bob, carl, dora], vec![ada, bob]),
        ] {
            start_by(&mut lab, ada, &seats);
            for &player in &players {
                ended(&mut lab, player);
                assert_eq!(is_running(&lab, player), seats.contains(&player));
            }
            start_by(&mut lab, ada, &next);
            let (mut leaving, mut staying) = (Vec::new(), Vec::new());
            for &player in &players {
                let has_seat = next.contains(&player);
                assert_eq!(is_running(&lab, player), has_seat, "seed {seed}");
                let in_match = if has_seat { next.len() } else { 0 };
                assert_eq!(ships(&mut lab, player).len(), in_match);
                let ended = ended(&mut lab, player);
                assert_eq!(ended.len(), usize::from(seats.contains(&player)));
                match has_seat {
                    true => staying.extend(ended),
                    false => leaving.extend(ended),
                }
                assert_eq!(failed(&mut lab, player), []);
                assert!(lab.take_events::<MatchDesynced>(player).is_empty());
            }
            assert!(staying.iter().all(|tick| *tick == staying[0]));
            // Later by the input delay.
            assert!(leaving.iter().all(|tick| *tick == staying[0] + 1));
        }
    }
}

#[test]
fn match_ends_for_a_player_that_plays_alone_when_the_next_one_starts() {
    let mut lab = Lab::new(21);
    let players = meet(&mut lab, 3);
    start_by(&mut lab, players[0], &[players[0], players[1]]);
    lab.leave(players[1]);
    lab.run_for(Duration::from_secs(2));
    assert!(is_running(&lab, players[0]));
    start_by(&mut lab, players[0], &[players[0], players[2]]);
    assert_eq!(ended(&mut lab, players[0]).len(), 1);
    assert_eq!(status(&lab, players[0]).number, 2);
}

#[test]
fn match_of_other_players_continues() {
    let mut lab = Lab::new(22);
    let players = meet(&mut lab, 4);
    start_by(&mut lab, players[0], &players[..2]);
    start_by(&mut lab, players[0], &players[2..]);
    for player in players {
        assert!(is_running(&lab, player));
        assert_eq!(status(&lab, player).number, 1);
        assert_eq!(ended(&mut lab, player), []);
    }
}

#[test]
fn match_continues_for_all_if_the_next_one_does_not_start() {
    #[derive(Component, Clone, PartialEq, Serialize)]
    struct Shield;

    let mut lab = Lab::new(23);
    let players = meet(&mut lab, 2);
    let other = lab.player(|app| {
        lobby(app);
        app.rollback_component::<Shield>();
    });
    lab.run_for(Duration::from_secs(2));
    start_by(&mut lab, players[0], &players);
    start_by(&mut lab, players[0], &[players[1], other]);
    assert_eq!(failed(&mut lab, other).len(), 1);
    let before = status(&lab, players[0]).tick.0;
    lab.run_for(Duration::from_secs(20));
    for player in players {
        assert_eq!(ended(&mut lab, player), []);
        assert!(status(&lab, player).tick.0 > before + 1000);
    }
}

#[test]
fn start_by_a_player_that_cannot_start_matches_fails() {
    let mut lab = Lab::new(24);
    let players = meet(&mut lab, 2);
    start_by(&mut lab, players[1], &players);
    let errors = failed(&mut lab, players[1]);
    let host = lab.peer_id(players[0]);
    assert_eq!(errors, [MatchStartError::NotHost { host }]);
    let text = errors[0].to_string();
    assert!(text.contains(&host.to_string()), "{text}");
    assert!(!is_running(&lab, players[0]) && failed(&mut lab, players[0]).is_empty());

    let peer_id = lab.peer_id(players[1]);
    lab.leave(players[1]);
    lab.commands(players[1], |commands| commands.start_match([peer_id]));
    assert_eq!(failed(&mut lab, players[1]), [MatchStartError::NoRoom]);
}
