//! The agreed end of the previous match.

use huddle_session::Tick;

use super::*;

/// Creates players that still play another match.
fn playing(n: u8) -> Room {
    Room::new((1..=n).map(|player| StartSetup {
        is_playing: true,
        ..setup(player, n)
    }))
}

/// Runs for a time. Each player proposes its tick as the end as soon as possible, and confirms every tick
/// immediately.
fn run(room: &mut Room, ticks: &[u32], members: &[&[u8]], time: Duration) {
    let end = room.now + time;
    while room.now < end {
        room.step();
        for ((player, &tick), members) in (1..).zip(ticks).zip(members) {
            let Some(player) = room.players.get_mut(&peer(player)) else {
                continue;
            };
            if player.needs_end() {
                let members: Vec<_> = members.iter().map(|&n| peer(n)).collect();
                player.set_end(Tick(tick), &members);
            }
            player.finish();
        }
    }
}

fn end(room: &mut Room, player: u8) -> Option<u32> {
    room.player(player).end().map(|(tick, _)| tick.0)
}

#[test]
fn match_ends_at_the_latest_tick_that_a_player_proposes() {
    let mut room = playing(3);
    let members: &[&[u8]] = &[&[1, 2, 3][..]; 3];
    run(&mut room, &[100, 90, 110], members, SECOND);
    room.seed();
    for player in 1..=3 {
        assert_eq!(end(&mut room, player), Some(110));
    }
}

#[test]
fn match_continues_until_all_players_want_a_rematch() {
    let setups = (1..=2).map(|player| StartSetup {
        is_playing: true,
        ..setup(player, 3)
    });
    let mut room = Room::new(setups);
    let members: &[&[u8]] = &[&[1, 2, 3][..]; 3];
    run(&mut room, &[100, 90, 110], members, SECOND);
    assert_eq!([1, 2].map(|player| end(&mut room, player)), [None; 2]);
    room.begin(StartSetup {
        is_playing: true,
        ..setup(3, 3)
    });
    run(&mut room, &[100, 90, 110], members, SECOND);
    room.seed();
    assert_eq!(end(&mut room, 1), Some(110));
}

#[test]
fn different_matches_end_at_different_ticks() {
    // Players 1 and 3 share a match through player 2, which has both as members. Player 4 is alone in
    // another match, and player 5 is in none.
    let mut room = Room::new((1..=4).map(|player| StartSetup {
        is_playing: true,
        ..setup(player, 5)
    }));
    room.begin(setup(5, 5));
    let members: &[&[u8]] = &[&[1, 2], &[1, 2, 3], &[2, 3], &[4, 1]];
    run(&mut room, &[100, 90, 110, 7000], members, SECOND);
    room.seed();
    let ends = [1, 2, 3, 4, 5].map(|player| end(&mut room, player));
    assert_eq!(ends, [Some(110), Some(110), Some(110), Some(7000), None]);
}

#[test]
fn no_player_starts_before_all_have_finished() {
    let mut room = playing(2);
    let members: &[&[u8]] = &[&[1, 2][..]; 2];
    for _ in 0..200 {
        room.step();
        for n in 1..=2 {
            let player = room.player(n);
            if player.needs_end() {
                player.set_end(Tick(100), &[peer(1), peer(2)]);
            }
        }
        room.player(1).finish();
    }
    assert_eq!(room.outcome(1), None);
    run(&mut room, &[100; 2], members, SECOND);
    room.seed();
}

#[test]
fn impossible_end_fails_the_start_and_names_its_author() {
    let mut room = playing(2);
    let members: &[&[u8]] = &[&[1, 2][..]; 2];
    for _ in 0..50 {
        room.step();
        for (n, tick) in [(1, 100), (2, u32::MAX)] {
            let player = room.player(n);
            if player.needs_end() {
                player.set_end(Tick(tick), &[peer(1), peer(2)]);
            }
        }
    }
    let (at, by) = room.player(1).end().unwrap();
    assert_eq!((at, by), (Tick(u32::MAX), peer(2)));
    room.player(1).refuse_end(by);
    run(&mut room, &[], members, SECOND);
    let named = StartError::Inconsistent { peer: peer(2) };
    assert_eq!(room.outcome(1), Some(Err(&named)));
    assert_eq!(
        room.outcome(2),
        Some(Err(&StartError::Left { peer: peer(1) }))
    );
    assert_eq!(room.player(1).end(), None);
}
