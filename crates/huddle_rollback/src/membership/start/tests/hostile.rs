//! Hostile players, and honest players that look hostile.

use super::{
    super::message::{Hello, Ready},
    *,
};

/// Sends a hello of a hostile player under the receiver's id.
fn send(to: &mut Start, from: u8, hello: Hello) {
    let (id, body) = (to.id(), Body::Hello(hello));
    let bytes = Message { id, body }.encode().unwrap();
    to.receive(peer(from), &bytes).unwrap();
}

fn hello_of(player: u8, players: u8) -> Hello {
    Start::new(setup(player, players), Duration::ZERO)
        .unwrap()
        .hello()
}

#[test]
fn player_that_sends_different_nonces_is_detected() {
    // Player 3 has one nonce for player 1 and another for player 2.
    let mut honest = Room::new([setup(1, 3), setup(2, 3)]);
    honest.run(SECOND);
    let for_one = hello_of(3, 3);
    let for_two = Hello {
        nonce: 666,
        ..for_one.clone()
    };
    send(honest.player(1), 3, for_one);
    send(honest.player(2), 3, for_two);
    honest.run(SECOND);
    for (player, by) in [(1, 2), (2, 1)] {
        let (about, by) = (peer(3), peer(by));
        let expected = StartError::Contradiction { about, by };
        assert_eq!(honest.outcome(player), Some(Err(&expected)));
    }
}

#[test]
fn player_that_contradicts_itself_is_reported() {
    let fresh = || Start::new(setup(1, 3), Duration::ZERO).unwrap();
    let hello = hello_of(3, 3);
    let inconsistent = StartError::Inconsistent { peer: peer(3) };

    let mut player = fresh();
    send(&mut player, 3, hello.clone());
    send(&mut player, 3, hello.clone());
    assert_eq!(player.outcome(), None);
    // A player that restarts its attempt has a new nonce. The number of restarts is limited.
    for nonce in 5..11 {
        let hello = Hello {
            nonce,
            ..hello.clone()
        };
        send(&mut player, 3, hello);
    }
    assert_eq!(player.outcome(), None);
    for nonce in 11..12 {
        let hello = Hello {
            nonce,
            ..hello.clone()
        };
        send(&mut player, 3, hello);
    }
    assert_eq!(player.outcome(), Some(Err(&inconsistent)));

    // The player is ready for one match, and then for another one.
    let mut player = fresh();
    for agreed in [[1; 32], [2; 32]] {
        assert_eq!(player.outcome(), None);
        let ready = Some(Ready {
            agreed,
            nonces: Vec::new(),
            received: 0,
        });
        send(
            &mut player,
            3,
            Hello {
                ready,
                ..hello.clone()
            },
        );
    }
    assert_eq!(player.outcome(), Some(Err(&inconsistent)));

    // The player claims other nonces than the local ones, or has another hash.
    let ready = |nonces: &[u64]| {
        Some(Ready {
            agreed: [1; 32],
            nonces: nonces.to_vec(),
            received: 0,
        })
    };
    for nonces in [
        &[5, 1002, 1003][..],
        &[1001, 1002, 5],
        &[1001, 1002, 1003],
        &[],
    ] {
        let mut player = fresh();
        send(
            &mut player,
            2,
            Hello {
                nonce: 1002,
                ..hello.clone()
            },
        );
        let ready = ready(nonces);
        send(
            &mut player,
            3,
            Hello {
                ready,
                ..hello.clone()
            },
        );
        assert_eq!(player.outcome(), Some(Err(&inconsistent)), "{nonces:?}");
    }
}

#[test]
fn invalid_messages_are_errors_without_effect() {
    let mut player = Start::new(setup(1, 2), Duration::ZERO).unwrap();
    let before = format!("{player:?}");
    // A peer without a seat may be honest, because its setup may be newer.
    assert_eq!(player.receive(peer(9), &[]), Ok(()));
    let twice = vec![("a".to_owned(), String::new()); 2];
    let nonces = Hello {
        ready: Some(Ready {
            agreed: [0; 32],
            nonces: vec![0; 17],
            received: 0,
        }),
        ..player.hello()
    };
    for (body, expected) in [
        (Body::Settings(twice), StartMessageError::ImpossibleSettings),
        (Body::Hello(nonces), StartMessageError::TooManyNonces(17)),
        (
            Body::Relayed {
                of: 0,
                hello: Hello {
                    start: 7,
                    ..player.hello()
                },
            },
            StartMessageError::StartTick(7),
        ),
        (
            Body::Withdraw(Withdrawal::Missing {
                limit: 1,
                silent: 0,
                waiting: vec![(0, 0); 17],
            }),
            StartMessageError::ImpossibleReport,
        ),
    ] {
        let id = player.id();
        let bytes = Message { id, body }.encode().unwrap();
        assert_eq!(player.receive(peer(2), &bytes), Err(expected));
    }
    assert!(player.receive(peer(2), &[0, 0, 9]).is_err());
    let id = MatchId {
        number: 1 << 17,
        epoch: 0,
    };
    let body = Body::Outdated;
    let bytes = Message { id, body }.encode().unwrap();
    assert_eq!(
        player.receive(peer(2), &bytes),
        Err(StartMessageError::TooFarAhead(1 << 17))
    );
    assert_eq!(format!("{player:?}"), before);
}

#[test]
fn flood_of_hellos_is_answered_ten_times_a_second() {
    let mut player = Start::new(setup(1, 2), Duration::ZERO).unwrap();
    let hello = hello_of(2, 2);
    let mut answers = 0;
    for ms in 0..1000 {
        player.advance(Duration::from_millis(ms));
        send(&mut player, 2, hello.clone());
        while player.collect().is_some() {
            answers += 1;
        }
    }
    assert!((5..=12).contains(&answers), "{answers}");
}

#[test]
fn direct_hello_overrides_a_relayed_one() {
    let mut room = Room::of(3);
    room.run(STEP * 15);
    let lie = Hello {
        nonce: 5,
        ..hello_of(2, 3)
    };
    let (id, body) = (room.player(1).id(), Body::Relayed { of: 1, hello: lie });
    let bytes = Message { id, body }.encode().unwrap();
    let player = room.player(1);
    player.receive(peer(3), &bytes).unwrap();
    room.run(SECOND);
    room.seed();
}
