//! Starts that fail, and the errors that the players report.

use super::*;

#[test]
fn all_players_report_different_settings() {
    let mut different = setup(2, 3);
    different.settings = settings("desert");
    let mut room = Room::new([setup(1, 3), different, setup(3, 3)]);
    room.run(SECOND);
    let peer = peer(2);
    let expected = format!(
        "the game of {peer} has other settings (\"map\" is \"harbour\" here and \"desert\" there): \
         all players need the same version of the game and the same choices"
    );
    assert_eq!(room.error(1), expected);
    assert_eq!(room.error(3), expected);
    assert!(
        room.error(2)
            .contains("\"map\" is \"desert\" here and \"harbour\" there")
    );
}

#[test]
fn seats_inputs_and_rates_are_settings() {
    let differing = |change: fn(&mut StartSetup)| {
        let mut other = setup(2, 2);
        change(&mut other);
        let mut room = Room::new([setup(1, 2), other]);
        room.run(SECOND);
        room.error(1)
    };
    let seats = differing(|setup| setup.seats.reverse());
    assert!(seats.contains("huddle/seats"), "{seats}");
    let input =
        differing(|setup| setup.settings = Settings::new(TickRate::default(), "u9").unwrap());
    assert!(
        input.contains("huddle/input\" is \"u8\" here and \"u9\" there"),
        "{input}"
    );
    assert!(
        input.contains("\"map\" is \"harbour\" here and not set there"),
        "{input}"
    );
    let rate = differing(|setup| {
        setup.settings = Settings::new(TickRate::from_hz(30.0).unwrap(), "u8").unwrap();
    });
    assert!(
        rate.contains("\"60 Hz\" here and \"30 Hz\" there"),
        "{rate}"
    );
    // Only the hashes differ, so no settings with a difference arrive.
    let mut room = Room::new([setup(1, 2), setup(2, 2)]);
    room.player(1).settings_hash = [9; 32];
    room.run(SECOND * 3);
    assert!(
        room.error(2).contains("that player did not send them"),
        "{}",
        room.error(2)
    );
}

#[test]
fn missing_player_is_reported_at_the_time_limit() {
    let mut room = Room::new([setup(1, 3), setup(2, 3)]);
    room.run(SECOND * 10 - STEP * 2);
    assert_eq!(room.outcome(1), None);
    room.run(STEP * 3);
    let [a, b, c] = [1, 2, 3].map(peer);
    assert_eq!(
        room.error(1),
        format!(
            "the match did not start within 10 s; nothing has arrived from {c}: has their game started this match?; \
             {a} received nothing from {c}: is another player linked with both?; \
             {b} received nothing from {c}: is another player linked with both?"
        )
    );
}

#[test]
fn all_players_report_a_lost_player_at_once_but_not_after_the_start() {
    let mut room = Room::new([setup(1, 3), setup(2, 3)]);
    room.run(SECOND);
    let player = room.player(1);
    player.lost(peer(9));
    assert_eq!(player.outcome(), None);
    player.lost(peer(3));
    let lost = StartError::Lost { peer: peer(3) };
    assert_eq!(player.outcome(), Some(Err(&lost)));
    room.run(STEP * 15);
    assert_eq!(room.outcome(2), Some(Err(&lost)));

    let mut room = Room::of(2);
    room.run(SECOND);
    room.player(1).lost(peer(2));
    room.seed();
}

#[test]
fn all_players_report_at_once_that_a_player_left() {
    // The player is not linked with player 3.
    let mut room = Room::new([setup(1, 4), setup(2, 4), setup(3, 4)]);
    room.cut(1, 3);
    room.run(SECOND);
    room.player(1).withdraw();
    room.run(STEP * 30);
    for player in 1..=3 {
        let left = StartError::Left { peer: peer(1) };
        assert_eq!(room.outcome(player), Some(Err(&left)), "{player}");
    }
}

#[test]
fn player_that_leaves_after_it_is_ready_departs_from_the_match() {
    let mut room = Room::of(3);
    while room.player(1).ready().is_none() {
        room.step();
    }
    let mut departs = room.clone();
    departs.player(1).withdraw();
    departs.run(SECOND);
    for player in [2, 3] {
        // The player would have sent its readiness in the next step.
        let left = StartError::Left { peer: peer(1) };
        assert_eq!(departs.outcome(player), Some(Err(&left)));
    }
    room.step();
    room.player(1).withdraw();
    room.run(SECOND);
    for player in [2, 3] {
        assert!(room.outcome(player).unwrap().is_ok(), "{player}");
        assert_eq!(room.player(player).pop_departed(), Some(peer(1)));
        assert_eq!(room.player(player).pop_departed(), None);
    }
}

#[test]
fn all_players_report_the_failure_of_the_first_one() {
    let mut first = setup(1, 3);
    first.limit = SECOND * 4;
    let mut room = Room::new([first]);
    room.run(SECOND);
    room.begin(setup(2, 3));
    room.run(SECOND * 3 + STEP * 16);
    let report = room.error(1);
    assert!(report.contains("within 4 s"), "{report}");
    assert_eq!(room.error(2), report);
}

#[test]
fn failure_is_announced_to_a_player_whose_link_opens_later() {
    let mut start = Start::new(setup(1, 2), Duration::ZERO).unwrap();
    start.withdraw();
    // The first announcement is lost, because there is no link.
    assert!(start.collect().is_some());
    assert_eq!(start.collect(), None);
    start.linked(peer(2));
    let (to, bytes) = start.collect().unwrap();
    let body = Message::decode(&bytes).unwrap().body;
    assert_eq!((to, body), (peer(2), Body::Withdraw(Withdrawal::Left(0))));
    assert_eq!(start.collect(), None);
}
